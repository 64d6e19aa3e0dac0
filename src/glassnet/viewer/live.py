"""A training that is watched while it goes on, in the process that trains.

The thread that trains does next to nothing for it: several times a second it notes where it is. Everything else is
done by the thread of the server, and only when a page asks. What must not be done beside a running step, such as
stopping or copying the weights, the training's own thread does between two steps, when it is asked to.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TooLate
from itertools import accumulate
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

from glassnet.data.dataset import Dataset
from glassnet.doctor.listener import Listener
from glassnet.engine.errors import ConfigError
from glassnet.engine.namespace import Array
from glassnet.nn.module import Module
from glassnet.nn.summary import LayerRow, layer_rows
from glassnet.recipe.recipe import data_of
from glassnet.train.callbacks import Callback
from glassnet.train.diagnostics import Diagnostics
from glassnet.train.position import Position
from glassnet.train.run import describe, read_config
from glassnet.train.run_folder import CONFIG
from glassnet.train.snapshots import Snapshots
from glassnet.viewer.findings import cards
from glassnet.viewer.seen import SeenRun, State
from glassnet.viewer.thin import Grown

if TYPE_CHECKING:
    from glassnet.train.loop import Loop

#: Seconds between two notes of where the training is, and how long a page waits for the training to answer.
INTERVAL, WAIT = 0.2, 5.0
STOPPED = "stopped from the page"

T = TypeVar("T")


class Watch(Callback):
    """What the training's own thread does: note where it is, and what it was asked to do."""

    every_step = False

    def __init__(self, run: LiveRun) -> None:
        self.run = run
        self._next = 0.0

    def on_fit_start(self, loop: Loop) -> None:
        """There is something to see from now on."""
        self.run.begin(loop)

    def on_step_end(self, loop: Loop) -> None:
        """Note, unless that was done a moment ago; do what was asked for."""
        now = time.perf_counter()
        if now >= self._next:
            self._next = now + INTERVAL
            self.run.note()
        self.run.do_what_was_asked()

    def on_epoch_end(self, loop: Loop) -> None:
        """There is a new row in the history."""
        self.run.changes += 1

    def on_fit_end(self, loop: Loop) -> None:
        """The training is over: there is nothing to stop any more."""
        self.run.end()


class LiveRun(SeenRun):
    """The training that is running, was running, or will run in this process, in the order of its sittings.

    folder: where it is saved, if it is. can_resume: whether someone waits for ``wait_for_resume``.
    """

    def __init__(self, name: str, folder: Path | None = None, *, can_resume: bool = False) -> None:
        super().__init__(name)
        self.folder, self.can_resume = folder, can_resume
        self.changes = 0
        self._loop: Loop | None = None
        self._running = False
        self._failure: str | None = None
        self._began = 0.0
        self._losses: tuple[list[float], list[float]] = [], []
        self._notes: list[tuple[float, int]] = []  # when, and how many steps: to say how fast it goes
        self._asked: SimpleQueue[tuple[Callable[[Loop], Any], Future[Any]]] = SimpleQueue()
        self._resumes: SimpleQueue[bool] = SimpleQueue()
        self._kept: dict[str, Any] = {}
        self._described: dict[str, Any] = {}

    # The thread that trains

    def begin(self, loop: Loop) -> None:
        """A sitting begins."""
        self.grown = Grown()
        self._loop, self._began = loop, time.perf_counter() - loop.seconds
        self._notes = [(time.perf_counter(), loop.step)]
        self._described = describe(loop, {})  # here: while steps are recorded, the learning rate is no number
        self._running, self._failure = True, None
        self.changes += 1

    def note(self) -> None:
        """Where the training is."""
        self._losses = _losses(self.loop)
        self._notes = [*self._notes[-10:], (time.perf_counter(), self.loop.step)]
        self.changes += 1

    def do_what_was_asked(self) -> None:
        """Whatever waits for the end of a step."""
        while not self._asked.empty():
            try:
                work, answer = self._asked.get_nowait()
            except Empty:  # another thread was faster
                return
            _do(work, self.loop, answer)

    def end(self) -> None:
        """A sitting is over."""
        self._losses = _losses(self.loop)
        self._running = False
        self.changes += 1
        self.do_what_was_asked()

    def fail(self, sentence: str) -> None:
        """The training has ended with an error, which the page shows."""
        self._failure = sentence
        self.changes += 1

    def wait_for_resume(self) -> None:
        """Wait until the page asks to go on."""
        self._resumes.get()

    # The thread of the server

    @property
    def has_begun(self) -> bool:
        """Whether there has been a step to see."""
        return self._loop is not None

    @property
    def loop(self) -> Loop:
        """The training. Raises ConfigError before it has begun."""
        if self._loop is None:
            raise ConfigError("the training has not begun yet: the data is being read.")
        return self._loop

    def between_steps(self, work: Callable[[Loop], T]) -> T:
        """What ``work`` gives, done by the thread that trains after its current step; at once when none is running.

        Raises ConfigError if that takes too long.
        """
        answer: Future[T] = Future()
        if not self._running:
            return work(self.loop)
        self._asked.put((work, answer))
        if not self._running:  # it has ended meanwhile
            self.do_what_was_asked()
        try:
            return answer.result(WAIT)
        except TooLate:
            raise ConfigError(
                f"the training has not answered for {WAIT:g} s: a step takes longer. Try again."
            ) from None

    def version(self) -> str:
        """How often something has changed; the doctor speaks when the training has ended."""
        listener = self._listener() if self.has_begun else None
        return f"{self.changes} {0 if listener is None else len(listener.findings)}"

    def summary(self) -> dict[str, Any]:
        """The run in a line; nothing but its name before it has begun."""
        if not self.has_begun:
            return {"name": self.name, "version": self.version(), "state": "waiting", "actions": []}
        return super().summary()

    def config(self) -> Mapping[str, Any]:
        """That of the folder, or of the training where it is not saved."""
        if "config" not in self._kept:
            if self.folder is None or not (self.folder / CONFIG).exists():  # not saved, or not yet
                return self._described
            self._kept["config"] = read_config(self.folder)
        config: Mapping[str, Any] = self._kept["config"]
        return config

    def position(self) -> Position:
        """Where the training is now."""
        loop = self.loop
        seconds = time.perf_counter() - self._began if self._running else loop.seconds
        return Position(loop.step, {}, 0, dict(loop.history), seconds, self._failure or loop.stopped)

    def state(self) -> State:
        """Whether it goes on."""
        if self._running:
            return "running"
        return "done" if self.loop.step >= self.loop.total_steps else "stopped"

    def diagnostics(self) -> Diagnostics | None:
        """Those that the training records."""
        return next((one for one in self.loop.callbacks if isinstance(one, Diagnostics)), None)

    def network(self) -> Module:
        """The weights of now."""
        return self.between_steps(_copy_of_network).eval()

    def snapshots(self) -> Mapping[int, Mapping[str, Array]]:
        """Those that the training has kept so far."""
        kept = next((one.weights for one in self.loop.callbacks if isinstance(one, Snapshots)), {})
        return dict(kept)

    def layers(self) -> list[LayerRow]:
        """Those of the network."""
        return layer_rows(self.loop.net)

    def dataset(self) -> Dataset:
        """The data of the command, or the training and validation rows."""
        if "data" not in self._kept:
            config = self.config()
            command = self.folder is not None and "recipe" in config
            self._kept["data"] = (
                data_of(config, self.folder)
                if command and self.folder
                else Dataset(self.name, self.loop.train, self.loop.val)
            )
        dataset: Dataset = self._kept["data"]
        return dataset

    def findings(self) -> list[dict[str, Any]] | None:
        """What is certain already while the training goes on, and all of it at its end."""
        listener = self._listener()
        if listener is None:
            return None
        if not self._running:
            return cards(listener.findings)
        known, seen = self._kept.get("findings", (-1, []))
        if known != len(listener.evidence.probes):
            seen = cards(listener.doctor.diagnose(listener.evidence, at_once=True))
            self._kept["findings"] = len(listener.evidence.probes), seen
        return list(seen)

    def _listener(self) -> Listener | None:
        return next((one for one in self.loop.callbacks if isinstance(one, Listener)), None)

    def batch_losses(self) -> tuple[list[float], list[float]]:
        """The means over blocks of steps of this sitting, each at its end."""
        return self._losses

    def rate(self) -> float | None:
        """Over about the last two seconds."""
        notes = self._notes
        if not self._running or len(notes) < 2:
            return super().rate()
        (then, before), (now, step) = notes[0], notes[-1]
        return (step - before) / (now - then) if now > then else None

    def actions(self) -> tuple[str, ...]:
        """To stop what is running, and to go on with what was stopped."""
        if self._running:
            return ("stop",)
        stopped = self.can_resume and self._failure is None and self.state() == "stopped"
        return ("resume",) if stopped else ()

    def ask(self, action: str) -> None:
        """Ask for one of ``actions``; it is carried out by the thread that trains."""
        if action not in self.actions():
            raise ConfigError(f"the training cannot {action} now: it is {self.state()}.")
        if action == "stop":
            self.between_steps(_stop)
        else:
            self._resumes.put(True)


def _do(work: Callable[[Loop], Any], loop: Loop, answer: Future[Any]) -> None:
    try:
        answer.set_result(work(loop))
    except Exception as error:  # noqa: BLE001  # it is raised where it was asked for, and the training goes on
        answer.set_exception(error)


def _losses(loop: Loop) -> tuple[list[float], list[float]]:
    """The record of a training, while nothing is added to it."""
    record = loop.losses
    ends = accumulate(record.counts(), initial=loop.step - record.steps)
    return [step / loop.steps_per_epoch for step in ends][1:], record.means()


def _stop(loop: Loop) -> None:
    loop.stop(STOPPED)


def _copy_of_network(loop: Loop) -> Module:
    return copy.deepcopy(loop.net)

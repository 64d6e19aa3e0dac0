"""The callback by which the doctor listens to ``fit``: it looks into some steps, and diagnoses at the end."""

from __future__ import annotations

import warnings
from bisect import bisect_left
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from glassnet.data.batches import batches
from glassnet.doctor.doctor import Doctor
from glassnet.doctor.evidence import Evidence
from glassnet.doctor.file import DOCTOR, read_evidence, write_evidence
from glassnet.doctor.observed import Failure
from glassnet.doctor.plan import few_take, looks_worth, planned, work_of
from glassnet.doctor.probes.compare import compare_modes
from glassnet.doctor.probes.costs import loss_kind
from glassnet.doctor.probes.data import look_at_data
from glassnet.doctor.probes.overfit import overfit
from glassnet.doctor.probes.reference import reference
from glassnet.doctor.probes.setup import set_up
from glassnet.doctor.probes.step import StepProbe
from glassnet.doctor.probes.trials import trial_steps, trials, usual_rate, worth_trying
from glassnet.doctor.probes.units import check_up
from glassnet.doctor.progress import Progress
from glassnet.doctor.report import Findings
from glassnet.doctor.voice import Voice
from glassnet.engine.errors import GlassnetError
from glassnet.train.callbacks import Callback
from glassnet.train.run_folder import make_folder
from glassnet.train.storage import remove_leftovers

if TYPE_CHECKING:
    from glassnet.train.look import Look
    from glassnet.train.loop import Loop


#: Looks after which errors are said at once; what is wrong from the start is seen in them.
EARLY = 4
#: The share of the work of a training that a test of a few rows may take, where the training is stuck.
MOST_FOR_FEW = 0.5

Hook = TypeVar("Hook", bound=Callable[..., None])


def careful(hook: Hook) -> Hook:
    """A hook that cannot end a training: what the doctor did not expect is a warning, and it listens no more."""

    @wraps(hook)
    def call(self: Listener, *given: Any) -> None:
        if self.lost:
            return
        try:
            hook(self, *given)
        except GlassnetError:
            raise
        except Exception as error:  # noqa: BLE001  # anything: the training matters more than its doctor
            self.lost = True
            warnings.warn(
                f"the doctor gave up, and the training went on without it: {type(error).__name__}: {error}. "
                "Please report it; doctor=False leaves it out.",
                RuntimeWarning,
                stacklevel=2,
            )

    return call  # type: ignore[return-value]


class Listener(Callback):
    """Gathers evidence during a training. ``findings`` are there when it has ended, also by an error.

    speak: print errors at once, and a short block at the end if there is something to say.
    shared: every how many steps someone else looks, whose looks can be shared. folder: where the evidence is kept.
    """

    every_step = False

    def __init__(
        self,
        doctor: Doctor,
        *,
        speak: bool = False,
        shared: int | None = None,
        folder: Path | None = None,
        keep_best: bool = False,
    ) -> None:
        self.doctor, self.shared, self.folder, self.keep_best = doctor, shared, folder, keep_best
        self.evidence = Evidence()
        self.findings = Findings()
        self.lost = False
        self._plan: list[int] = []
        self._voice = Voice(doctor, speak)

    def next_look(self, step: int) -> int | None:
        """The next step of the plan."""
        at = bisect_left(self._plan, step)
        return self._plan[at] if at < len(self._plan) else None

    @careful
    def on_fit_start(self, loop: Loop) -> None:
        """Plan the looks, and look at the data."""
        looks = self.doctor.looks or looks_worth(loop.net, loop.batch_size, loop.total_steps)
        self._plan = planned(looks, loop.total_steps, self.shared)
        self._kind = loss_kind(loop.loss)
        self._probe = StepProbe(loop.net, loop.optimizer, self._kind, loss=loop.loss, penalty=loop.batch_step.penalty)
        if loop.step and self.folder is not None:  # go on with what was known when the run was interrupted
            self.evidence = read_evidence(self.folder) or Evidence()
            self.evidence.probes = [one for one in self.evidence.probes if one.step < loop.step]
            self.evidence.failure = Failure()
        elif self.folder is not None:  # what is there is of an earlier training
            make_folder(self.folder)
            remove_leftovers(self.folder, [DOCTOR])
        self.evidence.data = look_at_data(
            loop.train.x,
            loop.train.y,
            None if loop.val is None else (loop.val.x, loop.val.y),
            loss=self._kind,
            taken=None if loop.shuffle else loop.train.y,
            batch_size=loop.batch_size,
            finite=True,  # a Split has only such
        )

    @careful
    def on_look(self, loop: Loop, look: Look) -> None:
        """Take a probe, and say at once what is certain and makes the training worthless."""
        if not self.evidence.setup.layers:
            self.evidence.setup = set_up(
                loop.net,
                look.output,
                loop.loss,
                loop.optimizer,
                schedule=loop.schedule,
                penalty=loop.batch_step.penalty,
                called=look.called,
                clip_norm=loop.batch_step.clip_norm,
                batch_size=loop.batch_size,
                rows=len(loop.train),
                total_steps=loop.total_steps,
                shuffle=loop.shuffle,
                keep_best=self.keep_best,
                float_inputs=loop.train.x.dtype.kind == "f",
            )
        unused = {path for path, gradient in look.gradients.items() if gradient is None}
        self.evidence.add(self._probe(loop.step, look, loop.optimizer.lr), unused)
        if len(self.evidence.probes) <= EARLY:
            self._voice.errors(self.evidence)

    @careful
    def on_fit_end(self, loop: Loop) -> None:
        """Look at what was reached, and diagnose. Where someone has ended the training, only what is certain by now is
        said; where an error has that is none of the training's, nothing.
        """
        ended = loop.step >= loop.total_steps or loop.failure is not None
        if not ended and loop.stopped is None:
            return
        if not ended and loop.stopped == "interrupted":
            self.findings = self.doctor.diagnose(self.evidence, at_once=True)
        else:
            self.evidence.progress = progress_of(loop)
            if loop.failure is not None:
                self.evidence.failure = Failure(loop.step, str(loop.failure))
            else:
                self._check_up(loop)
            self.findings = self.doctor.diagnose(self.evidence)
            self._try(loop)
            if self.evidence.stuck and self.findings.codes()[:1] in ([], ["underfitting"]):  # nothing says why
                self._learn_few(loop)
        if self.folder is not None:
            write_evidence(self.folder, self.evidence)
        self._voice.end(self.findings)

    def _try(self, loop: Loop) -> None:
        """Where something may have held the network back, what some more steps without it would do."""
        names = worth_trying(self.evidence, self.findings.worse())
        if not names:
            return
        self.evidence.trials = trials(
            names,
            loop.net,
            loop.loss,
            self._kind,
            loop.optimizer,
            loop.train,
            loop.val,
            rate=usual_rate(self.evidence),
            batch_size=loop.batch_size,
            steps=trial_steps(loop.step),
            penalty=loop.batch_step.penalty,
            clip_norm=loop.batch_step.clip_norm,
            begin=self._probe.first,
        )
        self.findings = self.doctor.diagnose(self.evidence)

    def _learn_few(self, loop: Loop) -> None:
        """Whether the network, as it was at first, can learn a few rows at all; not where that takes long beside the
        training.
        """
        if few_take(loop.net) > MOST_FOR_FEW * work_of(loop.net, loop.batch_size, loop.total_steps):
            return
        self.evidence.overfit = overfit(loop.net, loop.loss, self._kind, loop.train, begin=self._probe.first)
        self.findings = self.doctor.diagnose(self.evidence)

    @np.errstate(all="ignore")  # numbers that overflow are evidence
    def _check_up(self, loop: Loop) -> None:
        try:
            self.evidence.checkup = check_up(loop.net, loop.loss, self._kind, loop.step, loop.train, loop.val)
            batch = batches(loop.train, min(loop.batch_size, len(loop.train)), seed=loop.seed, epoch=loop.epoch)[0]
            rows = loop.train if loop.val is None else loop.val
            self.evidence.comparison = compare_modes(loop.net, loop.loss, self._kind, batch, rows, loop.step)
            if not self.evidence.mastered:
                self.evidence.reference = reference(loop.train.x, loop.train.y, self._kind)
        except GlassnetError:  # a loss or network that cannot be evaluated on these rows: judged without
            return


def progress_of(loop: Loop) -> Progress:
    """How the loss of a loop went."""
    record = loop.losses
    return Progress(
        block=record.block,
        losses=record.means(),
        stds=record.stds(),
        highs=list(record.highs),
        steps=loop.step,
        total_steps=loop.total_steps,
        per_epoch=loop.steps_per_epoch,
        history={name: list(values) for name, values in loop.history.items()},
    )

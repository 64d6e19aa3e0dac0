"""A run as the page sees it, wherever it is: in a folder, in memory, or being trained right now.

Panels are functions of a ``SeenRun``; they ask it for what they show and never for a path.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Literal

from glassnet.data.dataset import Dataset
from glassnet.engine.errors import ConfigError, GlassnetError
from glassnet.engine.namespace import Array
from glassnet.nn.module import Module
from glassnet.nn.summary import LayerRow
from glassnet.train.diagnostics import Diagnostics
from glassnet.train.position import Position
from glassnet.viewer.thin import Grown

#: running: a training of this process; going on: one that another process writes; done: all steps are made.
State = Literal["running", "going on", "stopped", "done"]


#: Values of the history in the line of a run, and characters of a text there.
MOST_VALUES, LONGEST = 40, 500
#: Of a run whose folder does not say what it was trained on.
UNKNOWN_DATA = (
    "this needs rows of the data, and there are none in the folder of this run: the program that trained it kept none "
    "(keep_rows=0). Show it from that program with glassnet.view(run)."
)


class SeenRun(ABC):
    """What there is to see of a run. Each part may raise a GlassnetError, which the page shows as a card.

    name: what people call it, such as the name of its folder; any text.
    """

    name: str

    def __init__(self, name: str) -> None:
        self.name = name
        self.grown = Grown()  # long lists of the run as arrays

    @abstractmethod
    def version(self) -> str:
        """Something else as soon as there is something new to see; cheap."""

    @abstractmethod
    def config(self) -> Mapping[str, Any]:
        """What is needed to repeat the run, see ``train.run.describe``."""

    @abstractmethod
    def position(self) -> Position:
        """Where the training is, with its history."""

    @abstractmethod
    def state(self) -> State:
        """Whether it goes on."""

    @abstractmethod
    def diagnostics(self) -> Diagnostics | None:
        """Statistics of layers and parameters over time, if there are any."""

    @abstractmethod
    def network(self) -> Module:
        """A copy of the network with the weights of now, in evaluation mode: the caller's own."""

    @abstractmethod
    def snapshots(self) -> Mapping[int, Mapping[str, Array]]:
        """The weights after some epochs, see ``train.snapshots``; empty where none were kept."""

    def network_at(self, epoch: int | None) -> Module:
        """As ``network``, with the weights that it had after an epoch. Raises ConfigError if those were not kept."""
        net = self.network()
        if epoch is not None:
            kept = self.snapshots()
            if epoch not in kept:
                raise ConfigError(f"the weights after epoch {epoch} were not kept; those after {list(kept)} were.")
            net.load_state_dict(kept[epoch])
        return net

    @abstractmethod
    def dataset(self) -> Dataset:
        """What it is trained on."""

    def sizes(self) -> Mapping[str, int]:
        """The rows of each split, of which ``dataset`` may hold only some."""
        return {name: len(split) for name, split in self.dataset().splits.items()}

    def findings(self) -> list[dict[str, Any]] | None:
        """What the doctor has found, causes first, see ``viewer.findings``; None where none has watched."""
        return None

    def batch_losses(self) -> tuple[list[float], list[float]]:
        """When, in epochs, and the mean losses of the steps until then, as far as they are known."""
        return [], []

    def rate(self) -> float | None:
        """Steps a second, if that is known."""
        position = self.position()
        return position.step / position.seconds if position.step and position.seconds else None

    def hint(self) -> str | None:
        """What else there is to say about how it goes on."""
        return None

    def actions(self) -> tuple[str, ...]:
        """What the page may ask for now: "stop" or "resume"."""
        return ()

    def ask(self, action: str) -> None:
        """Ask for one of ``actions``; it is carried out by the thread that trains. Raises ConfigError for any other."""
        raise ConfigError(f"{self.name} cannot be asked to {action}: no training of it runs in this program.")

    @abstractmethod
    def layers(self) -> list[LayerRow]:
        """The layers in the order of the network; empty for a saved network of someone's own classes."""

    def summary(self) -> dict[str, Any]:
        """The run in a line, for the list of runs; with "error", a sentence, for one that cannot be read."""
        found: dict[str, Any] = {"name": self.name, "version": self.version()}
        try:
            position, config = self.position(), self.config()
            total = config.get("total_steps")
            known = [(name, values) for name, values in list(position.history.items()) if values][:MOST_VALUES]
            found.update(
                state=self.state(),
                step=position.step,
                total=total if isinstance(total, int) else None,
                epoch=max((len(values) for values in list(position.history.values())), default=0),
                seconds=position.seconds,
                rate=self.rate(),
                stopped=None if position.stopped is None else position.stopped[:LONGEST],
                last={name[:80]: values[-1] for name, values in known},
                data=str(config.get("data", ""))[:80],
                hint=self.hint(),
                actions=list(self.actions()),
            )
        except GlassnetError as error:
            found.update(error=str(error), state="error", actions=[])
        return found

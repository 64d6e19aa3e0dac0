"""Evidence: what is known about a training, as plain numbers and text.

Probes fill it, from glassnet's own looks or from elsewhere, such as hooks in PyTorch; rules read nothing else. A part
that was not gathered is empty, and rules that need it are silent. It goes to JSON and back (``records.py``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from glassnet.doctor.facts import Data, SetUp
from glassnet.doctor.observed import CheckUp, Comparison, Failure, Overfit, Probe, Reference, Trial
from glassnet.doctor.progress import Progress
from glassnet.doctor.records import from_record, to_record


@dataclass
class Evidence:
    """All that is known about a training."""

    data: Data = field(default_factory=Data)
    setup: SetUp = field(default_factory=SetUp)
    probes: list[Probe] = field(default_factory=list)
    progress: Progress = field(default_factory=Progress)
    checkup: CheckUp = field(default_factory=CheckUp)
    comparison: Comparison = field(default_factory=Comparison)
    reference: Reference = field(default_factory=Reference)
    overfit: Overfit = field(default_factory=Overfit)
    failure: Failure = field(default_factory=Failure)
    trials: dict[str, Trial] = field(default_factory=dict)  # see ``probes/trials.py``
    unused: list[str] = field(default_factory=list)  # trainable parameters without a gradient in every step so far
    without_step: int | None = None  # when gradients were thrown away, or piled up, without a step
    evaluated_in_training: list[str] = field(default_factory=list)  # layers in training mode at an evaluation

    def add(self, probe: Probe, unused: Iterable[str]) -> None:
        """Add a step that was looked into, with the trainable parameters that had no gradient in it."""
        self.unused = sorted({*unused} & {*self.unused} if self.probes else {*unused})
        self.probes.append(probe)

    def has(self, part: str) -> bool:
        """Whether a part was gathered."""
        return bool(getattr(self, part) != _nothing(part))

    def to_json(self) -> dict[str, Any]:
        """The evidence as a value for ``json.dumps``."""
        found: dict[str, Any] = to_record(self)
        return found

    @classmethod
    def from_json(cls, value: Any) -> Evidence:
        """The evidence that ``to_json`` described. Raises ValueError for anything else."""
        return from_record(cls, value)

    # What rules ask most often: whether a symptom does harm

    @property
    def learned(self) -> float | None:
        """The share of the best constant's loss that is gone at the end, on training batches: 1 is perfect, 0 is
        no better than a constant. None if the constant is unknown.
        """
        constant = self.data.constant
        return 1 - self.progress.end / constant if constant and self.progress.losses else None

    @property
    def solved(self) -> bool:
        """Whether hardly anything is left to learn."""
        return self.learned is not None and self.learned > SOLVED and not self.has("failure")

    @property
    def settled(self) -> bool:
        """Whether the network as it ended costs hardly anything, in evaluation mode, whatever single steps cost."""
        one, constant = self.checkup.val or self.checkup.train, self.data.constant
        return one is not None and bool(constant) and one.loss < (1 - SOLVED) * (constant or 0.0)

    @property
    def gain(self) -> float | None:
        """The share of the best constant's error that the network takes away: on validation, or else on training."""
        one = self.checkup.val or self.checkup.train
        return None if one is None else one.gain

    @property
    def mastered(self) -> bool:
        """Whether the network takes away so much that what simple means reach need not be known."""
        return self.solved and (self.gain or 0.0) > (NEAR if self.setup.regression else SOLVED)

    @property
    def behind(self) -> bool:
        """Whether the network is clearly worse than what simple means reach on the same rows, even on the rows that it
        was trained on.
        """
        train = self.checkup.train
        if not self.has("reference") or train is None or train.gain is None:
            return False
        if self.reference.loss is not None and not self.setup.weighted and train.loss > 1.02 * self.reference.loss:
            return True
        return self.reference.beats(train, 0.05, 0.15)

    @property
    def behind_on_new_rows(self) -> bool:
        """Whether the network is clearly worse on validation than what simple means reach on rows not seen."""
        return self.has("reference") and self.reference.beats(self.checkup.val, 0.15, 0.3)

    @property
    def harmed(self) -> bool:
        """Whether the training failed, rose, or ended clearly behind what it could have reached."""
        if self.has("failure"):
            return True
        if not self.progress.losses or self.solved:
            return False
        worse = self.learned is not None and self.learned < WORSE
        poor = self.learned is not None and self.learned < POOR and not self.has("reference")
        return self.behind or worse or poor or self.progress.rising

    @property
    def stuck(self) -> bool:
        """Whether the network does not get better any more, far from what it could have reached on its own rows."""
        return not self.has("failure") and bool(self.progress.losses) and self.progress.stalled and self.behind


@cache
def _nothing(part: str) -> Any:
    """A part that was not gathered."""
    return getattr(Evidence(), part)


#: Shares of the best constant's loss above which a task is solved, below which it is hardly begun, and below which the
#: network is worse than a constant.
SOLVED, POOR, WORSE = 0.85, 0.3, -0.05
#: The share of the error of a constant, for quantities, beyond which simple means are not asked for more.
NEAR = 0.92

"""Progress: how the loss went, with its noise, and what rules ask about it: whether it stalled, rose, still falls."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise

#: Steps by which the end of one or two epochs can be judged.
FEWEST = 30


@dataclass
class Progress:
    """losses: the mean loss of the batches in each of equally long blocks of steps, at most some hundred; stds: its
    standard deviation within the block; highs: the largest. block: steps in each, the last may have fewer.
    history: what the training noted for each epoch. per_epoch: steps in an epoch.
    """

    block: int = 1
    losses: list[float] = field(default_factory=list)
    stds: list[float] = field(default_factory=list)
    highs: list[float] = field(default_factory=list)
    steps: int = 0
    total_steps: int = 0
    per_epoch: int = 1
    history: dict[str, list[float]] = field(default_factory=dict)

    def window(self, start: float, stop: float) -> list[float]:
        """The blocks in a part of the training, such as the last tenth: (0.9, 1.0). At least one."""
        count = len(self.losses)
        first = min(int(start * count), count - 1)
        return self.losses[first : max(first + 1, math.ceil(stop * count))]

    def part(self, start: int, stop: int) -> Progress | None:
        """The steps from ``start`` up to ``stop`` alone; None if that is less than six blocks."""
        first, last = int(start) // self.block, int(stop) // self.block
        if last - first < 6:
            return None
        return Progress(self.block, self.losses[first:last], self.stds[first:last], self.highs[first:last], stop)

    @property
    def start(self) -> float:
        """The loss of the first block; NaN where no step was made, as in a run that is resumed and stays stopped."""
        return self.losses[0] if self.losses else math.nan

    @property
    def end(self) -> float:
        """The mean loss over the last tenth of the steps."""
        return _mean(self.window(0.9, 1.0))

    @property
    def lowest(self) -> float:
        """The smallest mean loss over a twentieth of the training."""
        width = max(1, len(self.losses) // 20)
        return min(_mean(self.losses[i : i + width]) for i in range(max(1, len(self.losses) - width + 1)))

    @property
    def noise(self) -> float:
        """The standard deviation of the mean loss of a block, by how blocks beside each other differ in the second
        half of the training.
        """
        tail = self.window(0.5, 1.0)
        steps = [b - a for a, b in pairwise(tail)]
        return math.sqrt(_mean([one * one for one in steps]) / 2) if steps else 0.0

    def fall(self, start: float = 0.5) -> tuple[float, float]:
        """How much the loss fell from the first to the second half of the rest of the training from ``start`` on, and
        the standard error of that.
        """
        tail = self.window(start, 1.0)
        half = len(tail) // 2
        if half < 1:
            return 0.0, 0.0
        first, second = tail[:half], tail[-half:]
        error = math.sqrt((_scatter(first) + _scatter(second)) / half) if half > 1 else self.noise
        return _mean(first) - _mean(second), error

    @property
    def begun(self) -> bool:
        """Whether this was no more than a beginning: each row was seen twice at most, in steps enough to judge by."""
        return bool(self.history) and FEWEST <= self.steps <= 2 * self.per_epoch

    @property
    def falling(self) -> bool:
        """Whether the loss still falls clearly over the last third or half, in a beginning over its last two thirds:
        beyond its noise, and by 2 % of its level.
        """
        starts = (0.67, 0.5, 0.33) if self.begun and self.fall(0.5)[0] > 0 else (0.67, 0.5)
        return any(change > 2 * error and change > 0.02 * abs(self.end) for change, error in map(self.fall, starts))

    @property
    def val_fall(self) -> float:
        """How much the validation loss fell over the last third of the epochs, at least one, if it did in each."""
        losses = self.history.get("val_loss", [])
        late = losses[-max(3, len(losses) // 3) :]
        enough = len(late) >= (2 if self.steps >= FEWEST else 3)
        return late[0] - late[-1] if enough and all(b < a for a, b in pairwise(late)) else 0.0

    @property
    def val_gain(self) -> float | None:
        """How far the lowest validation loss of the last third of the epochs lies below the lowest before; None where
        there were no two evaluations.
        """
        losses = self.history.get("val_loss", [])
        late = max(1, len(losses) // 3)
        return min(losses[:-late]) - min(losses[-late:]) if len(losses) > 1 else None

    @property
    def rising(self) -> bool:
        """Whether the loss is clearly above its lowest at the end."""
        return self.end - self.lowest > max(3 * self.noise, 0.1 * abs(self.lowest))

    @property
    def jumped(self) -> bool:
        """Whether the loss, after the first tenth, was clearly above that of the first steps for a twentieth of the
        training, or is about there at the end: what large first steps do for a moment harms nothing.
        """
        width = max(1, len(self.losses) // 20)
        later = range(len(self.losses) // 10, max(1, len(self.losses) - width + 1))
        highest = max((_mean(self.losses[i : i + width]) for i in later), default=0.0)
        return highest > 1.15 * abs(self.start) or self.end > 0.95 * abs(self.start)

    @property
    def soared(self) -> bool:
        """Whether the loss of some step was many times that of the first ones."""
        return max(self.highs, default=0.0) > 2 * abs(self.start)

    @property
    def stalled(self) -> bool:
        """Whether the loss hardly moved in the whole training, or not any more in its second half."""
        change, error = self.fall(0.5)
        return change <= max(2 * error, 0.02 * abs(self.end))


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else math.nan


def _scatter(values: list[float]) -> float:
    """The variance around a straight line: what falls steadily is not noise."""
    centre, middle = _mean(values), (len(values) - 1) / 2
    at = [i - middle for i in range(len(values))]
    slope = sum(t * one for t, one in zip(at, values, strict=True)) / max(sum(t * t for t in at), 1e-30)
    left = [(one - centre - slope * t) ** 2 for t, one in zip(at, values, strict=True)]
    return sum(left) / max(len(values) - 2, 1)

"""What went through a loop of one's own: its learning rates, and its targets in their order."""

from __future__ import annotations

from bisect import bisect_right

import numpy as np

from glassnet.doctor.probes.setup import RATES
from glassnet.engine.namespace import Array

#: Targets whose order is known.
TAKEN = 20_000


class Rates:
    """The learning rates of a loop. last: the latest."""

    def __init__(self) -> None:
        self.last: float | None = None
        self._found: list[tuple[int, float]] = []  # each with the first step that had it

    def add(self, step: int, rate: float) -> None:
        """Note a rate that differs from the last, and the first step with it."""
        self._found.append((step, rate))
        self.last = rate

    def thinned(self, steps: int) -> list[tuple[int, float]]:
        """Those of some steps of so many, evenly; none if there was only one rate."""
        if len(self._found) < 2:
            return []
        at = np.unique(np.linspace(0, steps - 1, RATES).astype(np.int64)).tolist()
        begins = [step for step, _ in self._found]
        return [(step, self._found[bisect_right(begins, step) - 1][1]) for step in at]


class Taken:
    """The targets of batches in the order in which they came, a limited number of them. It needs no rows, so that it
    reaches farther than these.
    """

    def __init__(self) -> None:
        self._found: list[Array] = []
        self._count = 0

    @property
    def full(self) -> bool:
        """Whether no more are kept."""
        return self._count >= TAKEN

    def add(self, targets: Array) -> None:
        """Add those of a batch; they are copied. Of several axes, or of another kind than the first, none."""
        like = self._found[0] if self._found else targets
        if self.full or targets.ndim < 1 or (targets.shape[1:], targets.dtype) != (like.shape[1:], like.dtype):
            return
        self._found.append(targets.copy())
        self._count += targets.size

    def all(self) -> Array:
        """All of them, one after the other."""
        return np.concatenate(self._found)

"""The losses of all steps, thinned: their means over equally long blocks, which grow with the training."""

from __future__ import annotations

import math

#: Blocks that are kept; when there are more, two beside each other become one.
MOST = 512


class LossRecord:
    """block: steps in each complete block. sums, squares, highs: of the losses of each block; the last may have fewer
    steps. steps: how many losses were added.
    """

    def __init__(self) -> None:
        self.block = 1
        self.steps = 0
        self.sums: list[float] = []
        self.squares: list[float] = []
        self.highs: list[float] = []

    def add(self, loss: float) -> None:
        """Add the loss of the next step."""
        if self.steps % self.block == 0:
            if len(self.sums) == MOST:
                self._halve()
            self.sums.append(loss)
            self.squares.append(loss * loss)
            self.highs.append(loss)
        else:
            self.sums[-1] += loss
            self.squares[-1] += loss * loss
            if loss > self.highs[-1]:
                self.highs[-1] = loss
        self.steps += 1

    def counts(self) -> list[int]:
        """The number of steps in each block."""
        if not self.sums:
            return []
        return [self.block] * (len(self.sums) - 1) + [self.steps - self.block * (len(self.sums) - 1)]

    def means(self) -> list[float]:
        """The mean loss of each block."""
        return [total / count for total, count in zip(self.sums, self.counts(), strict=True)]

    def stds(self) -> list[float]:
        """The standard deviation of the losses in each block."""
        rows = zip(self.means(), self.squares, self.counts(), strict=True)
        return [math.sqrt(max(square / count - mean * mean, 0.0)) for mean, square, count in rows]

    def _halve(self) -> None:
        self.block *= 2
        self.sums = [a + b for a, b in zip(self.sums[::2], self.sums[1::2], strict=True)]
        self.squares = [a + b for a, b in zip(self.squares[::2], self.squares[1::2], strict=True)]
        self.highs = [max(a, b) for a, b in zip(self.highs[::2], self.highs[1::2], strict=True)]

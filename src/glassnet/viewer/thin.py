"""Long series made short: a picture has no more than a few thousand columns, and a million points stay smooth."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from glassnet.engine.namespace import Array

#: Buckets of a series; each keeps its lowest and its highest point.
BUCKETS = 600


def thin(
    x: Sequence[float] | Array, y: Sequence[float | None] | Array, buckets: int = BUCKETS
) -> dict[str, list[float | None]]:
    """The points (x, y), or of each bucket of neighbours the lowest and the highest, in the order of x: what stands out
    stays. The first and the last point stay, too. What is not finite becomes None, which is a gap.
    """
    xs, ys = np.asarray(x, np.float64), np.asarray(y, np.float64)
    length = min(len(xs), len(ys))
    xs, ys = xs[:length], ys[:length]
    if length > 2 * buckets:
        kept = _extremes(ys, buckets)
        xs, ys = xs[kept], ys[kept]
    return {
        "x": xs.tolist(),
        "y": [value if known else None for value, known in zip(ys.tolist(), np.isfinite(ys), strict=True)],
    }


def _extremes(values: Array, buckets: int) -> Array:
    """The positions of the lowest and highest value of each bucket, of the first and of the last value."""
    length = len(values)
    edges = np.linspace(0, length, buckets + 1).astype(np.int64)
    finite = np.isfinite(values)
    low, high = np.where(finite, values, np.inf), np.where(finite, values, -np.inf)
    found = [0, length - 1]
    for first, end in pairwise(edges.tolist()):
        found += [first + int(low[first:end].argmin()), first + int(high[first:end].argmax())]
    return np.unique(found)


class Series:
    """Points that keep coming, in bounded memory: when there are too many, only every second one stays, and of those
    that come later only every second is taken.
    """

    def __init__(self, most: int = 4096) -> None:
        self.most = most
        self.x: list[float] = []
        self.y: list[float] = []
        self._every, self._seen = 1, 0

    def add(self, x: float, y: float) -> None:
        """Take a point, or leave it."""
        if self._seen % self._every == 0:
            self.x.append(x)
            self.y.append(y)
            if len(self.x) > self.most:
                self._every *= 2
                self.x, self.y = self.x[::2], self.y[::2]
        self._seen += 1

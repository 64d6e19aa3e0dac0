"""Rows that are near each other."""

from __future__ import annotations

import numpy as np

from glassnet.engine.namespace import Array

#: Neighbours of each row.
NEIGHBOURS = 5


def sample(count: int, most: int) -> Array:
    """Row numbers, evenly spread."""
    return np.arange(count) if count <= most else np.linspace(0, count - 1, most).astype(np.int64)


def scaled(x: Array) -> Array:
    """Rows (N, D) of which each feature has mean 0 and the same spread; features that hardly ever change do not count
    more than those that do.
    """
    flat = x.reshape(len(x), -1).astype(np.float64)
    std = flat.std(0)
    # Features in one unit, such as the pixels of a picture, keep their proportions.
    alike = std.max() <= 1e3 * max(float(np.median(std[std > 0])) if (std > 0).any() else 1.0, 1e-12)
    ranges = np.ptp(flat, axis=0)
    same_unit = alike and (ranges[ranges > 0].size == 0 or ranges.max() <= 1.5 * np.quantile(ranges[ranges > 0], 0.5))
    found: Array = (flat - flat.mean(0)) / (1.0 if same_unit else np.where(std > 0, std, 1.0))
    return found


def neighbours(flat: Array) -> Array:
    """The rows nearest to each, without itself: (N, NEIGHBOURS)."""
    squares = (flat**2).sum(1)
    apart = squares[:, None] + squares - 2 * flat @ flat.T
    np.fill_diagonal(apart, np.inf)
    found: Array = np.argpartition(apart, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
    return found

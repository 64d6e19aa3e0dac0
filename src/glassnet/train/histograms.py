"""Histograms of activations and gradients, small enough to be written down again and again."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from glassnet.engine.namespace import Array
from glassnet.train.position import number, whole

BINS = 24
#: Elements that are counted at most; of larger arrays every k-th one is.
MOST = 4096


class Histogram(NamedTuple):
    """low, high: the smallest and the largest value. counts: of the values in equally wide bins between them."""

    low: float
    high: float
    counts: list[int]

    @classmethod
    def from_json(cls, value: Any) -> Histogram:
        """The histogram out of JSON. Raises ValueError for what is none."""
        low, high, counts = value
        found = cls(number(low), number(high), [whole(count) for count in counts])
        if not (math.isfinite(found.low) and found.low <= found.high < math.inf) or len(counts) != BINS:
            raise ValueError(f"expected a histogram of {BINS} bins, got {value!r:.80}")
        return found


def histogram(values: Array) -> Histogram | None:
    """How the values are distributed; None if there are none, or one is not finite."""
    flat = values.ravel()
    flat = flat[:: max(1, -(-flat.size // MOST))]
    if not flat.size:
        return None
    low, high = float(flat.min()), float(flat.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        return None
    width = (high - low) / BINS
    places = ((flat - low) / width).astype(np.intp) if width > 0 else np.zeros(flat.size, np.intp)
    counts = np.bincount(np.minimum(places, BINS - 1), minlength=BINS)
    return Histogram(float(f"{low:.6g}"), float(f"{high:.6g}"), counts.tolist())


def log_histogram(values: Array) -> Histogram | None:
    """How log10 of the sizes of the values that are not 0 is distributed: gradients span many powers of 10."""
    flat = values.ravel()
    flat = np.abs(flat[:: max(1, -(-flat.size // MOST))])
    return histogram(np.log10(flat[flat > 0]))


def is_kept(record: int) -> bool:
    """Whether histograms are kept of a record, by its number from 0: all of the first 128, and then 64 in each
    doubling of the training, so that they stay few.
    """
    return record % (1 << max(0, record.bit_length() - 7)) == 0

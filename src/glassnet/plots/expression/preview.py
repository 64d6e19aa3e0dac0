"""Numbers and names as the short texts of a picture."""

from __future__ import annotations

from typing import Any

import numpy as np

#: Arrays up to this many elements are written out.
SMALL = 4


def shape_text(value: Any) -> str:
    """The shape of an array that is not written out; "" for one that is."""
    return "" if np.size(value) <= SMALL and np.size(value) else str(np.shape(value))


def value_text(value: Any) -> str:
    """A small array itself, with 4 significant digits; mean and standard deviation of a larger one; the range of
    whole numbers.
    """
    array = np.asarray(value)
    if not array.size:
        return "empty"
    if array.size <= SMALL:
        return _nested(array.tolist())
    if array.dtype.kind == "f":
        with np.errstate(all="ignore"):  # of an infinite value there is no standard deviation: it says nan
            return f"mean {array.mean(dtype=float):.3g}, std {array.std(dtype=float):.3g}"
    return f"{_number(array.min().item())} to {_number(array.max().item())}"


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _nested(value: Any) -> str:
    return f"[{', '.join(map(_nested, value))}]" if isinstance(value, list) else _number(value)


def printable(text: str) -> str:
    """Names are any text: what cannot be printed, and what XML forbids, becomes a replacement character."""
    return "".join(c if c.isprintable() else " " if c.isspace() else "\N{REPLACEMENT CHARACTER}" for c in text)


def shortened(text: str, longest: int) -> str:
    """The text, or its beginning and end."""
    half = (longest - 1) // 2
    return text if len(text) <= longest else f"{text[:half]}…{text[-half:]}"

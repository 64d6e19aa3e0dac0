"""Numbers on their way to the page: as many digits as are read, pictures as bytes."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from glassnet.engine.namespace import Array


def digits(values: Any, count: int = 6) -> list[float]:
    """The numbers of an array in a row, with so many significant digits.

    >>> from glassnet.viewer.numbers import digits
    >>> digits(np.float32([0.1, 1 / 3]))
    [0.1, 0.333333]
    """
    return [float(f"{value:.{count}g}") + 0.0 for value in np.asarray(values, np.float64).reshape(-1).tolist()]


def digit(value: Any, count: int = 6) -> float:
    """One number, as ``digits``."""
    return digits(value, count)[0]


def packed(values: Array, signed: bool = False) -> dict[str, Any]:
    """An array as bytes in base64 and what they mean: a byte b is ``b / 255 * scale``, or signed ``b / 127 * scale``,
    where the scale is the largest size. The pictures of the page need no more.
    """
    flat = np.nan_to_num(np.asarray(values, np.float64).reshape(-1), posinf=0.0, neginf=0.0)
    scale = float(np.abs(flat).max(initial=0.0))
    levels = flat / scale if scale else flat
    numbers = np.rint(levels * 127).astype(np.int8) if signed else np.rint(np.clip(levels, 0, 1) * 255).astype(np.uint8)
    return {"scale": digit(scale), "signed": signed, "bytes": base64.b64encode(numbers.tobytes()).decode("ascii")}

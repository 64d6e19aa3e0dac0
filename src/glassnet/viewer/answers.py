"""Values as JSON that every browser reads, also where a number is not finite or a name is no text."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np


def to_json(value: Any) -> bytes:
    """The value as JSON: numbers that are not finite are null; arrays are lists.

    >>> from glassnet.viewer.answers import to_json
    >>> to_json({"loss": [0.5, float("nan")]})
    b'{"loss":[0.5,null]}'
    """
    try:
        text = json.dumps(value, allow_nan=False, separators=(",", ":"), default=_plain)
    except ValueError:
        text = json.dumps(_finite(value), allow_nan=False, separators=(",", ":"))
    return text.encode("ascii")


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} is no value for JSON")


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, str | int | None) else _finite(_plain(value))

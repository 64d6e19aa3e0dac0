"""Checks of the numbers in a batch, such as labels in range: an error at once, or, in a step that is recorded, a
condition that the compiled step tells about.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from glassnet.engine.errors import DataError, GlassnetError
from glassnet.engine.namespace import Array
from glassnet.engine.scope import scope


def require(holds: Any, error: Callable[[], GlassnetError]) -> None:
    """Raise ``error()`` unless the condition holds.

    holds: a truth value, () or a Python bool. In a recorded step, what depends on the batch is noted instead: where
    it does not hold in some later step, that step is computed again eagerly, and raises.
    """
    if scope.tracer is not None and not isinstance(holds, bool | np.bool_):
        scope.tracer.require(holds)
    elif not holds:
        raise error()


def check_indices(array: Array, count: int, name: str) -> None:
    """Raises DataError for what is no whole number from 0 to count - 1."""
    if array.dtype.kind not in "iu":
        raise DataError(f"{name} must be whole numbers from 0 to {count - 1}, got type {array.dtype}.")
    if array.size:
        xp = scope.xp
        in_range = (xp.min(array) >= 0) & (xp.max(array) < count)
        require(in_range, lambda: _out_of_range(array, count, name))


def _out_of_range(array: Array, count: int, name: str) -> DataError:
    wrong = array[(array < 0) | (array >= count)]
    return DataError(f"{name} must be from 0 to {count - 1}, got {wrong[0]}.")

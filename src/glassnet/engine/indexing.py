"""What may stand between the brackets of ``x[...]``, taken apart into a static pattern and arrays of positions."""

from __future__ import annotations

from types import EllipsisType
from typing import Any

import numpy as np

from glassnet.engine.convert import as_array
from glassnet.engine.errors import ShapeError
from glassnet.engine.namespace import Array, Shape
from glassnet.engine.ops.index import POSITIONS


def parse(index: Any, shape: Shape) -> tuple[tuple[Any, ...], list[Array]]:
    """The pattern with POSITIONS in the place of each array, and those arrays.

    Integers, slices, None and Ellipsis are static; lists, arrays and tensors of integers are positions; a mask of
    booleans becomes the positions where it holds. Raises ShapeError for anything else.
    """
    pattern: list[Any] = []
    positions: list[Array] = []
    for part in index if isinstance(index, tuple) else (index,):
        if (
            part is None
            or isinstance(part, slice | EllipsisType)
            or (isinstance(part, int | np.integer) and not isinstance(part, bool))
        ):
            pattern.append(part)
            continue
        array = as_array(part)
        if array.dtype.kind == "b":
            found = _places(array, index, shape)
            positions.extend(found)
            pattern.extend(POSITIONS for _ in found)
        elif array.dtype.kind in "iu" or not array.size:
            positions.append(array.astype(np.int64, copy=False))
            pattern.append(POSITIONS)
        else:
            raise ShapeError(f"an index must be made of integers, booleans or slices, got {array.dtype} numbers.")
    return tuple(pattern), positions


def _places(mask: Array, index: Any, shape: Shape) -> tuple[Array, ...]:
    """Where a mask holds. It must have the shape of the axes that it selects from: NumPy knows which those are."""
    if not mask.ndim:
        raise ShapeError("a single truth value (bool) is no index. Use a mask with the shape of the tensor.")
    found = mask.nonzero()
    try:
        np.broadcast_to(np.False_, shape)[index]
    except IndexError as error:
        raise ShapeError(f"a mask (bool) of shape {mask.shape} does not fit shape {shape}: {error}.") from error
    return found

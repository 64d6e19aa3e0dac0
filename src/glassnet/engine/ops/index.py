"""Rows that read elements by position; positions that are read twice receive both gradients."""

from __future__ import annotations

from typing import Any

from glassnet.engine.namespace import Array
from glassnet.engine.operation import operation

#: Stands in a static pattern where the next array of positions goes.
POSITIONS = object()


def _fill(pattern: tuple[Any, ...], positions: tuple[Array, ...]) -> tuple[Any, ...]:
    arrays = iter(positions)
    return tuple(next(arrays) if part is POSITIONS else part for part in pattern)


@operation(lambda xp, g, out, x, *positions, pattern: xp.scatter_add(x.shape, _fill(pattern, positions), g))
def index(xp: Any, x: Array, *positions: Array, pattern: tuple[Any, ...]) -> Array:
    """x[pattern]: integers, slices, None and Ellipsis as they stand, arrays of integers where POSITIONS stands."""
    return xp.asarray(x)[_fill(pattern, positions)]


#: Up to this many elements of one_hot(indices) the product with it is faster than adding row by row.
SMALL_TABLE = 2**15


def _embedding_vjp(xp: Any, g: Array, out: Array, indices: Array, weight: Array) -> Array:
    if indices.size * weight.shape[0] > SMALL_TABLE:
        return xp.scatter_add(weight.shape, (indices,), g)
    chosen = xp.one_hot(indices.reshape(-1), weight.shape[0], g.dtype)
    return xp.matmul(xp.swap_last(chosen), g.reshape(indices.size, weight.shape[1]))


@operation(None, _embedding_vjp)
def embedding(xp: Any, indices: Array, weight: Array) -> Array:
    """Row ``weight[i]`` for each index i: one_hot(indices) @ weight without the product. (...) -> (..., features)."""
    return xp.asarray(weight)[indices]


@operation(None)
def one_hot(xp: Any, indices: Array, *, classes: int, dtype: Any) -> Array:
    """A row of zeros with a 1 at the index. (...) whole numbers -> (..., classes)."""
    return xp.one_hot(indices.reshape(-1), classes, dtype).reshape(*indices.shape, classes)

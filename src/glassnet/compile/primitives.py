"""The primitives of a record, each with the NumPy computation that defines it.

Rows, optimizers and layers call the functions of the array namespace and Python's operators; a trace writes down each
call as one of these. Arguments that are no arrays (axes, shapes) are in a normal form: axes are tuples of numbers of
at least 0, shapes have no -1.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from glassnet.engine.namespace import Array, numpy_namespace
from glassnet.engine.windows import overlap_add, windows


def _slice(x: Array, starts: tuple[int, ...], steps: tuple[int, ...], shape: tuple[int, ...]) -> Array:
    """Every ``steps``-th element from ``starts`` on, ``shape`` of them; a step may be negative."""
    ends = [start + step * n for start, step, n in zip(starts, steps, shape, strict=True)]
    return x[tuple(slice(a, e if e >= 0 else None, s) for a, e, s in zip(starts, ends, steps, strict=True))]


def _gather(x: Array, *positions: Array, axis: int) -> Array:
    """x at ``positions`` of the axes from ``axis`` on, an array of positions for each; they broadcast."""
    return x[(slice(None),) * axis + positions]


def _scatter_add(values: Array, *positions: Array, axis: int, shape: tuple[int, ...]) -> Array:
    """The transpose of ``gather``: zeros of ``shape``, to which the values are added at the positions."""
    return numpy_namespace.scatter_add(shape, (slice(None),) * axis + positions, values)


def _place(value: Array, starts: tuple[int, ...], steps: tuple[int, ...], shape: tuple[int, ...]) -> Array:
    """The transpose of ``slice``: zeros of ``shape`` with the value in place."""
    result = np.zeros(shape, value.dtype)
    _slice(result, starts, steps, value.shape)[...] = value
    return result


def _argmax(x: Array, axes: tuple[int, ...], keepdims: bool) -> Array:
    return x.argmax(axes[0], keepdims=keepdims)


def _where(condition: Any, a: Any, b: Any) -> Any:
    return numpy_namespace.where(condition, a, b)


COMPUTE: dict[str, Callable[..., Any]] = {
    # element by element; Python's operators, so that numbers of Python stay numbers of Python
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "power": operator.pow,
    "negate": operator.neg,
    "remainder": operator.mod,
    "less": operator.lt,
    "less_equal": operator.le,
    "greater": operator.gt,
    "greater_equal": operator.ge,
    "equal": operator.eq,
    "not_equal": operator.ne,
    "logical_and": operator.and_,
    "logical_or": operator.or_,
    "logical_not": operator.invert,
    "bitwise_xor": operator.xor,
    "right_shift": operator.rshift,
    "astype": lambda x, dtype: np.asarray(x).astype(dtype),
    **{
        name: getattr(numpy_namespace, name)
        for name in "exp expm1 log log1p sqrt sin cos erf abs sign tanh maximum minimum".split()
    },
    "where": _where,
    # reductions
    "sum": lambda x, axes, keepdims: numpy_namespace.sum(x, axes, keepdims),
    "max": lambda x, axes, keepdims: numpy_namespace.max(x, axes, keepdims),
    "min": lambda x, axes, keepdims: numpy_namespace.min(x, axes, keepdims),
    "argmax": _argmax,
    "cumsum": lambda x, axis: numpy_namespace.cumsum(x, axis),
    "matmul": numpy_namespace.matmul,
    # where elements are
    "reshape": lambda x, shape: x.reshape(shape),
    "permute": lambda x, axes: x.transpose(axes),
    "broadcast": lambda x, shape: np.broadcast_to(x, shape),
    "slice": _slice,
    "windows": windows,
    # what moves elements
    "concatenate": lambda *parts, axis: np.concatenate(parts, axis),
    "pad": lambda x, widths, value: numpy_namespace.pad(x, widths, value),
    "place": _place,
    "overlap_add": overlap_add,
    "gather": _gather,
    "scatter_add": _scatter_add,
    "one_hot": lambda indices, classes, dtype: numpy_namespace.one_hot(indices, classes, dtype),
    # sources
    "constant": lambda array: array,
    "full": np.full,
    "arange": lambda shape, dtype: np.arange(shape[0], dtype=dtype),
}

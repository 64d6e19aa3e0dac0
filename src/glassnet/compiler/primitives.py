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
    result: Array = numpy_namespace.scatter_add(shape, (slice(None),) * axis + positions, values)
    return result


def _place(value: Array, starts: tuple[int, ...], steps: tuple[int, ...], shape: tuple[int, ...]) -> Array:
    """The transpose of ``slice``: zeros of ``shape`` with the value in place."""
    result = np.zeros(shape, value.dtype)
    _slice(result, starts, steps, value.shape)[...] = value
    return result


def _over_axes(reduce: Callable[..., Any]) -> Callable[..., Any]:
    def reduced(x: Array, axes: tuple[int, ...], keepdims: bool) -> Any:
        return reduce(x, axes, keepdims)

    return reduced


def _argmax(x: Array, axes: tuple[int, ...], keepdims: bool) -> Any:
    return x.argmax(axes[0], keepdims=keepdims)


#: Primitives that are functions of the namespace.
_FUNCTIONS = (
    *("exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "erf", "abs", "sign", "tanh"),
    *("maximum", "minimum", "where", "matmul"),
)

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
    **{name: getattr(numpy_namespace, name) for name in _FUNCTIONS},
    # reductions
    "sum": _over_axes(numpy_namespace.sum),
    "max": _over_axes(numpy_namespace.max),
    "min": _over_axes(numpy_namespace.min),
    "argmax": _argmax,
    "cumsum": numpy_namespace.cumsum,
    # where elements are
    "reshape": lambda x, shape: x.reshape(shape),
    "permute": np.transpose,
    "broadcast": np.broadcast_to,
    "slice": _slice,
    "windows": windows,
    # what moves elements
    "concatenate": lambda *parts, axis: np.concatenate(parts, axis),
    "pad": numpy_namespace.pad,
    "place": _place,
    "overlap_add": overlap_add,
    "gather": _gather,
    "scatter_add": _scatter_add,
    "one_hot": numpy_namespace.one_hot,
    # sources
    "constant": lambda array: array,
    "full": np.full,
    "arange": lambda shape, dtype: np.arange(shape[0], dtype=dtype),
}

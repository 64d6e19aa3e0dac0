"""The array namespace ``xp`` that every operation is written against.

A row (``operation.py``) never calls NumPy: it calls the functions of the ``xp`` that it is handed, and Python's
operators. This class is the closed list of those functions. Eager computation uses it as it stands; whatever else is
to run the rows (a tracer, ``jax.numpy``) offers the same names. Functions are pure: none writes into its arguments.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassnet.engine.erf import erf
from glassnet.engine.windows import overlap_add, windows

Array = NDArray[Any]
Shape = tuple[int, ...]
Axes = int | tuple[int, ...] | None


def _sum(x: Array, axis: Any = None, keepdims: Any = False) -> Array:
    # The ufunc's own reduction: np.sum does the same behind 2 microseconds of argument handling.
    return np.add.reduce(x, axis=axis, keepdims=keepdims)


def _max(x: Array, axis: Any = None, keepdims: Any = False) -> Array:
    return np.maximum.reduce(x, axis=axis, keepdims=keepdims)


def _min(x: Array, axis: Any = None, keepdims: Any = False) -> Array:
    return np.minimum.reduce(x, axis=axis, keepdims=keepdims)


def _broadcast_to(x: Array, shape: Shape) -> Array:
    # A copy instead of NumPy's view: for small arrays it is made in a fifth of the time.
    result = np.empty(shape, x.dtype)
    result[...] = x
    return result


def _one_hot(indices: Array, classes: int, dtype: Any) -> Array:
    """Rows of zeros with a 1 at the index. (N,) -> (N, classes)."""
    result = np.zeros((len(indices), classes), dtype)
    result[np.arange(len(indices)), indices] = 1
    return result


def _pad(x: Array, widths: Sequence[tuple[int, int]], value: float = 0.0) -> Array:
    """``value`` around x: for each axis, how many before and after. np.pad takes ten times as long for small arrays."""
    if x.dtype.kind != "f" and not float(value).is_integer():  # such as the -inf of max_pool
        raise ValueError(f"numbers of type {x.dtype} cannot be padded with {value}")
    shape = tuple(n + before + after for n, (before, after) in zip(x.shape, widths, strict=True))
    result = np.full(shape, value, x.dtype)
    result[tuple(slice(before, before + n) for n, (before, _) in zip(x.shape, widths, strict=True))] = x
    return result


def _transpose(x: Array, axes: Sequence[int]) -> Array:
    return x.transpose(axes)


def _swap_last(x: Array) -> Array:
    """The last two axes swapped: the transpose of each matrix in a stack."""
    return x.swapaxes(-1, -2)


def _asarray(x: Array) -> Array:
    """A constant as an array of this namespace, in which arrays of the namespace can be positions."""
    return x


def _scatter_add(shape: Shape, index: tuple[Any, ...], values: Array) -> Array:
    """Zeros of ``shape`` to which ``values`` are added at ``index``; repeated positions accumulate."""
    result = np.zeros(shape, values.dtype)
    arrays = [part for part in index if isinstance(part, np.ndarray)]
    if not arrays:  # slices and integers name every position at most once
        result[index] = values
    elif len(index) == 1 and values.size:  # rows: np.add.at is three times faster over flat positions
        row = int(np.prod(shape[1:], dtype=np.int64))
        rows = np.where(arrays[0] < 0, arrays[0] + shape[0], arrays[0]).reshape(-1, 1)
        np.add.at(result.reshape(-1), (rows * row + np.arange(row)).reshape(-1), values.reshape(-1))
    else:
        np.add.at(result, index, values)
    return result


class NumpyNamespace:
    """The functions that rows may call, computed by NumPy."""

    exp = staticmethod(np.exp)
    expm1 = staticmethod(np.expm1)
    log = staticmethod(np.log)
    log1p = staticmethod(np.log1p)
    sqrt = staticmethod(np.sqrt)
    sin = staticmethod(np.sin)
    cos = staticmethod(np.cos)
    erf = staticmethod(erf)
    abs = staticmethod(np.abs)
    sign = staticmethod(np.sign)
    tanh = staticmethod(np.tanh)
    maximum = staticmethod(np.maximum)
    minimum = staticmethod(np.minimum)
    where = staticmethod(np.where)
    matmul = staticmethod(np.matmul)

    sum = staticmethod(_sum)
    max = staticmethod(_max)
    min = staticmethod(_min)
    cumsum = staticmethod(np.cumsum)

    transpose = staticmethod(_transpose)
    swap_last = staticmethod(_swap_last)
    flip = staticmethod(np.flip)
    pad = staticmethod(_pad)
    expand_dims = staticmethod(np.expand_dims)
    broadcast_to = staticmethod(_broadcast_to)
    concatenate = staticmethod(np.concatenate)
    stack = staticmethod(np.stack)
    arange = staticmethod(np.arange)
    zeros = staticmethod(np.zeros)
    asarray = staticmethod(_asarray)
    copy = staticmethod(np.array)
    scatter_add = staticmethod(_scatter_add)
    one_hot = staticmethod(_one_hot)
    windows = staticmethod(windows)
    overlap_add = staticmethod(overlap_add)


numpy_namespace = NumpyNamespace()

"""The functions that rows may call, computed by JAX: what ``engine/namespace.py`` lists, over ``jax.numpy``.

Importing this file imports jax; ``compiler/xla.py`` does so where it is needed. The functions are to be called with
JAX's 64-bit types switched on, as NumPy's rules of types ask for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from glassnet.engine.namespace import Shape
from glassnet.engine.windows import places


def _matmul(a: Any, b: Any) -> Any:
    # Left to itself, JAX multiplies float32 in 16 or 19 bits on processors that are faster that way.
    return jnp.matmul(a, b, precision="highest")


def _sum(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    return jnp.sum(x, axis, keepdims=keepdims)


def _max(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    return jnp.max(x, axis, keepdims=keepdims)


def _min(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    return jnp.min(x, axis, keepdims=keepdims)


def _transposed(linear: Callable[[Any], Any], shape: Shape, values: Any) -> Any:
    """The transpose of a linear function of an array of this shape, applied to values: JAX derives it."""
    (result,) = jax.linear_transpose(linear, jax.ShapeDtypeStruct(shape, values.dtype))(values)
    return result


def _scatter_add(shape: Shape, index: tuple[Any, ...], values: Any) -> Any:
    return _transposed(lambda x: x[index], shape, values)


def _windows(x: Any, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> Any:
    """As ``engine/windows.py``: (N, *S, C) -> (N, *places, *kernel, C), axis by axis."""
    spatial = len(kernel)
    for i, (k, s, d) in enumerate(zip(kernel, stride, dilation, strict=True)):
        axis = 1 + i
        count = places(x.shape[axis], k, s, d)
        spans = (slice(o * d, o * d + s * (count - 1) + 1, s) for o in range(k))
        parts = [x[(slice(None),) * axis + (span,)] for span in spans]
        x = jnp.stack(parts, 1 + spatial + i)  # behind the axes of space and the kernel's axes so far
    return x


def _overlap_add(parts: Any, shape: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> Any:
    spatial = len(stride)
    kernel = parts.shape[spatial + 1 : -1]
    return _transposed(lambda x: _windows(x, kernel, stride, dilation), tuple(shape), parts)


def _one_hot(indices: Any, classes: int, dtype: Any) -> Any:
    return (indices[:, None] == jnp.arange(classes, dtype=indices.dtype)).astype(dtype)


def _pad(x: Any, widths: Sequence[tuple[int, int]], value: float = 0.0) -> Any:
    return jax.lax.pad(x, jnp.asarray(value, x.dtype), [(before, after, 0) for before, after in widths])


class JaxNamespace:
    """Every function of ``NumpyNamespace``, over arrays of JAX."""

    exp = staticmethod(jnp.exp)
    expm1 = staticmethod(jnp.expm1)
    log = staticmethod(jnp.log)
    log1p = staticmethod(jnp.log1p)
    sqrt = staticmethod(jnp.sqrt)
    sin = staticmethod(jnp.sin)
    cos = staticmethod(jnp.cos)
    erf = staticmethod(jax.scipy.special.erf)
    abs = staticmethod(jnp.abs)
    sign = staticmethod(jnp.sign)
    tanh = staticmethod(jnp.tanh)
    maximum = staticmethod(jnp.maximum)
    minimum = staticmethod(jnp.minimum)
    where = staticmethod(jnp.where)
    matmul = staticmethod(_matmul)

    sum = staticmethod(_sum)
    max = staticmethod(_max)
    min = staticmethod(_min)
    cumsum = staticmethod(jnp.cumsum)

    transpose = staticmethod(jnp.transpose)
    swap_last = staticmethod(jnp.matrix_transpose)
    flip = staticmethod(jnp.flip)
    pad = staticmethod(_pad)
    expand_dims = staticmethod(jnp.expand_dims)
    broadcast_to = staticmethod(jnp.broadcast_to)
    concatenate = staticmethod(jnp.concatenate)
    stack = staticmethod(jnp.stack)
    arange = staticmethod(jnp.arange)
    zeros = staticmethod(jnp.zeros)
    asarray = staticmethod(jnp.asarray)
    copy = staticmethod(jnp.asarray)  # nothing is ever written into
    scatter_add = staticmethod(_scatter_add)
    one_hot = staticmethod(_one_hot)
    windows = staticmethod(_windows)
    overlap_add = staticmethod(_overlap_add)


jax_namespace = JaxNamespace()

"""Rows that reduce over axes: none given means all, a number or several are allowed, negative ones count from the end.

The vjps put the reduced axes back with length 1; the gradient then broadcasts over the input, as a sum broadcasts
back what it summed. The running sum, which reduces step by step, stands here too.
"""

from __future__ import annotations

import math
from typing import Any

from glassnet.engine.errors import ShapeError
from glassnet.engine.namespace import Array, Axes
from glassnet.engine.operation import operation


def as_axes(axis: Axes, ndim: int) -> tuple[int, ...]:
    """The axes as non-negative numbers; None is all of them. Raises ShapeError for an axis that does not exist."""
    if axis is None:
        return tuple(range(ndim))
    axes = (axis,) if isinstance(axis, int) else axis
    if any(not -ndim <= a < ndim for a in axes):
        raise ShapeError(f"axis {axis} is out of bounds for array of dimension {ndim}")
    return tuple(a % ndim for a in axes)


def count(x: Array, axis: Axes) -> int:
    """How many elements each reduced value is made of."""
    return x.size if axis is None else math.prod(x.shape[a] for a in as_axes(axis, x.ndim))


def restore(xp: Any, reduced: Array, x: Array, axis: Axes, keepdims: bool) -> Array:
    """A reduced array with its reduced axes put back with length 1, so that it broadcasts against x."""
    if keepdims or axis is None:
        return reduced  # a single number broadcasts as it is
    return xp.expand_dims(reduced, as_axes(axis, x.ndim))


def _sum_vjp(xp: Any, g: Array, out: Array, x: Array, axis: Axes, keepdims: bool) -> Array:
    return xp.broadcast_to(restore(xp, g, x, axis, keepdims), x.shape)


@operation(_sum_vjp)
def sum_(xp: Any, x: Array, *, axis: Axes = None, keepdims: bool = False) -> Array:
    """Sum. The gradient is copied to every element that was summed."""
    return xp.sum(x, axis, keepdims)


def _mean_vjp(xp: Any, g: Array, out: Array, x: Array, axis: Axes, keepdims: bool) -> Array:
    return xp.broadcast_to(restore(xp, g / count(x, axis), x, axis, keepdims), x.shape)


@operation(_mean_vjp)
def mean(xp: Any, x: Array, *, axis: Axes = None, keepdims: bool = False) -> Array:
    """Mean: the sum over the number of elements n; each element's gradient is g / n."""
    return xp.sum(x, axis, keepdims) / count(x, axis)


def _var_vjp(
    xp: Any, g: Array, out: Array, centred: Array, x: Array, axis: Axes, correction: int, keepdims: bool
) -> Array:
    return restore(xp, g, x, axis, keepdims) * (2.0 * centred) / (count(x, axis) - correction)


@operation(_var_vjp, keeps=("centred",))
def var(
    xp: Any, x: Array, *, axis: Axes = None, correction: int = 1, keepdims: bool = False
) -> tuple[Array, tuple[Array]]:
    """Variance: sum((x - mean) ** 2) / (n - correction)."""
    n = count(x, axis)
    centred = x - xp.sum(x, axis, True) / n
    return xp.sum(centred * centred, axis, keepdims) / (n - correction), (centred,)


def _extreme_vjp(xp: Any, g: Array, out: Array, x: Array, axis: Axes, keepdims: bool) -> Array:
    chosen = x == restore(xp, out, x, axis, keepdims)
    ties = xp.sum(chosen.astype(g.dtype), axis, True)
    return chosen * (restore(xp, g, x, axis, keepdims) / ties)


@operation(_extreme_vjp)
def max_(xp: Any, x: Array, *, axis: Axes = None, keepdims: bool = False) -> Array:
    """Largest element. Elements that tie for it share the gradient equally."""
    return xp.max(x, axis, keepdims)


@operation(_extreme_vjp)
def min_(xp: Any, x: Array, *, axis: Axes = None, keepdims: bool = False) -> Array:
    """Smallest element. Elements that tie for it share the gradient equally."""
    return xp.min(x, axis, keepdims)


def _logsumexp_vjp(xp: Any, g: Array, out: Array, softmax: Array, x: Array, axis: Axes, keepdims: bool) -> Array:
    return restore(xp, g, x, axis, keepdims) * softmax


@operation(_logsumexp_vjp, keeps=("softmax",))
def logsumexp(xp: Any, x: Array, *, axis: Axes = None, keepdims: bool = False) -> tuple[Array, tuple[Array]]:
    """log(sum(exp(x))), computed from x - max(x) so that it never overflows. The gradient is softmax(x)."""
    largest = 1.0 * xp.max(x, axis, True)  # a float: the difference of unsigned numbers would wrap around
    e = xp.exp(x - largest)
    total = xp.sum(e, axis, True)
    out = xp.log(total) + largest
    return out if keepdims else xp.sum(out, axis, False), (e / total,)


def _cumsum_vjp(xp: Any, g: Array, out: Array, x: Array, axis: int) -> Array:
    return xp.flip(xp.cumsum(xp.flip(g, axis), axis), axis)


@operation(_cumsum_vjp)
def cumsum(xp: Any, x: Array, *, axis: int) -> Array:
    """Running sum along an axis. An element is part of every sum after it: gradients add up from the end."""
    return xp.cumsum(x, axis)

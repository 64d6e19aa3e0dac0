"""Rows that move elements without computing: their gradients move back the same way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from glassnet.engine.namespace import Array, Shape
from glassnet.engine.operation import operation

#: How many elements to put before and after, for each axis.
Widths = Sequence[tuple[int, int]]


@operation(lambda xp, g, out, x, shape: g.reshape(x.shape))
def reshape(xp: Any, x: Array, *, shape: Shape) -> Array:
    """The same elements in another shape; one axis may be -1 and follows from the others."""
    return x.reshape(shape)


def _inverse(axes: Sequence[int]) -> list[int]:
    return sorted(range(len(axes)), key=lambda i: axes[i] % len(axes))


@operation(lambda xp, g, out, x, axes: xp.transpose(g, _inverse(axes)))
def permute(xp: Any, x: Array, *, axes: Sequence[int]) -> Array:
    """Axes in another order; the gradient takes the inverse permutation."""
    return xp.transpose(x, axes)


@operation(lambda xp, g, out, x, shape: g)
def expand(xp: Any, x: Array, *, shape: Shape) -> Array:
    """Repeat axes of length 1 (and new leading axes) by broadcasting; the gradient is summed over the repeats."""
    return xp.broadcast_to(x, shape)


def _pad_vjp(xp: Any, g: Array, out: Array, x: Array, widths: Widths, value: float) -> Array:
    return g[tuple(slice(before, before + n) for n, (before, _) in zip(x.shape, widths, strict=True))]


@operation(_pad_vjp)
def pad(xp: Any, x: Array, *, widths: Widths, value: float = 0.0) -> Array:
    """``value`` around x: for each axis, how many elements before and after. The gradient of what was added is cut."""
    return xp.pad(x, widths, value)


def _concatenate_vjp(xp: Any, g: Array, out: Array, *parts: Array, axis: int) -> list[Array]:
    axis %= g.ndim
    gradients, start = [], 0
    for part in parts:
        stop = start + part.shape[axis]
        gradients.append(g[(slice(None),) * axis + (slice(start, stop),)])
        start = stop
    return gradients


@operation(joint=_concatenate_vjp)
def concatenate(xp: Any, *parts: Array, axis: int = 0) -> Array:
    """Arrays joined along an axis that exists; the gradient is cut at the same places."""
    return xp.concatenate(parts, axis)


def _stack_vjp(xp: Any, g: Array, out: Array, *parts: Array, axis: int) -> list[Array]:
    before: tuple[Any, ...] = (slice(None),) * (axis % g.ndim)
    return [g[(*before, i)] for i in range(len(parts))]


@operation(joint=_stack_vjp)
def stack(xp: Any, *parts: Array, axis: int = 0) -> Array:
    """Arrays of one shape joined along a new axis."""
    return xp.stack(parts, axis)

"""Rows that slide a window over space: convolution and pooling, over one axis, two or more.

Arrays are channels-last: (N, *S, C), such as (N, T, C) for sequences and (N, H, W, C) for images. ``kernel``,
``stride`` and ``dilation`` have a number for each axis of space, ``padding`` how many elements to put before and after.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from glassnet.engine.namespace import Array
from glassnet.engine.operation import operation

Padding = Sequence[tuple[int, int]]


def _padded(xp: Any, x: Array, padding: Padding, value: float = 0.0) -> Array:
    return xp.pad(x, ((0, 0), *padding, (0, 0)), value) if any(map(any, padding)) else x


def _padded_shape(x: Array, padding: Padding) -> tuple[int, ...]:
    space = (n + before + after for n, (before, after) in zip(x.shape[1:-1], padding, strict=True))
    return x.shape[0], *space, x.shape[-1]


def _unpad(x: Array, padding: Padding) -> Array:
    inner = (slice(before, n - after) for n, (before, after) in zip(x.shape[1:-1], padding, strict=True))
    return x[(slice(None), *inner)]


def _by_group(xp: Any, weight: Array, groups: int) -> Array:
    """weight (*K, in / groups, out) as one matrix for each group: (groups, prod(K) * in / groups, out / groups)."""
    rows = math.prod(weight.shape[:-1])
    return xp.transpose(weight.reshape(rows, groups, weight.shape[-1] // groups), (1, 0, 2))


def _columns_by_group(xp: Any, columns: Array, groups: int) -> Array:
    """(M, prod(K), C) -> (groups, M, prod(K) * C / groups)."""
    rows, covered, channels = columns.shape
    split = columns.reshape(rows, covered, groups, channels // groups)
    return xp.transpose(split, (2, 0, 1, 3)).reshape(groups, rows, covered * channels // groups)


def _conv_vjp(
    xp: Any,
    g: Array,
    out: Array,
    columns: Array,
    x: Array,
    weight: Array,
    stride: Sequence[int],
    padding: Padding,
    dilation: Sequence[int],
    groups: int,
) -> tuple[Array, Array]:
    kernel, channels = weight.shape[:-2], x.shape[-1]
    rows, covered = math.prod(g.shape[:-1]), math.prod(kernel)
    by_group = xp.transpose(g.reshape(rows, groups, g.shape[-1] // groups), (1, 0, 2))  # (groups, M, out / groups)
    d_weight = xp.matmul(xp.swap_last(columns), by_group)  # (groups, prod(K) * in / groups, out / groups)
    d_weight = xp.transpose(d_weight, (1, 0, 2)).reshape(weight.shape)
    d_columns = xp.matmul(by_group, xp.swap_last(_by_group(xp, weight, groups)))
    d_columns = xp.transpose(d_columns.reshape(groups, rows, covered, channels // groups), (1, 2, 0, 3))
    parts = d_columns.reshape(*g.shape[:-1], *kernel, channels)
    return _unpad(xp.overlap_add(parts, _padded_shape(x, padding), stride, dilation), padding), d_weight


@operation(joint=_conv_vjp, keeps=("columns",))
def conv(
    xp: Any,
    x: Array,
    weight: Array,
    *,
    stride: Sequence[int],
    padding: Padding,
    dilation: Sequence[int],
    groups: int = 1,
) -> tuple[Array, tuple[Array]]:
    """Cross-correlation, as networks call convolution: at each place, the window's elements times the weights, summed.

    x (N, *S, in), weight (*K, in / groups, out) -> (N, *places, out). The windows are laid out as the rows of a
    matrix, so that the whole is one product. With groups, a group of outputs sees a group of inputs only.
    """
    kernel, channels = weight.shape[:-2], x.shape[-1]
    if len(kernel) != x.ndim - 2 or weight.shape[-2] * groups != channels or weight.shape[-1] % groups:
        raise ValueError(f"weights for {weight.shape[-2] * groups} channels over {len(kernel)} axes do not fit")
    seen = xp.windows(_padded(xp, x, padding), kernel, stride, dilation)  # (N, *places, *K, in)
    space = seen.shape[: x.ndim - 1]
    flat = seen.reshape(math.prod(space), math.prod(kernel), channels)
    columns = _columns_by_group(xp, flat, groups)
    product = xp.matmul(columns, _by_group(xp, weight, groups))  # (groups, M, out / groups)
    return xp.transpose(product, (1, 0, 2)).reshape(*space, weight.shape[-1]), (columns,)


def _window_axes(kernel: Sequence[int]) -> tuple[int, ...]:
    return tuple(range(1 + len(kernel), 1 + 2 * len(kernel)))


def _max_pool_vjp(
    xp: Any, g: Array, out: Array, x: Array, kernel: Sequence[int], stride: Sequence[int], padding: Padding
) -> Array:
    axes, ones = _window_axes(kernel), (1,) * len(kernel)
    seen = xp.windows(_padded(xp, x, padding, -math.inf), kernel, stride, ones)
    chosen = (seen == xp.expand_dims(out, axes)).astype(g.dtype)
    parts = chosen * (xp.expand_dims(g, axes) / xp.sum(chosen, axes, True))
    return _unpad(xp.overlap_add(parts, _padded_shape(x, padding), stride, ones), padding)


@operation(_max_pool_vjp)
def max_pool(xp: Any, x: Array, *, kernel: Sequence[int], stride: Sequence[int], padding: Padding) -> Array:
    """The largest element of each window. Elements that tie for it share the gradient equally.

    x (N, *S, C) -> (N, *places, C). What is padded is minus infinity: it is never the largest.
    """
    seen = xp.windows(_padded(xp, x, padding, -math.inf), kernel, stride, (1,) * len(kernel))
    return xp.max(seen, _window_axes(kernel))


def _avg_pool_vjp(
    xp: Any, g: Array, out: Array, x: Array, kernel: Sequence[int], stride: Sequence[int], padding: Padding
) -> Array:
    shares = xp.expand_dims(g / math.prod(kernel), _window_axes(kernel))
    parts = xp.broadcast_to(shares, (*g.shape[:-1], *kernel, g.shape[-1]))
    return _unpad(xp.overlap_add(parts, _padded_shape(x, padding), stride, (1,) * len(kernel)), padding)


@operation(_avg_pool_vjp)
def avg_pool(xp: Any, x: Array, *, kernel: Sequence[int], stride: Sequence[int], padding: Padding) -> Array:
    """The mean of each window; each of its elements takes an equal share of the gradient.

    x (N, *S, C) -> (N, *places, C). What is padded is 0 and counts.
    """
    seen = xp.windows(_padded(xp, x, padding), kernel, stride, (1,) * len(kernel))
    return xp.sum(seen, _window_axes(kernel)) / math.prod(kernel)

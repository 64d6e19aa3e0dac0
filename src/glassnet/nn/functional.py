"""Layers and losses as functions, for networks and training loops written by hand."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

from glassnet.engine import ops
from glassnet.engine.checks import check_indices
from glassnet.engine.convert import FLOAT
from glassnet.engine.errors import ConfigError, ShapeError
from glassnet.engine.functions import relu, sigmoid, tanh
from glassnet.engine.operation import Operation
from glassnet.engine.options import integer_option, number_option
from glassnet.engine.random import stream_words
from glassnet.engine.tensor import Tensor, TensorLike, apply, as_tensor
from glassnet.nn.loss_functions import (
    binary_cross_entropy_with_logits,
    cross_entropy,
    huber_loss,
    l1_loss,
    mse_loss,
    nll_loss,
)

__all__ = [
    "avg_pool1d",
    "avg_pool2d",
    "binary_cross_entropy_with_logits",
    "conv1d",
    "conv2d",
    "cross_entropy",
    "dropout",
    "elu",
    "embedding",
    "gelu",
    "huber_loss",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log_softmax",
    "max_pool1d",
    "max_pool2d",
    "mse_loss",
    "nll_loss",
    "one_hot",
    "pad",
    "relu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "tanh",
]

#: One number for all axes of space, or one for each.
Size = int | Sequence[int]
#: How many elements to put before and after, for each axis of space.
Padding = tuple[tuple[int, int], ...]


def linear(x: TensorLike, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x @ weight + bias. x (..., in), weight (in, out), bias (out,) -> (..., out)."""
    return apply(ops.project, x, weight) if bias is None else apply(ops.linear, x, weight, bias)


def embedding(indices: TensorLike, weight: Tensor) -> Tensor:
    """Row weight[i] for each index i. indices (...) whole numbers, weight (rows, width) -> (..., width).

    Raises DataError for indices that are no whole numbers or have no row.
    """
    places = as_tensor(indices)
    check_indices(places.data, weight.shape[0], "indices")
    return apply(ops.embedding, places, weight)


def one_hot(indices: TensorLike, num_classes: int) -> Tensor:
    """A row of zeros with a 1 at each index, in float32. indices (...) whole numbers -> (..., num_classes).

    Raises DataError for indices that are no whole numbers or have no place.
    """
    places = as_tensor(indices)
    check_indices(places.data, num_classes, "indices")
    return apply(ops.one_hot, places, classes=num_classes, dtype=FLOAT)


# Activations


def leaky_relu(x: TensorLike, negative_slope: float = 0.01) -> Tensor:
    """x above 0, negative_slope * x below."""
    return apply(ops.leaky_relu, x, negative_slope=negative_slope)


def elu(x: TensorLike, alpha: float = 1.0) -> Tensor:
    """x above 0, alpha * (e ** x - 1) below."""
    return apply(ops.elu, x, alpha=alpha)


def gelu(x: TensorLike) -> Tensor:
    """x * P(X < x) for a standard normal X."""
    return apply(ops.gelu, x)


def silu(x: TensorLike) -> Tensor:
    """x * sigmoid(x)."""
    return apply(ops.silu, x)


def softplus(x: TensorLike) -> Tensor:
    """log(1 + e ** x), stable at any size of x."""
    return apply(ops.softplus, x)


def softmax(x: TensorLike, dim: int = -1) -> Tensor:
    """exp(x) / sum(exp(x)) along an axis."""
    return apply(ops.softmax, x, axis=dim)


def log_softmax(x: TensorLike, dim: int = -1) -> Tensor:
    """log(softmax(x)) along an axis, stable at any size of x."""
    return apply(ops.log_softmax, x, axis=dim)


def dropout(x: TensorLike, p: float = 0.5, training: bool = True, stream: int = 0) -> Tensor:
    """Elements set to 0 with probability p and the others divided by 1 - p, in training.

    What is dropped is a function of the seed and step of the training, and of ``stream``.
    """
    number_option("dropout p", p, 0, below=1)
    if not training or p == 0:
        return as_tensor(x)
    return apply(ops.dropout, x, stream_words(stream), rate=float(p))


def layer_norm(
    x: Tensor, normalized_shape: Sequence[int], weight: TensorLike = 1.0, bias: TensorLike = 0.0, eps: float = 1e-5
) -> Tensor:
    """(x - mean) / sqrt(variance + eps) * weight + bias over the last axes, which have the normalized_shape."""
    if x.shape[-len(normalized_shape) :] != tuple(normalized_shape):
        raise ShapeError(f"expected inputs with the last axes {tuple(normalized_shape)}, got shape {x.shape}.")
    return apply(ops.layer_norm, x, weight, bias, axes=tuple(range(-len(normalized_shape), 0)), eps=eps)


# Space: channels are the last axis


def pad(x: TensorLike, pad: Sequence[int], value: float = 0.0) -> Tensor:
    """``value`` around x; ``pad`` says how much: before and after the last axis, then the one before it, and so on."""
    tensor = as_tensor(x)
    if len(pad) % 2 or len(pad) > 2 * tensor.ndim or any(n < 0 for n in pad):
        raise ShapeError(f"pad takes two numbers of at least 0 for an axis, got {pad!r} for shape {tensor.shape}.")
    pairs = list(zip(pad[::2], pad[1::2], strict=True))
    every = [pair for _, pair in zip_longest(range(tensor.ndim), pairs, fillvalue=(0, 0))]
    return apply(ops.pad, tensor, widths=tuple(reversed(every)), value=value)


def conv(
    x: TensorLike,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sequence[int],
    padding: Padding,
    dilation: Sequence[int],
    groups: int,
) -> Tensor:
    """Convolution over any number of axes: x (N, *S, in), weight (*K, in / groups, out) -> (N, *places, out)."""
    out = apply(ops.conv, x, weight, stride=stride, padding=padding, dilation=dilation, groups=groups)
    return out if bias is None else out + bias


def conv1d(
    x: TensorLike,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Tensor:
    """x (N, T, in), weight (K, in / groups, out), bias (out,) -> (N, T', out)."""
    return _conv("conv1d", x, weight, bias, stride, padding, dilation, groups)


def conv2d(
    x: TensorLike,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Tensor:
    """x (N, H, W, in), weight (KH, KW, in / groups, out), bias (out,) -> (N, H', W', out)."""
    return _conv("conv2d", x, weight, bias, stride, padding, dilation, groups)


def _conv(
    name: str,
    x: TensorLike,
    weight: Tensor,
    bias: Tensor | None,
    stride: Size,
    padding: Size | str,
    dilation: Size,
    groups: int,
) -> Tensor:
    axes = int(name[4])
    if weight.ndim != axes + 2:
        raise ShapeError(f"{name} expected weights of {axes + 2} axes (*kernel, in, out), got shape {weight.shape}.")
    strides, dilations = sizes("stride", stride, axes, 1), sizes("dilation", dilation, axes, 1)
    widths = padding_option(name, padding, weight.shape[:-2], strides, dilations)
    return conv(x, weight, bias, strides, widths, dilations, groups)


def pool(
    operation: Operation, x: TensorLike, kernel: Sequence[int], stride: Sequence[int], padding: Sequence[int]
) -> Tensor:
    """A pooling over any number of axes: x (N, *S, C) -> (N, *places, C)."""
    return apply(operation, x, kernel=kernel, stride=stride, padding=tuple((n, n) for n in padding))


def max_pool1d(x: TensorLike, kernel_size: Size, stride: Size | None = None, padding: Size = 0) -> Tensor:
    """The largest element of each window. x (N, T, C) -> (N, T', C)."""
    return _pool(ops.max_pool, 1, x, kernel_size, stride, padding)


def max_pool2d(x: TensorLike, kernel_size: Size, stride: Size | None = None, padding: Size = 0) -> Tensor:
    """The largest element of each window. x (N, H, W, C) -> (N, H', W', C)."""
    return _pool(ops.max_pool, 2, x, kernel_size, stride, padding)


def avg_pool1d(x: TensorLike, kernel_size: Size, stride: Size | None = None, padding: Size = 0) -> Tensor:
    """The mean of each window, padded zeros included. x (N, T, C) -> (N, T', C)."""
    return _pool(ops.avg_pool, 1, x, kernel_size, stride, padding)


def avg_pool2d(x: TensorLike, kernel_size: Size, stride: Size | None = None, padding: Size = 0) -> Tensor:
    """The mean of each window, padded zeros included. x (N, H, W, C) -> (N, H', W', C)."""
    return _pool(ops.avg_pool, 2, x, kernel_size, stride, padding)


def _pool(
    operation: Operation, axes: int, x: TensorLike, kernel_size: Size, stride: Size | None, padding: Size
) -> Tensor:
    kernel = sizes("kernel_size", kernel_size, axes, 1)
    steps = kernel if stride is None else sizes("stride", stride, axes, 1)
    return pool(operation, x, kernel, steps, sizes("padding", padding, axes, 0))


def sizes(option: str, value: Size, axes: int, minimum: int) -> tuple[int, ...]:
    """A number for each axis of space. Raises ConfigError for too few or too many, or what is too small."""
    numbers = [value] * axes if isinstance(value, int) else list(value)
    if len(numbers) != axes:
        raise ConfigError(f"{option} must be one number or {axes}, got {value!r}.")
    return tuple(integer_option(option, n, minimum) for n in numbers)


def padding_option(
    owner: str,
    padding: Size | str | Sequence[Sequence[int]],
    kernel: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
) -> Padding:
    """How much to pad before and after each axis: numbers, "valid" (nothing) or "same" (as many places as elements).

    A pair for an axis says how much before and after. Raises ConfigError for anything else.
    """
    if padding == "valid":
        return ((0, 0),) * len(kernel)
    if padding == "same":
        if any(n != 1 for n in stride):
            raise ConfigError(f"{owner} padding 'same' needs stride 1, got {tuple(stride)}.")
        reach = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
        return tuple((n // 2, n - n // 2) for n in reach)
    if isinstance(padding, str):
        raise ConfigError(f"{owner} padding must be 'same', 'valid' or numbers, got {padding!r}.")
    each: list[Any] = [padding] * len(kernel) if isinstance(padding, int) else list(padding)
    if len(each) != len(kernel):
        raise ConfigError(f"{owner} padding must be one number or {len(kernel)}, got {padding!r}.")
    pairs = [sizes(f"{owner} padding", both, 2, 0) for both in each]
    return tuple((before, after) for before, after in pairs)

"""Normalisations with the statistics of each example by itself: the same in training and evaluation."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from glassnet.engine import ops
from glassnet.engine.convert import FLOAT
from glassnet.engine.errors import ConfigError, ShapeError
from glassnet.engine.namespace import Shape
from glassnet.engine.options import integer_option, number_option
from glassnet.engine.tensor import Tensor, apply
from glassnet.nn.module import Module, Parameter


class ExampleNorm(Module):
    """Base of LayerNorm, GroupNorm and InstanceNorm: (x - mean) / sqrt(variance + eps) * weight + bias.

    weight: the gain, ones; bias: zeros; neither without ``affine``.
    """

    weight: Parameter | None
    bias: Parameter | None

    def _start(self, shape: Shape, eps: float, affine: bool) -> None:
        self.eps = number_option(f"{type(self).__name__} eps", eps, above=0)
        self.weight = Parameter(np.ones(shape, FLOAT)) if affine else None
        self.bias = Parameter(np.zeros(shape, FLOAT)) if affine else None

    def _normalize(self, x: Tensor, axes: tuple[int, ...], shape: Shape) -> Tensor:
        """Over the axes of x; gain and bias in the given shape."""
        if math.prod(x.shape[a] for a in axes) < 2:
            raise ShapeError(f"expected more than one value to normalise over, got shape {x.shape}.")
        gain = 1.0 if self.weight is None else self.weight.reshape(*shape)
        bias = 0.0 if self.bias is None else self.bias.reshape(*shape)
        return apply(ops.layer_norm, x, gain, bias, axes=axes, eps=self.eps)


class LayerNorm(ExampleNorm):
    """Normalises each example over its last axes (Ba et al., 2016, https://arxiv.org/abs/1607.06450).

    normalized_shape: the length of the last axis, or the shape of the last axes; the shape of weight and bias too.
    """

    def __init__(
        self, normalized_shape: int | Sequence[int], eps: float = 1e-5, elementwise_affine: bool = True
    ) -> None:
        shape = [normalized_shape] if isinstance(normalized_shape, int) else list(normalized_shape)
        self.normalized_shape = [integer_option("LayerNorm normalized_shape", n, 1) for n in shape]
        self.elementwise_affine = elementwise_affine
        self._start(tuple(self.normalized_shape), eps, elementwise_affine)

    def forward(self, x: Tensor) -> Tensor:
        """(..., *normalized_shape) -> the same shape."""
        shape = tuple(self.normalized_shape)
        if x.shape[-len(shape) :] != shape:
            raise ShapeError(f"expected inputs with the last axes {shape}, got shape {x.shape}.")
        return self._normalize(x, tuple(range(-len(shape), 0)), shape)

    def extra_repr(self) -> str:
        """The shape."""
        return " x ".join(map(str, self.normalized_shape))


class GroupNorm(ExampleNorm):
    """Normalises each example over space and each of ``num_groups`` groups of channels, the last axis
    (Wu and He, 2018, https://arxiv.org/abs/1803.08494). weight and bias: (num_channels,).
    """

    def __init__(self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True) -> None:
        self.num_groups = integer_option("GroupNorm num_groups", num_groups, 1)
        self.num_channels = integer_option("GroupNorm num_channels", num_channels, 1)
        if num_channels % num_groups:
            raise ConfigError(f"GroupNorm num_groups must divide num_channels, got {num_groups} and {num_channels}.")
        self.affine = affine
        self._start((num_channels,), eps, affine)

    def forward(self, x: Tensor) -> Tensor:
        """(N, ..., C) -> the same shape."""
        if x.ndim < 2 or x.shape[-1] != self.num_channels:
            raise ShapeError(
                f"expected inputs with {self.num_channels} channels in the last axis, got shape {x.shape}."
            )
        groups = (self.num_groups, self.num_channels // self.num_groups)
        split = x.reshape(x.shape[0], math.prod(x.shape[1:-1]), *groups)  # (N, S, G, C / G)
        return self._normalize(split, (1, 3), groups).reshape(*x.shape)

    def extra_repr(self) -> str:
        """Groups and channels."""
        return f"{self.num_channels} in {self.num_groups} groups"


class InstanceNorm(ExampleNorm):
    """Normalises each channel, the last axis, of each example over space (Ulyanov et al., 2016,
    https://arxiv.org/abs/1607.08022); one axis of space or more. weight and bias: (num_features,), if ``affine``.
    """

    def __init__(self, num_features: int, eps: float = 1e-5, affine: bool = False) -> None:
        self.num_features = integer_option("InstanceNorm num_features", num_features, 1)
        self.affine = affine
        self._start((num_features,), eps, affine)

    def forward(self, x: Tensor) -> Tensor:
        """(N, *space, C) -> the same shape."""
        if x.ndim < 3 or x.shape[-1] != self.num_features:
            raise ShapeError(f"expected inputs (N, *space, {self.num_features}), got shape {x.shape}.")
        return self._normalize(x, tuple(range(1, x.ndim - 1)), (self.num_features,))

    def extra_repr(self) -> str:
        """The number of channels."""
        return f"{self.num_features}"

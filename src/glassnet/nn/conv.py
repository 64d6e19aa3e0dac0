"""Convolutions: the same weights at every place. Channels are the last axis."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from glassnet.engine.convert import FLOAT
from glassnet.engine.errors import ConfigError, ShapeError
from glassnet.engine.options import integer_option
from glassnet.engine.tensor import Tensor
from glassnet.nn import functional
from glassnet.nn.functional import Size
from glassnet.nn.module import Parameter
from glassnet.nn.projection import Projection


class Conv(Projection):
    """Base of Conv1d and Conv2d.

    weight: (*kernel, in_channels / groups, out_channels), drawn as the weights of Linear with
        fan_in = product(kernel) * in_channels / groups. bias: (out_channels,), zeros.
    """

    space: ClassVar[tuple[str, ...]] = ()  # the names of the axes of space

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size | str = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        *,
        nonlinearity: str | None = None,
    ) -> None:
        name, axes = type(self).__name__, len(self.space)
        self.in_channels = integer_option(f"{name} in_channels", in_channels, 1)
        self.out_channels = integer_option(f"{name} out_channels", out_channels, 1)
        self.groups = integer_option(f"{name} groups", groups, 1)
        if in_channels % groups or out_channels % groups:
            raise ConfigError(
                f"{name} groups must divide in_channels and out_channels, got {groups} for {in_channels} -> "
                f"{out_channels}."
            )
        self.kernel_size = functional.sizes(f"{name} kernel_size", kernel_size, axes, 1)
        self.stride = functional.sizes(f"{name} stride", stride, axes, 1)
        self.dilation = functional.sizes(f"{name} dilation", dilation, axes, 1)
        self.padding = functional.padding_option(name, padding, self.kernel_size, self.stride, self.dilation)
        self.draw_weight((*self.kernel_size, in_channels // groups, out_channels), nonlinearity)
        self.bias = Parameter(np.zeros(out_channels, FLOAT)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """(N, *space, in_channels) -> (N, *places, out_channels)."""
        wanted = f"(N, {', '.join(self.space)}, {self.in_channels})"
        if x.ndim != len(self.space) + 2 or x.shape[-1] != self.in_channels:
            hint = ""
            if x.ndim == len(self.space) + 2 and x.shape[1] == self.in_channels:
                order = (0, *range(2, x.ndim), 1)
                hint = f" Channels are the last axis: write x.permute{order}."
            elif x.ndim == len(self.space) + 1 and self.in_channels == 1:
                hint = " Write x.unsqueeze(-1) for one channel."
            raise ShapeError(f"expected inputs {wanted}, got shape {x.shape}.{hint}")
        return functional.conv(x, self.weight, self.bias, self.stride, self._padding(), self.dilation, self.groups)

    def _padding(self) -> functional.Padding:
        return self.padding

    def config(self) -> dict[str, object]:
        """The arguments that make an equal layer."""
        return {
            "in_channels": self.in_channels,
            "out_channels": self.out_channels,
            "kernel_size": list(self.kernel_size),
            "stride": list(self.stride),
            "padding": [list(pair) for pair in self.padding],
            "dilation": list(self.dilation),
            "groups": self.groups,
            "bias": self.bias is not None,
            "nonlinearity": self.nonlinearity,
        }

    def extra_repr(self) -> str:
        """Channels in and out, and the kernel."""
        kernel = " x ".join(map(str, self.kernel_size))
        parts = [f"{self.in_channels} -> {self.out_channels}", f"kernel {kernel}"]
        parts += [
            f"{name} {' x '.join(map(str, value))}"
            for name, value in (("stride", self.stride), ("dilation", self.dilation))
            if any(n != 1 for n in value)
        ]
        return ", ".join(parts + ([] if self.bias is not None else ["no bias"]))


class Conv1d(Conv):
    """Convolution over sequences: (N, T, in_channels) -> (N, T', out_channels).

    weight: (kernel_size, in_channels / groups, out_channels); bias: (out_channels,).
    padding: how many zeros on each side, or "same" (T' = T for stride 1), or "valid" (none).
    causal: pad on the left only, so that no output sees what comes after it, and T' = T for stride 1
        (van den Oord et al., 2016, https://arxiv.org/abs/1609.03499).

    >>> nn.Conv1d(4, 8, kernel_size=3)(np.zeros((2, 10, 4))).shape
    (2, 8, 8)
    >>> nn.Conv1d(4, 8, kernel_size=3, causal=True)(np.zeros((2, 10, 4))).shape
    (2, 10, 8)
    """

    space = ("T",)

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size | str = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        *,
        causal: bool = False,
        nonlinearity: str | None = None,
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            groups,
            bias,
            nonlinearity=nonlinearity,
        )
        self.causal = causal
        if causal and any(map(any, self.padding)):
            raise ConfigError(f"Conv1d causal pads by itself: leave out padding, got {padding!r}.")

    def _padding(self) -> functional.Padding:
        reach = self.dilation[0] * (self.kernel_size[0] - 1)
        return ((reach, 0),) if self.causal else self.padding

    def config(self) -> dict[str, object]:
        """The arguments that make an equal layer."""
        return {**super().config(), "causal": self.causal}

    def extra_repr(self) -> str:
        """Channels in and out, and the kernel."""
        return super().extra_repr() + (", causal" if self.causal else "")


class Conv2d(Conv):
    """Convolution over images: (N, H, W, in_channels) -> (N, H', W', out_channels).

    weight: (height, width, in_channels / groups, out_channels); bias: (out_channels,).
    kernel_size, stride, padding, dilation: one number for both axes, or one for each.
    padding: how many zeros on each side, or "same" (H' = H and W' = W for stride 1), or "valid" (none).

    >>> nn.Conv2d(1, 8, kernel_size=5, stride=2)(np.zeros((2, 28, 28, 1))).shape
    (2, 12, 12, 8)
    """

    space = ("H", "W")

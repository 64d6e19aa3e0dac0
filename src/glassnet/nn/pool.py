"""Pooling: from the elements of a window to one. Channels are the last axis."""

from __future__ import annotations

from typing import Any, ClassVar

from glassnet.engine import ops
from glassnet.engine.errors import ConfigError, ShapeError
from glassnet.engine.operation import Operation
from glassnet.engine.tensor import Tensor
from glassnet.nn import functional
from glassnet.nn.functional import Size
from glassnet.nn.module import Module


class Pool(Module):
    """Base of all poolings. ``stride`` is the kernel's size unless given; ``padding`` at most half of the kernel."""

    space: ClassVar[tuple[str, ...]] = ()
    operation: ClassVar[Operation]

    def __init__(self, kernel_size: Size, stride: Size | None = None, padding: Size = 0) -> None:
        name, axes = type(self).__name__, len(self.space)
        self.kernel_size = functional.sizes(f"{name} kernel_size", kernel_size, axes, 1)
        self.stride = functional.sizes(f"{name} stride", self.kernel_size if stride is None else stride, axes, 1)
        self.padding = functional.sizes(f"{name} padding", padding, axes, 0)
        if any(2 * p > k for p, k in zip(self.padding, self.kernel_size, strict=True)):
            raise ConfigError(f"{name} padding must be at most half of the kernel {self.kernel_size}, got {padding!r}.")

    def forward(self, x: Tensor) -> Tensor:
        """(N, *space, C) -> (N, *places, C)."""
        if x.ndim != len(self.space) + 2:
            raise ShapeError(f"expected inputs (N, {', '.join(self.space)}, C), got shape {x.shape}.")
        return functional.pool(self.operation, x, self.kernel_size, self.stride, self.padding)

    def config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        return {name: list(getattr(self, name)) for name in ("kernel_size", "stride", "padding")}

    def extra_repr(self) -> str:
        """The kernel."""
        return " x ".join(map(str, self.kernel_size))


class MaxPool1d(Pool):
    """The largest element of each window: (N, T, C) -> (N, T', C)."""

    space, operation = ("T",), ops.max_pool


class MaxPool2d(Pool):
    """The largest element of each window: (N, H, W, C) -> (N, H', W', C)."""

    space, operation = ("H", "W"), ops.max_pool


class AvgPool1d(Pool):
    """The mean of each window, padded zeros included: (N, T, C) -> (N, T', C)."""

    space, operation = ("T",), ops.avg_pool


class AvgPool2d(Pool):
    """The mean of each window, padded zeros included: (N, H, W, C) -> (N, H', W', C)."""

    space, operation = ("H", "W"), ops.avg_pool

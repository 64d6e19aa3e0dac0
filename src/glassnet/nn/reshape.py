"""Layers that change the shape and nothing else."""

from __future__ import annotations

from glassnet.engine.tensor import Tensor
from glassnet.nn.module import Module


class Flatten(Module):
    """The axes from ``start_dim`` to ``end_dim`` (inclusive) joined into one: (N, 28, 28) becomes (N, 784)."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, x: Tensor) -> Tensor:
        """(N, ...) -> (N, product of the other axes) with the defaults."""
        return x.flatten(self.start_dim, self.end_dim)

"""Activation functions as layers: element by element, except Softmax."""

from __future__ import annotations

from glassnet.engine.tensor import Tensor
from glassnet.nn.module import Module


class ReLU(Module):
    """max(x, 0)."""

    def forward(self, x: Tensor) -> Tensor:
        """Same shape as x."""
        return x.relu()


class Tanh(Module):
    """tanh(x), range (-1, 1)."""

    def forward(self, x: Tensor) -> Tensor:
        """Same shape as x."""
        return x.tanh()


class Sigmoid(Module):
    """1 / (1 + e ** -x), range (0, 1)."""

    def forward(self, x: Tensor) -> Tensor:
        """Same shape as x."""
        return x.sigmoid()


class Softmax(Module):
    """exp(x) / sum(exp(x)) along an axis. CrossEntropyLoss takes logits: leave Softmax out of what it trains."""

    def __init__(self, dim: int = -1) -> None:
        self.dim = dim

    def forward(self, x: Tensor) -> Tensor:
        """Same shape as x, positive, sums to 1 along the axis."""
        return x.softmax(self.dim)

"""Losses as modules: what training makes small. They take the network's outputs and the targets."""

from __future__ import annotations

from glassnet.engine.tensor import Tensor, TensorLike
from glassnet.nn import functional
from glassnet.nn.module import Module


class CrossEntropyLoss(Module):
    """-log softmax(logits)[target], in nats. Takes logits (..., K), not probabilities, and class numbers (...)."""

    task = "classification"

    def __init__(self, reduction: str = "mean") -> None:
        self.reduction = reduction

    def forward(self, logits: Tensor, targets: TensorLike) -> Tensor:
        """A number, or (...) for ``reduction="none"``."""
        return functional.cross_entropy(logits, targets, self.reduction)


class MSELoss(Module):
    """(prediction - target) ** 2: the mean over all elements. Both must have the same shape."""

    task = "regression"

    def __init__(self, reduction: str = "mean") -> None:
        self.reduction = reduction

    def forward(self, predictions: Tensor, targets: TensorLike) -> Tensor:
        """A number, or the shape of the predictions for ``reduction="none"``."""
        return functional.mse_loss(predictions, targets, self.reduction)

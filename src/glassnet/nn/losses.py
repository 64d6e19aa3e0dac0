"""Losses as modules: what training makes small. They take the network's outputs and the targets."""

from __future__ import annotations

from glassnet.engine.tensor import Tensor, TensorLike
from glassnet.nn import functional
from glassnet.nn.loss_functions import check_class_weights, check_reduction
from glassnet.nn.module import Module


class CrossEntropyLoss(Module):
    """-log softmax(logits)[target], in nats. Takes logits (..., K), not probabilities, and class numbers (...) or the
    probability of each class (..., K). The options are those of ``functional.cross_entropy``.

    label_smoothing: in training only, as dropout: in evaluation mode the loss is that of the targets as they are, so
    that validation losses can be compared. ``fit`` and ``evaluate`` switch the mode.
    """

    task = "classification"

    def __init__(
        self,
        weight: TensorLike | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        check_class_weights(weight, type(self).__name__)
        self.weight = weight
        self.ignore_index = ignore_index
        check_reduction(reduction, type(self).__name__)
        self.reduction = reduction
        self.label_smoothing = label_smoothing

    def forward(self, logits: Tensor, targets: TensorLike) -> Tensor:
        """A number, or (...) for ``reduction="none"``."""
        return functional.cross_entropy(
            logits,
            targets,
            self.reduction,
            weight=self.weight,
            ignore_index=self.ignore_index,
            label_smoothing=self.label_smoothing if self.training else 0.0,
        )


class NLLLoss(Module):
    """-log_probabilities[target]. Takes the output of LogSoftmax (..., K) and class numbers (...)."""

    task = "classification"

    def __init__(self, weight: TensorLike | None = None, ignore_index: int = -100, reduction: str = "mean") -> None:
        check_class_weights(weight, type(self).__name__)
        self.weight = weight
        self.ignore_index = ignore_index
        check_reduction(reduction, type(self).__name__)
        self.reduction = reduction

    def forward(self, log_probabilities: Tensor, targets: TensorLike) -> Tensor:
        """A number, or (...) for ``reduction="none"``."""
        return functional.nll_loss(
            log_probabilities, targets, self.reduction, weight=self.weight, ignore_index=self.ignore_index
        )


class BCEWithLogitsLoss(Module):
    """-y * log sigmoid(logit) - (1 - y) * log(1 - sigmoid(logit)), for yes-or-no questions: each logit is one.

    pos_weight: how much a positive counts, a number or one for each column.
    """

    task = "binary"

    def __init__(self, reduction: str = "mean", pos_weight: TensorLike | None = None) -> None:
        check_reduction(reduction, type(self).__name__)
        self.reduction = reduction
        self.pos_weight = pos_weight

    def forward(self, logits: Tensor, targets: TensorLike) -> Tensor:
        """A number, or the shape of the logits for ``reduction="none"``."""
        return functional.binary_cross_entropy_with_logits(logits, targets, self.reduction, pos_weight=self.pos_weight)


class MSELoss(Module):
    """(prediction - target) ** 2: the mean over all elements. Both must have the same shape."""

    task = "regression"

    def __init__(self, reduction: str = "mean") -> None:
        check_reduction(reduction, type(self).__name__)
        self.reduction = reduction

    def forward(self, predictions: Tensor, targets: TensorLike) -> Tensor:
        """A number, or the shape of the predictions for ``reduction="none"``."""
        return functional.mse_loss(predictions, targets, self.reduction)


class L1Loss(Module):
    """|prediction - target|: the mean over all elements. Both must have the same shape."""

    task = "regression"

    def __init__(self, reduction: str = "mean") -> None:
        check_reduction(reduction, type(self).__name__)
        self.reduction = reduction

    def forward(self, predictions: Tensor, targets: TensorLike) -> Tensor:
        """A number, or the shape of the predictions for ``reduction="none"``."""
        return functional.l1_loss(predictions, targets, self.reduction)


class HuberLoss(Module):
    """The square of small differences and the size of large ones, joined smoothly at ``delta``."""

    task = "regression"

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        check_reduction(reduction, type(self).__name__)
        self.reduction = reduction
        self.delta = delta

    def forward(self, predictions: Tensor, targets: TensorLike) -> Tensor:
        """A number, or the shape of the predictions for ``reduction="none"``."""
        return functional.huber_loss(predictions, targets, self.reduction, self.delta)

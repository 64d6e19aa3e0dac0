"""Losses as functions: from outputs and targets to a number. All are stable at logits of any size."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.engine import ops
from glassnet.engine.checks import check_indices, require
from glassnet.engine.errors import ConfigError, DataError, ShapeError
from glassnet.engine.namespace import Array
from glassnet.engine.ops.index import POSITIONS
from glassnet.engine.options import number_option
from glassnet.engine.scope import scope
from glassnet.engine.tensor import Tensor, TensorLike, apply, as_tensor

# Distances


def mse_loss(predictions: Tensor, targets: TensorLike, reduction: str = "mean") -> Tensor:
    """(prediction - target) ** 2, the mean over all elements, their sum, or (reduction="none") each.

    Raises ShapeError if the shapes differ: broadcasting (N, 1) against (N,) would compare all with all.
    """
    difference = _difference(predictions, targets)
    return _reduce(difference * difference, reduction)


def l1_loss(predictions: Tensor, targets: TensorLike, reduction: str = "mean") -> Tensor:
    """|prediction - target|; ``reduction`` and errors as in ``mse_loss``."""
    return _reduce(_difference(predictions, targets).abs(), reduction)


def huber_loss(predictions: Tensor, targets: TensorLike, reduction: str = "mean", delta: float = 1.0) -> Tensor:
    """d ** 2 / 2 for a difference d of at most delta, delta * (|d| - delta / 2) beyond: outliers pull with a bounded
    force (Huber, 1964). ``reduction`` and errors as in ``mse_loss``.
    """
    number_option("huber_loss delta", delta, above=0)
    difference = _difference(predictions, targets)
    bounded = difference.clip(-delta, delta)
    return _reduce(bounded * (difference - 0.5 * bounded), reduction)


def _difference(predictions: Tensor, targets: TensorLike) -> Tensor:
    predictions, wanted = as_tensor(predictions), as_tensor(targets)
    if wanted.shape != predictions.shape:
        raise ShapeError(
            f"expected targets of the shape of the predictions, {predictions.shape}, got {wanted.shape}. "
            f"Write targets.reshape({', '.join(map(str, predictions.shape))}) if they are the same numbers."
        )
    difference: Tensor = predictions - targets
    return difference


# Classes


def cross_entropy(
    logits: Tensor,
    targets: TensorLike,
    reduction: str = "mean",
    *,
    weight: TensorLike | None = None,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> Tensor:
    """-log softmax(logits)[target], in nats: the surprise at the right class.

    logits (..., K); targets (...) with class numbers 0 to K - 1, or (..., K) with the probability of each class
    -> a number, or (...) for ``reduction="none"``.

    weight: (K,), how much each class counts; the mean is then divided by the sum of the targets' weights.
    ignore_index: a class number that marks targets that do not count.
    label_smoothing: how much of the target's probability is spread over all classes
        (Szegedy et al., 2016, https://arxiv.org/abs/1512.00567).

    Raises ShapeError if the targets do not fit the logits, DataError for labels that are no class numbers and if all
    targets are ignored, ConfigError for options out of range.

    >>> logits = gn.tensor([[0.0, 0.0], [5.0, 0.0]])  # no idea; quite sure of class 0
    >>> [f"{surprise:.3f}" for surprise in nn.functional.cross_entropy(logits, [0, 1], reduction="none")]
    ['0.693', '5.007']
    """
    logits = as_tensor(logits)
    if logits.ndim < 1:
        raise ShapeError(f"expected logits (..., K), got shape {logits.shape}.")
    labels, weights = as_tensor(targets), _class_weights(weight, logits.shape[-1])
    if label_smoothing:
        number_option("label_smoothing", label_smoothing, 0, 1)
    if labels.shape == logits.shape and labels.dtype.kind == "f":
        return _soft_cross_entropy(logits, targets, reduction, weights, label_smoothing)
    counts = _check_labels(logits, labels, ignore_index)
    if counts is None and weights is None and not label_smoothing:
        return _plain_cross_entropy(logits, labels, reduction)
    kept = _kept(labels, counts)
    share = _shares(kept, weights, logits.dtype)
    if not label_smoothing:
        return _weighted(_plain_cross_entropy(logits, Tensor(kept), "none"), share, counts, reduction)
    certain = apply(ops.one_hot, Tensor(kept), classes=logits.shape[-1], dtype=logits.dtype)
    rows = _soft_cross_entropy(logits, certain, "none", weights, label_smoothing)
    return _weighted(rows, share, counts, reduction, weigh_rows=False)


def nll_loss(
    log_probabilities: Tensor,
    targets: TensorLike,
    reduction: str = "mean",
    *,
    weight: TensorLike | None = None,
    ignore_index: int = -100,
) -> Tensor:
    """-log_probabilities[target]: the negative log-likelihood. Takes the output of LogSoftmax, (..., K).

    Targets, ``weight``, ``ignore_index`` and errors as in ``cross_entropy``.
    """
    log_probabilities, labels = as_tensor(log_probabilities), as_tensor(targets)
    weights = _class_weights(weight, log_probabilities.shape[-1] if log_probabilities.ndim else 0)
    counts = _check_labels(log_probabilities, labels, ignore_index)
    kept = _kept(labels, counts)
    flat = log_probabilities.reshape(-1, log_probabilities.shape[-1])
    rows = -flat[np.arange(flat.shape[0]), Tensor(kept.reshape(-1))].reshape(*kept.shape)
    return _weighted(rows, _shares(kept, weights, rows.dtype), counts, reduction)


def binary_cross_entropy_with_logits(
    logits: Tensor, targets: TensorLike, reduction: str = "mean", *, pos_weight: TensorLike | None = None
) -> Tensor:
    """-y * log sigmoid(logit) - (1 - y) * log(1 - sigmoid(logit)) for targets y from 0 to 1, of the logits' shape.

    pos_weight: how much a positive counts, a number or (K,).

    Raises ShapeError if the shapes differ, DataError for targets outside of 0 to 1.
    """
    logits, labels = as_tensor(logits), as_tensor(targets)
    if labels.shape != logits.shape:
        raise ShapeError(
            f"expected targets of the shape of the logits, {logits.shape}, got {labels.shape}. "
            f"Write targets.reshape({', '.join(map(str, logits.shape))}) if they are the same numbers."
        )
    y = labels.data.astype(logits.dtype)
    if y.size:
        lowest, highest = scope.xp.min(y), scope.xp.max(y)
        require(
            (lowest >= 0) & (highest <= 1),
            lambda: DataError(f"targets must be from 0 to 1, got values from {lowest:g} to {highest:g}."),
        )
    if pos_weight is not None and np.shape(pos_weight) not in ((), (1,), logits.shape[-1:]):
        raise ShapeError(f"pos_weight must be a number or {logits.shape[-1:]}, got shape {np.shape(pos_weight)}.")
    # Both terms are at least 0: nothing cancels, whatever the size of the logit.
    right = apply(ops.softplus, -logits) * y
    wrong = apply(ops.softplus, logits) * (1 - y)
    return _reduce((right if pos_weight is None else right * pos_weight) + wrong, reduction)


def _class_weights(weight: TensorLike | None, classes: int) -> Array | None:
    if weight is None:
        return None
    weights = as_tensor(weight).data
    if weights.shape != (classes,) or not (np.isfinite(weights).all() and (weights >= 0).all() and weights.any()):
        raise ConfigError(f"weight must be {classes} numbers of at least 0, one for each class, got {weight!r:.100}.")
    return weights


def _check_labels(logits: Tensor, labels: Tensor, ignore_index: int) -> Array | None:
    """Which targets count, or None if all do."""
    wanted = logits.shape[:-1]
    if labels.shape != wanted:
        flat = labels.shape == (*wanted, 1)
        hint = "Write targets.reshape(-1)." if flat else "Targets are class numbers, one for each row of logits."
        raise ShapeError(f"expected targets of shape {wanted} for logits {logits.shape}, got {labels.shape}. {hint}")
    classes = logits.shape[-1]
    array = labels.data
    if not array.size or (not 0 <= ignore_index < classes and not _may_hold(array, ignore_index)):
        check_indices(array, classes, "targets")
        return None
    counts: Array = array != ignore_index
    check_indices(scope.xp.where(counts, array, 0), classes, "targets")
    require(
        scope.xp.max(counts),
        lambda: DataError(f"all {array.size} targets are {ignore_index}, which is ignored: there is nothing to learn."),
    )
    return counts


def _may_hold(array: Array, value: int) -> bool:
    """Whether a value may stand among whole numbers: in a recorded step, that of any later batch."""
    if array.dtype.kind not in "iu":
        return False
    if scope.tracer is not None:
        return bool(scope.tracer.may_hold(array, value))
    return bool((array == value).any())


def _kept(labels: Tensor, counts: Array | None) -> Array:
    """The labels that count, and 0 for the others."""
    return labels.data if counts is None else scope.xp.where(counts, labels.data, 0)


def _shares(kept: Array, weights: Array | None, dtype: Any) -> Array:
    """How much each target counts."""
    share: Array = (
        np.ones(kept.shape, dtype) if weights is None else apply(ops.index, weights, kept, pattern=(POSITIONS,)).data
    )
    return share


def _plain_cross_entropy(logits: Tensor, labels: Tensor, reduction: str) -> Tensor:
    """Every target counts the same: the fused row."""
    if logits.ndim == 2:
        return _reduce(apply(ops.softmax_cross_entropy, logits, labels), reduction)
    rows = apply(ops.softmax_cross_entropy, logits.reshape(-1, logits.shape[-1]), labels.data.reshape(-1))
    return _reduce(rows.reshape(*labels.shape) if reduction == "none" else rows, reduction)


def _soft_cross_entropy(
    logits: Tensor, targets: TensorLike, reduction: str, weights: Array | None, label_smoothing: float
) -> Tensor:
    p = as_tensor(targets).data
    if p.size:
        xp = scope.xp
        require(
            (xp.min(p) >= 0) & (xp.max(xp.abs(xp.sum(p, -1) - 1)) <= 1e-3),
            lambda: DataError("targets of floats must be probabilities: at least 0, and 1 in sum over the classes."),
        )
    logs = apply(ops.log_softmax, logits)
    if weights is not None:
        logs = logs * weights
    rows = -(1 - label_smoothing) * (logs * targets).sum(-1)
    if label_smoothing:
        rows = rows - label_smoothing * logs.mean(-1)
    return _reduce(rows, reduction)


def _weighted(rows: Tensor, share: Array, counts: Array | None, reduction: str, weigh_rows: bool = True) -> Tensor:
    """Rows times their share (0 for those that are ignored); the mean is divided by the sum of the shares."""
    if counts is not None:
        share = scope.xp.where(counts, share, 0)
    values = rows * share if weigh_rows else rows if counts is None else rows * counts
    if reduction != "mean":
        return _reduce(values, reduction)
    _check_some(values)
    total = scope.xp.sum(share)
    require(total > 0, lambda: DataError("all targets are of classes with weight 0: there is nothing to learn."))
    mean: Tensor = values.sum() / total
    return mean


def _reduce(values: Tensor, reduction: str) -> Tensor:
    check_reduction(reduction)
    if reduction == "mean":
        _check_some(values)
        return values.mean()
    return values.sum() if reduction == "sum" else values


def _check_some(values: Tensor) -> None:
    if not values.size:
        raise DataError(f"the mean of a loss needs at least one target, got none: shape {values.shape}.")


def check_reduction(reduction: object, owner: str = "") -> None:
    """Raises ConfigError for what is no reduction; ``owner`` is the class of the loss that it was given to."""
    if not isinstance(reduction, str) or reduction not in ("mean", "sum", "none"):
        raise ConfigError(
            f"{owner} reduction must be 'mean', 'sum' or 'none', got {reduction!r:.80}.{_made_first(owner)}".strip()
        )


def check_class_weights(weight: TensorLike | None, owner: str) -> None:
    """Raises ConfigError for weights that cannot be one for each class."""
    if weight is not None and as_tensor(weight).ndim != 1:
        shape = as_tensor(weight).shape
        raise ConfigError(f"{owner} weight must be a number for each class, got shape {shape}.{_made_first(owner)}")


def _made_first(owner: str) -> str:
    return f" Outputs and targets go to the loss that is made: {owner}()(outputs, targets)." if owner else ""

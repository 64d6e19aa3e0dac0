"""Layers and losses as functions, for networks and training loops written by hand."""

from __future__ import annotations

from glassnet.engine import ops
from glassnet.engine.errors import ConfigError, DataError, ShapeError
from glassnet.engine.functions import relu, sigmoid, tanh
from glassnet.engine.namespace import Array
from glassnet.engine.tensor import Tensor, TensorLike, apply, as_tensor

__all__ = [
    "cross_entropy",
    "embedding",
    "linear",
    "log_softmax",
    "mse_loss",
    "relu",
    "sigmoid",
    "softmax",
    "tanh",
]


def linear(x: TensorLike, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x @ weight + bias. x (..., in), weight (in, out), bias (out,) -> (..., out)."""
    return apply(ops.project, x, weight) if bias is None else apply(ops.linear, x, weight, bias)


def embedding(indices: TensorLike, weight: Tensor) -> Tensor:
    """Row weight[i] for each index i. indices (...) whole numbers, weight (rows, width) -> (..., width).

    Raises DataError for indices that are no whole numbers or have no row.
    """
    places = as_tensor(indices)
    _check_indices(places.data, weight.shape[0], "indices")
    return apply(ops.embedding, places, weight)


def softmax(x: TensorLike, axis: int = -1) -> Tensor:
    """exp(x) / sum(exp(x)) along an axis."""
    return apply(ops.softmax, x, axis=axis)


def log_softmax(x: TensorLike, axis: int = -1) -> Tensor:
    """log(softmax(x)) along an axis, stable at any size of x."""
    return apply(ops.log_softmax, x, axis=axis)


def cross_entropy(logits: Tensor, targets: TensorLike, reduction: str = "mean") -> Tensor:
    """-log softmax(logits)[target], in nats: the surprise at the right class.

    logits (..., K), targets (...) with class numbers 0 to K - 1 -> a number, or (...) for ``reduction="none"``.
    Raises ShapeError if the targets do not fit the logits, and DataError for labels that are no class numbers.
    """
    labels = as_tensor(targets)
    if logits.ndim < 1 or labels.shape != logits.shape[:-1]:
        wanted = logits.shape[:-1]
        flat = labels.shape == (*wanted, 1)
        hint = "Write targets.reshape(-1)." if flat else "Targets are class numbers, one for each row of logits."
        raise ShapeError(f"expected targets of shape {wanted} for logits {logits.shape}, got {labels.shape}. {hint}")
    classes = logits.shape[-1]
    _check_indices(labels.data, classes, "targets")
    if logits.ndim != 2:
        rows = apply(ops.softmax_cross_entropy, logits.reshape(-1, classes), labels.data.reshape(-1))
        return _reduce(rows.reshape(*labels.shape) if reduction == "none" else rows, reduction)
    return _reduce(apply(ops.softmax_cross_entropy, logits, labels), reduction)


def mse_loss(predictions: Tensor, targets: TensorLike, reduction: str = "mean") -> Tensor:
    """(prediction - target) ** 2, the mean over all elements, their sum, or (reduction="none") each.

    Raises ShapeError if the shapes differ: broadcasting (N, 1) against (N,) would compare all with all.
    """
    wanted = as_tensor(targets)
    if wanted.shape != predictions.shape:
        raise ShapeError(
            f"expected targets of the shape of the predictions, {predictions.shape}, got {wanted.shape}. "
            f"Write targets.reshape({', '.join(map(str, predictions.shape))}) if they are the same numbers."
        )
    difference = predictions - targets
    return _reduce(difference * difference, reduction)


def _check_indices(array: Array, count: int, name: str) -> None:
    if array.dtype.kind not in "iu":
        raise DataError(f"{name} must be whole numbers from 0 to {count - 1}, got type {array.dtype}.")
    if array.size and not 0 <= array.min() <= array.max() < count:
        wrong = array[(array < 0) | (array >= count)]
        raise DataError(f"{name} must be from 0 to {count - 1}, got {wrong[0]}.")


def _reduce(values: Tensor, reduction: str) -> Tensor:
    if reduction == "mean":
        return values.mean()
    if reduction == "sum":
        return values.sum()
    if reduction == "none":
        return values
    raise ConfigError(f"reduction must be 'mean', 'sum' or 'none', got {reduction!r}.")

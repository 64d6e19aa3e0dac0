"""Predictions: a network in evaluation mode, without a graph, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from glassnet.engine import ops
from glassnet.engine.convert import as_array
from glassnet.engine.errors import ConfigError, DataError
from glassnet.engine.namespace import Array
from glassnet.engine.scope import no_grad
from glassnet.engine.tensor import Tensor, apply

if TYPE_CHECKING:
    from glassnet.nn.module import Module


@contextmanager
def evaluating(*modules: Module) -> Iterator[None]:
    """Evaluation mode without a graph; afterwards every module is in the mode in which it was found."""
    modes = [(module, module.training) for one in modules for module in one.modules()]
    for one in modules:
        one.eval()
    try:
        with no_grad():
            yield
    finally:
        for module, mode in modes:
            module.training = mode


def outputs(net: Module, x: Any, batch_size: int) -> Array:
    """What the network computes for each row of x (N, ...) -> (N, ...)."""
    rows = checked_rows(net, x)
    if batch_size < 1:
        raise ConfigError(f"batch_size must be at least 1, got {batch_size}.")
    with evaluating(net):
        parts = [net(Tensor(rows[i : i + batch_size])).data for i in range(0, len(rows), batch_size)]
    return np.concatenate(parts)


def checked_rows(net: Module, x: Any) -> Array:
    """x (N, ...) as an array that the network can take, floats in its type.

    Raises DataError for no rows, and for NaN and infinity.
    """
    rows = as_array(x)
    if rows.ndim == 0 or not len(rows):
        raise DataError(f"x must have at least one row, got shape {rows.shape}.")
    if rows.dtype.kind == "f":
        if not np.isfinite(rows).all():
            raise DataError("x must be finite, got NaN or infinity. Remove such rows or fill in their values.")
        rows = rows.astype(net.dtype, copy=False)
    return rows


def predict(net: Module, x: Any, batch_size: int) -> Array:
    """Classes (N,), answers 0 or 1 in the shape of the logits, or the outputs of a regression."""
    _require_task(net)
    return labels_of(net, outputs(net, x, batch_size))


def predict_proba(net: Module, x: Any, batch_size: int) -> Array:
    """Probabilities: softmax of the logits (N, K), or sigmoid for a binary classifier."""
    _require_probabilities(net)
    return probabilities_of(net, outputs(net, x, batch_size))


def labels_of(net: Module, result: Array) -> Array:
    """What outputs mean, by the task of the network."""
    _require_task(net)
    if net.task == "binary":
        return (result > 0).astype(np.int64)
    return result.argmax(-1) if net.task == "classification" else result


def probabilities_of(net: Module, result: Array) -> Array:
    """The probabilities that outputs stand for."""
    _require_probabilities(net)
    row = ops.sigmoid if net.task == "binary" else ops.softmax
    with no_grad():
        return apply(row, Tensor(result)).data


def _require_probabilities(net: Module) -> None:
    _require_task(net)
    if net.task == "regression":
        raise ConfigError("predict_proba() is for classifiers; this network was trained for regression.")


#: What the outputs of a network can mean.
TASKS = ("classification", "binary", "regression")


def _require_task(net: Module) -> None:
    if net.task not in TASKS:
        raise ConfigError(
            "predict() needs to know what the outputs mean: train with glassnet.fit, or set "
            'net.task = "classification" (the outputs are logits), "binary" or "regression".'
        )

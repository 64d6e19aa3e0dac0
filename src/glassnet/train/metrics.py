"""Metrics: numbers that say how good predictions are. They take outputs and targets, and give a mean over rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from glassnet.engine.errors import ShapeError
from glassnet.engine.namespace import Array
from glassnet.nn.module import Module

#: metric(outputs (N, ...), targets (N, ...)) -> mean over the rows.
Metric = Callable[[Array, Array], float]


def accuracy(logits: Array, targets: Array) -> float:
    """The share of rows whose largest logit is that of the target. logits (..., K), targets (...)."""
    if logits.shape[:-1] != targets.shape:
        raise ShapeError(f"accuracy of logits {logits.shape} needs targets {logits.shape[:-1]}, got {targets.shape}.")
    return float((logits.argmax(-1) == targets).mean())


def default_metrics(loss: Any) -> Mapping[str, Metric]:
    """Accuracy for a classification loss, nothing for others."""
    classifies = isinstance(loss, Module) and loss.task == "classification"
    return {"accuracy": accuracy} if classifies else {}

"""Metrics: numbers that say how good predictions are. They take outputs and targets, and give a mean over rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from glassnet.engine.errors import ConfigError, ShapeError
from glassnet.engine.namespace import Array
from glassnet.engine.scope import scope
from glassnet.nn import functional
from glassnet.nn.losses import BCEWithLogitsLoss, CrossEntropyLoss, MSELoss
from glassnet.nn.module import Module
from glassnet.nn.predict import TASKS

#: metric(outputs (N, ...), targets (N, ...)) -> mean over the rows.
Metric = Callable[[Array, Array], Any]


def accuracy(logits: Array, targets: Array) -> Any:
    """The share of rows whose largest logit is that of the target. logits (..., K), targets (...)."""
    if logits.shape[:-1] != targets.shape:
        raise ShapeError(f"accuracy of logits {logits.shape} needs targets {logits.shape[:-1]}, got {targets.shape}.")
    return mean(logits.argmax(-1) == targets)


def binary_accuracy(logits: Array, targets: Array) -> Any:
    """The share of logits whose sign is that of the target, 0 or 1 (above one half counts as 1). Both (...)."""
    if logits.shape != targets.shape:
        raise ShapeError(f"accuracy of logits {logits.shape} needs targets {logits.shape}, got {targets.shape}.")
    return mean((logits > 0) == (targets > 0.5))


def mean(values: Array) -> Any:
    """The mean over all elements, in float64."""
    return scope.xp.sum(values.astype(np.float64)) / values.size


def mean_absolute_error(outputs: Array, targets: Array) -> Any:
    """How far outputs are from targets, on average over rows and outputs. Both (N, ...)."""
    if outputs.shape != targets.shape:
        raise ShapeError(f"the error of outputs {outputs.shape} needs targets {outputs.shape}, got {targets.shape}.")
    return mean(abs(outputs - targets))


#: The metrics that are compiled with a step. Any other gets NumPy arrays: the outputs of the step, afterwards.
COMPILED: tuple[Metric, ...] = (accuracy, binary_accuracy, mean_absolute_error)
#: What a step tells besides its metrics, in the order of the history.
TOLD = ("loss", "penalty", "total", "grad_norm")
OUTPUTS = "outputs"
_TAKEN = (*TOLD, OUTPUTS, "holds", "lr", "seconds")


def checked_metrics(metrics: Mapping[str, Metric] | None) -> dict[str, Metric]:
    """The metrics by name. Raises ConfigError for a name that means something else, and for what is no function."""
    for name, metric in (metrics or {}).items():
        if name in _TAKEN or name.startswith("val_"):
            raise ConfigError(f"a metric cannot be called {name!r}: the history means something else by it.")
        if not callable(metric):
            raise ConfigError(f"the metric {name!r} must be a function of outputs and targets, got {metric!r:.80}.")
    return dict(metrics or {})


def measure(metrics: Mapping[str, Metric], outputs: Array, targets: Array) -> dict[str, Any]:
    """The value of each metric; in a step that is recorded, of those that are compiled, and the outputs for the others.

    Raises ConfigError for a value that is not one number.
    """
    if scope.tracer is None:
        return {name: _number(name, metric(outputs, targets)) for name, metric in metrics.items()}
    found = {name: metric(outputs, targets) for name, metric in metrics.items() if _is_compiled(metric)}
    return found if len(found) == len(metrics) else {**found, OUTPUTS: outputs}


def columns(
    told: Mapping[str, Array], metrics: Mapping[str, Metric], targets: Array, rows: Array
) -> dict[str, list[float]]:
    """A list for each value of some compiled steps, with an entry for each step, in the order of the history.

    told: what the steps told, each (K, ...). targets: of all rows. rows (K, B): which rows each step had.
    """
    found = {name: told[name].astype(np.float64).tolist() for name in TOLD if name in told}
    for name, metric in metrics.items():
        if _is_compiled(metric):
            found[name] = told[name].astype(np.float64).tolist()
        else:
            given = zip(told[OUTPUTS], rows, strict=True)
            found[name] = [_number(name, metric(outputs, targets[batch])) for outputs, batch in given]
    return found


def _is_compiled(metric: Metric) -> bool:
    return any(metric is one for one in COMPILED)


def _number(name: str, value: Any) -> float:
    array = np.asarray(value)
    if array.size != 1 or array.dtype.kind not in "fiub":
        raise ConfigError(f"the metric {name!r} must give one number, the mean over the rows, got {value!r:.80}.")
    return float(array.item())


def r2_score(outputs: Array, targets: Array) -> float:
    """R squared: the share of the targets' variance that the outputs explain, the mean over outputs. Both (N, ...).

    1 is perfect, 0 as good as always saying the mean; NaN where the targets are all alike. It is no mean over rows,
    so it cannot be computed batch by batch, and is no metric of ``fit``.
    """
    if outputs.shape != targets.shape:
        raise ShapeError(f"R squared of outputs {outputs.shape} needs targets {outputs.shape}, got {targets.shape}.")
    left = ((targets - outputs).astype(np.float64) ** 2).sum(0)
    whole = ((targets - targets.mean(0, dtype=np.float64)) ** 2).sum(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.where(whole > 0, 1 - left / whole, np.nan).mean())


#: Loss functions whose outputs mean something; those that are modules say it themselves.
FUNCTION_TASKS: dict[Any, str] = {
    functional.cross_entropy: "classification",
    functional.nll_loss: "classification",
    functional.binary_cross_entropy_with_logits: "binary",
    functional.mse_loss: "regression",
    functional.l1_loss: "regression",
    functional.huber_loss: "regression",
}


def task_of(loss: Any) -> str | None:
    """What the outputs mean that a loss takes: "classification", "binary", "regression", or None if unknown."""
    if isinstance(loss, Module):
        return loss.task
    try:
        return FUNCTION_TASKS.get(loss)
    except TypeError:  # what has no hash is none of them
        return None


def loss_of_task(net: Module, who: str) -> Module:
    """The loss that fits what the outputs of a network mean. Raises ConfigError, naming ``who`` needs it, for a network
    that does not say.
    """
    if net.task not in TASKS:
        raise ConfigError(f"{who} needs a loss: this network was not trained by fit() and has no task.")
    kinds: dict[str, type[Module]] = {
        "classification": CrossEntropyLoss,
        "binary": BCEWithLogitsLoss,
        "regression": MSELoss,
    }
    return kinds[net.task]()


def default_metrics(loss: Any, targets: Array) -> Mapping[str, Metric]:
    """Accuracy for the loss of a classification with class numbers or of yes and no, the mean absolute error for that
    of a regression, nothing for others.
    """
    task = task_of(loss)
    if task == "classification" and targets.dtype.kind in "iu":
        return {"accuracy": accuracy}
    if task == "regression":
        return {"mae": mean_absolute_error}
    return {"accuracy": binary_accuracy} if task == "binary" else {}

"""What predictions cost, row by row, by the losses that the doctor knows; and what a constant would cost."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.engine.namespace import Array
from glassnet.nn import functional, losses
from glassnet.nn.module import Module

#: More classes than this are none.
MOST_CLASSES = 100_000

_MODULES: dict[type[Module], str] = {
    losses.CrossEntropyLoss: "cross_entropy",
    losses.NLLLoss: "nll",
    losses.BCEWithLogitsLoss: "bce",
    losses.MSELoss: "mse",
    losses.L1Loss: "l1",
    losses.HuberLoss: "huber",
}
_FUNCTIONS: dict[Any, str] = {
    functional.cross_entropy: "cross_entropy",
    functional.nll_loss: "nll",
    functional.binary_cross_entropy_with_logits: "bce",
    functional.mse_loss: "mse",
    functional.l1_loss: "l1",
    functional.huber_loss: "huber",
}


def loss_kind(loss: Any) -> str:
    """The name by which evidence knows a loss."""
    if isinstance(loss, Module):
        return _MODULES.get(type(loss), type(loss).__name__)
    known = next((name for function, name in _FUNCTIONS.items() if function is loss), None)
    return known or str(getattr(loss, "__name__", "function"))


def named_kind(name: str) -> str:
    """The same for the name of a class or function of PyTorch, which are those of glassnet; "" if unknown."""
    named = {one.__name__: kind for one, kind in (*_MODULES.items(), *_FUNCTIONS.items())}
    return named.get(name, "")


def row_losses(kind: str, outputs: Array, targets: Array) -> Array | None:
    """The loss of each row, without weights and smoothing; None for a loss that the doctor does not know, and where
    outputs and targets do not fit each other.
    """
    out = outputs.astype(np.float64)
    if kind in ("cross_entropy", "nll"):
        if targets.shape == out.shape and targets.dtype.kind == "f":
            logp = out if kind == "nll" else _log_softmax(out)
            return _of_rows(-(logp * targets).sum(-1))
        if targets.shape != out.shape[:-1] or targets.dtype.kind not in "iu":
            return None
        logp = out if kind == "nll" else _log_softmax(out)
        counts = targets >= 0
        rows = -np.take_along_axis(logp, np.where(counts, targets, 0)[..., None], -1)[..., 0]
        return rows[counts] if rows.ndim == 1 else _of_rows(rows)
    if targets.shape != out.shape:
        return None
    if kind == "bce":
        return _of_rows(np.logaddexp(0, out) - targets * out)
    difference = np.abs(out - targets)
    if kind == "mse":
        return _of_rows(difference**2)
    if kind == "l1":
        return _of_rows(difference)
    return _of_rows(np.where(difference < 1, difference**2 / 2, difference - 0.5)) if kind == "huber" else None


def class_counts(labels: Array, least: int = 0) -> list[int]:
    """The rows of each class; those below 0 do not count, and none do where a number is no class by its size."""
    known = labels[labels >= 0].ravel()
    if not known.size or known.max() >= MOST_CLASSES:
        return []
    return [int(one) for one in np.bincount(known, minlength=least)]


def constant_loss(kind: str, targets: Array) -> float | None:
    """What the best constant output costs; None for a loss that the doctor does not know."""
    y = targets.astype(np.float64)
    if kind in ("cross_entropy", "nll"):
        if targets.dtype.kind in "iu":
            counts = np.array(class_counts(targets))
            if not counts.size:
                return None
            shares = counts / counts.sum()
        elif targets.dtype.kind == "f" and targets.ndim > 1:
            shares = y.reshape(-1, y.shape[-1]).mean(0)
        else:
            return None
        shares = shares[shares > 0]
        return float(-(shares * np.log(shares)).sum())
    if kind == "bce":
        p = np.clip(y.mean(0), 1e-12, 1 - 1e-12)
        return float(np.mean(-p * np.log(p) - (1 - p) * np.log(1 - p)))
    if kind == "mse":
        return float(y.var(0).mean())
    if kind in ("l1", "huber"):
        rows = row_losses(kind, np.broadcast_to(np.median(y, 0), y.shape), targets)
        return None if rows is None else float(rows.mean())
    return None


def ideal_outputs(kind: str, outputs: Array, targets: Array) -> Array | None:
    """Outputs that say the targets themselves, with all certainty; None where that cannot be said."""
    if targets.shape == outputs.shape and targets.dtype.kind == "f":
        if kind in ("cross_entropy", "nll"):
            return None
        return np.where(targets > 0.5, 20.0, -20.0).astype(outputs.dtype) if kind == "bce" else targets
    if targets.dtype.kind in "iu" and targets.shape == outputs.shape[:-1] and outputs.shape[-1] > 1:
        if targets.size and (targets.min() < 0 or targets.max() >= outputs.shape[-1]):
            return None
        right: Array = np.eye(outputs.shape[-1], dtype=outputs.dtype)[targets]
        return -20.0 * (1 - right) if kind == "nll" else 20.0 * right
    return None


def _log_softmax(x: Array) -> Array:
    shifted = x - x.max(-1, keepdims=True)
    found: Array = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    return found


def _of_rows(values: Array) -> Array:
    return values.reshape(len(values), -1).mean(1) if values.ndim > 1 else values

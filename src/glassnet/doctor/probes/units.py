"""A check-up: the network in evaluation mode over a sample of the rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from glassnet.data.dataset import Split
from glassnet.doctor.observed import CheckUp, SplitCheck, Units
from glassnet.doctor.probes.costs import row_losses
from glassnet.doctor.probes.graph import places
from glassnet.doctor.probes.near import sample
from glassnet.doctor.probes.reference import FEWEST_SURE, gain_of_most, surest
from glassnet.engine.namespace import Array
from glassnet.engine.scope import enable_grad
from glassnet.engine.tensor import Tensor
from glassnet.nn.module import Module
from glassnet.nn.predict import evaluating
from glassnet.train.look import without_hooks
from glassnet.train.saturation import SATURATED

#: Rows over which units are watched: a unit that is 0 for all of them is dead.
ROWS = 1024
#: A prediction as sure as this is confident.
SURE = 0.95
_FLAT = {kind.__name__: flat for kind, flat in SATURATED.items()}


def check_up(net: Module, loss: Any, kind: str, step: int, train: Split, val: Split | None) -> CheckUp:
    """The check-up of a network. loss: the function; kind: its name, see ``costs.loss_kind``."""
    found = CheckUp(step)
    modules = [net, loss] if isinstance(loss, Module) else [net]

    def check(split: Split) -> tuple[SplitCheck, Tensor]:
        rows = sample(len(split), ROWS)
        x, y = Tensor(split.x[rows]), Tensor(split.y[rows])
        output = net(x)
        result = split_check(output.data, y.data, kind, lambda: float(loss(output, y).item()))
        result.surprises = rows[result.surprises].tolist()
        return result, output

    with evaluating(*modules), without_hooks(net), np.errstate(all="ignore"):
        with enable_grad():  # the graph says which layers there are
            found.train, output = check(train)
        for place in places(net, output) if output.requires_grad else []:
            out = place.output.data
            if place.kind == "ReLU" and out.ndim > 1:
                found.units[place.path] = units(out)
            if place.kind in _FLAT:
                found.flat[place.path] = float(_FLAT[place.kind](out).mean())
        if val is not None:
            found.val, _ = check(val)
    return found


def units(out: Array) -> Units:
    """Units of a rectifier: its outputs (..., units) over many rows."""
    flat = out.reshape(-1, out.shape[-1]) <= 0
    return Units(rows=len(flat), units=flat.shape[1], dead=float(flat.all(0).mean()), zeros=float(flat.mean()))


def split_check(outputs: Array, targets: Array, kind: str, loss: Callable[[], float]) -> SplitCheck:
    """How good outputs are. (N, ...) and (N, ...)."""
    found = SplitCheck(rows=len(targets), loss=loss())
    rows = row_losses(kind, outputs, targets)
    if rows is not None and len(rows) > 1:
        found.row_std = float(rows.std())
    if kind in ("cross_entropy", "nll") and targets.dtype.kind in "iu":
        labels, predicted = targets.ravel(), outputs.argmax(-1).ravel()
        count = outputs.shape[-1]
        counts = np.bincount(labels[labels >= 0], minlength=count)
        right = np.bincount(labels[(labels == predicted)], minlength=count)
        found.counts = counts.tolist()
        found.recall = [float(a / b) if b else None for a, b in zip(right, counts, strict=True)]
        found.gain = _gain(float((labels != predicted).mean()), 1 - float(counts.max() / max(1, counts.sum())))
        if targets.ndim == 1:
            shifted = np.exp(outputs - outputs.max(-1, keepdims=True))
            sure = (shifted.max(-1) / shifted.sum(-1)) > SURE
            found.surprises = np.flatnonzero(sure & (labels != predicted)).tolist()
            if count > 1 and len(labels) >= 4 * FEWEST_SURE and np.isfinite(outputs).all():
                found.contradicted = float((labels != predicted)[surest(outputs)].mean())
    elif kind == "bce" and targets.shape == outputs.shape:
        wrong = float(((outputs > 0) != (targets > 0.5)).mean())
        share = float(targets.mean())
        found.gain = _gain(wrong, min(share, 1 - share))
        if targets.size == len(targets):
            yes = targets.ravel() > 0.5
            found.counts = [int((~yes).sum()), int(yes.sum())]
            hit = (outputs.ravel() > 0) == yes
            found.recall = [float(hit[one].mean()) if one.any() else None for one in (~yes, yes)]
    elif targets.shape == outputs.shape:
        found.gain = _gain(float(((outputs - targets) ** 2).mean()), float(targets.var(0).mean()))
        errors = ((outputs - targets) ** 2).reshape(len(targets), -1).mean(1)
        if np.isfinite(errors).all():
            found.most = gain_of_most(errors, targets.reshape(len(targets), -1))
    return found


def _gain(error: float, of_constant: float) -> float | None:
    return 1 - error / of_constant if of_constant > 0 else None

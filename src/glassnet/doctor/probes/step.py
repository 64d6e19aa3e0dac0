"""A probe of one step, from a look into it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from glassnet.doctor.observed import LayerProbe, ParameterProbe, Probe
from glassnet.doctor.probes.costs import ideal_outputs, row_losses
from glassnet.doctor.probes.graph import modal_layers, places
from glassnet.engine.backward import gradient_flow
from glassnet.engine.namespace import Array
from glassnet.engine.scope import no_grad
from glassnet.engine.tensor import Tensor
from glassnet.nn.module import Module
from glassnet.optim import Optimizer
from glassnet.train.batch_step import Penalty
from glassnet.train.evaluate import Loss
from glassnet.train.look import Look
from glassnet.train.saturation import SATURATED

FLAT = {kind.__name__: flat for kind, flat in SATURATED.items()}


class StepProbe:
    """Looks into steps of one training; it remembers the weights of the first look."""

    def __init__(
        self, net: Module, optimizer: Optimizer, kind: str, *, loss: Loss | None = None, penalty: Penalty | None = None
    ) -> None:
        self.net, self.optimizer, self.loss, self.penalty = net, optimizer, loss, penalty
        self.kind = kind  # of the loss, see ``costs.loss_kind``
        self.first: dict[str, Array] = {}

    @np.errstate(all="ignore")  # numbers that overflow are evidence
    def __call__(self, number: int, look: Look, lr: float) -> Probe:
        """The evidence of step ``number``, from 0."""
        is_first = not self.first
        self.first = self.first or look.before
        net, optimizer = self.net, self.optimizer
        found = Probe(step=number, loss=float(look.values["loss"]), lr=lr)
        x = look.batch[0].data
        found.inputs = _rms(x) if is_first and x.dtype.kind == "f" else 0.0
        if not net.training:  # a network in training mode with a layer that is not is meant so, as frozen BatchNorm
            found.evaluating = [path for path, module in modal_layers(net) if not module.training]
        if look.output is not None:
            found.layers = {
                one.path: layer_probe(one.kind, one.output.data, norm_of(one.output.grad))
                for one in places(net, look.output)
            }
            out, targets = look.output.data, look.batch[1]
            note_outputs(found, self.kind, out, targets.data)
            ideal = ideal_outputs(self.kind, out, targets.data) if is_first and self.loss is not None else None
            if ideal is not None and self.loss is not None:
                with no_grad():
                    found.ideal_loss = float(self.loss(Tensor(ideal), targets).item())
        note_parameters(found, look.before, look.after, look.gradients, self.first, twins=is_first)
        found.regulariser, found.data = pulls(net, self.penalty, optimizer, look)
        return found


def note_outputs(found: Probe, kind: str, out: Array, targets: Array) -> None:
    """Note what a network gives out for a batch, and how much the loss varies over its rows."""
    found.output_low, found.output_high = float(out.min()), float(out.max())
    if out.ndim > 1 and out.shape[-1] > 1:
        rows = out.reshape(-1, out.shape[-1])
        found.unit_rows = _unit_share(rows)
        if (rows <= 0).all(1).any():
            found.log_rows = _unit_share(np.exp(np.minimum(rows, 1)))  # without overflow; above 0 is none
    losses = row_losses(kind, out, targets)
    if losses is not None and len(losses) > 1:
        found.row_std = float(losses.std())


def _unit_share(rows: Array) -> float:
    """The share of rows that are probabilities."""
    inside = (rows >= 0).all(1)
    return float((np.abs(rows[inside].sum(1) - 1) < 1e-3).sum()) / len(rows) if inside.any() else 0.0


def note_parameters(
    found: Probe,
    before: Mapping[str, Array],
    after: Mapping[str, Array],
    gradients: Mapping[str, Array | None],
    first: Mapping[str, Array],
    *,
    twins: bool,
) -> None:
    """Note what a step does to the parameters. first: their values at the first look; twins: whether to look for
    units that are alike. Matrices are (in, out).
    """
    for path, values in before.items():
        found.parameters[path] = parameter_probe(values, after[path], gradients[path], first.get(path), twins=twins)
    found.gradient = _root(one.gradient for one in found.parameters.values())
    found.along = float(
        sum(
            np.vdot(after[path] - before[path], gradient)
            for path, gradient in gradients.items()
            if gradient is not None
        )
    )


def layer_probe(kind: str, out: Array, gradient: float | None) -> LayerProbe:
    """What a layer gives out in a step (..., units), with the norm of the gradient by it."""
    found = LayerProbe(mean=float(out.mean()), std=float(out.std()), gradient=gradient)
    if kind in FLAT:
        found.flat = float(FLAT[kind](out).mean())
    if kind == "ReLU" and out.ndim > 1:
        found.zero = float((out <= 0).all(tuple(range(out.ndim - 1))).mean())
    return found


def norm_of(gradient: Array | None) -> float | None:
    """The norm of a gradient, None without one."""
    return None if gradient is None else float(np.linalg.norm(gradient))


def parameter_probe(
    before: Array, after: Array, gradient: Array | None, first: Array | None, *, twins: bool
) -> ParameterProbe:
    """What happens to a parameter in a step."""
    found = ParameterProbe(
        rms=_rms(before),
        update=0.0 if after is before else _rms(after - before),
        gradient=norm_of(gradient),
        matrix=before.ndim > 1,
    )
    if first is not None:
        norm = float(np.linalg.norm(first))
        found.moved = float(np.linalg.norm(after - first)) / norm if norm > 0 else None
    if twins and before.ndim > 1 and gradient is not None:
        found.twins = twin_share(before, gradient)
    return found


def twin_share(weight: Array, gradient: Array) -> float:
    """The share of output units, columns of (in, out) or (*kernel, in, out), whose weights are those of another unit,
    and whose gradients are but for rounding.
    """
    flat, slopes = (one.reshape(-1, one.shape[-1]).T for one in (weight, gradient))
    near = 1e-4 * float(np.abs(gradient).max(initial=0.0)) + 1e-6
    known: dict[bytes, list[Array]] = {}  # weights -> the different gradients
    for own, slope in zip(flat, slopes, strict=True):
        others = known.setdefault(own.tobytes(), [])
        if not any(np.allclose(slope, one, rtol=1e-4, atol=near) for one in others):
            others.append(slope)
    return 1 - sum(map(len, known.values())) / len(flat) if len(flat) > 1 else 0.0


def pulls(net: Module, penalty: Penalty | None, optimizer: Optimizer, look: Look) -> tuple[float | None, float | None]:
    """The norms of the gradients of the regulariser, penalty and weight decay, and of the loss alone."""
    penalties: dict[str, Array] = {}
    paths = {id(parameter): path for path, parameter in net.named_parameters()}
    if penalty is not None:
        for tensor, gradient in gradient_flow(penalty(net)):
            if id(tensor) in paths:
                penalties[paths[id(tensor)]] = gradient
    decays = {
        paths[id(parameter)]: float(group.get("weight_decay", 0.0))
        for group in optimizer.param_groups
        for parameter in group["params"]
        if id(parameter) in paths
    }
    decoupled = group_rate(optimizer) if type(optimizer).__name__ == "AdamW" else None
    return pulls_of(penalties, decays, look.before, look.after, look.gradients, decoupled)


def pulls_of(
    penalties: Mapping[str, Array],
    decays: Mapping[str, float],
    before: Mapping[str, Array],
    after: Mapping[str, Array],
    gradients: Mapping[str, Array | None],
    decoupled: float | None,
) -> tuple[float | None, float | None]:
    """The norms of two gradients: that of penalties and weight decay, and that of the loss alone.

    gradients: as they arrived, with those of the penalties. decoupled: the learning rate of an optimizer whose weight
    decay pulls beside its steps, which have a size of their own, as in AdamW.
    """
    parts = dict(penalties)
    for path, decay in () if penalties else decays.items():  # of both, the one that was added by hand
        if decay:
            parts[path] = parts.get(path, 0.0) + decay * before[path]
    if not parts:
        return None, None
    loss: list[Array] = []
    for path, part in parts.items():
        arrived = gradients[path]
        if arrived is None:
            continue
        if decoupled and not penalties:
            loss.append((after[path] - before[path]) / decoupled + part)
        else:
            loss.append(arrived - penalties.get(path, 0.0))
    return _root(map(np.linalg.norm, parts.values())), _root(map(np.linalg.norm, loss))


def group_rate(optimizer: Optimizer) -> float:
    """The learning rate of the first group."""
    return float(optimizer.param_groups[0]["lr"])


def _rms(array: Array) -> float:
    return float(np.sqrt(np.mean(np.square(array, dtype=np.float64)))) if array.size else 0.0


def _root(norms: Any) -> float:
    """The norm of parts together."""
    return float(np.sqrt(sum(float(one) ** 2 for one in norms if one is not None)))

"""A probe of one step of a PyTorch loop, made in two parts: before backward, and when the optimizer has stepped."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.doctor.facts import Parameter, SetUp
from glassnet.doctor.observed import Probe
from glassnet.doctor.probes.costs import ideal_outputs
from glassnet.doctor.probes.step import layer_probe, note_outputs, note_parameters, pulls_of
from glassnet.doctor.probes.torch_graph import Place, Trace, numbers
from glassnet.doctor.probes.torch_state import Cost, modal_layers
from glassnet.engine.namespace import Array


class TorchProbe:
    """Looks into steps of one training; it remembers the weights of the first look."""

    def __init__(self, model: Any, optimizer: Any, cost: Cost) -> None:
        self.model, self.optimizer, self.cost = model, optimizer, cost
        self.first: dict[str, Array] = {}
        self._begun: Probe | None = None
        self._places: list[Place] = []
        self._before: dict[str, Array] = {}

    def rate(self) -> float:
        """The learning rate of the first group."""
        return float(self.optimizer.param_groups[0]["lr"])

    def begin(self, step: int, trace: Trace, x: Any, output: Any, said: Any, targets: Any, loss: float) -> Probe:
        """What is known of a step before backward. said: what the loss got, the output or what code made of that."""
        probe = Probe(step=step, loss=loss, lr=self.rate())
        if not self.first and x is not None and x.dtype.is_floating_point:
            probe.inputs = float(x.detach().double().square().mean().sqrt())
        if not self.model.training:  # a model in training mode with a layer that is not is meant so
            probe.evaluating = [path for path, module in modal_layers(self.model) if not module.training]
        if targets is not None:
            out, y = numbers(self.cost.shaped(said)), numbers(targets)
            note_outputs(probe, self.cost.kind, out, y)
            ideal = None if self.first else ideal_outputs(self.cost.kind, out, y)
            if ideal is not None:
                probe.ideal_loss = self.cost.of_arrays(ideal, output, targets)
        self._begun, self._places = probe, trace.places
        # Copies, since PyTorch's optimizers write into the weights.
        self._before = {path: _matrix(one).copy("K") for path, one in self.model.named_parameters()}
        return probe

    def after_step(self, sign: float) -> tuple[Probe, list[str]] | None:
        """The probe, and the parameters without a gradient; None for a step that was not looked into."""
        probe, self._begun = self._begun, None
        if probe is None:
            return None
        probe.loss *= -sign if self.optimizer.param_groups[0].get("maximize") else sign
        probe.layers = {
            one.path: layer_probe(one.kind, one.out, one.gradient) for one in self._places if one.out is not None
        }
        before, self._before, self._places = self._before, {}, []
        parameters = dict(self.model.named_parameters())
        after = {path: _matrix(one) for path, one in parameters.items()}
        # Of a parameter that it does not hold, optimizer.zero_grad() does not clear the gradient: it piles up.
        held = self._held()
        gradients = {
            path: _matrix(one.grad) if one.grad is not None and id(one) in held else None
            for path, one in parameters.items()
        }
        note_parameters(probe, before, after, gradients, self.first or before, twins=not self.first)
        self.first = self.first or before
        paths = {id(one): path for path, one in parameters.items()}
        decays = {
            paths[id(one)]: float(group.get("weight_decay") or 0.0)
            for group in self.optimizer.param_groups
            for one in group["params"]
            if id(one) in paths
        }
        decoupled = probe.lr if type(self.optimizer).__name__ == "AdamW" else None
        probe.regulariser, probe.data = pulls_of({}, decays, before, after, gradients, decoupled)
        return probe, [path for path, one in parameters.items() if one.grad is None]

    def _held(self) -> set[int]:
        return {id(one) for group in self.optimizer.param_groups for one in group["params"]}

    def set_up(self, trace: Trace, output: Any, x: Any, *, weighted: bool) -> SetUp:
        """What is trained and how."""
        loss_fn, optimizer = self.cost.loss_fn, self.optimizer
        weights = getattr(loss_fn, "weight", None), getattr(loss_fn, "pos_weight", None)
        held = self._held()
        return SetUp(
            layers=trace.layers(output),
            parameters=[
                Parameter(
                    path,
                    layer := path.rpartition(".")[0],
                    one.numel(),
                    one.requires_grad,
                    id(one) in held,
                    layer in trace.called,
                )
                for path, one in self.model.named_parameters()
            ],
            loss=self.cost.kind or getattr(loss_fn, "__name__", type(loss_fn).__name__),
            weighted=weighted or any(one is not None for one in weights),
            smoothed=bool(getattr(loss_fn, "label_smoothing", 0.0)),
            optimizer=type(optimizer).__name__,
            lr=self.rate(),
            momentum=float(optimizer.param_groups[0].get("momentum") or 0.0),
            weight_decay=max(float(one.get("weight_decay") or 0.0) for one in optimizer.param_groups),
            dropout=max((getattr(one, "p", 0.0) for _, one in modal_layers(self.model)), default=0.0),
            batch_size=0 if x is None else len(x),
            rows=0 if x is None else len(x),
            shuffle=False,
            float_inputs=x is None or x.dtype.is_floating_point,
            place="torch",
            maximize=any(bool(one.get("maximize")) for one in optimizer.param_groups),
        )


def _matrix(tensor: Any) -> Array:
    """Weights as glassnet has them: matrices are (in, out), those of a convolution (*kernel, in, out)."""
    array = numbers(tensor)
    return np.moveaxis(array, (0, 1), (-1, -2)) if array.ndim > 1 else array

"""What is trained and how: read from the running loop before its first step."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from glassnet.doctor.facts import Layer, Parameter, SetUp
from glassnet.doctor.probes.costs import loss_kind
from glassnet.doctor.probes.graph import layers_of, places
from glassnet.engine.tensor import Tensor
from glassnet.nn.dropout import Dropout
from glassnet.nn.module import Module
from glassnet.optim import Optimizer, Schedule

#: Learning rates that are noted over the planned training.
RATES = 200


def set_up(
    net: Module,
    output: Tensor | None,
    loss: Any,
    optimizer: Optimizer,
    *,
    schedule: Schedule | None = None,
    penalty: Any = None,
    called: Collection[str] | None = None,
    **more: Any,
) -> SetUp:
    """The set-up of a training. output: what the network gave for a batch in training mode, with its
    graph. called: the paths of the modules that were run for it."""
    layers: list[Layer] = [] if output is None else layers_of(places(net, output))
    options = optimizer.param_groups[0]
    own = vars(loss) if isinstance(loss, Module) else {}
    return SetUp(
        layers=layers,
        parameters=parameters_of(net, optimizer, called),
        loss=loss_kind(loss),
        weighted=any(own.get(name) is not None for name in ("weight", "pos_weight")),
        smoothed=bool(own.get("label_smoothing")),
        optimizer=type(optimizer).__name__,
        lr=optimizer.lr if schedule is None else float(schedule.base_lrs[0]),
        momentum=float(options.get("momentum", 0.0) or 0.0),
        weight_decay=max(float(group.get("weight_decay", 0.0)) for group in optimizer.param_groups),
        penalty=penalty is not None,
        dropout=max((one.p for one in net.modules() if isinstance(one, Dropout)), default=0.0),
        rates=rates_of(schedule, more.get("total_steps", 0)),
        **more,
    )


def parameters_of(net: Module, optimizer: Optimizer, called: Collection[str] | None) -> list[Parameter]:
    """The parameters of a network, which of them the optimizer holds, and which belong to a module that was run."""
    held = {id(parameter) for parameter in optimizer.parameters}
    found = []
    for path, parameter in net.named_parameters():
        layer = path.rpartition(".")[0]
        used = called is None or layer in called
        found.append(Parameter(path, layer, parameter.size, parameter.requires_grad, id(parameter) in held, used))
    return found


def rates_of(schedule: Schedule | None, steps: int) -> list[tuple[int, float]]:
    """The learning rates of the first group that a schedule is going to set; none for one that watches the loss."""
    if schedule is None or schedule.monitor is not None or steps < 1:
        return []
    at = np.unique(np.linspace(0, steps - 1, RATES).astype(np.int64)).tolist()
    return [(step, float(schedule.rate(step, schedule.base_lrs[0]))) for step in at]

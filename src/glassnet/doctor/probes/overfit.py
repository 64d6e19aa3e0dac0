"""Whether a network can learn a few rows by heart: any sound one can."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from glassnet.data.dataset import Split
from glassnet.doctor.observed import Overfit
from glassnet.doctor.probes.costs import constant_loss
from glassnet.engine.errors import NonFiniteError
from glassnet.engine.namespace import Array
from glassnet.engine.random import training_step
from glassnet.engine.tensor import Tensor
from glassnet.nn.dropout import Dropout
from glassnet.nn.module import Module
from glassnet.nn.state import named_tensors
from glassnet.optim import Adam
from glassnet.train.batch_step import BatchStep

ROWS, STEPS = 16, 300


def overfit(
    net: Module, loss: Any, kind: str, split: Split, lr: float = 1e-3, begin: Mapping[str, Array] | None = None
) -> Overfit:
    """Train on 16 rows with Adam, without dropout, and put everything back. begin: the first parameters, by path."""
    rows = np.linspace(0, len(split) - 1, min(ROWS, len(split))).astype(np.int64)
    x, y = Tensor(split.x[rows]), Tensor(split.y[rows])
    kept = [(tensor, tensor.data, tensor.grad) for _, tensor in named_tensors(net)]
    modes = [(module, module.training) for module in net.modules()]
    for path, parameter in net.named_parameters():
        parameter.data = (begin or {}).get(path, parameter.data)
    net.train()
    for module in net.modules():
        if isinstance(module, Dropout):
            module.training = False
    step = BatchStep(net, loss, Adam([p for p in net.parameters() if p.requires_grad], lr=lr))
    losses: list[float] = []
    try:
        with np.errstate(all="ignore"):
            for number in range(STEPS):
                with training_step(0, number):
                    losses.append(float(step(x, y)["loss"]))
    except NonFiniteError:
        losses.append(float("inf"))
    finally:
        for tensor, data, gradient in kept:
            tensor.data, tensor.grad = data, gradient
        for module, mode in modes:
            module.training = mode
    constant = constant_loss(kind, y.data) or losses[0]
    gain = 1 - losses[-1] / constant if constant > 0 else 0.0
    return Overfit(len(rows), len(losses), losses[0], losses[-1], gain)

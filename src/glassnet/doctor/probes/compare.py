"""BatchNorm in training and in evaluation mode on the same rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.data.dataset import Split
from glassnet.doctor.facts import BATCH_NORMS
from glassnet.doctor.observed import Comparison
from glassnet.doctor.probes.near import sample
from glassnet.doctor.probes.units import split_check
from glassnet.engine.scope import no_grad
from glassnet.engine.tensor import Tensor
from glassnet.nn.module import Module
from glassnet.nn.predict import evaluating
from glassnet.train.look import without_hooks

#: Rows by which the gain is measured.
ROWS = 512


def compare_modes(
    net: Module, loss: Any, kind: str, batch: tuple[Tensor, Tensor], rows: Split, step: int
) -> Comparison:
    """The loss of a batch and the gain on other rows, with the statistics of themselves and with the running ones,
    dropout off in both; empty for a network without BatchNorm. The running statistics stay as they are.
    """
    norms = [module for module in net.modules() if type(module).__name__ in BATCH_NORMS]
    if not norms:
        return Comparison()
    kept = [(buffer, buffer.data) for _, buffer in net.named_buffers()]
    x, y = batch
    chosen = sample(len(rows), ROWS)

    def gain_of() -> float | None:
        return split_check(net(Tensor(rows.x[chosen])).data, rows.y[chosen], kind, lambda: 0.0).gain

    modules = [net, loss] if isinstance(loss, Module) else [net]
    with evaluating(*modules), without_hooks(net), no_grad(), np.errstate(all="ignore"):
        evaluation, gain = float(loss(net(x), y).item()), gain_of()
        for module in norms:
            module.training = True
        training, renewed = float(loss(net(x), y).item()), gain_of()
    for buffer, data in kept:
        buffer.data = data
    return Comparison(step, training, evaluation, gain, renewed)

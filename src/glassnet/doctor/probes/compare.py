"""BatchNorm in training and in evaluation mode on the same rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.doctor.facts import BATCH_NORMS
from glassnet.doctor.observed import Comparison
from glassnet.engine.scope import no_grad
from glassnet.engine.tensor import Tensor
from glassnet.nn.module import Module
from glassnet.nn.predict import evaluating
from glassnet.train.look import without_hooks


def compare_modes(net: Module, loss: Any, x: Tensor, y: Tensor, step: int) -> Comparison:
    """The loss of a batch with the statistics of the batch and with the running ones, dropout off in both; empty for
    a network without BatchNorm. The running statistics stay as they are.
    """
    norms = [module for module in net.modules() if type(module).__name__ in BATCH_NORMS]
    if not norms:
        return Comparison()
    kept = [(buffer, buffer.data) for _, buffer in net.named_buffers()]
    modules = [net, loss] if isinstance(loss, Module) else [net]
    with evaluating(*modules), without_hooks(net), no_grad(), np.errstate(all="ignore"):
        evaluation = float(loss(net(x), y).item())
        for module in norms:
            module.training = True
        training = float(loss(net(x), y).item())
    for buffer, data in kept:
        buffer.data = data
    return Comparison(step, training, evaluation)

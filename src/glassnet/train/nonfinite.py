"""Where the first number that is not finite came from, when a loss became NaN or infinite."""

from __future__ import annotations

import numpy as np

from glassnet.engine.backward import topological_order
from glassnet.engine.errors import NonFiniteError
from glassnet.engine.tensor import Tensor
from glassnet.nn.module import Module


def nonfinite_error(net: Module, loss: Tensor, value: float, step: int, lr: float) -> NonFiniteError:
    """The error that names the first layer or parameter, in the order of computation, with a value not finite."""
    return NonFiniteError(
        f"the loss became {value} at step {step} (learning rate {lr:g}): {_culprit(net, loss)}. "
        "The network holds the last weights with a finite loss. Try a smaller learning rate."
    )


def _culprit(net: Module, loss: Tensor) -> str:
    parameters = {id(parameter): name for name, parameter in net.named_parameters()}
    for tensor in topological_order(loss):  # inputs before what is computed from them
        if np.isfinite(tensor.data).all():
            continue
        share = f"{int((~np.isfinite(tensor.data)).sum()):,} of {tensor.size:,} values are not finite"
        if tensor.node is None:
            name = parameters.get(id(tensor))
            return f"in the parameter {name}, {share} since its last update" if name else f"in a leaf, {share}"
        layer = tensor.node.layer
        where = net.locate(layer) if layer is not None else "the computation outside of the network"
        return f"in the output of {tensor.node.operation.name} in {where}, {share}"
    return "no other value is"

"""Which loss a graph ends with, read from its last operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from glassnet.engine.backward import topological_order
from glassnet.engine.namespace import Array
from glassnet.engine.tensor import Tensor
from glassnet.nn import functional


class LossOfGraph(NamedTuple):
    """kind: see ``costs.loss_kind``; "" if unknown. targets: as the loss got them. function: of outputs and targets."""

    kind: str
    targets: Array | None
    function: Callable[..., Tensor] | None


def loss_of_graph(loss: Tensor, output: Tensor) -> LossOfGraph:
    """The loss that was computed from the output of a network."""
    order = topological_order(loss)
    for tensor in order:
        node = tensor.node
        if node is None:
            continue
        name = node.operation.name
        if name == "softmax_cross_entropy" and _comes_from(node.parents[0], output):
            return LossOfGraph("cross_entropy", _labels(node.inputs), functional.cross_entropy)
        if name == "subtract" and node.parents[0] is output and node.inputs[1].shape == output.shape:
            square = any(
                one.node is not None
                and one.node.operation.name == "multiply"
                and one.node.parents[0] is tensor
                and one.node.parents[1] is tensor
                for one in order
            )
            if square:
                return LossOfGraph("mse", node.inputs[1], functional.mse_loss)
    return LossOfGraph("", None, None)


def _comes_from(tensor: Tensor | None, output: Tensor) -> bool:
    """Whether a tensor is the output, or the output in another shape."""
    if tensor is not None and tensor.node is not None and tensor.node.operation.name == "reshape":
        tensor = tensor.node.parents[0]
    return tensor is output


def _labels(inputs: tuple[Array, ...]) -> Array | None:
    return next((one for one in inputs[1:] if one.dtype.kind in "iu"), None)

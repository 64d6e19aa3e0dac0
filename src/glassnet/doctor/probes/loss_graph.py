"""Which loss a graph ends with, read from its last operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from glassnet.engine.backward import topological_order
from glassnet.engine.namespace import Array
from glassnet.engine.tensor import Tensor
from glassnet.nn import functional

_FUNCTIONS: dict[str, Callable[..., Tensor]] = {
    "cross_entropy": functional.cross_entropy,
    "nll": functional.nll_loss,
    "bce": functional.binary_cross_entropy_with_logits,
    "mse": functional.mse_loss,
    "l1": functional.l1_loss,
    "huber": functional.huber_loss,
}
#: What the difference of output and target goes through, and the loss that this makes.
_DISTANCES = {"multiply": "mse", "power": "mse", "abs": "l1", "clip": "huber"}


class LossOfGraph(NamedTuple):
    """kind: see ``costs.loss_kind``; "" if unknown. targets: as the loss got them. function: of outputs and targets.
    given: what the loss got of the network, its output or what code made of that.
    """

    kind: str
    targets: Array | None
    function: Callable[..., Tensor] | None
    given: Tensor | None = None


def loss_of_graph(loss: Tensor, output: Tensor) -> LossOfGraph:
    """The loss that was computed from the output of a network."""
    order = topological_order(loss)
    # Code between the network and the loss belongs to what it says, such as a softmax.
    outputs = [output, *(one for one in order if _ends(output, one))]
    for given in outputs:
        for tensor in order:
            kind, targets = _loss_at(tensor, given, order)
            if kind:
                return LossOfGraph(kind, targets, _FUNCTIONS[kind], given)
    return LossOfGraph("", None, None)


def crossed(loss: Tensor, output: Tensor) -> bool:
    """Whether a loss compares one output of each row, (N, 1), with the targets of all rows, (N,): that makes (N, N)."""
    rows = len(output.data) if output.ndim in (1, 2) else 0
    if output.size != rows or rows < 2:
        return False
    for tensor in topological_order(loss):
        node = tensor.node
        if node is None or node.operation.name != "subtract" or tensor.shape != (rows, rows):
            continue
        if any(one is not None and one.size == rows and _comes_from(one, output) for one in node.parents):
            return True
    return False


def _ends(output: Tensor, tensor: Tensor) -> bool:
    """Whether a tensor is the softmax or the sigmoid of the output."""
    node = tensor.node
    return node is not None and node.operation.name in ("softmax", "sigmoid") and _comes_from(node.parents[0], output)


def _loss_at(tensor: Tensor, output: Tensor, order: list[Tensor]) -> tuple[str, Array | None]:
    """The loss whose first operation made a tensor, and its targets; "" if none did."""
    node = tensor.node
    first = None if node is None else node.parents[0]
    if node is None or first is None:
        return "", None
    name = node.operation.name
    if name == "softmax_cross_entropy" and _comes_from(first, output):
        return "cross_entropy", _labels(node.inputs)
    if name == "index" and _labels(node.inputs) is not None:  # the logarithm at the label
        if _comes_from(first, output):
            return "nll", node.inputs[-1]
        return ("cross_entropy", node.inputs[-1]) if _comes_from(first, output, "log_softmax") else ("", None)
    if name == "log_softmax" and first is output:
        shares = [array for _, array in _taken_by(tensor, order, "multiply")]
        return ("cross_entropy", shares[0]) if shares and shares[0].shape == output.shape else ("", None)
    if name == "subtract" and first is output and node.inputs[1].shape == output.shape:
        taken = [(by, array) for by, array in _taken_by(tensor, order, *_DISTANCES) if by != "power" or array == 2]
        kinds = [_DISTANCES[by] for by, _ in taken]
        return (kinds[0], node.inputs[1]) if kinds else ("", None)
    if name == "softplus" and first.node is not None and first.node.operation.name == "negate":
        labels = [array for _, array in _taken_by(tensor, order, "multiply")]
        known = labels and first.node.parents[0] is output and labels[0].shape == output.shape
        return ("bce", labels[0]) if known else ("", None)
    return "", None


def _taken_by(tensor: Tensor, order: list[Tensor], *names: str) -> list[tuple[str, Array]]:
    """The operations of these names that take a tensor first, each with the last of what it takes."""
    nodes = [one.node for one in order if one.node is not None and one.node.parents[0] is tensor]
    return [(one.operation.name, one.inputs[-1]) for one in nodes if one.operation.name in names]


def _comes_from(tensor: Tensor | None, output: Tensor, *through: str) -> bool:
    """Whether a tensor is the output, or the output in another shape, or after these operations."""
    while tensor is not output and tensor is not None and tensor.node is not None:
        if tensor.node.operation.name not in ("reshape", *through):
            return False
        tensor = tensor.node.parents[0]
    return tensor is output


def _labels(inputs: tuple[Array, ...]) -> Array | None:
    return next((one for one in inputs[1:] if hasattr(one, "dtype") and one.dtype.kind in "iu"), None)

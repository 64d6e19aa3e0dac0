"""The layers of a PyTorch network in order of execution: by hooks of its modules, and by the graph of its output where
its code computes without modules. What ``graph.py`` does for glassnet's own networks.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from glassnet.doctor.facts import Layer
from glassnet.doctor.probes.torch_hooks import Hook
from glassnet.engine.namespace import Array

#: Modules of PyTorch under the names by which the rules know them.
_MODULES = {
    **dict.fromkeys(("Flatten", "Unflatten", "Identity", "PixelShuffle"), "Reshape"),
    **dict.fromkeys(("Dropout", "Dropout1d", "Dropout2d", "AlphaDropout"), "Dropout"),
    **dict.fromkeys(("AdaptiveAvgPool1d", "AvgPool1d"), "AvgPool1d"),
    **dict.fromkeys(("AdaptiveAvgPool2d", "AvgPool2d"), "AvgPool2d"),
    **dict.fromkeys(("LazyLinear", "NonDynamicallyQuantizableLinear"), "Linear"),
}
#: Nodes of PyTorch's graph, and the layer that does the same.
_NODES = {
    "Relu": "ReLU",
    "LeakyRelu": "LeakyReLU",
    "Elu": "ELU",
    "Gelu": "GELU",
    "Silu": "SiLU",
    **{kind: kind for kind in ("Softplus", "Tanh", "Sigmoid", "Softmax", "LogSoftmax")},
    **dict.fromkeys(("Addmm", "Mm"), "Linear"),
    **dict.fromkeys(("View", "ReshapeAlias", "UnsafeView", "Transpose", "Permute", "T", "Unsqueeze"), "Reshape"),
    **dict.fromkeys(("Squeeze", "Expand", "Clone", "ToCopy", "Slice", "Select", "Alias", "AsStrided"), "Reshape"),
    **dict.fromkeys(("Index", "Split"), "Reshape"),
}
_CHANNELS_FIRST = ("Conv", "BatchNorm", "GroupNorm", "InstanceNorm")
_UNITS_LAST = ("Linear", "LayerNorm", "Embedding")


def numbers(tensor: Any) -> Array:
    """The values of a tensor as an array, without a copy where there need not be one."""
    tensor = tensor.detach()
    if tensor.dtype.is_floating_point and tensor.element_size() == 2:  # half precision, of which bfloat16 is no type
        tensor = tensor.float()
    found: Array = tensor.cpu().numpy()
    return found


@cache
def _tensor() -> Any:
    """The class. An import in each step would cost as much as all else that is done in it."""
    import torch

    return torch.Tensor


def tensors(value: Any) -> list[Any]:
    """The tensors that a module got or gave."""
    if isinstance(value, _tensor()):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [one for part in value for one in tensors(part)] if isinstance(value, tuple | list) else []


def first_tensor(value: Any) -> Any:
    """The first of them; None if there is none."""
    if isinstance(value, tuple) and value and isinstance(value[0], _tensor()):
        return value[0]
    return value if isinstance(value, _tensor()) else next(iter(tensors(value)), None)


@dataclass
class Place:
    """A module that computed something, or a node of the graph that belongs to none. out: what it gave, units last."""

    path: str
    kind: str
    came_in: list[Any]  # nodes
    out: Array | None = None
    gradient: float | None = None
    module: Any = None
    channels_first: bool = False


@dataclass
class Trace:
    """Watches a network from when it is made until ``layers`` is called for an output.

    called: the paths of the modules that were run. places: what computed the output, in order of execution.
    """

    net: Any
    called: set[str] = field(default_factory=set)
    places: list[Place] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._of_node: dict[Any, Place] = {}
        self._outside: set[Any] = {None}  # nodes of what came into the network
        self._waiting: dict[int, list[Any]] = {}
        self._removers: list[Any] = []
        for path, module in self.net.named_modules():
            leaf = type(module).__module__.startswith("torch.nn") and not any(True for _ in module.children())
            if leaf or module is self.net:
                self._removers.append(module.register_forward_pre_hook(Hook(self._before)))
            self._removers.append(module.register_forward_hook(Hook(self._after, path, leaf)))

    def close(self) -> None:
        """Take the hooks away."""
        for one in self._removers:
            one.remove()
        self._removers = []

    def layers(self, output: Any) -> list[Layer]:
        """The layers that the output was computed from; ``places`` has what they gave."""
        self.close()
        order = list(self._ordered(output.grad_fn))
        self.places = list({id(place): place for _, place in order}.values())
        return [self._layer(place) for place in self.places]

    # Modules

    def _before(self, module: Any, inputs: tuple[Any, ...]) -> None:
        # Noted before it runs: a module that writes into its input changes the node of that.
        nodes = [one.grad_fn for one in tensors(inputs) if one.grad_fn is not None]
        if module is self.net:
            self._outside.update(nodes)
        else:
            self._waiting[id(module)] = nodes

    def _after(self, path: str, leaf: bool, module: Any, _inputs: Any, output: Any) -> None:
        self.called.add(path)
        came_in = self._waiting.pop(id(module), [])
        given = [one for one in tensors(output) if one.grad_fn is not None and one.grad_fn not in came_in]
        if not leaf or not given:
            return
        name = type(module).__name__
        place = Place(path, _MODULES.get(name, name), came_in, module=module)
        self._note(place, numbers(given[0]))

        def note_gradient(gradient: Any) -> None:
            place.gradient = float(gradient.norm())

        given[0].register_hook(note_gradient)
        for one in given:
            self._of_node[one.grad_fn] = place

    def _note(self, place: Place, out: Array) -> None:
        """Note what a place gave. Of images and sequences of channels the second axis has the units."""
        above = next((one for one in map(self._upstream, place.came_in) if one is not None), None)
        if place.kind.startswith(_UNITS_LAST):
            place.channels_first = False
        else:
            place.channels_first = place.kind.startswith(_CHANNELS_FIRST) or (
                above is not None and above.channels_first
            )
        # A copy, since a module behind it may write into it.
        place.out = np.moveaxis(out, 1, -1).copy() if place.channels_first and out.ndim > 2 else out.copy()

    def _upstream(self, node: Any) -> Place | None:
        """The next place before a node."""
        while node not in self._outside and node not in self._of_node:
            node = next((one for one, _ in node.next_functions if one is not None and not _is_weight(one)), None)
        return self._of_node.get(node)

    # The graph

    def _ordered(self, last: Any) -> Iterator[tuple[Any, Place]]:
        """The nodes that places end with, each after those that it takes from."""
        done: set[Any] = set()
        stack: list[tuple[Any, bool]] = [(last, False)]
        names: set[str] = {place.path for place in self._of_node.values()}
        while stack:
            node, ready = stack.pop()
            if ready:
                place = self._of_node.get(node)
                if place is None:
                    place = self._of_node[node] = self._of_code(node, names)
                yield node, place
            elif node not in self._outside and node not in done and not _is_weight(node):
                done.add(node)
                stack.append((node, True))
                place = self._of_node.get(node)
                before = place.came_in if place is not None else [one for one, _ in node.next_functions]
                stack += [(one, False) for one in reversed(before)]

    def _of_code(self, node: Any, names: set[str]) -> Place:
        """The place of a node that no module made."""
        stem = re.sub(r"Backward\d*$", "", node.name())
        before = [one for one, _ in node.next_functions if one is not None]
        kind = _NODES.get(stem, stem.lower())
        if kind == "Linear" and not any(_is_weight(one) for one in before):
            kind = "matmul"
        name, number = stem.lower(), 2
        while name in names:
            name, number = f"{stem.lower()}#{number}", number + 1
        names.add(name)
        place = Place(name, kind, [one for one in before if not _is_weight(one)])
        result = getattr(node, "_saved_result", None)
        if result is not None:
            self._note(place, numbers(result))
        return place

    def _layer(self, place: Place) -> Layer:
        after = [self._of_node[node].path for node in place.came_in if node in self._of_node]
        out, module = place.out, place.module
        width = out.shape[-1] if out is not None and out.ndim > 1 else 0
        weight = getattr(module, "weight", None)
        width_in = weight.shape[1] if place.kind in ("Linear", "Conv1d", "Conv2d") and weight is not None else 0
        return Layer(
            path=place.path,
            kind=place.kind,
            after=[one for one in dict.fromkeys(after) if one != place.path],
            width_in=width_in,
            width=width,
            values=0 if out is None or not width else out.size // width,
            bias=getattr(module, "bias", None) is not None,
            training=True if module is None else module.training,
        )


def _is_weight(node: Any) -> bool:
    """Whether a node only passes on a parameter."""
    while node is not None and node.name() in ("TBackward0", "TransposeBackward0", "ViewBackward0", "PermuteBackward0"):
        node = node.next_functions[0][0]
    return node is not None and node.name().endswith("AccumulateGrad")


@dataclass
class LossOfGraph:
    """kind: see ``costs.loss_kind``; "" if unknown. targets, given: what the loss got, given from
    the network. weighted: whether classes have weights. ending: "Softmax" or "Sigmoid" where code between network and
    loss takes one; ended: what that gave.
    """

    kind: str = ""
    targets: Any = None
    given: Any = None
    weighted: bool = False
    ending: str = ""
    ended: Any = None


#: Nodes of losses, and what they compute.
_LOSSES = {"NllLoss": "nll", "MseLoss": "mse", "HuberLoss": "huber", "BinaryCrossEntropyWithLogits": "bce"}


def loss_of_graph(loss: Any, output: Any) -> LossOfGraph:
    """The loss that a graph ends with, if PyTorch has a node for it."""
    stack, seen = [loss.grad_fn], {None, output.grad_fn}
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        kind = _LOSSES.get(re.sub(r"(2d)?Backward\d*$", "", node.name()))
        if kind is not None:
            before = node.next_functions[0][0]
            if kind == "nll" and before is not output.grad_fn and before.name().startswith("LogSoftmax"):
                kind, before = "cross_entropy", before.next_functions[0][0]
            weighted = any(getattr(node, name, None) is not None for name in ("_saved_weight", "_saved_pos_weight"))
            found = LossOfGraph(kind, node._saved_target, node._saved_self, weighted)
            if before is not None and before is not output.grad_fn:
                ending = _NODES.get(re.sub(r"Backward\d*$", "", before.name()), "")
                if ending in ("Softmax", "Sigmoid"):
                    found.ending, found.ended = ending, before._saved_result
            return found
        stack += [one for one, _ in node.next_functions]
    return LossOfGraph()


def crossed(loss: Any, output: Any) -> bool:
    """Whether a loss compares one output of each row, (N, 1), with the targets of all rows, (N,): that makes (N, N)."""
    rows = len(output) if output.ndim in (1, 2) else 0
    if output.numel() != rows or rows < 2:
        return False
    stack, seen = [loss.grad_fn], {output.grad_fn}
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        before = [(one, i) for one, i in node.next_functions if one is not None]  # targets have no node
        if node.name().startswith(("Expand", "Sub", "Rsub")) and len(before) == 1:
            # The shapes of what nodes give, of which backward takes the gradients.
            given, taken = (one._input_metadata[i].shape for one, i in ((node, 0), *before))
            if tuple(given) == (rows, rows) and math.prod(taken) == rows:
                return True
        stack += [one for one, _ in before]
    return False

"""The layers of a network in order of execution, read from the graph of its output: exact, whoever wrote the code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from glassnet.doctor.facts import Layer
from glassnet.engine.backward import topological_order
from glassnet.engine.tensor import Tensor
from glassnet.nn.dropout import Dropout
from glassnet.nn.module import Module, Parameter
from glassnet.train.look import RESHAPING, leaves

#: Operations in the code of a network, and the layer that does the same.
_KINDS = {
    "relu": "ReLU",
    "leaky_relu": "LeakyReLU",
    "elu": "ELU",
    "gelu": "GELU",
    "silu": "SiLU",
    "softplus": "Softplus",
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
    "softmax": "Softmax",
    "log_softmax": "LogSoftmax",
    "reshape": "Reshape",
    "permute": "Reshape",
    "expand": "Reshape",
    "index": "Reshape",
    "cast": "Reshape",
    "dropout": "Dropout",
    "embedding": "Embedding",
    "layer_norm": "LayerNorm",
    "batch_norm": "BatchNorm1d",
}
#: Operations that multiply with weights, where one of their inputs is a parameter.
_PRODUCTS = ("linear", "project", "matmul", "conv")


@dataclass
class Place:
    """A layer, or an operation in the code of a network: its module, last tensor, and what came in."""

    path: str
    kind: str
    module: Module | None
    output: Tensor
    inputs: list[Tensor] = field(default_factory=list)
    weight: Tensor | None = None
    bias: bool = False


def places(net: Module, output: Tensor) -> list[Place]:
    """What computed the output, in order of execution."""
    paths = {id(module): path for path, module in net.named_modules()}
    known = {id(module) for _, module in leaves(net) if _is_known(module)}
    found: dict[str, Place] = {}
    names: dict[int, str] = {}  # the place of a computed tensor
    for tensor in topological_order(output):
        node = tensor.node
        if node is None:
            continue
        parents = [one for one in node.parents if one is not None]
        if node.layer is not None and id(node.layer) in known:
            name = paths[id(node.layer)]
            place = found.get(name)
            if place is None:
                place = found[name] = Place(name, _kind(node.layer), node.layer, tensor)
        else:
            operation = node.operation.name
            if _is_bias(operation, parents, names, found):
                place = found[names[id(next(one for one in parents if one.node is not None))]]
                place.bias = True
                place.output = tensor
                names[id(tensor)] = place.path
                continue
            weight = next((one for one in parents if one.node is None), None)
            kind = _KINDS.get(operation, "Linear" if operation in _PRODUCTS and weight is not None else operation)
            name = _free(f"{paths.get(id(node.layer), '')}.{operation}".lstrip("."), found)
            place = found[name] = Place(name, kind, None, tensor, weight=weight, bias=len(parents) > 2)
        place.output = tensor
        place.inputs += [one for one in parents if one.node is not None and names.get(id(one)) != place.path]
        names[id(tensor)] = place.path
    _names_of(found, names)
    return list(found.values())


def layers_of(all_places: list[Place]) -> list[Layer]:
    """The places as evidence."""
    owner = {id(place.output): place.path for place in all_places}
    result = []
    for place in all_places:
        out = place.output
        width = out.shape[-1] if out.ndim > 1 else 0
        inside = place.inputs[0] if place.inputs else None
        module = place.module
        own = {} if module is None else vars(module)  # a missing attribute of a module is looked up with hints: slowly
        weight = place.weight if module is None else own.get("weight")
        width_in = inside.shape[-1] if inside is not None and inside.ndim > 1 else 0
        if isinstance(weight, Tensor) and weight.ndim == 2 and place.kind == "Linear":
            width_in = weight.shape[0]
        result.append(
            Layer(
                path=place.path,
                kind=place.kind,
                after=list(dict.fromkeys(owner[id(one)] for one in place.inputs if id(one) in owner)),
                width_in=width_in,
                width=width,
                values=out.size // width if width else 0,
                bias=place.bias if module is None else isinstance(own.get("bias"), Parameter),
                training=True if module is None else module.training,
            )
        )
    return result


def modal_layers(net: Module) -> Iterator[tuple[str, Module]]:
    """The layers that behave differently in training: dropout that drops something, and BatchNorm."""
    for path, module in leaves(net):
        if type(module).__name__.startswith("BatchNorm") or (isinstance(module, Dropout) and module.p > 0):
            yield path, module


def _kind(module: Module) -> str:
    return "Reshape" if isinstance(module, RESHAPING) else type(module).__name__


def _is_known(module: Module) -> bool:
    """Whether it is a layer of glassnet rather than code of the user's own, of which each operation is a place."""
    return type(module).__module__.startswith("glassnet.nn")


def _is_bias(operation: str, parents: list[Tensor], names: dict[int, str], found: dict[str, Place]) -> bool:
    """Whether a parameter is added to what a product in the code of a network gave."""
    if operation != "add" or len(parents) != 2:
        return False
    computed = [one for one in parents if one.node is not None]
    if len(computed) != 1:
        return False
    place = found.get(names.get(id(computed[0]), ""))
    return place is not None and place.module is None and place.kind == "Linear" and not place.bias


def _free(name: str, found: dict[str, Place]) -> str:
    """The name, with a number if it is taken."""
    if name not in found:
        return name
    number = 2
    while f"{name}#{number}" in found:
        number += 1
    return f"{name}#{number}"


def _names_of(found: dict[str, Place], names: dict[int, str]) -> None:
    """Inputs are known by the last tensor of the place that made them."""
    for place in found.values():
        place.inputs = [found[names[id(one)]].output for one in place.inputs]

"""The expression behind a tensor, as a list of vertices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from glassnet.engine.backward import Node, topological_order
from glassnet.engine.tensor import Tensor
from glassnet.nn.module import Module, Parameter

#: A number or array without a gradient; a leaf that wants one; a parameter; a result; the results of a layer.
Kind = Literal["constant", "leaf", "parameter", "operation", "layer"]


@dataclass(frozen=True)
class Vertex:
    """One box of the picture.

    name: what the user or the network calls it, or "". value: as it was when it was used.
    tensor: whose gradient belongs to it, or None. node: how it was computed, or None.
    inputs: the vertices that it was computed from, all earlier in the list; flows: whether a gradient goes back there.
    owned: a parameter or buffer of a layer, or a number such as an eps; not data.
    operations, parameters: what was folded into a layer: names of operations, and how many numbers are trained.
    """

    kind: Kind
    name: str
    value: Any
    tensor: Tensor | None = None
    node: Node | None = None
    inputs: tuple[int, ...] = ()
    flows: tuple[bool, ...] = ()
    owned: bool = False
    operations: tuple[str, ...] = ()
    parameters: int = 0


def collect(output: Tensor, names: Mapping[int, str], buffers: frozenset[int]) -> list[Vertex]:
    """Every vertex that the output depends on, each after all that it was computed from.

    names: by the id of a tensor or array. buffers: ids of arrays that belong to layers.
    A leaf has the value that it had when it was used; an update since then does not show.
    """
    vertices: list[Vertex] = []
    places: dict[int, int] = {}  # id of the tensor or constant array -> vertex

    def source(parent: Tensor | None, value: Any) -> int:
        """The vertex of an input, which is made when it is first met."""
        key = id(value if parent is None else parent)
        if isinstance(value, np.ndarray) or parent is not None:  # Python's numbers share ids: each use is its own
            if key in places:
                return places[key]
            places[key] = len(vertices)
        if parent is None:
            owned = np.ndim(value) == 0 or key in buffers
            vertices.append(Vertex("constant", names.get(key, ""), value, owned=owned))
        else:
            kind: Kind = "parameter" if isinstance(parent, Parameter) else "leaf"
            vertices.append(Vertex(kind, names.get(key, ""), value, parent, owned=kind == "parameter"))
        return len(vertices) - 1

    for tensor in topological_order(output):
        node = tensor.node
        if node is None:  # leaves join where they are first used
            continue
        inputs = tuple(source(parent, value) for parent, value in zip(node.parents, node.inputs, strict=True))
        flows = tuple(parent is not None and node.operation.differentiates(i) for i, parent in enumerate(node.parents))
        name = names.get(id(tensor), "")
        places[id(tensor)] = len(vertices)
        vertices.append(Vertex("operation", name, tensor.data, tensor, node, inputs, flows))
    return vertices


def known_names(net: Module | None, given: Mapping[str, Any]) -> tuple[dict[int, str], frozenset[int]]:
    """The names of tensors and arrays by their ids, given ones before those in the network; and the ids of the arrays
    of its buffers. A tensor without a gradient enters the graph as its array, which therefore has the name too.
    """
    names: dict[int, str] = {}
    parameters = [] if net is None else list(net.named_parameters())
    buffers = [] if net is None else list(net.named_buffers())
    chosen = [(name, value) for name, value in given.items() if not name.startswith("_")]
    for name, value in (*chosen, *parameters, *buffers):
        if isinstance(value, Tensor | np.ndarray):
            names.setdefault(id(value), name)
        if isinstance(value, Tensor) and not value.requires_grad:
            names.setdefault(id(value.data), name)
    return names, frozenset(id(buffer.data) for _, buffer in buffers)


def consumers(vertices: Sequence[Vertex]) -> list[list[int]]:
    """For each vertex the vertices that were computed from it."""
    users: list[list[int]] = [[] for _ in vertices]
    for place, vertex in enumerate(vertices):
        for source in dict.fromkeys(vertex.inputs):
            users[source].append(place)
    return users

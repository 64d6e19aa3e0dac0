"""Backpropagation in steps: the graph of an expression, and what each node passes back by the chain rule.

The numbers are those of the engine's rows: the gradients that arrive are ``gradient_flow``'s, and what a node passes on
is what its row's vector-Jacobian products give for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from glassnet.engine.backward import gradient_flow, unbroadcast
from glassnet.engine.errors import ConfigError
from glassnet.engine.namespace import Array
from glassnet.engine.scope import scope
from glassnet.engine.tensor import Tensor
from glassnet.nn.module import Module
from glassnet.plots.expression.collect import Vertex, collect, known_names
from glassnet.plots.expression.description import describe
from glassnet.plots.expression.fold import fold
from glassnet.plots.expression.layout import Layout, layout
from glassnet.plots.expression.preview import value_text
from glassnet.plots.expression.svg import way
from glassnet.viewer.chain_rule import layer_rule, local_rule
from glassnet.viewer.numbers import digit, digits

#: Nodes of a picture, the size of their boxes in pixels, and numbers of an array that are shown.
MOST, WIDTH, WIDTH_OF_LAYERS, HEIGHT, CELLS = 80, 136.0, 232.0, 70.0, 64


def in_steps(
    output: Tensor,
    *,
    seed: Array | None = None,
    net: Module | None = None,
    names: Mapping[str, Any] | None = None,
    folded: bool = False,
) -> dict[str, Any]:
    """The graph of ``output``, in which each layer may be folded into one node, and its steps.

    seed: the gradient by the output that comes from elsewhere; 1 unless given. Raises ConfigError for too many nodes.

    nodes: each after what it was computed from. forward: the nodes that are computed, in order. backward: for each
    node with a gradient, from the output back, what it passes to each of its inputs.
    """
    vertices = collect(output, *known_names(net, names or {}))
    if folded:
        vertices = fold(vertices)
    if len(vertices) > MOST:
        raise ConfigError(f"the graph has {len(vertices):,} nodes; at most {MOST} are shown.")
    gradients = {id(tensor): gradient for tensor, gradient in gradient_flow(output, seed)}
    texts = describe(vertices, output, net)
    size = (WIDTH_OF_LAYERS if folded else WIDTH, HEIGHT)
    picture = layout([size] * len(vertices), [vertex.inputs for vertex in vertices])
    nodes = [
        {
            "title": text.title,
            "kind": text.kind,
            "operation": text.operation,
            "layer": text.layer,
            "shape": text.shape,
            "inputs": list(text.inputs),
            "flows": list(text.flows),
            "box": [round(side, 1) for side in picture.boxes[i]],
            **_numbers("value", vertex.value),
            **_numbers("gradient", gradients.get(id(vertex.tensor))),
        }
        for i, (vertex, text) in enumerate(zip(vertices, texts, strict=True))
    ]
    order = [i for i, vertex in enumerate(vertices) if vertex.node is not None]
    return {
        "nodes": nodes,
        "width": round(picture.width, 1),
        "height": round(picture.height, 1),
        "edges": _edges(vertices, picture),
        "forward": [{"node": i, "rule": _forward_rule(vertices[i])} for i in order],
        "backward": _backward(vertices, gradients, order),
    }


def _numbers(name: str, value: Any) -> dict[str, Any]:
    """A number; of an array its text, and its first numbers."""
    if value is None:
        return {name: None}
    array = np.asarray(value)
    if array.size == 1:
        one = array.reshape(()) + 0  # -0.0 becomes 0.0
        return {name: value_text(one), f"{name}_number": digit(one)}
    return {name: value_text(array), f"{name}_cells": digits(array.reshape(-1)[:CELLS], 4)}


def _edges(vertices: Sequence[Vertex], picture: Layout) -> list[dict[str, Any]]:
    found = []
    for i, (vertex, edges) in enumerate(zip(vertices, picture.edges, strict=True)):
        for source, flows, edge in zip(vertex.inputs, vertex.flows, edges, strict=True):
            runs = [*picture.trunks[source][: edge.shared], edge.end]
            found.append({"from": source, "to": i, "flows": flows, "way": way(runs)})
    return found


def _forward_rule(vertex: Vertex) -> str:
    if vertex.kind == "layer" and vertex.node is not None:
        return layer_rule(vertex.node.layer).forward
    return "" if vertex.node is None else local_rule(vertex.node.operation.name).forward


def _backward(vertices: Sequence[Vertex], gradients: Mapping[int, Array], order: Sequence[int]) -> list[dict[str, Any]]:
    """A step for each node that a gradient arrives at, from the output back."""
    arrived: dict[int, float] = {}
    found: list[dict[str, Any]] = []
    for i in reversed(order):
        vertex = vertices[i]
        gradient = gradients.get(id(vertex.tensor))
        if gradient is None:
            continue
        if vertex.kind == "layer" and vertex.node is not None:
            rule = layer_rule(vertex.node.layer)
            passes = [{"input": source} for source in _flowing(vertex)]
            parameters = [
                {"name": name, "shape": list(one.shape), **_numbers("gradient", gradients[id(one)])}
                for name, one in vertex.node.layer.own_parameters()
                if id(one) in gradients
            ]
            found.append({"node": i, "rule": list(rule.backward), "passes": passes, "parameters": parameters})
        else:
            found.append({"node": i, "rule": [], "passes": _passes(vertex, gradient, arrived)})
    return found


def _flowing(vertex: Vertex) -> list[int]:
    return [source for source, flows in zip(vertex.inputs, vertex.flows, strict=True) if flows]


def _passes(vertex: Vertex, gradient: Array, arrived: dict[int, float]) -> list[dict[str, Any]]:
    """What an operation passes to each input: local derivative times gradient, added to what arrived there before."""
    node = vertex.node
    assert node is not None  # noqa: S101  # it was computed
    out = np.asarray(vertex.value)
    shares = node.operation.gradients(scope.xp, gradient, out, node)
    locals_ = node.operation.gradients(scope.xp, np.ones_like(gradient), out, node)
    rules = local_rule(node.operation.name).backward
    places = [(p, source) for p, (source, flows) in enumerate(zip(vertex.inputs, vertex.flows, strict=True)) if flows]
    found: list[dict[str, Any]] = []
    for (place, source), (parent, share), (_, local) in zip(places, shares, locals_, strict=True):
        entry: dict[str, Any] = {"input": source, "rule": rules[min(place, len(rules) - 1)] if rules else ""}
        part = unbroadcast(np.asarray(share), parent.data.shape)
        if part.size == 1:
            before = arrived.get(source, 0.0)
            arrived[source] = before + float(part.reshape(()))
            entry.update(share=digit(part), before=digit(before), after=digit(arrived[source]))
            if out.size == 1:
                entry["local"] = digit(local)
        else:
            entry.update(text=value_text(part))
        found.append(entry)
    return found

"""Fold the operations of each layer into one vertex, so that a deep network fits on a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from glassnet.plots.expression.collect import Vertex, consumers


def fold(vertices: Sequence[Vertex]) -> list[Vertex]:
    """One vertex for each use of a layer, with its parameters, buffers and numbers inside; the rest as it is.

    All operations of a layer in one vertex could make a circle: a block that computes, calls a part and computes
    again would lead to that part and come from it. Hence operations are numbered by how many changes of layer lie
    between them and the output, and only neighbours with the same layer and number are folded together. Every edge
    between two vertices then lowers the number, or joins equal layers with different numbers in that direction, and
    there is no circle.
    """
    users = consumers(vertices)
    changes = _changes(vertices, users)
    group = list(range(len(vertices)))  # -> the first vertex of its group

    def first(place: int) -> int:
        while group[place] != place:
            group[place] = group[group[place]]
            place = group[place]
        return place

    for place, vertex in enumerate(vertices):
        for source in vertex.inputs:
            if _same_layer(vertices[source], vertex) and changes[source] == changes[place]:
                low, high = sorted((first(source), first(place)))
                group[high] = low
    for place, vertex in enumerate(vertices):
        homes = {first(user) for user in users[place]}
        if vertex.node is None and vertex.owned and len(homes) == 1:
            (home,) = homes
            if _layer(vertices[home]) is not None:
                group[place] = home
    members: dict[int, list[int]] = {}
    for place in range(len(vertices)):
        members.setdefault(first(place), []).append(place)
    # Along every edge the number of changes falls, and what was no result comes before all results.
    order = sorted(members, key=lambda head: (vertices[head].node is not None, -changes[head], head))
    places = {place: i for i, head in enumerate(order) for place in members[head]}
    return [_folded([vertices[place] for place in members[head]], places, places[head]) for head in order]


def _layer(vertex: Vertex) -> Any:
    return None if vertex.node is None else vertex.node.layer


def _same_layer(a: Vertex, b: Vertex) -> bool:
    return _layer(a) is not None and _layer(a) is _layer(b)


def _changes(vertices: Sequence[Vertex], users: Sequence[Sequence[int]]) -> list[int]:
    """The most changes of layer on a way from each vertex to the output."""
    changes = [0] * len(vertices)
    for place in reversed(range(len(vertices))):
        changes[place] = max(
            (changes[user] + (not _same_layer(vertices[place], vertices[user])) for user in users[place]), default=0
        )
    return changes


def _folded(members: Sequence[Vertex], places: dict[int, int], own: int) -> Vertex:
    """One vertex for all members; its value is that of its last result, which must be used outside."""
    edges = [
        (places[source], flow)
        for vertex in members
        for source, flow in zip(vertex.inputs, vertex.flows, strict=True)
        if places[source] != own
    ]
    nodes = [vertex.node for vertex in members if vertex.node is not None]
    if not nodes or nodes[0].layer is None:
        return replace(members[0], inputs=tuple(place for place, _ in edges), flows=tuple(flow for _, flow in edges))
    flows: dict[int, bool] = {}
    for place, flow in edges:
        flows[place] = flows.get(place, False) or flow
    return replace(
        next(vertex for vertex in reversed(members) if vertex.node is not None),
        kind="layer",
        inputs=tuple(flows),
        flows=tuple(flows.values()),
        operations=tuple(node.operation.name for node in nodes),
        parameters=sum(np.size(vertex.value) for vertex in members if vertex.kind == "parameter"),
    )

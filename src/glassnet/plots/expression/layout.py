"""Where the boxes of a directed graph stand: in layers, from the top down (Sugiyama, Tagawa and Toda, 1981).

1. Every box stands as low as it can, but above all boxes that it leads to: next to where it is needed.
2. An edge that passes through a layer gets a point of its own there, so that it goes around the boxes. All edges of a
   box share these points: they run together and part where they must.
3. Within a layer, boxes and points are ordered by the mean place of their neighbours, from layer to layer and back,
   and the order with the fewest crossings is kept.
4. They move sideways towards their neighbours, as far as the order allows: what is computed from each other stands
   straight below each other, and what merely enters, such as weights, stands beside.

Everything is a function of the sizes and the edges: the same graph has the same picture.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

SPACE = 26.0  # between neighbouring boxes, in pixels
POINT_SPACE = 14.0  # between an edge that passes and its neighbours
MIN_GAP, MAX_GAP = 34.0, 110.0  # between layers: more where edges go far sideways
MARGIN = 12.0


class Box(NamedTuple):
    """A rectangle: its left upper corner and its size; y grows downwards."""

    x: float
    y: float
    width: float
    height: float


class Run(NamedTuple):
    """A piece of an edge that goes straight down at ``x``."""

    x: float
    top: float
    bottom: float


class Edge(NamedTuple):
    """An edge follows the first ``shared`` runs of its source's trunk and then goes to ``end``, at the box."""

    shared: int
    end: Run


class Layout(NamedTuple):
    """The picture's size, and for each node its box, its trunk and the edges from its inputs.

    The trunk is what the edges from a node have in common: a run below its box, and one in each layer that some edge
    passes. From run to run an edge may bend freely: between the bottom of one and the top of the next there is
    nothing but edges. The inputs of a node arrive at its upper side in their order, from left to right.
    """

    width: float
    height: float
    boxes: list[Box]
    trunks: list[list[Run]]
    edges: list[list[Edge]]


class _Link(NamedTuple):
    """A neighbour in the next layer. ``place`` (0 to 1) is where at the upper side of the lower one the edge arrives;
    ``offset`` is how far from its middle, in pixels, the upper one wants to stand.
    """

    vertex: int
    place: float
    offset: float


class _Layers:
    """Boxes and points in layers, with the links between neighbouring layers."""

    def __init__(self, sizes: Sequence[tuple[float, float]], inputs: Sequence[Sequence[int]]) -> None:
        self.depth = _depths(inputs)
        self.widths = [width for width, _ in sizes]
        self.layers: list[list[int]] = [[] for _ in range(max(self.depth, default=-1) + 1)]
        self.above: list[list[_Link]] = [[] for _ in sizes]
        self.below: list[list[_Link]] = [[] for _ in sizes]
        self.boxes = len(sizes)
        self.computed = [bool(sources) for sources in inputs]
        #: For each node, itself and the points that its edges pass, from layer to layer.
        self.chains = [[node] for node in range(len(sizes))]
        for vertex, depth in enumerate(self.depth):
            self.layers[depth].append(vertex)
        for vertex, sources in enumerate(inputs):
            for i, source in enumerate(sources):
                chain = self.chains[source]
                passed = self.depth[vertex] - self.depth[source]
                while len(chain) < passed:
                    chain.append(self._add_point(chain[-1]))
                place = (i + 1) / (len(sources) + 1)
                beside = passed > 1 or not self.computed[source]
                self._link(chain[passed - 1], vertex, place, (place - 0.5) * self.widths[vertex] if beside else 0.0)

    def _add_point(self, before: int) -> int:
        point = len(self.depth)
        self.depth.append(self.depth[before] + 1)
        self.widths.append(0.0)
        self.computed.append(True)
        self.layers[self.depth[point]].append(point)
        self.above.append([])
        self.below.append([])
        self._link(before, point, 0.5, 0.0)
        return point

    def _link(self, upper: int, lower: int, place: float, offset: float) -> None:
        self.below[upper].append(_Link(lower, place, offset))
        self.above[lower].append(_Link(upper, place, offset))

    def distance(self, left: int, right: int) -> float:
        """How far apart the middles of neighbours in a layer must be at least."""
        space = SPACE if left < self.boxes and right < self.boxes else POINT_SPACE
        return (self.widths[left] + self.widths[right]) / 2 + space

    def weight(self, vertex: int, other: int) -> float:
        """How much a link wants to be straight: most of all in the middle of a long edge, least from a leaf."""
        points = (vertex >= self.boxes) + (other >= self.boxes)
        return (2.0, 2.0, 8.0)[points] if self.computed[vertex] and self.computed[other] else 0.05


def layout(sizes: Sequence[tuple[float, float]], inputs: Sequence[Sequence[int]]) -> Layout:
    """Place boxes of the given (width, height). ``inputs`` lists for each box the boxes that lead to it, all of which
    come before it; one that leads to it twice is listed twice.
    """
    graph = _Layers(sizes, inputs)
    _reduce_crossings(graph)
    middles = _place_sideways(graph)
    left = min((middles[v] - graph.widths[v] / 2 for v in range(len(middles))), default=0.0)
    middles = [round(x - left + MARGIN, 1) for x in middles]
    heights = [max((sizes[v][1] for v in layer if v < graph.boxes), default=0.0) for layer in graph.layers]
    tops = _layer_tops(graph, middles, heights)
    boxes = [
        Box(middles[v] - w / 2, tops[d] + (heights[d] - h) / 2, w, h)
        for v, ((w, h), d) in enumerate(zip(sizes, graph.depth, strict=False))
    ]

    trunks = [
        [
            Run(middles[vertex], box.y + box.height, tops[depth] + heights[depth]),
            *(Run(middles[p], tops[d], tops[d] + heights[d]) for d, p in enumerate(points, depth + 1)),
        ]
        for (vertex, *points), box, depth in zip(graph.chains, boxes, graph.depth, strict=False)
    ]
    edges = [
        [
            Edge(depth - graph.depth[source], Run(box.x + link.place * box.width, tops[depth], box.y))
            for source, link in zip(sources, links, strict=True)
        ]
        for sources, links, box, depth in zip(inputs, graph.above, boxes, graph.depth, strict=False)
    ]
    right = max((middles[v] + graph.widths[v] / 2 for v in range(len(middles))), default=0.0)
    bottom = tops[-1] + heights[-1] if tops else 0.0
    return Layout(right + MARGIN, bottom + MARGIN, boxes, trunks, edges)


def _depths(inputs: Sequence[Sequence[int]]) -> list[int]:
    """The layer of each node, from 0 at the top: the last layer less the longest way down from the node."""
    below = [0] * len(inputs)
    for node in reversed(range(len(inputs))):
        for source in inputs[node]:
            below[source] = max(below[source], below[node] + 1)
    return [max(below) - distance for distance in below]


def _layer_tops(graph: _Layers, middles: list[float], heights: list[float]) -> list[float]:
    """The upper end of each layer: the farther edges go sideways between two layers, the more room they get."""
    gaps = [
        max((abs(middles[v] - middles[link.vertex] - link.offset) for v in layer for link in graph.below[v]), default=0)
        for layer in graph.layers[:-1]
    ]
    steps = [h + min(max(MIN_GAP, gap / 8), MAX_GAP) for h, gap in zip(heights, gaps, strict=False)]
    return list(accumulate(steps, initial=MARGIN))[: len(heights)]


# Order within the layers


def _reduce_crossings(graph: _Layers) -> None:
    """Order the layers by the places of the neighbours, first from the bottom up: inputs in their order."""
    places = [0.0] * len(graph.depth)

    def number(layer: list[int]) -> None:
        for i, vertex in enumerate(layer):
            places[vertex] = float(i)

    def mean_below(vertex: int) -> float:
        links = graph.below[vertex]
        return sum(places[n.vertex] + n.place for n in links) / len(links) if links else places[vertex]

    def mean_above(vertex: int) -> float:
        links = graph.above[vertex]
        return sum(places[n.vertex] for n in links) / len(links) if links else places[vertex]

    for layer in graph.layers:
        number(layer)
    best, fewest = graph.layers, -1
    rounds = min(12, 2 + 50_000 // len(places)) if places else 0
    for _ in range(rounds):
        for layer in reversed(graph.layers[:-1]):
            layer.sort(key=mean_below)
            number(layer)
        crossings = _crossings(graph, places)
        if fewest < 0 or crossings < fewest:
            best, fewest = [list(layer) for layer in graph.layers], crossings
        if not fewest:
            break
        for layer in graph.layers[1:]:
            layer.sort(key=mean_above)
            number(layer)
    graph.layers = best


def _crossings(graph: _Layers, places: list[float]) -> int:
    """How many pairs of edges cross."""
    count = 0
    for layer in graph.layers:
        ends: list[float] = []  # of the edges that start farther left, in order
        for vertex in layer:
            own = [places[n.vertex] + n.place for n in graph.below[vertex]]
            count += sum(len(ends) - bisect_right(ends, end) for end in own)
            for end in own:
                insort(ends, end)
    return count


# Sideways


def _place_sideways(graph: _Layers) -> list[float]:
    """The middle of each box and point: in rounds, each layer is moved towards the layers beside it."""
    middles = [0.0] * len(graph.depth)
    for layer in graph.layers:
        steps = [graph.distance(left, right) for left, right in pairwise(layer)]
        for vertex, x in zip(layer, accumulate(steps, initial=-sum(steps) / 2), strict=True):
            middles[vertex] = x

    def move(layer: list[int], up: bool, down: bool) -> None:
        wishes, weights = [], []
        for v in layer:
            wished = [(middles[n.vertex] - n.offset, graph.weight(v, n.vertex)) for n in graph.above[v] if up]
            wished += [(middles[n.vertex] + n.offset, graph.weight(v, n.vertex)) for n in graph.below[v] if down]
            weight = sum(w for _, w in wished)
            wishes.append(sum(x * w for x, w in wished) / weight if wished else middles[v])
            weights.append(weight or 0.1)
        distances = [graph.distance(left, right) for left, right in pairwise(layer)]
        for vertex, x in zip(layer, nearest_places(wishes, weights, distances), strict=True):
            middles[vertex] = x

    rounds = min(24, 2 + 50_000 // len(middles)) if middles else 0
    for _ in range(rounds):
        for layer in graph.layers[1:]:
            move(layer, up=True, down=False)
        for layer in reversed(graph.layers[:-1]):
            move(layer, up=False, down=True)
    for layer in graph.layers:
        move(layer, up=True, down=True)
    return middles


def nearest_places(wishes: Sequence[float], weights: Sequence[float], distances: Sequence[float]) -> list[float]:
    """Places in the given order, at least ``distances`` apart, with the smallest weighted sum of squared distances
    from the wishes.

    Less the room that must lie to the left of each, the places only need to rise: an isotonic regression. Wherever
    wishes fall instead, they are pooled to their mean (Ayer et al., 1955, https://doi.org/10.1214/aoms/1177728423).
    """
    rooms = list(accumulate(distances, initial=0.0))
    pools: list[tuple[float, float, int]] = []  # mean, weight, how many
    for wish, weight, room in zip(wishes, weights, rooms, strict=True):
        mean, total, count = wish - room, weight, 1
        while pools and pools[-1][0] > mean:
            other, more, others = pools.pop()
            mean, total, count = (mean * total + other * more) / (total + more), total + more, count + others
        pools.append((mean, total, count))
    flat = [mean for mean, _, count in pools for _ in range(count)]
    return [mean + room for mean, room in zip(flat, rooms, strict=True)]

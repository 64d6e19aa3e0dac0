"""What a picture says about each vertex, in words: all that is drawn, as text or as SVG."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glassnet.engine.backward import gradient_flow
from glassnet.engine.tensor import Tensor
from glassnet.nn.module import Module
from glassnet.plots.expression.collect import Kind, Vertex
from glassnet.plots.expression.preview import printable, shape_text, shortened, value_text

LONGEST = 44  # characters of a line in a box; the tooltip has the rest


@dataclass(frozen=True)
class GraphNode:
    """One box of an expression graph.

    kind: "constant" (a number or array without a gradient), "leaf" (a tensor that wants one), "parameter" (of a
        network), "operation" (a result), or "layer" (all that a layer computed, folded into one).
    name: what the user or the network calls it, or "".
    operation: the name of the operation; of a folded layer, those of all its operations, with commas. "" for others.
    layer: the layer that computed it, with its path, such as "layers.0 (Linear 784 -> 16)"; "" outside of layers.
    shape, value, gradient: the shape if it is not written out, the values (mean and standard deviation of larger
        arrays), and the gradient of the output by it; "" where there is none.
    details: the same and more, in lines, for the tooltip.
    inputs: the numbers of the nodes that it was computed from, in the operation's order.
    flows: for each input, whether a gradient goes back to it.
    """

    kind: Kind
    name: str
    operation: str
    layer: str
    shape: str
    value: str
    gradient: str
    details: str
    inputs: tuple[int, ...]
    flows: tuple[bool, ...]

    @property
    def title(self) -> str:
        """What the box is headed with."""
        name = shortened(self.name, LONGEST)
        if self.kind in ("operation", "layer"):
            what = shortened(self.layer, LONGEST) if self.kind == "layer" else self.operation
            return f"{name} = {what}" if name else what
        return name or (self.value if self._bare else self.kind)

    @property
    def _bare(self) -> bool:
        """Whether it is a number without a name, such as the 2 in x ** 2."""
        return self.kind == "constant" and not self.name and not self.shape

    @property
    def lines(self) -> list[str]:
        """What the box says below its title, but for the gradient and the layer."""
        inside = shortened(self.operation, LONGEST) if self.kind == "layer" else ""
        return [] if self._bare else [line for line in (inside, self.shape, self.value) if line]

    @property
    def gradient_line(self) -> str:
        """The gradient with its heading, or ""."""
        return f"grad {self.gradient}" if self.gradient else ""

    @property
    def layer_line(self) -> str:
        """The layer, where it is not the title, or ""."""
        return shortened(self.layer, LONGEST) if self.kind == "operation" else ""


def describe(vertices: Sequence[Vertex], output: Tensor, net: Module | None) -> list[GraphNode]:
    """A node for each vertex. Gradients are there if the output is a single number."""
    wanted = {id(vertex.tensor): vertex.tensor for vertex in vertices}
    gradients = {}
    if output.size == 1:
        gradients = {id(t): value_text(g) for t, g in gradient_flow(output) if id(t) in wanted}
    layers: dict[int, str] = {}
    for vertex in vertices:
        layer = None if vertex.node is None else vertex.node.layer
        if layer is not None and id(layer) not in layers:
            layers[id(layer)] = printable((net or layer).locate(layer))
    return [_node(vertex, gradients.get(id(vertex.tensor), ""), layers) for vertex in vertices]


def _node(vertex: Vertex, gradient: str, layers: dict[int, str]) -> GraphNode:
    node = vertex.node
    layer = "" if node is None or node.layer is None else layers[id(node.layer)]
    operation = "" if node is None else node.operation.name
    if vertex.kind == "layer":
        operation = ", ".join(f"{n} {name}" if n > 1 else name for name, n in Counter(vertex.operations).items())
    name, shape, value = printable(vertex.name), shape_text(vertex.value), value_text(vertex.value)
    static = node.static if node is not None and vertex.kind == "operation" else {}
    dtype = f" {vertex.value.dtype}" if isinstance(vertex.value, np.ndarray) else ""
    details = [
        f"{vertex.kind} {name}".strip(),
        operation and f"computed by {operation}",
        *(f"{option} = {shortened(printable(repr(setting)), 100)}" for option, setting in static.items()),
        layer and f"in {layer}",
        vertex.parameters and f"{vertex.parameters:,} parameters",
        f"shape {np.shape(vertex.value)}{dtype}",
        f"value {value}",
        gradient and f"gradient of the output by it: {gradient}",
    ]
    return GraphNode(
        kind=vertex.kind,
        name=name,
        operation=operation,
        layer=layer,
        shape=shape,
        value=value,
        gradient=gradient,
        details="\n".join(filter(None, map(str, filter(None, details)))),
        inputs=vertex.inputs,
        flows=vertex.flows,
    )

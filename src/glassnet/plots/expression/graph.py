"""graph(): the expression graph of a tensor, as DOT, as SVG and in notebooks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from glassnet.engine.errors import ConfigError, GradientError
from glassnet.engine.options import integer_option
from glassnet.engine.tensor import Tensor
from glassnet.nn.module import Module
from glassnet.plots.expression.collect import collect, known_names
from glassnet.plots.expression.description import GraphNode, describe
from glassnet.plots.expression.dot import to_dot
from glassnet.plots.expression.fold import fold
from glassnet.plots.expression.svg import to_svg


class Graph:
    """The expression graph of a tensor, which a notebook shows. ``nodes`` are its boxes, each after all that it was
    computed from; the last one is the tensor itself.
    """

    def __init__(self, nodes: list[GraphNode]) -> None:
        self.nodes = nodes

    def dot(self) -> str:
        """The graph in DOT, the language of Graphviz."""
        return to_dot(self.nodes)

    def svg(self) -> str:
        """The graph as SVG. Boxes show value and gradient, and more when the mouse rests on them."""
        return to_svg(self.nodes)

    def save(self, path: str | Path) -> Path:
        """Write the graph to a file that ends in .svg or .dot. Raises ConfigError for another ending, or if the file
        cannot be written.
        """
        path = Path(path)
        writers = {".svg": self.svg, ".dot": self.dot}
        if path.suffix.lower() not in writers:
            raise ConfigError(f"a graph is written to a file that ends in .svg or .dot, got {path}.")
        try:
            path.write_text(writers[path.suffix.lower()](), encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"the graph cannot be written to {path}: {error}.") from error
        return path

    def _repr_svg_(self) -> str:
        return self.svg()

    def __repr__(self) -> str:
        return f"<graph of {len(self.nodes)} nodes; save(path) draws it>"


def graph(
    tensor: Tensor,
    net: Module | None = None,
    *,
    names: Mapping[str, Any] | None = None,
    collapse: bool = False,
    max_nodes: int = 200,
) -> Graph:
    """The expression that a tensor was computed by: each number and result with its value and its gradient.

    The gradients are those of ``tensor``, which must be a single number to have any; they are computed for the
    picture, whether ``backward()`` was called or not, and no ``grad`` changes. Leaves show the values that they had
    in the computation, even if they were updated since.

    net: the network that took part: parameters and layers get their paths, such as ``layers.0.weight``.
    names: names of tensors and arrays; ``names=locals()`` (or ``globals()``, in a notebook) names all variables.
        Other values and names that begin with an underscore are passed over.
    collapse: each layer becomes one box, with its parameters inside; it shows its last result.
    max_nodes: a picture of more boxes is refused.

    Raises GradientError for a tensor that was not computed from any that requires a gradient, ConfigError for a graph
    that is too large.

    >>> import glassnet as gn
    >>> a = gn.tensor(2.0, requires_grad=True)
    >>> picture = gn.graph(a * a + a, names={"a": a})
    >>> [(node.title, node.value, node.gradient) for node in picture.nodes]
    [('a', '2', '5'), ('multiply', '4', '1'), ('add', '6', '1')]
    """
    if not isinstance(tensor, Tensor):
        raise ConfigError(f"graph() draws how a tensor was computed, got a {type(tensor).__name__}.")
    if net is not None and not isinstance(net, Module):
        raise ConfigError(f"graph() takes a network second, got a {type(net).__name__}. Pass names as names=.")
    if names is not None and not (isinstance(names, Mapping) and all(isinstance(name, str) for name in names)):
        raise ConfigError('graph() takes names as in names={"x": x} or names=locals().')
    integer_option("max_nodes", max_nodes, 1)
    if tensor.node is None and tensor.requires_grad:
        raise GradientError(
            "graph() draws how a tensor was computed, and this one is a leaf. Draw a result, as a loss."
        )
    if tensor.node is None:
        raise GradientError(
            "graph() draws how a tensor was computed, and this one has no history: it does not depend on any tensor "
            "with requires_grad=True. Was it computed under no_grad() or from detached tensors?"
        )
    vertices = collect(tensor, *known_names(net, names or {}))
    folded = fold(vertices) if collapse or len(vertices) > max_nodes else vertices
    if len(folded if collapse else vertices) > max_nodes:
        raise ConfigError(_too_large(len(vertices), len(folded), collapse, max_nodes))
    return Graph(describe(folded if collapse else vertices, tensor, net))


def _too_large(count: int, folded: int, collapse: bool, max_nodes: int) -> str:
    """What to do about a graph with too many nodes."""
    found = f"the graph has {folded if collapse else count:,} nodes, more than max_nodes={max_nodes:,}"
    if folded <= max_nodes and not collapse:
        return f"{found}. With collapse=True, which folds each layer into one, it has {folded:,}."
    hint = "" if collapse or folded == count else f" (collapse=True leaves {folded:,})"
    return f"{found}{hint}. Draw a smaller part of the expression, such as one term or one step, or raise max_nodes."

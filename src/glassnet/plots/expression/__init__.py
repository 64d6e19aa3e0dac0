"""The expression graph of a tensor: collected, folded, laid out and drawn."""

from glassnet.plots.expression.description import GraphNode
from glassnet.plots.expression.graph import Graph, graph

__all__ = ["Graph", "GraphNode", "graph"]

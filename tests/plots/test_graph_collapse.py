"""Graphs with the operations of each layer folded into one node, and graphs that are too large."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import glassnet as gn
from glassnet import nn
from glassnet.engine.errors import ConfigError

from .expressions import classifier, edges_of, leaf, titles


def test_collapse_makes_each_layer_one_node():
    net, x, y, loss = classifier()
    graph = gn.graph(loss, net, names={"x": x, "y": y, "loss": loss}, collapse=True)
    assert titles(graph) == [
        "x",
        "y",
        "layer 0 (Linear 6 -> 4)",
        "layer 1 (BatchNorm1d 4)",
        "layer 2 (Tanh)",
        "layer 3 (Linear 4 -> 3)",
        "loss = CrossEntropyLoss",
    ]
    assert sorted(edges_of(graph)) == [(0, 2), (1, 6), (2, 3), (3, 4), (4, 5), (5, 6)]
    assert graph.nodes[-1].operation == "softmax_cross_entropy, mean"
    assert graph.nodes[-1].gradient == "1"
    assert "28 parameters" in graph.nodes[2].details
    plain = gn.graph(loss, net).nodes
    tanh = next(node for node in plain if node.operation == "tanh")
    assert (graph.nodes[4].value, graph.nodes[4].gradient) == (tanh.value, tanh.gradient)


def test_collapse_keeps_a_layer_in_evaluation_whole():
    net, x, *_ = classifier()
    graph = gn.graph(net.eval()(x).sum(), net, collapse=True)
    assert [node.title for node in graph.nodes if node.kind == "layer"] == [
        "layer 0 (Linear 6 -> 4)",
        "layer 1 (BatchNorm1d 4)",
        "layer 2 (Tanh)",
        "layer 3 (Linear 4 -> 3)",
    ]


class Gate(nn.Module):
    """Uses its input as a factor and as a condition."""

    def forward(self, x):
        return gn.where(x, x * 2.0, 0.0)


def test_a_gradient_goes_back_if_any_operation_of_the_layer_has_one():
    graph = gn.graph(Gate()(leaf([1.0, 0.0])).sum(), collapse=True)
    assert titles(graph) == ["leaf", "Gate", "sum"]
    assert graph.nodes[1].flows == (True,)


class Residual(nn.Module):
    """A module that computes before, between and after its parts."""

    def __init__(self):
        self.a = nn.Linear(3, 3)
        self.b = nn.Linear(3, 3)

    def forward(self, x):
        x = x * 2.0
        h = self.a(x).tanh()
        return self.b(h) + x


def test_collapse_makes_no_circle_of_a_module_around_its_parts():
    gn.manual_seed(0)
    net = Residual()
    x = leaf(np.ones((2, 3), np.float32))
    graph = gn.graph(net(x).sum(), net, names={"x": x}, collapse=True)
    assert titles(graph) == ["x", "Residual", "a (Linear 3 -> 3)", "Residual", "b (Linear 3 -> 3)", "Residual", "sum"]
    assert sorted(edges_of(graph)) == [(0, 1), (1, 2), (1, 5), (2, 3), (3, 4), (4, 5), (5, 6)]


@given(st.data())
def test_collapse_of_any_program_keeps_order_and_operations(data):
    """Layers and bare operations, applied to any earlier results."""
    layers = [nn.Linear(2, 2), nn.BatchNorm1d(2).eval(), Around(), None]
    values = [leaf(np.ones((2, 2), np.float32))]
    for _ in range(data.draw(st.integers(1, 12))):
        layer = data.draw(st.sampled_from(layers))
        a, b = (data.draw(st.sampled_from(values)) for _ in range(2))
        values.append(a * b if layer is None else layer(a, b) if isinstance(layer, Around) else layer(a))
    output = sum(values[1:], values[0])
    plain, folded = gn.graph(output, max_nodes=1000), gn.graph(output, collapse=True)
    assert all(source < i for source, i in edges_of(folded))
    assert {source for source, _ in edges_of(folded)} == set(range(len(folded.nodes) - 1))  # all lead to the output
    assert operations(folded) == operations(plain)
    assert folded.nodes[-1].value == plain.nodes[-1].value


class Around(nn.Module):
    """Computes before and after its part, which does not wait for the first computation."""

    def __init__(self):
        self.inner = nn.Tanh()

    def forward(self, a, b):
        before = a * 2.0
        return self.inner(b) + before


def operations(graph):
    """How many operations there are, with those inside of layers."""
    counts = [part.split(" ") for node in graph.nodes if node.operation for part in node.operation.split(", ")]
    return sum(int(part[0]) if len(part) > 1 else 1 for part in counts)


def test_a_graph_that_is_too_large_is_refused_with_what_to_do():
    x = leaf(1.0)
    y = x
    for _ in range(10_000):
        y = y.tanh()
    with pytest.raises(ConfigError, match=r"10,001 nodes, more than max_nodes=200\. Draw a smaller part"):
        gn.graph(y)
    net, *_, loss = classifier()
    with pytest.raises(ConfigError, match=r"14 nodes, more than max_nodes=8\. With collapse=True, .* it has 7\."):
        gn.graph(loss, net, max_nodes=8)
    with pytest.raises(ConfigError, match=r"14 nodes.*\(collapse=True leaves 7\)\. Draw a smaller part"):
        gn.graph(loss, net, max_nodes=5)
    with pytest.raises(ConfigError, match=r"7 nodes, more than max_nodes=5\. Draw a smaller part"):
        gn.graph(loss, net, collapse=True, max_nodes=5)
    assert len(gn.graph(loss, net, collapse=True, max_nodes=7).nodes) == 7

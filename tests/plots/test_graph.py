"""The expression graph of a tensor: what is in it; errors."""

import numpy as np
import pytest

import glassnet as gn
from glassnet.engine.errors import ConfigError, GradientError

from .expressions import classifier, edges_of, leaf, neuron, titles

# What is in it


def test_a_neuron():
    o, names = neuron()
    graph = gn.graph(o, names=names)
    found = {node.title: (node.value, node.gradient) for node in graph.nodes}
    assert found["x1"] == ("2", "-1.5")
    assert found["w1"] == ("-3", "1")
    assert found["x2"] == ("0", "0.5")
    assert found["w2"] == ("1", "0")
    assert found["b"] == ("6.881", "0.5")
    assert found["n = add"] == ("0.8814", "0.5")
    assert found["o = tanh"] == ("0.7071", "1")
    assert len(graph.nodes) == 10
    assert graph.nodes[-1].title == "o = tanh"
    assert [node.kind for node in graph.nodes].count("leaf") == 5
    inputs = [[titles(graph)[i] for i in node.inputs] for node in graph.nodes]
    assert inputs[-1] == ["n = add"]
    assert ["x1", "w1"] in inputs
    assert ["x2", "w2"] in inputs


def test_a_tensor_that_is_used_twice_has_two_edges():
    a = leaf(3.0)
    b = a + a
    c = b + b
    graph = gn.graph(c, names={"a": a, "b": b, "c": c})
    assert titles(graph) == ["a", "b = add", "c = add"]
    assert edges_of(graph) == [(0, 1), (0, 1), (1, 2), (1, 2)]
    assert [node.gradient for node in graph.nodes] == ["4", "2", "1"]


def test_gradients_are_those_of_backward_and_nothing_is_stored():
    x = leaf([[1.0, -2.0], [0.5, 3.0]])
    h = gn.exp(x).log() * x
    loss = h.mean()
    graph = gn.graph(loss, names={"x": x, "h": h})
    assert x.grad is None
    assert h.grad is None
    h.retain_grad()
    loss.backward()
    first = x.grad.copy()
    np.testing.assert_allclose(x.grad, x.data / 2, rtol=1e-6)
    found = {node.name: node.gradient for node in graph.nodes}
    assert found["x"] == "[[0.5, -1], [0.25, 1.5]]"
    assert found["h"] == "[[0.25, 0.25], [0.25, 0.25]]"
    assert [n.gradient for n in gn.graph(loss).nodes] == [n.gradient for n in graph.nodes]  # .grad is not added to it
    np.testing.assert_array_equal(x.grad, first)


def test_only_a_single_number_has_gradients():
    x = leaf([1.0, 2.0])
    graph = gn.graph(x * 2)
    assert [node.gradient for node in graph.nodes] == ["", "", ""]
    assert "grad" not in graph.svg() + graph.dot()
    assert gn.graph((x * 2).sum()).nodes[0].gradient == "[2, 2]"


def test_larger_tensors_show_shape_mean_and_deviation():
    x = leaf(np.arange(12.0, dtype=np.float32).reshape(3, 4))
    node = gn.graph((x * x).mean(), names={"x": x}).nodes[0]
    assert node.lines == ["(3, 4)", f"mean 5.5, std {np.arange(12).std():.3g}"]
    assert node.gradient == f"mean {5.5 / 6:.3g}, std {np.arange(12).std() / 6:.3g}"
    assert "shape (3, 4) float32" in node.details


def test_constants_have_no_gradient_and_dashed_edges():
    x, c = leaf([1.0, 2.0]), gn.tensor([3.0, 4.0])
    graph = gn.graph((x * c + 1.0 + 1.0).sum() ** 2, names={"c": c})
    kinds = {title: node.kind for title, node in zip(titles(graph), graph.nodes, strict=True)}
    assert kinds["c"] == kinds["1"] == kinds["2"] == "constant"
    assert titles(graph).count("1") == 2  # equal numbers are not the same number
    assert all(not node.gradient for node in graph.nodes if node.kind == "constant")
    assert graph.dot().count("style=dashed]") == 4
    flows = [flow for node in graph.nodes for flow in node.flows]
    assert flows.count(False) == 4


def test_an_array_that_is_used_twice_is_one_node():
    x, data = leaf([1.0, 2.0]), np.array([3.0, 4.0], np.float32)
    graph = gn.graph((x * data + data).sum(), names={"data": data})
    assert titles(graph).count("data") == 1
    assert sum(titles(graph)[source] == "data" for source, _ in edges_of(graph)) == 2


def test_indices_have_no_derivative():
    weight, rows = leaf(np.ones((5, 2), np.float32)), gn.tensor([0, 3, 3, 1, 2])
    graph = gn.graph(weight[rows].sum(), names={"rows": rows, "weight": weight})
    index = graph.nodes[-2]
    assert (index.operation, index.flows) == ("index", (True, False))
    assert next(node for node in graph.nodes if node.name == "rows").value == "0 to 3"


def test_no_gradient_goes_to_a_condition():
    x = leaf([1.0, 0.0])
    where = gn.graph(gn.where(x, x * 2.0, x).sum()).nodes[-2]
    assert (where.operation, where.flows) == ("where", (False, True, True))


def test_leaves_show_the_values_of_the_computation():
    w = leaf(2.0)
    y = w * w
    w.data = np.array(5.0, np.float32)
    node = gn.graph(y).nodes[0]
    assert (node.value, node.gradient) == ("2", "4")


def test_names_of_all_variables():
    x, other, _hidden = leaf(1.0), [1, 2], leaf(2.0)
    graph = gn.graph(x * _hidden, names=locals())
    assert titles(graph) == ["x", "leaf", "multiply"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.float32(1 / 3), "0.3333"),
        (12345678.0, "1.235e+07"),
        (float("nan"), "nan"),
        ([1.0, float("inf"), 2.0, 3.0, 4.0], "mean inf, std nan"),
        (np.zeros((0, 3), np.float32), "empty"),
        (np.full(6, 1e30, np.float32), "mean 1e+30, std 0"),  # whose squares are no float32
    ],
)
def test_values_in_words(value, text):
    x = leaf(value)
    assert gn.graph(x * 1).nodes[0].value == text


# Networks


def test_parameters_and_layers_have_their_paths():
    net, x, y, loss = classifier()
    graph = gn.graph(loss, net, names={"x": x, "y": y, "loss": loss})
    assert {node.name for node in graph.nodes if node.kind == "parameter"} == dict(net.named_parameters()).keys()
    assert {node.name for node in graph.nodes if node.kind == "constant"} == {"x", "y"}
    layers = {node.operation: node.layer for node in graph.nodes if node.kind == "operation"}
    assert layers["linear"] == "layer 3 (Linear 4 -> 3)"
    assert layers["batch_norm"] == "layer 1 (BatchNorm1d 4)"
    assert layers["softmax_cross_entropy"] == "CrossEntropyLoss"
    for text in (graph.dot(), graph.svg()):
        assert "3.weight" in text
        assert "layer 1 (BatchNorm1d 4)" in text


def test_without_the_network_layers_show_their_class():
    *_, loss = classifier()
    graph = gn.graph(loss)
    assert {node.title for node in graph.nodes if node.kind == "parameter"} == {"parameter"}
    assert any(node.layer == "Linear 4 -> 3" for node in graph.nodes)


def test_buffers_have_their_names_in_evaluation():
    net, x, *_ = classifier()
    graph = gn.graph(net.eval()(x).sum(), net)
    assert "1.running_mean" in titles(graph)


# Errors


def test_a_tensor_without_history_is_refused():
    a = leaf(2.0)
    with pytest.raises(GradientError, match="is a leaf"):
        gn.graph(a)
    with gn.no_grad():
        b = a * a
    for tensor in (b, (a * a).detach(), gn.tensor(1.0) * 2.0):
        with pytest.raises(GradientError, match=r"no history.*no_grad"):
            gn.graph(tensor)


def test_wrong_arguments_are_refused():
    a = leaf(2.0)
    with pytest.raises(ConfigError, match="got a float"):
        gn.graph(4.0)
    with pytest.raises(ConfigError, match="takes a network second, got a dict"):
        gn.graph(a * a, {"a": a})
    with pytest.raises(ConfigError, match="names="):
        gn.graph(a * a, names=["a"])
    with pytest.raises(ConfigError, match="max_nodes"):
        gn.graph(a * a, max_nodes=0)

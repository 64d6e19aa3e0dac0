"""Backpropagation in steps: the numbers are the engine's, the words fit, and nothing but expressions is read."""

import math

import numpy as np
import pytest

import glassnet as gn
from glassnet import nn
from glassnet.engine.errors import ConfigError
from glassnet.engine.ops import TABLE
from glassnet.nn.config import LAYERS as KNOWN
from glassnet.viewer.chain_rule import LAYERS, OPERATIONS, layer_rule
from glassnet.viewer.expressions import FUNCTIONS, Expression, read_values
from glassnet.viewer.panels.backprop import PRESETS, data
from glassnet.viewer.query import Query
from glassnet.viewer.steps import in_steps

from .test_network import engine, seen  # noqa: F401  # a fixture

VALUES = {"a": 2.0, "b": -3.0, "c": 0.5}
CLOSE = {"rel": 1e-5, "abs": 1e-12}


@pytest.mark.parametrize(
    "text",
    [
        "a * b + c",
        "a - b - c",
        "a / b / c",
        "2 ** a ** c",
        "-a ** 2",
        "(-a) ** 2",
        "a * -b",
        "-(a + b) * (c - 1.5)",
        "tanh(a * b) + sin(exp(c)) / 3",
        "a * (b + (c))",
        ".5 * a + 10. * b",
    ],
)
def test_an_expression_is_read_as_python_reads_it(text):
    functions = {"tanh": math.tanh, "sin": math.sin, "exp": math.exp}
    wanted = eval(text, functions, dict(VALUES))  # noqa: S307  # a text of this test
    assert Expression(text, VALUES).output.item() == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "ends too early"),
        ("a +", "ends too early"),
        ("a b", "'b' cannot stand"),
        ("a + + b", "'\\+' cannot stand"),
        ("(a", "ends too early"),
        ("(a b)", "not closed"),
        ("a)", "'\\)' cannot stand"),
        ("1 + 2", "at least one name"),
        ("a", "computes something"),
        ("tanh", "Write tanh\\("),
        ("cosh(a)", "no function cosh"),
        ("__import__('os')", "'_' has no meaning"),
        ("a.real", "'.' has no meaning|cannot stand"),
        ("a[0]", "'\\[' has no meaning"),
        ("a; b", "';' has no meaning"),
        ("\uff41 + b", "has no meaning"),
        ("a" * 121, "at most 120"),
        ("(" * 40 + "a" + ")" * 40, "at most 20 times"),
        ("-" * 60 + "a", "at most 20 times"),
        ("a+b+c+d+e+f+g+h+i", "at most 8 names"),
    ],
)
def test_anything_else_is_a_sentence(text, words):
    with pytest.raises(ConfigError, match=words):
        Expression(text, VALUES)


def test_a_huge_power_is_infinite_and_takes_no_time():
    assert Expression("a * 9 ** 9 ** 9 ** 9", VALUES).output.item() == math.inf


@pytest.mark.parametrize("text", ["a", "a=", "a=x", "a=nan", "a=1e999"])
def test_values_are_finite_numbers(text):
    with pytest.raises(ConfigError, match=r"values are written|finite"):
        read_values(text)
    assert read_values("a=2, b=-0.5,") == {"a": 2.0, "b": -0.5}


def replay(graph):
    """Go through the steps as the page does: what has arrived at each node in the end."""
    arrived = {graph["backward"][0]["node"]: graph["nodes"][graph["backward"][0]["node"]]["gradient_number"]}
    for step in graph["backward"]:
        g = arrived[step["node"]]
        assert graph["nodes"][step["node"]]["gradient_number"] == pytest.approx(g, **CLOSE)  # all of it is there by now
        for one in step["passes"]:
            assert one["share"] == pytest.approx(g * one["local"], **CLOSE)
            assert one["before"] == pytest.approx(arrived.get(one["input"], 0.0), **CLOSE)
            arrived[one["input"]] = one["before"] + one["share"]
            assert one["after"] == pytest.approx(arrived[one["input"]], **CLOSE)
            assert one["rule"]
    return arrived


@pytest.mark.parametrize(
    ("text", "values"), [*PRESETS, ("(a + a) * a * a", "a=3"), ("a ** 3 / (b + exp(a))", "a=2,b=1")]
)
def test_the_steps_of_an_expression_lead_to_the_gradients_of_backward(text, values):
    found = Expression(text, read_values(values))
    graph = in_steps(found.output, names=found.leaves)
    arrived = replay(graph)
    found.output.backward()
    titles = [node["title"] for node in graph["nodes"]]
    for name, leaf in found.leaves.items():
        place = titles.index(name)
        assert arrived[place] == pytest.approx(float(leaf.grad), **CLOSE)
        assert graph["nodes"][place]["gradient_number"] == pytest.approx(float(leaf.grad), **CLOSE)
    assert [step["node"] for step in graph["forward"]] == sorted(step["node"] for step in graph["forward"])
    assert graph["nodes"][graph["forward"][-1]["node"]]["value_number"] == pytest.approx(found.output.item(), **CLOSE)


def test_the_steps_of_a_neuron_begin_with_the_gradient_of_the_network_and_end_with_its_weights(seen):  # noqa: F811
    net = seen.network()
    _, (z, hidden, _) = engine(net, 3)
    neuron = int(np.abs(z.grad[0]).argmax())
    graph = data(seen, Query({"kind": "neuron", "row": "3", "stage": "1", "neuron": str(neuron)}))
    assert graph["seed"] == pytest.approx(hidden.grad[0, neuron], rel=1e-4)
    arrived = replay(graph)
    titles = [node["title"] for node in graph["nodes"]]
    weights = [(i, int(title[2:-1])) for i, title in enumerate(titles) if title.startswith("w[")]
    assert len(weights) == 3
    for place, source in weights:
        assert arrived[place] == pytest.approx(net[0].weight.grad[source, neuron], rel=1e-4)
    assert arrived[titles.index("b")] == pytest.approx(net[0].bias.grad[neuron], rel=1e-4)
    assert graph["nodes"][-1]["value_number"] == pytest.approx(hidden.data[0, neuron], rel=1e-4)


def test_the_steps_of_the_layers_have_the_gradients_of_the_network(seen):  # noqa: F811
    net = seen.network()
    loss, outputs = engine(net, 3)
    graph = data(seen, Query({"kind": "layers", "row": "3"}))
    layers = [node for node in graph["nodes"] if node["kind"] == "layer"]
    for node, out in zip(layers, [*outputs, loss], strict=True):
        if out.size > 1:
            assert node["value_cells"] == pytest.approx(out.data.reshape(-1)[:64].tolist(), rel=1e-3)
            assert node["gradient_cells"] == pytest.approx(out.grad.reshape(-1)[:64].tolist(), rel=1e-3, abs=1e-9)
    assert layers[-1]["value_number"] == pytest.approx(loss.item(), rel=1e-5)
    by_title = {graph["nodes"][step["node"]]["title"]: step for step in graph["backward"]}
    weight = next(one for one in by_title["layer 2 (Linear 16 -> 10)"]["parameters"] if one["name"] == "weight")
    assert weight["gradient_cells"] == pytest.approx(net[2].weight.grad.reshape(-1)[:64].tolist(), rel=1e-3, abs=1e-9)
    assert [len(step["passes"]) for step in graph["backward"]] == [1, 1, 1, 1]


def test_batch_norm_is_a_part_of_a_neuron():
    from glassnet.viewer.panels.backprop import neuron
    from glassnet.viewer.stages import flow

    gn.manual_seed(1)
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 2))
    net.task = "classification"
    net(np.random.default_rng(0).standard_normal((20, 3)).astype(np.float32))  # moves the statistics
    found = flow(net, np.float32([[1, -2, 0.5]]), np.array([1]))
    graph = neuron(found, Query({"stage": "1", "neuron": "2"}))
    assert graph["nodes"][-1]["value_number"] == pytest.approx(found.stages[1].out.data[0, 2], rel=1e-5)
    arrived = replay(graph)
    bias = [node["title"] for node in graph["nodes"]].index("b")
    assert arrived[bias] == pytest.approx(found.gradients[id(net[0].bias)][2], rel=1e-4)


def test_every_rule_is_of_an_operation_and_has_a_part_for_each_derivative():
    for name, rule in OPERATIONS.items():
        assert TABLE[name].joint is None
        assert len(rule.backward) == len([vjp for vjp in TABLE[name].vjps if vjp is not None]), name
    assert {row.name for row in FUNCTIONS.values()} <= OPERATIONS.keys()


def test_layers_that_can_be_saved_have_words():
    without = {"OneHot", "JoinIndices", "Identity"}  # no gradient, or nothing to say
    assert {name for name, kind in KNOWN.items() if not layer_rule_of(kind)} == without
    assert all(rule.forward and rule.backward for rule in LAYERS.values())


def layer_rule_of(kind):
    return layer_rule(object.__new__(kind)).forward


def test_refusals(seen):  # noqa: F811
    for query, words in (
        ({"kind": "nonsense"}, "kind must be one of"),
        ({"kind": "neuron", "stage": "0"}, "no sum of weights"),
        ({"kind": "expression", "text": "a *"}, "ends too early"),
    ):
        with pytest.raises(ConfigError, match=words):
            data(seen, Query(query))

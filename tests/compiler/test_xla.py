"""Steps by XLA against eager ones: whole networks, optimizers, losses, and what is refused."""

import sys

import numpy as np
import pytest

import glassnet as gn
from glassnet import nn, optim
from glassnet.compiler import xla
from glassnet.compiler.step import Bound
from glassnet.compiler.xla import XlaStep
from glassnet.engine.errors import TraceError
from glassnet.engine.namespace import numpy_namespace
from glassnet.engine.scope import scope
from glassnet.engine.tensor import Tensor

from .trainings import BATCH, LOSSES, NETWORKS, OPTIMIZERS, STEPS, VALUES, Made, Training, assert_close, small

pytest.importorskip("jax")

BOTH_TYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])


@BOTH_TYPES
@pytest.mark.parametrize("training", NETWORKS, ids=[one.label for one in NETWORKS])
def test_networks_over_twenty_steps(training, dtype):
    check_twenty_steps(training, dtype)


@BOTH_TYPES
@pytest.mark.parametrize("training", [*OPTIMIZERS, *LOSSES], ids=[one.label for one in (*OPTIMIZERS, *LOSSES)])
def test_optimizers_and_losses_over_twenty_steps(training, dtype, quickly):
    check_twenty_steps(training, dtype)


def check_twenty_steps(training, dtype):
    told, state = Made(training, dtype).eagerly()
    made = Made(training, dtype)
    step = XlaStep(made.bound, made.tables, BATCH)
    found = step.run(made.rows, made.rates, 0, made.words(step.streams))
    assert found.pop("holds", np.array(True)).all()
    step.pull()
    for ours, theirs in ((found, told), (made.bound.state(), state)):
        assert ours.keys() == theirs.keys()
        for name, array in ours.items():
            assert type(array) is np.ndarray
            # The norm that clipping returns is a number of Python where it is not compiled.
            assert_close(array, theirs[name].astype(dtype) if name == "norm" else theirs[name])


def made_step(training, dtype="float32"):
    made = Made(training, dtype)
    step = XlaStep(made.bound, made.tables, BATCH)
    return made, step, made.words(step.streams)


def states_equal(a, b):
    return a.keys() == b.keys() and all((a[name] == b[name]).all() for name in a)


def test_how_many_steps_are_asked_for_at_a_time_changes_no_bit(monkeypatch, quickly):
    monkeypatch.setattr(xla, "CHUNK", 6)
    made, step, words = made_step(NETWORKS[1])
    start = made.bound.state()
    told = step.run(made.rows, made.rates, 0, words)
    step.pull()
    together = made.bound.state()
    assert not states_equal(start, together)
    made.bound.put(start)
    step.push()
    parts = []
    for first, last in ((0, 0), (0, 1), (1, 4), (4, 11), (11, STEPS)):
        part = slice(first, last)
        parts.append(step.run(made.rows[part], made.rates[part], first, words[part]))
        assert {name: len(array) for name, array in parts[-1].items()} == dict.fromkeys(told, last - first)
    step.pull()
    assert states_equal(made.bound.state(), together)
    assert states_equal(told, {name: np.concatenate([part[name] for part in parts]) for name in told})


def test_arrays_that_someone_holds_keep_their_values(quickly):
    made, step, words = made_step(Training("plain"))
    pushed = made.bound.state()
    values = {name: array.copy() for name, array in pushed.items()}
    step.run(made.rows, made.rates, 0, words)
    step.pull()
    pulled = made.bound.state()
    copies = {name: array.copy() for name, array in pulled.items()}
    step.run(made.rows, made.rates, STEPS, words)
    assert states_equal(pushed, values)
    assert states_equal(pulled, copies)
    assert all(array.flags.writeable and array.flags.owndata for array in pulled.values())


def test_a_condition_that_fails_is_told_for_its_step(quickly):
    made = Made(Training("plain"), "float32")
    wrong = made.tables["data.y"] = made.tables["data.y"].copy()
    wrong[5] = 4
    step = XlaStep(made.bound, made.tables, BATCH)
    told = step.run(made.rows, made.rates, 0, made.words(step.streams))
    expected = (made.rows != 5).all(1)
    assert 0 < expected.sum() < STEPS
    np.testing.assert_array_equal(told["holds"], expected)


def step_of(function, net=None, tables=None):
    net = small() if net is None else net
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    bound = Bound(lambda x: function(net, x), dict(net.named_parameters()), optimizer)
    return XlaStep(bound, {"data.x": VALUES} if tables is None else tables, BATCH), bound


def run_once(step):
    rows = np.arange(BATCH)[None]
    return {name: array[0] for name, array in step.run(rows, np.full((1, 1), 0.1), 0, np.zeros((1, 0, 2))).items()}


TABLE = gn.tensor(np.arange(40.0).reshape(10, 4))


def looked_at(net, x):
    """What networks written by hand do besides calling layers."""
    out = net(x)
    best = out.argmax(-1)
    return {
        "comparison": gn.where(out > 0, out, 0.5),
        "against a tensor": out == out.max(-1, keepdims=True),
        "best": best,
        "worst": out.argmin(),
        "chosen": out[np.arange(BATCH), best],
        "constant table": TABLE[best],
        "constant table by hand": nn.functional.embedding(best, TABLE),
        "joined": gn.concatenate([out, x.data], -1),
        "number": 3.0,
        "array": out.data.argmax(0),
    }


def test_values_that_are_looked_at_are_those_of_eager_steps():
    gn.manual_seed(0)
    step, bound = step_of(looked_at)
    expected = bound.function(gn.tensor(VALUES[:BATCH]))
    told = run_once(step)
    assert told.pop("holds")
    assert told.keys() == expected.keys()
    for name, found in told.items():
        value = expected[name]
        value = value.data if isinstance(value, Tensor) else np.asarray(value)
        assert found.dtype == value.dtype
        np.testing.assert_allclose(found, value, rtol=1e-5, atol=1e-6, err_msg=name)


def test_a_given_gradient_may_depend_on_the_batch():
    def step(net, x):
        out = net(x)
        out.backward(gradient=out)
        return {"gradient": next(iter(net.parameters())).grad}

    gn.manual_seed(0)
    compiled, bound = step_of(step)
    expected = bound.function(gn.tensor(VALUES[:BATCH]))["gradient"]
    np.testing.assert_allclose(run_once(compiled)["gradient"], expected, rtol=1e-5, atol=1e-6)


def assigned(out):
    out.data[0] = 0.0


@pytest.mark.parametrize(
    ("look", "words"),
    [
        (lambda out: float(out.sum()), "the NumPy array or number behind an array at test_xla.py:.*Return it from"),
        (lambda out: out.numpy().tolist(), "number behind an array at test_xla.py:.*Return it from the step"),
        (lambda out: np.sqrt(out.data), "the NumPy array or number behind an array at test_xla.py"),
        (lambda out: out[out > 0], "the NumPy array or number behind an array at test_xla.py"),
        (lambda out: 1 if out.data.sum() > 0 else 2, r"the truth value of an array at test_xla.py:.*glassnet.where\("),
        (assigned, r"a write into the elements of an array at test_xla.py:.*glassnet.where\(mask, new, x\)"),
        (lambda out: range(out.argmax().data), "the NumPy array or number behind an array at test_xla.py"),
        (lambda out: out.data.no_such_thing, "no_such_thing"),
    ],
)
def test_what_cannot_be_compiled_names_the_line_and_the_way_out(look, words):
    def step(net, x):
        look(net(x))
        return {}

    expected = AttributeError if words == "no_such_thing" else TraceError
    with pytest.raises(expected, match=words):
        step_of(step)


def test_mistakes_in_shapes_are_said_as_in_eager_steps():
    net = nn.Sequential(nn.Linear(6, 5), nn.Linear(4, 2))
    with pytest.raises(gn.ShapeError, match=r"layer 1 \(Linear 4 -> 2\) expected inputs with 4 features"):
        step_of(lambda net, x: {"out": net(x)}, net)
    with pytest.raises(gn.ShapeError, match=r"matmul cannot take shapes \(8, 6\) and \(8, 6\)"):
        step_of(lambda net, x: {"out": x @ x})
    with pytest.raises(gn.ShapeError, match=r"add cannot take shapes \(8, 6\) and \(8, 4\)"):
        step_of(lambda net, x: {"out": x + net(x)})
    assert scope.tracer is None
    assert scope.xp is numpy_namespace


def test_a_state_that_changes_its_type_is_refused():
    net = nn.BatchNorm1d(6)
    bound = Bound(lambda x: {"out": net(x)}, {**dict(net.named_parameters()), **dict(net.named_buffers())}, None)
    with pytest.raises(TraceError, match=r"net.running_mean .* was float32 \(6,\) and became float64"):
        XlaStep(bound, {"data.x": VALUES.astype(np.float64)}, BATCH)


def test_a_missing_jax_is_a_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(gn.ConfigError, match=r'pip install "glassnet\[xla\]"'):
        step_of(lambda net, x: {})

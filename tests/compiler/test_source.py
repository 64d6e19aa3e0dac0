"""The printed source: what it looks like, and that running it computes what the machine code computes."""

import ast

import numpy as np
import pytest

from glassnet.compiler import source
from glassnet.compiler.loops import Affine, Buffer, Const, Load, Loop, Op, Store, Var, affine
from glassnet.engine.random import words_at

from .agreement import SEED
from .oracle import run_source
from .records import record_of, run
from .test_networks import NETWORKS

F = np.dtype(np.float32)


def test_a_softmax_reads_like_python():
    def softmax(xp, a):
        e = xp.exp(a - xp.max(a, 1, True))
        return {"out": e / xp.sum(e, 1, True)}

    a = np.ones((2, 3), np.float32)
    _, program = run(record_of(softmax, a=a), a=a)
    lines = [line for line in program.source.splitlines() if not line.strip().startswith("#")]
    assert lines == [
        "for i in range(2):",
        "    s1 = np.float32('-inf')",
        "    for j in range(3):  # vector",
        "        s1 = np.maximum(s1, net_a[i * 3 + j])",
        "    s2 = np.float32(0)",
        "    for j in range(3):  # vector",
        "        x1 = np.exp((net_a[i * 3 + j] - s1))",
        "        v2[i * 3 + j] = x1",
        "        s2 = s2 + x1",
        "    for j in range(3):  # vector",
        "        output_out[i * 3 + j] = (v2[i * 3 + j] / s2)",
    ]


def test_shapes_are_comments():
    a = np.ones((2, 3), np.float32)
    _, program = run(record_of(lambda xp, a: {"out": xp.sum(a, 1)}, a=a), a=a)
    assert "# sum [2]" in program.source


def test_names_are_pythons_and_each_stands_for_one_buffer():
    buffers = [Buffer(name, 3, F, "output") for name in ("net.a.b", "net.a_b", "net a-b")]
    body = [Store(buffer, Affine((), 1), Const(0.0, F)) for buffer in buffers]
    assert list(source.identifiers(body).values()) == ["net_a_b", "net_a_b_2", "net_a_b_3"]
    assert source.text(body).splitlines()[1] == "net_a_b_2[1] = np.float32(0.0)"


def test_loops_in_each_other_have_variables_of_their_own():
    outer, inner, later = Var("i", 2), Var("i", 3), Var("i", 4)
    buffer = Buffer("b", 9, F, "output")
    nested = Loop(outer, [Loop(inner, [Store(buffer, Affine(((outer, 3), (inner, 1))), Const(1.5, F))])])
    assert source.text([nested, Loop(later, [Store(buffer, affine(later), Const(-0.0, F))])]).splitlines() == [
        "for i in range(2):",
        "    for i_2 in range(3):",
        "        b[i * 3 + i_2] = np.float32(1.5)",
        "for i in range(4):",
        "    b[i] = np.float32(-0.0)",
    ]


@pytest.mark.parametrize(
    ("value", "dtype"),
    [(np.inf, "float32"), (-np.inf, "float64"), (np.nan, "float32"), (-0.0, "float32"), (True, "bool"), (-3, "int8")],
)
def test_numbers_of_every_kind(value, dtype):
    printed = source._number(value, np.dtype(dtype))
    found = eval(printed, {"np": np})  # noqa: S307 - our own text, in a test
    assert found.dtype == dtype
    np.testing.assert_array_equal(np.signbit(float(found)), np.signbit(float(value)))
    np.testing.assert_array_equal(found, value)


def printed_and_native(work):
    """Outputs and state after one step, printed and native."""
    step = work.compiled()
    words = np.array([words_at(SEED, 0, stream) for stream in step.streams], np.uint32).reshape(1, -1, 2)
    rates = np.array([step.bound.rates()])
    tables = {"data.x": work.cast(work.x), "data.y": work.cast(work.y)}
    printed = run_source(step.program, work.rows()[:1], rates, 0, words, tables)
    outputs = step.run(work.rows()[:1], rates, 0, words)
    return printed, (outputs, step.program.state)


@pytest.mark.parametrize("name", ["names", "names by one-hot", "conv1d", "norms", "dropout", "tied", "one wide"])
def test_the_printed_step_computes_what_the_compiled_one_does(name):
    work = NETWORKS[name]
    work.dtype = "float64"
    (outputs, state), (wanted, wanted_state) = printed_and_native(work)
    assert outputs.keys() == wanted.keys()
    for name, value in wanted.items():
        np.testing.assert_allclose(outputs[name].reshape(value.shape), value, rtol=1e-11, atol=1e-11)
    for name, value in state.items():
        np.testing.assert_allclose(value, wanted_state[name].reshape(-1), rtol=1e-11, atol=1e-11)


def test_a_wrong_print_is_seen(monkeypatch):
    monkeypatch.setitem(source._OPERATORS, "subtract", "+")
    work = NETWORKS["norms"]
    (outputs, _), (wanted, _) = printed_and_native(work)
    assert np.abs(outputs["loss"] - wanted["loss"]).max() > 1e-3


def test_every_step_is_python():
    for name in ("wavenet", "conv2d", "wide"):
        ast.parse(NETWORKS[name].compiled().source)


def test_operations_print_in_their_form():
    x = Load(Buffer("a", 1, F), Affine())
    assert source._operation(Op("where", (x, x, x), F), ["c", "a", "b"]) == "(a if c else b)"
    assert source._operation(Op("negate", (x,), F), ["a"]) == "(-a)"
    assert source._operation(Op("logical_not", (x,), F), ["a"]) == "(~a)"
    assert source._operation(Op("erf", (x,), F), ["a"]) == "erf(a)"
    assert source._operation(Op("astype", (x,), np.dtype(np.int64)), ["a"]) == "np.int64(a)"

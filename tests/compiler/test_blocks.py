"""Large steps in blocks of rows: loops over columns become several, long sums of weights two; what comes out agrees."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from glassnet.compiler.blocks import in_blocks
from glassnet.compiler.loops import Accumulate, Affine, Buffer, Load, Loop, Name, Op, Start, Store, Var, affine
from glassnet.compiler.passes import optimize
from glassnet.compiler.program import Program

from .agreement import assert_agrees
from .large import make_large
from .records import operations, record_of
from .test_networks import NETWORKS, adamw, works

FLOAT = np.dtype(np.float32)


@pytest.fixture
def large(monkeypatch):
    make_large(monkeypatch)


def in_fours(work):
    """The work with a batch that has blocks."""
    return replace(work, batch=8, steps=10)


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_known_networks_agree_with_eager_ones(name):
    assert_agrees(in_fours(NETWORKS[name]))


@pytest.mark.usefixtures("large")
def test_adamw_agrees():
    assert_agrees(replace(in_fours(NETWORKS["wavenet"]), optimizer=adamw))


@given(work=works())
@settings(max_examples=8)
def test_drawn_networks_agree(work):
    with pytest.MonkeyPatch.context() as patch:
        make_large(patch)
        assert_agrees(replace(work, batch=8))


def test_a_normalisation_becomes_blocks_with_columns_between_only_where_the_step_is_large(monkeypatch):
    work = in_fours(NETWORKS["names"])
    assert "for b in range(4)" not in work.compiled().source
    make_large(monkeypatch)
    source = work.compiled().source
    assert source.count("for b in range(4)") >= 5  # mean, variance, output; sums and gradient of the inputs
    assert "_part[" in source


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("wrong", [-1, 9])
def test_a_label_out_of_range_is_found_in_every_block(wrong):
    work = in_fours(NETWORKS["names"])
    labels = work.y.copy()
    labels[30] = wrong  # with the first eight rows the step is recorded
    step = replace(work, y=labels).compiled()
    rows = np.array([np.roll([30, *range(7)], k) for k in range(8)] + [range(8)])
    told = step.run(rows, np.zeros((9, 1)), 0, np.zeros((9, 0, 2), np.uint32))
    np.testing.assert_array_equal(told["holds"], [False] * 8 + [True])


@pytest.mark.usefixtures("large")
def test_the_source_is_the_same_each_time():
    work = in_fours(NETWORKS["wavenet"])
    assert work.compiled().source == work.compiled().source


@pytest.mark.parametrize("rows", [8, 9])
def test_a_gradient_of_weights_is_the_sum_of_two_halves(large, rows):
    x, g = (np.random.default_rng(0).standard_normal((rows, n)).astype(np.float32) for n in (5, 3))
    record = record_of(lambda xp, x, g: {"out": xp.matmul(xp.swap_last(x), g)}, x=x, g=g)
    halved = optimize(record)
    assert operations(halved).count("matmul") == (2 if rows == 8 else 1)
    program = Program(record, {})
    for name, value in (("net.x", x), ("net.g", g)):
        program.state[name][...] = value
    nothing = np.zeros((1, 0))
    np.testing.assert_allclose(program.run(nothing, nothing, 0, nothing)["out"][0], x.T @ g, rtol=1e-5)


def test_a_small_step_keeps_its_products_whole():
    x = np.ones((8, 5), np.float32)
    record = record_of(lambda xp, x: {"out": xp.matmul(xp.swap_last(x), x)}, x=x)
    assert operations(optimize(record)).count("matmul") == 1


# What has to stay


def columns(*make):
    """A loop over four columns with loops over eight rows in it, each made by a function of row and column."""
    j = Var("j", 4)
    body = []
    for one in make:
        i = Var("i", 8)
        found = one(i, j)
        starts = [Start(s.name, "sum") for s in found if isinstance(s, Accumulate)]
        body += [*starts, Loop(i, found)]
    total = next(start.name for start in body if isinstance(start, Start))
    return Loop(j, [*body, Store(Buffer("out", 4, FLOAT), affine(j), total)], vector=True)


X, Y = Buffer("x", 64, FLOAT, "state"), Buffer("y", 64, FLOAT)


def at(i, j, far=1):
    return Affine.sum([(affine(i), 4 * far), (affine(j), 1)])


def summed(buffer, name, far=1):
    return lambda i, j: [Accumulate(Name(name, FLOAT), "sum", Load(buffer, at(i, j, far)))]


def stored(given, buffer, far=1):
    double = lambda load: Op("add", (load, load), FLOAT)  # noqa: E731
    return lambda i, j: [Store(buffer, at(i, j), double(Load(given, at(i, j, far))))]


def loops_over_blocks(body):
    """How many loops over rows each loop over blocks holds."""
    found = [s for s in body if isinstance(s, Loop) and s.var.name == "b"]
    return [sum(isinstance(s, Loop) for s in one.body[0].body) for one in found]


@pytest.mark.usefixtures("large")
def test_what_a_row_hands_on_stays_in_its_block():
    assert loops_over_blocks(in_blocks([columns(stored(X, Y), summed(Y, "s"))])) == [2]


@pytest.mark.usefixtures("large")
def test_what_another_row_needs_waits_for_all_blocks():
    assert loops_over_blocks(in_blocks([columns(summed(X, "s"), stored(X, Y), summed(Y, "t", 2))])) == [2, 1]


@pytest.mark.usefixtures("large")
def test_what_another_row_reads_is_overwritten_after_all_blocks():
    assert loops_over_blocks(in_blocks([columns(summed(X, "s", 2), stored(Y, X))])) == [1, 1]


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize(
    "body", [(stored(X, X, 2), summed(X, "s")), (lambda i, j: [Store(Y, affine(j), Load(X, at(i, j)))], summed(X, "s"))]
)
def test_rows_that_depend_on_each_other_stay_in_one_loop(body):
    loop = columns(*body)
    assert in_blocks([loop]) == [loop]

"""What is kept in memory, and the nests that fill it."""

import numpy as np
import pytest

from glassnet.compiler import nests
from glassnet.compiler.decide import WIDE, kept_values
from glassnet.compiler.loops import Product
from glassnet.compiler.lower import WRITERS, Lowering
from glassnet.compiler.passes import optimize

from .records import record_of, run

A = np.random.default_rng(0).standard_normal((6, 4)).astype(np.float32)
W = np.random.default_rng(1).standard_normal((4, 3)).astype(np.float32)


def kept(function, **inputs):
    """The primitives whose values are kept, besides inputs."""
    record = record_of(function, **inputs)
    order = record.in_order()
    numbers = kept_values(record, order)
    return [value.operation for value in order if value.number in numbers and value.operation != "input"]


@pytest.mark.parametrize(
    ("function", "wanted"),
    [
        # a chain of element-wise values is one expression
        (lambda xp, a: xp.tanh(xp.exp(a) * 2.0), ["tanh"]),
        # used twice: cheap ones are computed again, others kept
        (lambda xp, a: xp.exp(a + 1.0) * xp.tanh(a + 1.0), ["multiply"]),
        (lambda xp, a: (lambda e: e * xp.sum(e, 1, True))(xp.exp(a)), ["exp", "sum", "multiply"]),
        # for each of many elements again
        (lambda xp, a: a + xp.exp(xp.sum(a, 1, True)), ["sum", "exp", "add"]),
        # movements are addresses
        (lambda xp, a: xp.transpose(a, (1, 0))[::-1] + 1.0, ["add"]),
        (lambda xp, a: xp.matmul(xp.transpose(a, (1, 0)), a), ["matmul"]),
        # of what is computed, only a reshape that joins axes needs it in memory
        (lambda xp, a: xp.sum(xp.exp(a).reshape(2, 3, 4), 0), ["sum"]),
        (lambda xp, a: xp.sum(xp.exp(a).reshape(12, 2), 0), ["exp", "sum"]),
        # operands of products and sources of look-ups
        (lambda xp, a: xp.matmul(xp.exp(a), xp.transpose(a, (1, 0))), ["exp", "matmul"]),
        (lambda xp, a: xp.exp(a)[np.array([0, 0, 1])] + 1.0, ["exp", "constant", "add"]),
        # an operand that a product cannot read is copied
        (lambda xp, a: xp.matmul(a[:, ::2], a[:2, ::-1]), ["slice", "matmul"]),
        # what is compared exactly is computed once
        (lambda xp, a: (lambda y: xp.where(y == xp.max(y, 1, True), y, 0.0))(a * 2.0 + 1.0), ["add", "max", "where"]),
    ],
)
def test_what_is_kept(function, wanted):
    assert kept(lambda xp, a: {"out": function(xp, a)}, a=A) == wanted


def test_expressions_do_not_grow_with_the_length_of_a_program():
    def function(xp, a):
        for _ in range(600):
            a = a * 0.999 + 0.001
        return {"out": a}

    assert 5 < len(kept(function, a=A)) < 20
    found, _ = run(record_of(function, a=A), a=A)
    np.testing.assert_allclose(found["out"], 0.999**600 * A + (1 - 0.999**600), rtol=1e-4)


@pytest.mark.parametrize(("columns", "read"), [(WIDE, [False, True]), (WIDE - 1, [])])
def test_rows_of_a_table_are_read_by_wide_products_where_they_are(columns, read):
    rows, wide = np.array([5, 0, 5]), np.resize(W, (len(W), columns))

    def step(xp, data_x, rows, w):
        x = data_x[rows]
        return {"out": xp.matmul(x, w), "turned": xp.matmul(xp.swap_last(x), xp.matmul(x, w))}

    record = record_of(step, data_x=A, rows=rows, w=wide)
    products = [item for item in Lowering(optimize(record)).items if isinstance(item, Product)]
    assert [product.a_transposed for product in products if product.a.rows is not None] == read
    found, _ = run(record, {"data.x": A}, rows, w=wide)
    np.testing.assert_allclose(found["out"], A[rows] @ wide, rtol=1e-5)
    np.testing.assert_allclose(found["turned"], A[rows].T @ (A[rows] @ wide), rtol=1e-5)


@pytest.mark.parametrize("other", [np.ones(4, np.float32), np.ones((2, 4, 3), np.float32)], ids=["vector", "stack"])
def test_rows_that_meet_a_vector_or_a_stack_are_copied(other):
    rows = np.array([5, 0, 5])
    record = record_of(lambda xp, data_x, rows, w: {"out": xp.matmul(data_x[rows], w)}, data_x=A, rows=rows, w=other)
    found, _ = run(record, {"data.x": A}, rows, w=other)
    np.testing.assert_allclose(found["out"], A[rows] @ other, rtol=1e-5)


def test_rows_that_others_use_too_are_copied():
    def step(xp, data_x, rows, w):
        return {"out": xp.matmul(data_x[rows], w), "x": data_x[rows] * 2.0}

    record = record_of(step, data_x=A, rows=np.array([1, 2]), w=W)
    (product,) = [item for item in Lowering(optimize(record)).items if isinstance(item, Product)]
    assert product.a.rows is None


def test_products_of_integers_are_loops():
    a, b = np.arange(24).reshape(2, 3, 4), np.arange(8).reshape(4, 2)
    record = record_of(
        lambda xp, w: {"out": xp.matmul(xp.asarray(a), xp.asarray(b)) + 0 * w.astype(np.int64)}, w=W[0, 0]
    )
    found, _ = run(record, w=W[0, 0])
    np.testing.assert_array_equal(found["out"], a @ b)


def nests_of(function, **inputs):
    return Lowering(record_of(function, **inputs)).items


def test_a_sum_has_parallel_loops_and_reducing_ones():
    (nest,) = nests_of(lambda xp, a: {"out": xp.sum(a * 2.0, 0)}, a=A)
    assert [var.extent for var in nest.parallel] == [4]
    assert [var.extent for var in nest.reduce] == [6]
    assert nest.accumulate[0].operation == "sum"


def test_loops_that_depend_on_the_turn_before_are_sequential():
    first, others = nests_of(lambda xp, a: {"out": xp.cumsum(a, 0)}, a=A)
    assert not first.sequential
    assert {var.extent for var in others.sequential} == {5}
    zeros, adds = nests_of(lambda xp, a: {"out": xp.scatter_add((9, 4), (np.array([1, 1, 0, 2, 8, 1]),), a)}, a=A)
    assert not zeros.sequential
    assert {var.extent for var in adds.sequential} == {6}
    assert [var.extent for var in adds.parallel] == [6, 4]


def test_within_one_place_of_the_kernel_no_two_windows_meet():
    x = np.ones((2, 5, 3), np.float32)

    def function(xp, x):
        return {"out": xp.overlap_add(xp.windows(x, (3,), (1,), (1,)), x.shape, (1,), (1,))}

    zeros, *adds = nests_of(function, x=x)
    assert len(adds) == 3
    assert all(nest.stores[0].add and not nest.sequential for nest in adds)
    assert zeros.stores[0].value.value == 0


def test_the_first_of_the_largest_and_a_nan_is_the_largest():
    x = np.array([[1, 3, 3], [2, np.nan, 5], [7, 7, 7]], np.float32)
    found, _ = run(record_of(lambda xp, x: {"out": x.argmax(1), "least": x.argmin(0)}, x=x), x=x)
    np.testing.assert_array_equal(found["out"], x.argmax(1))
    assert found["out"].dtype == np.int64


def test_every_writer_is_of_a_primitive():
    from glassnet.compiler.primitives import COMPUTE

    assert WRITERS.keys() < COMPUTE.keys()
    assert nests.elementwise not in WRITERS.values()


@pytest.mark.parametrize("shape", [(0, 4), (4, 0), (0,)])
def test_arrays_without_elements(shape):
    x = np.zeros(shape, np.float32)
    record = record_of(lambda xp, x: {"out": xp.sum(x, 0), "same": x * 2.0, "all": xp.sum(x)}, x=x)
    found, _ = run(record, x=x)
    np.testing.assert_array_equal(found["out"], x.sum(0))
    assert found["same"].shape == shape
    assert found["all"] == 0

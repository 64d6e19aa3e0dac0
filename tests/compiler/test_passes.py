"""Each pass over records, on records of a few values."""

import numpy as np
import pytest

from glassnet.compiler.passes import fold, merge_equal, one_hot_products, optimize, rewrite, simplify

from .records import operations, record_of, run

A = np.random.default_rng(0).uniform(0.5, 2.0, (3, 4)).astype(np.float32)
ROWS = np.array([1, 0, 2, 1])


def simplified(function, *rules, **inputs):
    record = record_of(function, **inputs)
    for rule in rules:
        record = rewrite(record, rule)
    return record


def test_what_no_result_depends_on_is_not_in_the_record():
    def function(xp, a):
        xp.exp(a)
        return {"out": xp.tanh(a)}

    assert operations(record_of(function, a=A)) == ["tanh"]


def test_arrays_of_one_number_are_folded():
    record = simplified(lambda xp, a: {"out": a * (xp.asarray(np.ones((3, 4), np.float32)) * 0.5 + 0.25)}, fold, a=A)
    assert operations(record) == ["full", "multiply"]
    (full,) = [value for value in record.in_order() if value.operation == "full"]
    assert full.static["fill_value"] == 0.75
    assert full.dtype == np.float32


def test_folding_keeps_the_type_in_which_numbers_meet():
    record = simplified(lambda xp, a: {"out": a * (xp.asarray(np.float32([0.1])) * 3.0)}, fold, a=A)
    (full,) = [value for value in record.in_order() if value.operation == "full"]
    assert full.static["fill_value"] == float(np.float32(0.1) * np.float32(3.0))


def test_numbers_that_change_from_step_to_step_are_not_folded():
    record = simplified(lambda xp, a, lr_0: {"out": a * (lr_0 * 2.0)}, fold, a=A, lr_0=0.1)
    assert operations(record) == ["multiply", "multiply"]


@pytest.mark.parametrize(
    ("function", "left"),
    [
        (lambda xp, a: a * 1.0, []),
        (lambda xp, a: 1 * a, []),
        (lambda xp, a: a / 1.0, []),
        (lambda xp, a: a / 4.0, ["multiply"]),
        (lambda xp, a: a / 3.0, ["divide"]),
        (lambda xp, a: a / 2.0**-120, ["divide"]),  # its inverse is no float32
        (lambda xp, a: a**1, []),
        (lambda xp, a: a**2, ["multiply"]),
        (lambda xp, a: a**3, ["multiply", "multiply"]),
        (lambda xp, a: a**0.5, ["sqrt"]),
        (lambda xp, a: a**-1, ["divide"]),
        (lambda xp, a: a**-0.5, ["sqrt", "divide"]),
        (lambda xp, a: a**2.5, ["power"]),
        (lambda xp, a: a.reshape(4, 3).reshape(12), ["reshape"]),
        (lambda xp, a: a.reshape(4, 3).reshape(3, 4), []),
        (lambda xp, a: xp.transpose(xp.transpose(a, (1, 0)), (1, 0)), []),
        (lambda xp, a: xp.transpose(a, (1, 0)), ["permute"]),
        (lambda xp, a: a.astype(np.float64).astype(np.float64), ["astype"]),
        (lambda xp, a: a + 0.0, ["add"]),  # -0.0 + 0.0 is 0.0
    ],
)
def test_what_does_nothing_goes_and_what_costs_less_comes(function, left):
    assert operations(simplified(lambda xp, a: {"out": function(xp, a)}, simplify, a=A)) == left


def test_a_product_with_one_that_changes_the_shape_or_type_stays():
    record = simplified(lambda xp, a: {"out": a[0] * xp.asarray(np.ones((2, 4), np.float32))}, simplify, a=A)
    assert "multiply" in operations(record)


def test_rows_chosen_by_one_hot_need_no_product():
    def look_up(xp, a):
        return {"out": xp.matmul(xp.one_hot(xp.asarray(ROWS), 3, np.dtype(np.float32)), a)}

    def add_up(xp, b):
        return {"out": xp.matmul(xp.swap_last(xp.one_hot(xp.asarray(ROWS), 3, np.dtype(np.float32))), b)}

    assert operations(simplified(look_up, one_hot_products, a=A)) == ["constant", "gather"]
    b = np.ones((4, 2), np.float32)
    assert operations(simplified(add_up, one_hot_products, b=b)) == ["constant", "scatter_add"]
    np.testing.assert_array_equal(run(record_of(add_up, b=b), b=b)[0]["out"], [[1, 1], [2, 2], [1, 1]])


def test_a_stack_of_matrices_is_no_table_of_rows():
    stack = np.ones((2, 3, 4), np.float32)
    hot = record_of(lambda xp, a: {"out": xp.matmul(xp.one_hot(xp.asarray(ROWS), 3, np.dtype(np.float32)), a)}, a=stack)
    assert operations(rewrite(hot, one_hot_products))[-1] == "matmul"


def test_what_is_computed_twice_is_computed_once():
    record = merge_equal(record_of(lambda xp, a: {"out": xp.exp(a) + xp.exp(a), "b": xp.sum(xp.exp(a))}, a=A))
    assert operations(record) == ["exp", "add", "sum"]


@pytest.mark.parametrize(
    "function",
    [
        lambda xp, a: (a * 0.0, a * -0.0),
        lambda xp, a: (a + 1, a + 1.5),
        lambda xp, a: (xp.sum(a, 0), xp.sum(a, 1)),
        lambda xp, a: (xp.sum(a, 0), xp.max(a, 0)),
        lambda xp, a: (a.astype(np.float64), a.astype(np.int64)),
        lambda xp, a: (xp.asarray(np.arange(3)), xp.asarray(np.arange(3.0))),
    ],
)
def test_what_only_looks_equal_stays_apart(function):
    record = merge_equal(record_of(lambda xp, a: dict(zip("xy", function(xp, a), strict=True)), a=A))
    assert record.outputs["x"] is not record.outputs["y"]


def test_all_passes_together_compute_the_same():
    def function(xp, a):
        y = xp.exp(a * 1.0) / 4.0
        return {"out": y**2 + y.reshape(12).reshape(3, 4) ** 2 * xp.asarray(np.ones((3, 4), np.float32))}

    record = record_of(function, a=A)
    assert len(operations(optimize(record))) < len(operations(record))
    found, _ = run(record, a=A)
    np.testing.assert_allclose(found["out"], 2 * (np.exp(A) / 4) ** 2, rtol=1e-6)

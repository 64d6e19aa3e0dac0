"""Each pass over loops, on a few loops written by hand."""

from itertools import count

import numpy as np
import pytest

from glassnet.compiler import tidy
from glassnet.compiler.loops import (
    Accumulate,
    Affine,
    Buffer,
    Const,
    Gathered,
    Let,
    Load,
    Loop,
    Name,
    Op,
    Start,
    Store,
    Var,
    affine,
)
from glassnet.compiler.source import text

from .records import record_of, run

F = np.dtype(np.float32)
A, B, T = Buffer("a", 60, F, "state"), Buffer("b", 60, F, "output"), Buffer("t", 60, F)
VI, VJ = Var("i", 4), Var("j", 5)
ROW = Affine(((VI, 5), (VJ, 1)))
HALF = Const(0.5, F)


def times(x, y):
    return Op("multiply", (x, y), F)


def printed(body):
    return text(body).splitlines()


def nested(*statements, vector=True):
    return [Loop(VI, [Loop(VJ, list(statements), vector)])]


# collapse


def test_loops_whose_addresses_run_through_become_one():
    body = tidy.collapse(nested(Store(B, ROW, times(Load(A, ROW), HALF))))
    assert printed(body) == ["for ij in range(20):  # vector", "    b[ij] = (a[ij] * np.float32(0.5))"]


@pytest.mark.parametrize(
    "statement",
    [
        Store(B, ROW, Load(A, affine(VJ))),  # the same row again
        Store(B, ROW, Load(A, Affine(((VI, 6), (VJ, 1))))),  # with a gap
        Store(B, Affine(((VI, 1), (VJ, 4))), Load(A, ROW)),  # transposed
        Store(B, Affine(ROW.terms, 5), Load(B, ROW)),  # from the row before, in vectors of more than a row
        Store(B, ROW, Load(A, ROW), add=True, gathered=(Gathered(Load(A, ROW), 1, 60),)),
    ],
)
def test_other_loops_stay_two(statement):
    body = nested(statement)
    assert printed(tidy.collapse(body)) == printed(body)


def test_without_vectors_the_row_before_may_be_read():
    body = nested(Store(B, Affine(ROW.terms, 5), Load(B, ROW)), vector=False)
    assert printed(tidy.collapse(body)) == ["for ij in range(20):", "    b[ij + 5] = b[ij]"]


def running_sums():
    x = np.random.default_rng(0).standard_normal((6, 7)).astype(np.float32)
    found, _ = run(record_of(lambda xp, x: {"out": xp.cumsum(x, 0)}, x=x), x=x)
    np.testing.assert_allclose(found["out"], np.cumsum(x, 0), rtol=1e-5, atol=1e-6)


def test_a_running_sum_over_rows_is_right_and_a_vector_loop_over_it_would_be_seen(monkeypatch):
    running_sums()
    monkeypatch.setattr(tidy, "_turns_meet", lambda body: False)
    with pytest.raises(AssertionError):
        running_sums()


# forward


def test_what_was_just_stored_is_at_hand():
    body = [
        Loop(VI, [Store(T, affine(VI), times(Load(A, affine(VI)), HALF)), Store(B, affine(VI), Load(T, affine(VI)))])
    ]
    assert printed(tidy.forward(body)) == [
        "for i in range(4):",
        "    x1 = (a[i] * np.float32(0.5))",
        "    t[i] = x1",
        "    b[i] = x1",
    ]


def test_another_element_is_not_at_hand_nor_one_that_was_written_again():
    first, added = Store(T, affine(VI), HALF), Store(T, affine(VI), HALF, add=True)
    again, inner = Store(T, Affine(((VI, 2),)), Load(A, affine(VI))), Loop(VJ, [Store(T, affine(VJ), HALF)])
    same, other = (Store(B, affine(VI), Load(T, Affine(((VI, 1),), offset))) for offset in (0, 1))
    for body, read in (
        ([first, other], "t[i + 1]"),
        ([first, again, same], "t[i]"),
        ([first, added, same], "t[i]"),
        ([first, inner, same], "t[i]"),
    ):
        assert printed(tidy.forward([Loop(VI, body)]))[-2].endswith(f" = {read}")


# drop


def test_what_nobody_reads_is_dropped():
    used, unused = Name("x1", F), Name("x2", F)
    body = [
        Loop(VI, [Let(used, HALF), Let(unused, used), Store(T, affine(VI), used), Store(B, affine(VI), used)]),
        Loop(VJ, [Store(T, affine(VJ), HALF)]),
    ]
    assert printed(tidy.drop(body)) == ["for i in range(4):", "    x1 = np.float32(0.5)", "    b[i] = x1"]


def test_a_temporary_that_someone_reads_stays():
    body = [Loop(VI, [Store(T, affine(VI), HALF)]), Loop(VJ, [Store(B, affine(VJ), Load(T, affine(VJ)))])]
    assert printed(tidy.drop(body)) == printed(body)


# inline


def test_names_that_the_next_statement_uses_once_are_put_there():
    once, twice, later = Name("x1", F), Name("x2", F), Name("x3", F)
    body = [
        Let(later, Load(A, affine(VI))),
        Let(once, Load(A, affine(VI))),
        Let(twice, times(once, HALF)),
        Store(B, affine(VI), times(twice, twice)),
        Store(T, affine(VI), later),
    ]
    assert printed(tidy.inline([Loop(VI, body)])) == [
        "for i in range(4):",
        "    x3 = a[i]",
        "    x2 = (a[i] * np.float32(0.5))",
        "    b[i] = (x2 * x2)",
        "    t[i] = x3",
    ]


# hoist


def test_what_does_not_change_in_a_loop_is_computed_before_it():
    value = times(times(Load(A, affine(VI)), HALF), Load(A, affine(VJ)))
    body = tidy.hoist([Loop(VI, [Loop(VJ, [Store(B, ROW, value)])])], count(1))
    assert printed(body) == [
        "for i in range(4):",
        "    y1 = (a[i] * np.float32(0.5))",
        "    for j in range(5):",
        "        b[i * 5 + j] = (y1 * a[j])",
    ]


@pytest.mark.parametrize(
    "statements",
    [
        [Store(B, affine(VI), Load(B, Affine()))],  # written in the loop
        [Let(Name("x1", F), Load(A, affine(VI))), Store(B, affine(VI), times(Name("x1", F), HALF))],
        [Start(Name("s1", F), "sum"), Accumulate(Name("s1", F), "sum", HALF), Store(B, affine(VI), Name("s1", F))],
    ],
)
def test_what_changes_stays(statements):
    body = [Loop(VI, statements)]
    assert printed(tidy.hoist(body, count(1))) == printed(body)


def test_positions_that_stay_are_read_once():
    place = Gathered(Load(A, Affine()), 5, 12)
    body = tidy.hoist([Loop(VJ, [Store(B, affine(VJ), Load(A, affine(VJ), (place,)))])], count(1))
    assert printed(body) == ["y1 = a[0]", "for j in range(5):", "    b[j] = a[j + at(y1, 12) * 5]"]

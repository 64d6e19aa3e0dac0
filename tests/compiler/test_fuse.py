"""Which nests share loops, and that unsound sharing would be seen."""

import numpy as np
import pytest

from glassnet.compiler import fuse
from glassnet.compiler.fuse import Access
from glassnet.compiler.loops import Affine, Buffer, Loop, Product, Store, Var, walk

from .records import loops_of, record_of, run

A = np.random.default_rng(0).standard_normal((6, 40)).astype(np.float32)


def outer_loops(function, **inputs):
    """The outermost loops: how many stores each one has, or "product"."""
    body = loops_of(record_of(function, **inputs))
    return [
        sum(isinstance(s, Store) for s in walk([one])) if isinstance(one, Loop) else "product"
        for one in body
        if isinstance(one, Loop | Product)
    ]


@pytest.mark.parametrize(
    ("function", "wanted"),
    [
        # element by element, from the same elements
        (lambda xp, a: (xp.exp(a), xp.tanh(a)), [2]),
        # a row-wise softmax is one loop over the rows
        (lambda xp, a: (lambda e: e / xp.sum(e, 1, True))(xp.exp(a - xp.max(a, 1, True))), [4]),
        # a sum over the rows shares the loop over the columns; one over everything is needed as a whole
        (lambda xp, a: xp.exp(a) * xp.sum(xp.exp(a), 0), [2]),
        (lambda xp, a: xp.exp(a) * xp.sum(xp.exp(a)), [0, 1]),
        # another element than that of the same turn
        (lambda xp, a: (lambda e: (e, e[::-1, ::-1] * 2.0))(xp.exp(a)), [1, 1]),
        (lambda xp, a: (lambda e: (e, e[:, 1:] * 2.0))(xp.exp(a)), [2]),  # of the same row: the loop over rows
        (lambda xp, a: (lambda e: (e, e[1:] * 2.0))(xp.exp(a)), [1, 1]),
        # in loops of another length
        (lambda xp, a: (lambda e: (e, e.reshape(12, 20) * 2.0))(xp.exp(a)), [1, 1]),
        # nothing in common
        (lambda xp, a: (xp.exp(a), xp.asarray(np.arange(240.0).reshape(6, 40)) * 2.0), [1, 1]),
        # look-ups may read any element
        (lambda xp, a: (lambda e: (e, e[np.array([1, 0, 2, 3, 3, 3])] * 2.0))(xp.exp(a)), [1, 1]),
    ],
)
def test_who_shares_a_loop(function, wanted):
    def named(xp, a):
        values = function(xp, a)
        return {f"o{i}": value for i, value in enumerate(values if isinstance(values, tuple) else [values])}

    assert outer_loops(named, a=A) == wanted


def test_what_stands_between_is_not_overtaken():
    """The last one reads what a product writes, and the product what the first one writes."""

    def function(xp, a):
        e = xp.exp(a)
        p = xp.matmul(e, xp.swap_last(e))
        return {"e": e, "p": p, "out": xp.matmul(p, e) + e}

    body = loops_of(record_of(function, a=A))
    assert [type(s).__name__ for s in body] == ["Loop", "Product", "Product", "Loop"]


def test_the_lane_runs_along_consecutive_elements():
    def vectors(function):
        return [s.var.extent for s in walk(loops_of(record_of(function, a=A))) if isinstance(s, Loop) and s.vector]

    assert vectors(lambda xp, a: {"out": xp.exp(a)}) == [40]
    assert vectors(lambda xp, a: {"out": xp.sum(xp.exp(a), 0)}) == [40]
    assert vectors(lambda xp, a: {"out": xp.sum(xp.exp(a), 1)}) == [40]
    assert vectors(lambda xp, a: {"out": xp.exp(xp.swap_last(a))}) == [6]  # where it writes
    assert vectors(lambda xp, a: {"out": xp.cumsum(a, 0)}) == [40, 40]
    assert vectors(lambda xp, a: {"out": xp.cumsum(a, 1)}) == []  # neither along the sum nor across the rows


VI, VJ, VK, VL = Var("i", 4), Var("j", 5), Var("i", 4), Var("j", 5)
MEMORY = Buffer("b", 1000, np.dtype(np.float32))


def access(terms, offset=0, writes=False, **others):
    return Access(MEMORY, Affine(tuple(terms.items()), offset), writes, **{"gathered": False, **others})


@pytest.mark.parametrize(
    ("a", "b", "aligned"),
    [
        (access({VI: 5, VJ: 1}, writes=True), access({VK: 5, VL: 1}), True),
        (
            access({VI: 5, VJ: 1}, writes=True),
            access({VK: 5, VL: -1}, 4),
            False,
        ),  # backwards inside of the row: not shown
        (access({VI: 5, VJ: 1}, writes=True), access({VK: 5}, 4), True),
        (access({VI: 5, VJ: 1}, writes=True), access({VK: 5}, 5), False),  # the next row
        (access({VI: 5, VJ: 1}, writes=True), access({VK: 1, VL: 5}), False),  # transposed
        (access({VI: 5, VJ: 1}, writes=True), access({VL: 1}), False),  # the same row in every turn
        (access({VI: 5, VJ: 2}, writes=True), access({VK: 5, VL: 1}), False),  # rows that reach into the next
        (access({VJ: 20, VI: 5}, writes=True), access({VL: 20, VK: 5}, 3), True),  # a digit in the middle
        (access({VJ: 10, VI: 5}, writes=True), access({VL: 10, VK: 5}), False),  # whose upper digit is not above it
        (access({VI: 5}, writes=True, gathered=True), access({VK: 5}), False),
    ],
)
def test_equal_addresses_must_mean_equal_turns(a, b, aligned):
    assert fuse._aligned(a, VI, False, b, VK, False) is aligned


def test_a_total_is_there_only_after_the_loop_that_adds_up():
    total, user = access({VI: 1}, writes=True, after=True), access({VK: 1})
    assert fuse._aligned(total, VI, False, user, VK, False)
    assert not fuse._aligned(total, VI, True, user, VK, False)


def both(xp, a):
    e = xp.exp(a)
    return {
        "e": e,
        "out": xp.cumsum(e[::-1, ::-1] * 2.0, 0),
        "t": xp.swap_last(e[:, :6]) + e[:, :6],
        "s": e * xp.sum(e),
    }


def assert_right():
    found, _ = run(record_of(both, a=A), a=A)
    e = np.exp(A)
    np.testing.assert_allclose(found["out"], np.cumsum(e[::-1, ::-1] * 2, 0), rtol=1e-5)
    np.testing.assert_allclose(found["t"], e[:, :6].T + e[:, :6], rtol=1e-5)
    np.testing.assert_allclose(found["s"], e * e.sum(), rtol=1e-5)


def test_programs_with_everything_that_must_not_be_shared_are_right():
    assert_right()


def test_unsound_sharing_is_seen(monkeypatch):
    monkeypatch.setattr(fuse, "_aligned", lambda *_: True)
    with pytest.raises((AssertionError, KeyError)):
        assert_right()

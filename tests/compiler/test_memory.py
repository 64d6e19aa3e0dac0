"""Where buffers lie, when a new state may be computed in the place of the old one, and what a program touches."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassnet.compiler import memory, program
from glassnet.compiler.loops import Affine, Buffer, Const, Load, Loop, Store, Var
from glassnet.compiler.lower import Lowering
from glassnet.compiler.memory import ALIGNMENT, lay_out, lifetimes, overlap, settle
from glassnet.compiler.program import Program
from glassnet.compiler.trace import Trace

from .agreement import assert_agrees
from .records import XP, record_of, run
from .test_networks import NETWORKS

A = np.random.default_rng(0).standard_normal((5, 5)).astype(np.float32)


@st.composite
def bodies(draw):
    """Statements over some buffers: each writes one and reads some of those that were written before."""
    kinds = st.sampled_from(["temporary", "temporary", "temporary", "state", "output"])
    sizes, types = st.integers(1, 300), st.sampled_from([np.float32, np.float64, np.bool_])
    buffers = [
        Buffer(f"b{i}", draw(sizes), np.dtype(draw(types)), draw(kinds)) for i in range(draw(st.integers(1, 12)))
    ]
    body = []
    for i, buffer in enumerate(buffers):
        read = draw(st.lists(st.sampled_from(buffers[:i]), max_size=3)) if i else []
        stores = [
            Store(buffer, Affine(), Const(0, buffer.dtype)),
            *(Store(buffer, Affine(), Load(b, Affine())) for b in read),
        ]
        body.append(Loop(Var("i", 2), stores))
    return body, buffers


def assert_disjoint(body, buffers):
    layout, spans = lay_out(body, buffers), lifetimes(body)
    always = (0, len(body))
    for i, a in enumerate(buffers):
        size = a.size * a.dtype.itemsize
        assert layout.offsets[a] % (8 if a.kind == "output" else ALIGNMENT) == 0
        assert layout.offsets[a] + size <= (layout.outputs if a.kind == "output" else layout.size)
        for b in buffers[:i]:
            if (a.kind == "output") == (b.kind == "output") and overlap(spans.get(a, always), spans.get(b, always)):
                start, end = layout.offsets[b], layout.offsets[b] + b.size * b.dtype.itemsize
                assert layout.offsets[a] + size <= start or end <= layout.offsets[a], (a, b)


@given(bodies())
def test_no_two_buffers_that_live_at_once_overlap(drawn):
    assert_disjoint(*drawn)


def test_an_overlap_is_seen(monkeypatch):
    buffers = [Buffer(name, 9, np.dtype(np.float32)) for name in "ab"]
    body = [Loop(Var("i", 9), [Store(b, Affine(), Const(0, b.dtype)) for b in buffers])]
    assert_disjoint(body, buffers)
    monkeypatch.setattr(memory, "overlap", lambda a, b: False)
    with pytest.raises(AssertionError):
        assert_disjoint(body, buffers)


def test_memory_is_used_again():
    def function(xp, a):
        for _ in range(20):
            a = xp.matmul(a, a) * 0.1
        return {"out": a}

    assert Program(record_of(function, a=A), {}).layout.size <= 4 * 128


# A new state in the place of the old one


def copies(function, **inputs):
    """How many items copy, and how many state buffers there are."""
    items = settle(Lowering(record_of(function, **inputs)))
    return sum(getattr(item, "comment", "").startswith("copy") for item in items)


@pytest.mark.parametrize(
    ("function", "count"),
    [
        (lambda xp, a: {"new_a": a - 0.1 * xp.exp(a)}, 0),
        (lambda xp, a: {"new_a": a - 0.1 * xp.sum(xp.exp(a))}, 0),
        (lambda xp, a: {"new_a": xp.swap_last(a) + 1.0}, 1),  # from other elements
        (lambda xp, a: {"new_a": a[::-1] * 2.0}, 1),
        (lambda xp, a: {"new_a": xp.exp(a), "out": xp.sum(a * 2.0)}, 1),  # the old one is read afterwards
        (lambda xp, a: {"out": xp.sum(a * 2.0), "new_a": xp.exp(a)}, 0),  # or before
        (lambda xp, a: {"new_a": xp.matmul(a, a)}, 1),
        (lambda xp, a: {"new_a": xp.cumsum(a, 0)}, 1),
        (lambda xp, a: {"new_a": xp.exp(a) + a[0]}, 1),
    ],
)
def test_in_place_only_where_nobody_needs_the_old_state(function, count):
    assert copies(function, a=A) == count
    found, after = run(record_of(function, a=A), a=A)
    wanted = function(XP, Trace().input("net.a", A))
    np.testing.assert_allclose(after.state["net.a"], wanted["new_a"].value, rtol=1e-5, atol=1e-5)
    if "out" in wanted:
        np.testing.assert_allclose(found["out"], wanted["out"].value, rtol=1e-5)


def test_states_may_change_places():
    _, after = run(record_of(lambda xp, a, b: {"new_a": b, "new_b": a}, a=A, b=2 * A), a=A, b=2 * A)
    np.testing.assert_array_equal(after.state["net.a"], 2 * A)
    np.testing.assert_array_equal(after.state["net.b"], A)


def test_a_state_may_be_told_before_and_after_it_changes():
    def function(xp, a, b):
        new = a + 1.0
        return {"new_a": new, "new_b": new, "old": a, "out": new, "same": new}

    found, after = run(record_of(function, a=A, b=A), a=A, b=A)
    for value in (found["out"], found["same"], after.state["net.a"], after.state["net.b"]):
        np.testing.assert_array_equal(value, A + 1)
    np.testing.assert_array_equal(found["old"], A)


def test_a_step_in_place_that_reads_other_elements_would_be_seen(monkeypatch):
    monkeypatch.setattr(memory, "_may_replace", lambda items, old, new: True)
    _, after = run(record_of(lambda xp, a: {"new_a": a[::-1] * 2.0}, a=A), a=A)
    assert (after.state["net.a"] != A[::-1] * 2).any()


# What a program touches

CANARY = 0xA5


def surrounded(size):
    """Aligned bytes with guards around them, and the whole."""
    guard = 64 * ALIGNMENT
    whole = np.full(size + 2 * guard + ALIGNMENT, CANARY, np.uint8)
    start = guard + (-(whole.ctypes.data + guard) % ALIGNMENT)
    whole[start : start + size] = 0
    return whole[start : start + size], whole


@pytest.mark.parametrize("name", ["names", "wavenet", "conv2d", "instance norm", "dropout", "wide", "one wide"])
def test_programs_stay_inside_of_their_memory(name, monkeypatch):
    guarded = []

    def aligned(size):
        inside, whole = surrounded(size)
        guarded.append((inside, whole))
        return inside

    monkeypatch.setattr(program, "_aligned", aligned)
    assert_agrees(NETWORKS[name])
    assert guarded
    for inside, whole in guarded:
        before = inside.ctypes.data - whole.ctypes.data
        assert (whole[:before] == CANARY).all()
        assert (whole[before + inside.size :] == CANARY).all()


def test_the_guards_see_a_write_outside():
    inside, whole = surrounded(640)
    whole[inside.ctypes.data - whole.ctypes.data + 640] = 0
    assert (whole[inside.ctypes.data - whole.ctypes.data + 640 :] != CANARY).any()

"""Generated matrix products: every shape, layout and edge against exact results, in memory with forbidden borders."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from glassnet.compiler.matrix import Axis, Matrix
from glassnet.compiler.products import write_product
from glassnet.compiler.tiles import Processor, plan_product
from glassnet.compiler.writer import Writer
from glassnet.engine.errors import ShapeError

from .product_case import CANARY, Case, Ready

SIZES = st.one_of(st.integers(1, 40), st.sampled_from([1, 15, 16, 17, 31, 32, 33, 48, 65, 100]))
PROCESSORS = [
    None,
    Processor(lanes=8, registers=16),
    Processor(lanes=4, registers=32),
    Processor(lanes=2, registers=16),
]
CASES = st.builds(
    Case,
    shape=st.tuples(SIZES, SIZES, SIZES),
    dtype=st.sampled_from(["float32", "float64"]),
    a=st.sampled_from(["rows", "columns", "strided", "gathered rows", "gathered columns"]),
    b=st.sampled_from(["rows", "columns", "gathered rows"]),
    gap=st.sampled_from([0, 0, 3]),
    add=st.sampled_from(["", "bias", "accumulate"]),
    table=st.sampled_from(["int32", "int64"]),
    at_end=st.booleans(),
    processor=st.sampled_from(PROCESSORS),
    in_parts=st.booleans(),
)
# What the estimate of a tile decides on this processor: few K and many, narrow and wide, far rows, blocks with a rest.
CHOSEN = [
    Case((1, 1, 1)),
    Case((1, 9, 1), in_parts=False),
    Case((1, 70, 27), add="bias"),
    Case((33, 7, 1), b="columns", add="bias"),
    Case((33, 7, 1), gap=3, add="bias"),
    Case((5, 1, 1), a="gathered rows"),
    Case((784, 5, 16), a="gathered columns"),
    Case((17, 20, 600), add="bias", in_parts=False),
    Case((20, 30, 530), b="gathered rows", dtype="float64", add="accumulate"),
    Case((20, 300, 530), a="gathered rows"),
    Case((17, 30, 600), a="gathered columns", b="columns"),
    Case((20, 300, 530), a="columns", b="columns", add="bias"),
    Case((20, 30, 530), a="strided"),
    Case((388, 20, 550), add="accumulate", in_parts=False),
    Case((3, 1200, 5), add="bias"),
    Case((4, 787, 17), b="columns", a="gathered rows", add="bias", in_parts=False),
    Case((18, 401, 560), dtype="float64", a="columns", add="accumulate"),
]


@pytest.mark.parametrize("case", CHOSEN, ids=str)
def test_chosen(case: Case) -> None:
    for at_end in (False, True):
        ready = Ready(replace(case, at_end=at_end))
        ready.run()
        ready.check()


@pytest.mark.smoke
@settings(max_examples=60)
@given(case=CASES)
@example(case=Case((32, 30, 200)))
def test_any(case: Case) -> None:
    ready = Ready(case)
    ready.run()
    ready.check()


@settings(max_examples=15)
@given(case=CASES, cut=st.floats(0, 1))
def test_parts_give_the_bits_of_the_whole(case: Case, cut: float) -> None:
    ready = Ready(replace(case, in_parts=True))
    ready.run()
    whole = ready.result.copy()
    ready.reset()
    middle = round(cut * ready.plan.shares)
    ready.run(middle, ready.plan.shares)
    ready.run(middle, middle)  # an empty part
    if middle > 0 and case.add != "accumulate":
        assert ready.result[0, 0] == CANARY  # it belongs to the first share, which has not been computed yet
    ready.run(0, middle)
    np.testing.assert_array_equal(ready.result, whole)


def test_the_bits_do_not_depend_on_the_tiles() -> None:
    case = Case((13, 50, 40), add="bias")
    results = []
    for rows, vectors in [(1, 1), (5, 2), (13, 1), (4, 3)]:
        ready = Ready(case, replace(case.plan(), rows=rows, vectors=vectors, split="rows", shares=-(-13 // rows)))
        ready.run()
        results.append(ready.result.copy())
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])


def test_a_piece_with_the_plan_of_the_whole_has_the_bits_of_the_whole() -> None:
    whole = Ready(Case((400, 300, 530)))
    assert whole.plan.height < 400
    whole.run()
    a, b, expected = (array.copy() for array in (whole.a[:250], whole.b, whole.result[:250]))
    piece = Ready(Case((250, 300, 530), in_parts=False), whole.plan)  # in the same memory
    piece.a[...], piece.b[...] = a, b
    piece.run()
    np.testing.assert_array_equal(piece.result, expected)


def test_threads_share_a_product() -> None:
    ready = Ready(Case((100, 60, 50)))
    ready.run()
    whole = ready.result.copy()
    ready.reset()
    middle = ready.plan.shares // 2
    assert middle > 0
    assert ready.plan.scratch == 0  # else each thread would need its own
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(ready.run, (0, middle), (middle, ready.plan.shares)))
    np.testing.assert_array_equal(ready.result, whole)


def test_a_packed_panel_is_filled_up_with_zeros() -> None:
    """What lies there could be subnormal numbers, with which some processors multiply a hundred times slower."""
    case = Case((20, 30, 530))
    ready = Ready(case)
    ready.run()
    used = 530 % (ready.plan.vectors * ready.plan.lanes)
    last = ready.scratch[: ready.plan.vectors * ready.plan.lanes][: -(-used // ready.plan.lanes) * ready.plan.lanes]
    assert used < len(last)
    assert (last[used:] == 0).all()


def test_long_sums_are_cut_into_blocks() -> None:
    """Added up one after the other, 20,000 positive numbers lose several bits more."""
    case = Case((2, 20_000, 3))
    errors = []
    for plan in (case.plan(), replace(case.plan(), depth=20_000)):
        ready = Ready(case, plan)
        ready.a[...], ready.b[...] = np.abs(ready.a), np.abs(ready.b)
        ready.run()
        a, b = ready.operands()
        errors.append(np.abs(ready.result / (a @ b) - 1).max())
    assert errors[0] < 1e-6
    assert errors[1] > 3 * errors[0]


@pytest.mark.parametrize("lanes_and_registers", [(16, 32), (8, 16), (4, 32), (2, 16)])
@settings(max_examples=30)
@given(shape=st.tuples(*[st.integers(1, 100_000)] * 3), gathered=st.booleans())
def test_plans_fit_the_registers(
    lanes_and_registers: tuple[int, int], shape: tuple[int, int, int], gathered: bool
) -> None:
    m, k, n = shape
    processor = Processor(*lanes_and_registers)
    a = Matrix.row_major("%a", m, k)
    a = a.gathered("%table", m) if gathered else a
    plan = plan_product("float", a, Matrix.row_major("%b", k, n), Matrix.row_major("%c", m, n), processor=processor)
    assert plan.rows * plan.vectors * plan.chains + plan.vectors + 1 <= processor.registers
    assert plan.rows <= (m if not plan.turned else n)
    assert 1 <= plan.depth <= min(k, 384)
    assert m % plan.height == 0 or plan.turned
    assert plan.scratch * 4 <= 2**20
    assert plan.shares >= 1


@pytest.mark.parametrize(
    ("shape", "b", "lines"),
    [
        ((32, 30, 200), "rows", 300),
        ((32, 200, 27), "rows", 150),
        ((32, 27, 200), "columns", 350),
        ((512, 512, 512), "rows", 600),
        ((1000, 1000, 1000), "rows", 1000),
        ((31, 997, 997), "rows", 1800),  # no good divisors, so eight kinds of tiles
    ],
)
def test_code_stays_small(shape: tuple[int, int, int], b: str, lines: int) -> None:
    case, writer = Case(shape, b=b, processor=Processor(lanes=16, registers=32)), Writer()
    write_product(writer, "float", *case.matrices(), plan=case.plan(), scratch="%scratch")
    assert len(writer.lines) < lines


@pytest.mark.parametrize(
    ("a", "b", "c", "options", "message"),
    [
        ((2, 3), (4, 5), (2, 5), {}, "cannot write (2, 3) @ (4, 5) into (2, 5)"),
        ((2, 3), (3, 5), (5, 2), {}, "cannot write (2, 3) @ (3, 5) into (5, 2): the product is (2, 5)"),
        ((0, 3), (3, 5), (0, 5), {}, "cannot write"),
        ((2, 3), (5, 3, "T"), (2, 5), {}, "elements of scratch, got none"),
        ((2, 3), (3, 5, 2), (2, 5), {}, "must have consecutive rows or columns"),
        ((2, 3), (3, 5, "table"), (2, 5), {}, "must have consecutive rows or columns"),
        ((2, 3), (3, 5), (5, 2, "T"), {}, "the result of a product must have consecutive elements in its rows"),
        ((2, 3), (3, 5), (2, 5), {"bias": "%bias", "accumulate": True}, "not both"),
    ],
)
def test_errors(a: tuple, b: tuple, c: tuple, options: dict, message: str) -> None:
    def matrix(name: str, rows: int, columns: int, how: object = None) -> Matrix:
        if isinstance(how, int):
            return Matrix(name, Axis(rows, how * columns), Axis(columns, how))
        made = Matrix.row_major(name, rows, columns)
        if how == "table":
            return Matrix.row_major(name, 50, rows).gathered("%table", columns).T
        return made.T if how else made

    with pytest.raises(ShapeError) as caught:
        write_product(Writer(), "float", matrix("%a", *a), matrix("%b", *b), matrix("%c", *c), **options)
    assert message in str(caught.value)


# The checks themselves, against planted faults


def test_check_finds_a_wrong_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few multiplications are left out."""
    fma = Writer.fma

    def forgetful(self: Writer, type_: object, a: str, b: str, c: str) -> str:
        return c if len(self.lines) % 97 == 0 else fma(self, type_, a, b, c)

    monkeypatch.setattr(Writer, "fma", forgetful)
    ready = Ready(Case((40, 30, 40)))
    ready.run()
    with pytest.raises(AssertionError):
        ready.check()


def test_check_finds_a_write_between_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Writer.store
    monkeypatch.setattr(Writer, "store", lambda self, t, value, pointer, count=None: store(self, t, value, pointer))
    ready = Ready(Case((3, 3, 5), gap=20, at_end=False))
    ready.run()
    with pytest.raises(AssertionError):
        ready.check()


@pytest.mark.parametrize("fault", ["", "load", "store"])
def test_a_step_over_the_border_ends_the_process(fault: str) -> None:
    """Masked loads or stores become whole vectors: the forbidden page behind the operands must notice."""
    program = f"""
import importlib, sys, types
sys.path.insert(0, {str(Path(__file__).parent)!r})
package = types.ModuleType("compile_tests")
package.__path__ = [{str(Path(__file__).parent)!r}]
sys.modules["compile_tests"] = package
from compile_tests.product_case import Case, Ready
from glassnet.compiler.writer import Writer
load, store = Writer.load, Writer.store
if {fault!r} == "load":
    Writer.load = lambda self, t, pointer, count=None: load(self, t, pointer)
if {fault!r} == "store":
    Writer.store = lambda self, t, value, pointer, count=None: store(self, t, value, pointer)
ready = Ready(Case((3, 4, 5)))
ready.run()
ready.check()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == (0 if not fault else -11), done.stderr

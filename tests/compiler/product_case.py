"""A product to be tested: its operands in guarded memory, the function written for it, and the exact result."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassnet.compiler.engine import Code, attributes
from glassnet.compiler.matrix import Axis, Matrix
from glassnet.compiler.products import write_product
from glassnet.compiler.tiles import Plan, Processor, plan_product
from glassnet.compiler.writer import ELEMENTS, Writer

from .guarded import guarded

DATA_SET = 50  # rows that a gathered A is picked from
CANARY = -77.0
ERROR = {"float32": 1e-6, "float64": 2e-15}  # relative to the sum of |a| |b|


@dataclass(frozen=True)
class Case:
    """Everything that decides what is written.

    a: "rows" (row-major), "columns" (a transposed view), "strided" (neither), "gathered rows" (a batch), "gathered
    columns" (a batch, transposed). b: "rows", "columns" or "gathered rows". ``gap``: elements between the rows of B and
    of C. ``add``: "", "bias" or "accumulate".
    """

    shape: tuple[int, int, int]
    dtype: str = "float32"
    a: str = "rows"
    b: str = "rows"
    gap: int = 0
    add: str = ""
    table: str = "int64"
    at_end: bool = True
    processor: Processor | None = None
    in_parts: bool = True  # whether the function takes the shares that it computes

    @property
    def element(self) -> str:
        return ELEMENTS[self.dtype]

    def matrices(self) -> tuple[Matrix, Matrix, Matrix]:
        m, k, n = self.shape
        table = ELEMENTS[self.table]
        a = {
            "rows": lambda: Matrix.row_major("%a", m, k),
            "columns": lambda: Matrix.row_major("%a", k, m).T,
            "strided": lambda: Matrix("%a", Axis(m, 2 * k), Axis(k, 2)),
            "gathered rows": lambda: Matrix.row_major("%a", DATA_SET, k).gathered("%table", m, table),
            "gathered columns": lambda: Matrix.row_major("%a", DATA_SET, m).gathered("%table", k, table).T,
        }[self.a]()
        b = {
            "rows": lambda: Matrix.row_major("%b", k, n, n + self.gap),
            "columns": lambda: Matrix.row_major("%b", n, k, k + self.gap).T,
            "gathered rows": lambda: Matrix.row_major("%b", DATA_SET, n, n + self.gap).gathered("%table", k, table),
        }[self.b]()
        c = Matrix.row_major("%c", m, n, n + self.gap)
        return a, b, c

    def plan(self) -> Plan:
        return plan_product(self.element, *self.matrices(), processor=self.processor)


class Ready:
    """A case that is compiled and whose operands are in memory."""

    def __init__(self, case: Case, plan: Plan | None = None) -> None:
        self.case, self.plan = case, plan or case.plan()
        m, k, n = case.shape
        random = np.random.default_rng(m + 1000 * k + 1000000 * n)
        self.table = guarded(random.integers(0, DATA_SET, m + k).astype(case.table)[: m + k], 0, at_end=case.at_end)
        a, b, c = case.matrices()
        self.a, self.b = self.operand(a, random, 1), self.operand(b, random, 2)
        self.bias = guarded(random.uniform(-1, 1, n).astype(case.dtype), 3, at_end=case.at_end)
        self.before = random.uniform(-1, 1, (m, n)).astype(case.dtype)
        rows = np.full((m, c.rows.stride), CANARY, case.dtype)
        self.c = guarded(rows.ravel()[: (m - 1) * c.rows.stride + n], 4, at_end=case.at_end)
        self.scratch = guarded(np.full(max(self.plan.scratch, 1), np.nan, case.dtype), 5, at_end=case.at_end)
        self.function = compile_case(case, self.plan)
        self.reset()

    def operand(self, matrix: Matrix, random: np.random.Generator, number: int) -> np.ndarray:
        """Random numbers in exactly the memory that the matrix spans; between its elements, NaN."""
        reach = [DATA_SET if axis.table else axis.extent for axis in (matrix.rows, matrix.columns)]
        strides = matrix.rows.stride, matrix.columns.stride
        size = sum((extent - 1) * stride for extent, stride in zip(reach, strides, strict=True)) + 1
        memory = guarded(np.full(size, np.nan, self.case.dtype), number, at_end=self.case.at_end)
        whole = view(memory, reach, strides)
        whole[...] = random.uniform(-1, 1, reach)
        return whole

    @property
    def result(self) -> np.ndarray:
        m, _, n = self.case.shape
        return view(self.c, (m, n), (n + self.case.gap, 1))

    def reset(self) -> None:
        self.c[...] = CANARY
        if self.case.add == "accumulate":
            self.result[...] = self.before

    def run(self, first: int = 0, last: int | None = None) -> None:
        arrays = self.a, self.b, self.c, self.bias, self.table, self.scratch
        self.function(*(x.ctypes.data for x in arrays), first, self.plan.shares if last is None else last)

    def operands(self) -> tuple[np.ndarray, np.ndarray]:
        """What is to be multiplied, exact: (M, K) and (K, N)."""
        m, k, _ = self.case.shape
        a, b = self.a.astype(np.float64), self.b.astype(np.float64)
        a = a[self.table[:m]] if self.case.a == "gathered rows" else a
        a = a[:, self.table[:k]] if self.case.a == "gathered columns" else a
        return a, b[self.table[:k]] if self.case.b == "gathered rows" else b

    def check(self) -> None:
        """The result is right to a few roundings, and between its rows nothing was written."""
        a, b = self.operands()
        start = {"": 0.0, "bias": self.bias, "accumulate": self.before}[self.case.add]
        scale = np.abs(a) @ np.abs(b) + np.abs(start)
        assert (np.abs(self.result - (a @ b + start)) <= ERROR[self.case.dtype] * scale).all()
        gaps = np.ones(self.c.shape, bool)
        view(gaps, self.result.shape, (self.case.shape[2] + self.case.gap, 1))[...] = False
        assert (self.c[gaps] == CANARY).all()


def view(memory: np.ndarray, shape: Sequence[int], strides: Sequence[int]) -> np.ndarray:
    return np.lib.stride_tricks.as_strided(memory, shape, [stride * memory.itemsize for stride in strides])


def compile_case(case: Case, plan: Plan) -> Any:
    """The function (a, b, c, bias, table, scratch, first share, last share)."""
    writer = Writer()
    names = ", ".join(f"ptr %{name}" for name in ("a", "b", "c", "bias", "table", "scratch"))
    writer.lines.append(f"define void @product({names}, i64 %first, i64 %last) {attributes()} {{")
    writer.label("entry")
    write_product(
        writer,
        case.element,
        *case.matrices(),
        bias="%bias" if case.add == "bias" else None,
        accumulate=case.add == "accumulate",
        plan=plan,
        scratch="%scratch" if plan.scratch else None,
        part=("%first", "%last") if case.in_parts else None,
    )
    writer.say("ret void")
    ir = "\n".join([*sorted(writer.declarations), *writer.lines, "}"])
    return Code(ir).function("product", *[ctypes.c_void_p] * 6, ctypes.c_int64, ctypes.c_int64)

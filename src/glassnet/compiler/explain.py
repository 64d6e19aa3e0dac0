"""What a compiled step spends its time on: each loop with its time, its arithmetic, the memory that it touches, and how
far that is from what one core can do.

The limits are measured at the time: the rate of multiply-adds of a matrix product that stays in registers and the first
cache, and the rate at which a block of memory is copied there.
"""

from __future__ import annotations

import time
from functools import lru_cache

import numpy as np

from glassnet.compiler.decide import COSTS
from glassnet.compiler.loops import (
    Buffer,
    Loop,
    Op,
    Product,
    Statement,
    loads,
    own_expressions,
    subexpressions,
    walk,
    written,
)
from glassnet.compiler.phases import units
from glassnet.compiler.program import Program
from glassnet.compiler.record import Record
from glassnet.compiler.trace import Trace, TracingNamespace

#: Steps that are timed.
STEPS = 200
COLUMNS = ("us", "share", "Mflop", "KiB", "x limit")


def explain(record: Record, program: Program) -> str:
    """The table as text, slowest first, with the least time of each loop in 200 steps; the program stays as it is."""
    timed = Program(record, program.tables, threads=1, timed=True)
    timed.restore(program.snapshot())
    rows, rates, words = program.example(STEPS)
    timed.run(rows, rates, 1, words)
    micros = timed.timings / 1000
    parts = units(timed.body)
    flops, speeds = _peak(), []
    for part, us in zip(parts, micros, strict=True):
        arithmetic, size = sum(map(arithmetic_of, part)), bytes_of(part)
        limit = max(arithmetic / flops, size / _bandwidth()) * 1e6
        speeds.append((us, arithmetic, size, us / limit if limit else 0.0, title(part)))
    total = sum(us for us, *_ in speeds)
    lines = ["".join(name.rjust(10) for name in COLUMNS) + "  loop"]
    for us, arithmetic, size, factor, name in sorted(speeds, key=lambda one: -one[0]):
        cells = (f"{us:.2f}", f"{us / total:.0%}", f"{arithmetic / 1e6:.3f}", f"{size / 1024:.1f}", f"{factor:.1f}")
        lines.append("".join(cell.rjust(10) for cell in cells) + f"  {name}")
    lines.append(f"{total:10.2f} us a step on one core, which makes {flops / 1e9:.0f} GFLOP/s at most.")
    return "\n".join(lines)


def arithmetic_of(statement: Statement) -> int:
    """About how many floating-point operations a statement makes; functions such as exp count as what is in them."""
    if isinstance(statement, Product):
        return 2 * statement.m * statement.k * statement.n
    if isinstance(statement, Loop):
        return statement.var.extent * sum(map(arithmetic_of, statement.body))
    parts = [part for expr in own_expressions(statement) for part in subexpressions(expr)]
    return sum(COSTS.get(part.name, 1) for part in parts if isinstance(part, Op)) + 1


def bytes_of(part: list[Statement]) -> int:
    """How much memory is read or written, each place once."""
    touched: dict[Buffer, None] = dict.fromkeys([*written(part), *(load.buffer for load in loads(part))])
    return sum(b.size * b.dtype.itemsize for b in touched if b.kind != "table")


def title(part: list[Statement]) -> str:
    """What a part computes, and in which layers."""
    for s in walk(part):
        if isinstance(s, Product) and s.origin.layer:
            return f"{s.origin.layer}: {s.comment}"
        if isinstance(s, Loop | Product) and s.comment:
            return s.comment
    return "numbers"


@lru_cache(maxsize=1)
def _peak() -> float:
    """Floating-point operations a second of one core."""
    trace = Trace()
    xp = TracingNamespace()
    a, b = (
        trace.input(f"net.{name}", np.ones(shape, np.float32)) for name, shape in (("a", (64, 256)), ("b", (256, 128)))
    )
    trace.record.outputs = {"c": xp.sum(xp.matmul(a, b)).node}
    program = Program(trace.record, {}, threads=1)
    return 2 * 64 * 256 * 128 / _seconds(program)


@lru_cache(maxsize=1)
def _bandwidth() -> float:
    """Bytes a second that one core reads and writes in its first caches."""
    trace = Trace()
    a = trace.input("net.a", np.ones(4096, np.float32))
    trace.record.state = {"net.a": (a * 0.999).node}
    return 2 * 4096 * 4 / _seconds(Program(trace.record, {}, threads=1))


def _seconds(program: Program) -> float:
    """What a step takes, the least of a few tries."""
    count, best = 200, np.inf
    nothing = np.zeros((count, 0))
    for _ in range(5):
        started = time.perf_counter()
        program.run(nothing, nothing, 0, nothing)
        best = min(best, (time.perf_counter() - started) / count)
    return float(best)

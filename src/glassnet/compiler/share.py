"""Sharing a step among threads: which statements are worth it, and how each thread finds its part.

All threads run the same function. A statement with much work is shared: each thread computes its part of the products'
tiles or of the outermost loop's turns. The others are computed by the first thread alone. After each such phase the
threads meet. Parts are whole vectors and tiles and no sum is split, so the bits do not depend on the number of threads.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from glassnet.compiler.emit import Emitter, vector_width
from glassnet.compiler.loops import (
    Accumulate,
    Let,
    Loop,
    Name,
    Product,
    Start,
    Statement,
    Store,
    loads,
    own_expressions,
    subexpressions,
    walk,
)
from glassnet.compiler.products import write_product
from glassnet.compiler.tiles import plan_product
from glassnet.compiler.values import Frame, Lane
from glassnet.compiler.writer import ELEMENTS, INDEX, Writer

#: A step with less work than this (multiplications and additions, about) is made by one thread.
STEP_WORK = 150_000_000
#: So is a statement with less than this: to meet costs about a microsecond.
STATEMENT_WORK = 200_000


@dataclass
class Phase:
    """Statements between two meetings of the threads."""

    statements: list[Statement]
    shared: bool


def work(statement: Statement) -> int:
    """About how many operations a statement makes."""
    if isinstance(statement, Product):
        return 2 * statement.m * statement.k * statement.n
    if isinstance(statement, Loop):
        return statement.var.extent * sum(map(work, statement.body))
    return 4


def available_threads() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def phases(body: Sequence[Statement], threads: int) -> list[Phase]:
    """The statements of a step as phases; a single one for a single thread."""
    if threads == 1 or sum(map(work, body)) < STEP_WORK:
        return [Phase(list(body), False)]
    found: list[Phase] = []
    for unit in units(body):
        shared = _can_share(unit) and sum(map(work, unit)) >= STATEMENT_WORK
        if shared or not found or found[-1].shared:
            found.append(Phase([], shared))
        found[-1].statements += unit
    return found


def units(body: Sequence[Statement]) -> list[list[Statement]]:
    """Statements in the smallest groups that hand no names on to each other."""
    last: dict[Name, int] = {}
    for i, statement in enumerate(body):
        for inner in walk([statement]):
            for expr in own_expressions(inner):
                last.update({part: i for part in subexpressions(expr) if isinstance(part, Name)})
    found: list[list[Statement]] = []
    open_until = -1
    for i, statement in enumerate(body):
        if open_until < i:
            found.append([])
        found[-1].append(statement)
        if isinstance(statement, Let | Start):
            open_until = max(open_until, last.get(statement.name, -1))
    return found


def _can_share(unit: Sequence[Statement]) -> bool:
    """Whether it is a product, or a loop whose turns do not depend on each other: those of a sum do, and those that
    add into memory.
    """
    *before, statement = unit
    if not all(isinstance(s, Let) for s in before):
        return False
    if isinstance(statement, Product):
        return True
    if not isinstance(statement, Loop) or statement.var.extent < 2:
        return False
    inside = list(walk(statement.body))
    started = {s.name for s in inside if isinstance(s, Start)}
    if any(isinstance(s, Accumulate) and s.name not in started for s in inside):
        return False
    stores = [s for s in inside if isinstance(s, Store)]
    if any(store.gathered for store in stores):
        return False
    places = {store.buffer: store.index.offset for store in stores}
    return all(places.get(load.buffer, load.index.offset) == load.index.offset for load in loads(statement.body))


class Sharing:
    """Writes the part of one thread: ``thread`` and ``threads`` are names of i64."""

    def __init__(self, emitter: Emitter, thread: str, threads: str, scratch_bytes: int) -> None:
        self.emitter, self.w = emitter, emitter.w
        self.thread, self.threads, self.scratch_bytes = thread, threads, scratch_bytes
        self.frame = Frame()

    def write(self, statement: Statement) -> None:
        """A statement that is shared."""
        if isinstance(statement, Product):
            self._product(statement)
        elif isinstance(statement, Loop):
            self._loop(statement)
        else:  # a name that the loop reads
            self.emitter.body([statement], self.frame)

    def _part(self, shares: int) -> tuple[str, str]:
        """The first of our shares, and the one after the last."""
        w = self.w

        def bound(thread: str) -> str:
            return w.binary("udiv", INDEX, w.binary("mul", INDEX, thread, str(shares)), self.threads)

        return bound(self.thread), bound(w.binary("add", INDEX, self.thread, "1"))

    def _product(self, product: Product) -> None:
        element = ELEMENTS[product.c.buffer.dtype.name]
        a, b, c = self.emitter.operands(product, self.frame)
        plan = plan_product(element, a, b, c)
        offset = self.w.binary("mul", INDEX, self.thread, str(self.scratch_bytes))
        scratch = self.w.address("i8", self.emitter.scratch, offset)
        write_product(self.w, element, a, b, c, plan=plan, scratch=scratch, part=self._part(plan.shares))

    def _loop(self, loop: Loop) -> None:
        w, var = self.w, loop.var
        width = vector_width(loop) if loop.vector else 1
        blocks, rest = divmod(var.extent, width)
        first, last = self._part(blocks + bool(rest))

        def block(index: str) -> None:
            place = index if width == 1 else w.binary("mul", INDEX, index, str(width))
            lane = Lane(var, width, width) if loop.vector else None
            self.emitter.body(loop.body, self.frame.inside(var, place, lane))

        w.between(first, _smaller(w, last, blocks), block)
        if rest:
            begin = w.call("llvm.smax.i64", INDEX, (INDEX, first), (INDEX, str(blocks)))
            w.between(begin, last, lambda _: self.emitter.rest(loop, self.frame, [], blocks * width))


def _smaller(w: Writer, a: str, b: int) -> str:
    return w.call("llvm.smin.i64", INDEX, (INDEX, a), (INDEX, str(b)))


#: Where threads meet: each adds itself to the count; the last one sets it back and begins the next generation, for
#: which the others wait, at first in a short loop, then letting other processes run.
MEET = """
declare i32 @sched_yield()
define private void @meet(ptr %count, ptr %generation, i64 %threads) nounwind {
entry:
  %now = load atomic i64, ptr %generation acquire, align 8
  %before = atomicrmw add ptr %count, i64 1 acq_rel
  %arrived = add i64 %before, 1
  %last = icmp eq i64 %arrived, %threads
  br i1 %last, label %open, label %wait
open:
  store atomic i64 0, ptr %count monotonic, align 8
  %next = add i64 %now, 1
  store atomic i64 %next, ptr %generation release, align 8
  ret void
wait:
  %turns = phi i64 [0, %entry], [%more, %again]
  %seen = load atomic i64, ptr %generation acquire, align 8
  %same = icmp eq i64 %seen, %now
  br i1 %same, label %again_or_yield, label %end
again_or_yield:
  %long = icmp ugt i64 %turns, 20000
  br i1 %long, label %yield, label %again
yield:
  %ignored = call i32 @sched_yield()
  br label %again
again:
  %more = add i64 %turns, 1
  br label %wait
end:
  ret void
}
"""

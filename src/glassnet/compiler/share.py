"""The part of one thread in a step that several share.

All threads run the same function. Of a shared phase (``phases.py``), each computes its part of the products' tiles or
of the outermost loop's turns; the other phases are computed by the first thread alone. After each the threads meet.
Parts are whole vectors and tiles and no sum is split among them, so the bits do not depend on the number of threads.
"""

from __future__ import annotations

from collections.abc import Sequence

from glassnet.compiler.emit import Emitter, vector_width
from glassnet.compiler.loops import Loop, Product, Statement
from glassnet.compiler.products import write_product
from glassnet.compiler.tiles import plan_product
from glassnet.compiler.values import Frame, Lane
from glassnet.compiler.writer import ELEMENTS, INDEX, Writer


class Sharing:
    """Writes the part of one thread: ``thread`` and ``threads`` are names of i64."""

    def __init__(self, emitter: Emitter, thread: str, threads: str, scratch_bytes: int) -> None:
        self.emitter, self.w = emitter, emitter.w
        self.thread, self.threads, self.scratch_bytes = thread, threads, scratch_bytes
        self.frame = Frame()

    def write(self, statements: Sequence[Statement]) -> None:
        """A phase that is shared: products, or a loop with the names that it reads."""
        products = [s for s in statements if isinstance(s, Product)]
        if products:
            self._products(products)
            return
        for statement in statements:
            if isinstance(statement, Loop):
                self._loop(statement)
            else:
                self.emitter.body([statement], self.frame)

    def _part(self, shares: int) -> tuple[str, str]:
        """The first of our shares, and the one after the last."""
        w = self.w

        def bound(thread: str) -> str:
            return w.binary("udiv", INDEX, w.binary("mul", INDEX, thread, str(shares)), self.threads)

        return bound(self.thread), bound(w.binary("add", INDEX, self.thread, "1"))

    def _products(self, products: Sequence[Product]) -> None:
        """Several as one: of the shares of all of them, each thread computes those that follow one another."""
        w = self.w
        offset = w.binary("mul", INDEX, self.thread, str(self.scratch_bytes))
        scratch = w.address("i8", self.emitter.scratch, offset)
        planned = []
        for product in products:
            element = ELEMENTS[product.c.buffer.dtype.name]
            operands = self.emitter.operands(product, self.frame)
            planned.append((element, operands, plan_product(element, *operands)))
        first, last = self._part(sum(plan.shares for _, _, plan in planned))
        before = 0
        for element, operands, plan in planned:
            part = tuple(_between(w, bound, before, plan.shares) for bound in (first, last))
            write_product(w, element, *operands, plan=plan, scratch=scratch, part=(part[0], part[1]))
            before += plan.shares

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


def _between(w: Writer, bound: str, before: int, shares: int) -> str:
    """A bound of the shares of several products as one of those of the product that comes after so many others."""
    if before:
        bound = w.call("llvm.smax.i64", INDEX, (INDEX, w.binary("sub", INDEX, bound, str(before))), (INDEX, "0"))
    return _smaller(w, bound, shares)


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

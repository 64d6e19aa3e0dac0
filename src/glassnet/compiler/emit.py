"""From loops to LLVM IR: statements in functions, a vector at a time where a loop is a vector loop.

The last turns of a vector loop, which do not fill a vector, are computed with a narrower one or with lanes that are
masked out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from glassnet.compiler import arithmetic
from glassnet.compiler.arithmetic import type_of
from glassnet.compiler.engine import register_bytes
from glassnet.compiler.loops import (
    Accumulate,
    Buffer,
    Expr,
    Index,
    Let,
    Load,
    Loop,
    Matrix,
    Name,
    Op,
    Product,
    Start,
    Statement,
    Store,
    Var,
    own_expressions,
    subexpressions,
    walk,
    written,
)
from glassnet.compiler.matrix import Axis
from glassnet.compiler.matrix import Matrix as Operand
from glassnet.compiler.products import write_product
from glassnet.compiler.tiles import plan_product
from glassnet.compiler.values import Frame, Lane, Val, ValueWriter
from glassnet.compiler.writer import BYTES, ELEMENTS, INDEX, Writer, mask

_EXPENSIVE = {"exp", "expm1", "log", "log1p", "tanh", "erf", "sin", "cos", "power"}


class Emitter(ValueWriter):
    """Writes the statements of one function. ``scratch``: the pointer to the memory that products need besides."""

    def __init__(self, writer: Writer, pointer: Callable[[Buffer], str], scratch: str) -> None:
        super().__init__(writer, pointer)
        self.scratch = scratch

    def body(self, statements: Sequence[Statement], frame: Frame) -> None:
        """Statements in their order."""
        started: dict[Name, Start] = {}
        for i, statement in enumerate(statements):
            if isinstance(statement, Start):
                started[statement.name] = statement
                lanes = self._lanes_of(statement.name, statements[i:], frame)
                number = arithmetic.identity(statement.operation, statement.name.dtype)
                frame.names[statement.name] = Val(type_of(statement.name.dtype, lanes).constant(number), lanes)
            elif isinstance(statement, Loop):
                self._loop(statement, frame)
                self._finish(statement, started, frame)
                for buffer in written([statement]):
                    self._forget(buffer, frame)
            else:
                self._single(statement, frame)

    def _single(self, statement: Statement, frame: Frame) -> None:
        if isinstance(statement, Let):
            frame.names[statement.name] = self.expr(statement.value, frame)
        elif isinstance(statement, Store):
            self._store(statement, frame)
        elif isinstance(statement, Accumulate):
            self._accumulate(statement, frame)
        elif isinstance(statement, Product):
            self._product(statement, frame)

    def _lanes_of(self, name: Name, statements: Sequence[Statement], frame: Frame) -> int:
        """How many lanes an accumulator has: those of the vector loop in which it adds up."""
        if frame.lane is not None:
            return frame.lane.width
        for statement in walk(statements):
            if isinstance(statement, Loop) and statement.vector:
                adds = any(isinstance(s, Accumulate) and s.name == name for s in walk(statement.body))
                if adds:
                    return vector_width(statement)
        return 1

    def _finish(self, loop: Loop, started: Mapping[Name, Start], frame: Frame) -> None:
        """Add up the lanes of the accumulators of a loop that is over."""
        if frame.lane is not None:
            return
        for name in dict.fromkeys(s.name for s in walk([loop]) if isinstance(s, Accumulate)):
            if name in started and (value := frame.names[name]).lanes > 1:
                total = arithmetic.reduce_lanes(self.w, started[name].operation, name.dtype, value.lanes, value.text)
                frame.names[name] = Val(total)

    def _loop(self, loop: Loop, frame: Frame) -> None:
        carried = [
            name
            for name in dict.fromkeys(s.name for s in walk(loop.body) if isinstance(s, Accumulate))
            if name in frame.names
        ]
        if not loop.vector:
            self._turns(loop, frame, carried, loop.var.extent, 1, 0, None)
            return
        width = vector_width(loop)
        full = loop.var.extent // width * width
        if full:
            self._turns(loop, frame, carried, full, width, 0, Lane(loop.var, width, width))
        self.rest(loop, frame, carried, full)

    def rest(self, loop: Loop, frame: Frame, carried: Sequence[Name], full: int) -> None:
        """The turns of a vector loop after the first ``full`` ones, which do not fill a vector."""
        width, rest = vector_width(loop), loop.var.extent - full
        while rest:
            narrow = width
            if not carried:  # the largest vector that is full, or one that is masked
                lanes = max(2, 1 << (rest - 1).bit_length())
                native = width // unroll_of(loop)
                narrow = min(lanes, native) if rest < native else native * (rest // native)
                narrow = narrow if narrow & (narrow - 1) == 0 else 1 << (narrow.bit_length() - 1)
            count = min(rest, narrow)
            start = loop.var.extent - rest
            self._turns(loop, frame, carried, narrow, narrow, start, Lane(loop.var, narrow, count))
            rest -= count

    def _turns(
        self, loop: Loop, frame: Frame, carried: Sequence[Name], extent: int, step: int, start: int, lane: Lane | None
    ) -> None:
        types = [(type_of(name.dtype, frame.names[name].lanes), frame.names[name].text) for name in carried]

        def turn(index: str, values: Sequence[str]) -> list[str]:
            inner = frame.inside(loop.var, self._after(start, index), lane)
            for name, value in zip(carried, values, strict=True):
                inner.names[name] = Val(value, frame.names[name].lanes)
            self.body(loop.body, inner)
            return [inner.names[name].text for name in carried]

        after = self.w.loop(extent, turn, types, step)
        for name, value in zip(carried, after, strict=True):
            frame.names[name] = Val(value, frame.names[name].lanes)

    def _after(self, start: int, index: str) -> str:
        """start + index, where both may be literals."""
        if index.isdecimal():
            return str(start + int(index))
        return self.w.binary("add", INDEX, index, str(start)) if start else index

    def _accumulate(self, statement: Accumulate, frame: Frame) -> None:
        before = frame.names[statement.name]
        dtype = statement.name.dtype
        value = self._wide(self.expr(statement.value, frame), dtype, before.lanes)
        lane = frame.lane
        type_ = type_of(dtype, before.lanes)
        if lane is not None and lane.mask is not None and before.lanes == lane.width:
            nothing = type_.constant(arithmetic.identity(statement.operation, dtype))
            value = self.w.let(f"select {type_.of('i1')} {lane.mask}, {type_} {value}, {type_} {nothing}")
        if statement.operation == "sum":
            total = self.w.binary("fadd" if type_.is_float else "add", type_, before.text, value)
        else:
            total = arithmetic.extreme(self.w, statement.operation, type_, dtype.kind, before.text, value)
        frame.names[statement.name] = Val(total, before.lanes)

    def _store(self, store: Store, frame: Frame) -> None:
        lane = frame.lane if frame.lane is not None and self._varies(store, frame.lane.var) else None
        lanes = 1 if lane is None else lane.width
        value = self._wide(self.expr(store.value, frame), store.buffer.dtype, lanes)
        if store.add:
            place = Load(store.buffer, store.index, store.gathered)
            before = self._wide(self._load(place, frame), store.buffer.dtype, lanes)
            value = arithmetic.operate(self.w, "add", store.buffer.dtype, store.buffer.dtype, lanes, [before, value])
        type_ = type_of(store.buffer.dtype, lanes)
        memory = type_.of(ELEMENTS[store.buffer.dtype.name])
        value = self.w.convert("zext", type_, memory, value)
        self._forget(store.buffer, frame)
        if lane is None:
            pointer = self._pointer(store.buffer, store.index, store.gathered, frame)
            self.w.store(memory, value, pointer)
            return
        if store.index.factor(lane.var) == 1 and not self._gathers_by_lane(store.gathered, frame):
            pointer = self._pointer(store.buffer, store.index, store.gathered, frame)
            self.w.store(memory, value, pointer, lane.count)
            return
        pointers = self._pointers(store.buffer, store.index, store.gathered, frame, lane)
        name = f"llvm.masked.scatter.{memory.suffix}.v{lanes}p0"
        self.w.declarations.add(f"declare void @{name}({memory}, <{lanes} x ptr>, i32, <{lanes} x i1>)")
        align = BYTES[memory.element]
        self.w.say(
            f"call void @{name}({memory} {value}, <{lanes} x ptr> {pointers}, i32 {align}, "
            f"<{lanes} x i1> {mask(lane.count, lanes)})"
        )

    def _varies(self, store: Store, var: Var) -> bool:
        if store.index.factor(var):
            return True
        return any(_depends(part.position, var) for part in store.gathered)

    def _product(self, product: Product, frame: Frame) -> None:
        element = ELEMENTS[product.c.buffer.dtype.name]
        a, b, c = self.operands(product, frame)
        write_product(self.w, element, a, b, c, plan=plan_product(element, a, b, c), scratch=self.scratch)
        self._forget(product.c.buffer, frame)

    def operands(self, product: Product, frame: Frame) -> tuple[Operand, Operand, Operand]:
        """The matrices of a product, with their pointers."""
        return operands_of(product, lambda matrix: self._pointer(matrix.buffer, matrix.offset, (), frame), self.pointer)


def operands_of(
    product: Product, begin: Callable[[Matrix], str], table: Callable[[Buffer], str]
) -> tuple[Operand, Operand, Operand]:
    """A product's matrices as its kernel sees them. begin: where a matrix begins; table: where its rows are told."""

    def operand(matrix: Matrix, rows: int, columns: int, transposed: bool = False) -> Operand:
        pointer = begin(matrix)
        if matrix.rows is None:
            return Operand(pointer, Axis(rows, matrix.row_stride), Axis(columns, matrix.column_stride))
        count, width = (columns, rows) if transposed else (rows, columns)
        found = Operand(pointer, Axis(count, matrix.row_stride, table(matrix.rows.buffer)), Axis(width, 1))
        return found.T if transposed else found

    a = operand(product.a, product.m, product.k, product.a_transposed)
    return a, operand(product.b, product.k, product.n), operand(product.c, product.m, product.n)


def _depends(expr: Expr, var: Var) -> bool:
    return any(isinstance(part, Load | Index) and part.index.factor(var) for part in subexpressions(expr))


def unroll_of(loop: Loop) -> int:
    """How many registers wide the vectors of a loop are: enough to keep the units busy, few enough to stay in them."""
    heavy = sum(
        isinstance(part, Op) and part.name in _EXPENSIVE
        for statement in walk(loop.body)
        for expr in own_expressions(statement)
        for part in subexpressions(expr)
    )
    return 1 if heavy > 1 else 2


def vector_width(loop: Loop) -> int:
    """The lanes of a vector loop's vectors."""
    inside = list(walk(loop.body))
    sizes = [s.buffer.dtype.itemsize for s in inside if isinstance(s, Store)]
    sizes += [s.name.dtype.itemsize for s in inside if isinstance(s, Accumulate)]
    native = register_bytes() // max(4, *sizes)
    return min(native * unroll_of(loop), max(2, 1 << (loop.var.extent - 1).bit_length()))

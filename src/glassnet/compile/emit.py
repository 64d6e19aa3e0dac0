"""From loops to LLVM IR: statements in functions, a vector at a time where a loop is a vector loop.

A value is a scalar, or a vector whose lanes belong to consecutive turns of the vector loop around it. Scalars meet
vectors by being copied into every lane. The last turns of a vector loop, which do not fill a vector, are computed with
a narrower one or with lanes that are masked out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from glassnet.compile import arithmetic
from glassnet.compile.arithmetic import type_of
from glassnet.compile.engine import register_bytes
from glassnet.compile.loops import (
    Accumulate,
    Affine,
    Buffer,
    Const,
    Expr,
    Gathered,
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
from glassnet.compile.matrix import Axis
from glassnet.compile.matrix import Matrix as Operand
from glassnet.compile.products import plan_product, write_product
from glassnet.compile.writer import BYTES, ELEMENTS, INDEX, Type, Writer, mask

_EXPENSIVE = {"exp", "expm1", "log", "log1p", "tanh", "erf", "sin", "cos", "power"}


@dataclass(frozen=True)
class Val:
    """A value in a register: its name or literal, and how many lanes it has."""

    text: str
    lanes: int = 1


@dataclass
class Lane:
    """The vector loop that is being written: its variable, the width of its vectors, how many lanes count."""

    var: Var
    width: int
    count: int

    @property
    def mask(self) -> str | None:
        """The lanes that count, or None if all do."""
        return None if self.count == self.width else mask(self.count, self.width)


@dataclass
class Frame:
    """What is known at a place in the code: variables and names, values at hand, the vector loop around it."""

    indices: dict[Var, str] = field(default_factory=dict)
    names: dict[Name, Val] = field(default_factory=dict)
    lane: Lane | None = None
    cache: dict[Expr, Val] = field(default_factory=dict)

    def inside(self, var: Var, index: str, lane: Lane | None = None) -> Frame:
        """The frame in the body of a loop."""
        return Frame({**self.indices, var: index}, dict(self.names), lane or self.lane, {})


class Emitter:
    """Writes the statements of one function. ``pointers`` gives the pointer to a buffer."""

    def __init__(self, writer: Writer, pointers: Any, scratch: str) -> None:
        self.w = writer
        self.pointer = pointers
        self.scratch = scratch

    # Statements

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
            place = (
                index if not start else str(start) if index == "0" else self.w.binary("add", INDEX, index, str(start))
            )
            inner = frame.inside(loop.var, place, lane)
            for name, value in zip(carried, values, strict=True):
                inner.names[name] = Val(value, frame.names[name].lanes)
            self.body(loop.body, inner)
            return [inner.names[name].text for name in carried]

        after = self.w.loop(extent, turn, types, step)
        for name, value in zip(carried, after, strict=True):
            frame.names[name] = Val(value, frame.names[name].lanes)

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
        lane = frame.lane
        lanes = lane.width if lane is not None and self._varies(store, lane.var) else 1
        value = self._wide(self.expr(store.value, frame), store.buffer.dtype, lanes)
        if store.add:
            place = Load(store.buffer, store.index, store.gathered)
            before = self._wide(self._load(place, frame), store.buffer.dtype, lanes)
            value = arithmetic.operate(self.w, "add", store.buffer.dtype, store.buffer.dtype, lanes, [before, value])
        type_ = type_of(store.buffer.dtype, lanes)
        memory = type_.of(ELEMENTS[store.buffer.dtype.name])
        value = self.w.convert("zext", type_, memory, value)
        self._forget(store.buffer, frame)
        if lanes == 1:
            pointer = self._pointer(store.buffer, store.index, store.gathered, frame)
            self.w.store(memory, value, pointer)
            return
        assert lane is not None
        if store.index.factor(lane.var) == 1 and not self._gathers_by_lane(store.gathered, frame):
            pointer = self._pointer(store.buffer, store.index, store.gathered, frame)
            self.w.store(memory, value, pointer, lane.count)
            return
        pointers = self._pointers(store.buffer, store.index, store.gathered, frame)
        name = f"llvm.masked.scatter.{memory.suffix}.v{lanes}p0"
        self.w.declarations.add(f"declare void @{name}({memory}, <{lanes} x ptr>, i32, <{lanes} x i1>)")
        align = BYTES[memory.element]
        self.w.say(
            f"call void @{name}({memory} {value}, <{lanes} x ptr> {pointers}, i32 {align}, "
            f"<{lanes} x i1> {mask(lane.count, lanes)})"
        )

    def _forget(self, buffer: Buffer, frame: Frame) -> None:
        """Values at hand that were read from a buffer are out of date."""
        for expr in list(frame.cache):
            if any(isinstance(part, Load) and part.buffer is buffer for part in subexpressions(expr)):
                del frame.cache[expr]

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
        a = self._operand(product.a, product.m, product.k, frame, product.a_transposed)
        b = self._operand(product.b, product.k, product.n, frame)
        return a, b, self._operand(product.c, product.m, product.n, frame)

    def _operand(self, matrix: Matrix, rows: int, columns: int, frame: Frame, transposed: bool = False) -> Operand:
        pointer = self._pointer(matrix.buffer, matrix.offset, (), frame)
        if matrix.rows is None:
            return Operand(pointer, Axis(rows, matrix.row_stride), Axis(columns, matrix.column_stride))
        table = self.pointer(matrix.rows.buffer)
        count, width = (columns, rows) if transposed else (rows, columns)
        operand = Operand(pointer, Axis(count, matrix.row_stride, table), Axis(width, 1))
        return operand.T if transposed else operand

    # Expressions

    def expr(self, expr: Expr, frame: Frame) -> Val:
        """The value of an expression; what was computed before in the same block is not computed again."""
        if isinstance(expr, Const):
            return Val(type_of(expr.dtype).constant(expr.value))
        if isinstance(expr, Name):
            return frame.names[expr]
        known = frame.cache.get(expr)
        if known is None:
            known = frame.cache[expr] = self._compute(expr, frame)
        return known

    def _compute(self, expr: Expr, frame: Frame) -> Val:
        if isinstance(expr, Load):
            return self._load(expr, frame)
        if isinstance(expr, Index):
            return self._index(expr, frame)
        assert isinstance(expr, Op)
        values = [self.expr(argument, frame) for argument in expr.arguments]
        lanes = max(value.lanes for value in values)
        types = [argument.dtype for argument in expr.arguments]
        texts = [self._wide(value, dtype, lanes) for value, dtype in zip(values, types, strict=True)]
        return Val(arithmetic.operate(self.w, expr.name, expr.dtype, types[-1], lanes, texts), lanes)

    def _wide(self, value: Val, dtype: np.dtype[Any], lanes: int) -> str:
        """A value with so many lanes."""
        if value.lanes == lanes:
            return value.text
        if value.lanes > lanes:
            raise AssertionError(f"a vector of {value.lanes} lanes where {lanes} are needed")
        wanted = type_of(dtype, lanes)
        if not value.text.startswith("%"):  # a literal
            literal = f"{wanted.element} {value.text}"
            return "<" + ", ".join([literal] * lanes) + ">"
        return self.w.splat(wanted, value.text)

    def _index(self, expr: Index, frame: Frame) -> Val:
        lane = frame.lane
        base = self._offset(expr.index, (), frame)
        type_ = type_of(expr.dtype)
        scalar = base
        if type_.is_float:
            scalar = self.w.convert("sitofp", INDEX, type_, base)
        elif type_ != INDEX:
            scalar = self.w.convert("trunc", INDEX, type_, base)
        factor = 0 if lane is None else expr.index.factor(lane.var)
        if lane is None or not factor:
            return Val(scalar)
        wide = type_of(expr.dtype, lane.width)
        steps = "<" + ", ".join(f"{type_.element} {_literal(type_, factor * i)}" for i in range(lane.width)) + ">"
        first = self.w.splat(wide, scalar)
        return Val(self.w.binary("fadd" if type_.is_float else "add", wide, first, steps), lane.width)

    def _load(self, load: Load, frame: Frame) -> Val:
        dtype, lane = load.buffer.dtype, frame.lane
        memory = Type(ELEMENTS[dtype.name])
        factor = 0 if lane is None else load.index.factor(lane.var)
        by_lane = self._gathers_by_lane(load.gathered, frame)
        if lane is None or (not factor and not by_lane):
            pointer = self._pointer(load.buffer, load.index, load.gathered, frame)
            return Val(self._as_register(dtype, 1, self.w.load(memory, pointer)))
        wide = replace(memory, lanes=lane.width)
        if factor == 1 and not by_lane:
            pointer = self._pointer(load.buffer, load.index, load.gathered, frame)
            value = self.w.load(wide, pointer, lane.count)
        else:
            pointers = self._pointers(load.buffer, load.index, load.gathered, frame)
            name = f"llvm.masked.gather.{wide.suffix}.v{lane.width}p0"
            bits = f"<{lane.width} x i1>"
            self.w.declarations.add(f"declare {wide} @{name}(<{lane.width} x ptr>, i32, {bits}, {wide})")
            value = self.w.let(
                f"call {wide} @{name}(<{lane.width} x ptr> {pointers}, i32 {BYTES[memory.element]}, "
                f"{bits} {mask(lane.count, lane.width)}, {wide} zeroinitializer)"
            )
        return Val(self._as_register(dtype, lane.width, value), lane.width)

    def _as_register(self, dtype: np.dtype[Any], lanes: int, value: str) -> str:
        if dtype != np.bool_:
            return value
        memory = Type("i8", lanes)
        return self.w.compare("ne", memory, value, memory.constant(0))

    # Addresses

    def _gathers_by_lane(self, gathered: Sequence[Gathered], frame: Frame) -> bool:
        return any(self.expr(part.position, frame).lanes > 1 for part in gathered)

    def _offset(self, index: Affine, gathered: Sequence[Gathered], frame: Frame) -> str:
        """The sum of an address that is the same in all lanes, or begins with the first."""
        constant, parts = index.offset, []
        for var, factor in index.terms:
            text = frame.indices[var]
            if text.isdecimal():
                constant += int(text) * factor
            else:
                parts.append(text if factor == 1 else self.w.binary("mul", INDEX, text, str(factor)))
        for part in gathered:
            position = self._bounded(part, 1, self.expr(part.position, frame).text)
            parts.append(position if part.stride == 1 else self.w.binary("mul", INDEX, position, str(part.stride)))
        if not parts:
            return str(constant)
        total = parts[0]
        for other in parts[1:]:
            total = self.w.binary("add", INDEX, total, other)
        return total if not constant else self.w.binary("add", INDEX, total, str(constant))

    def _bounded(self, part: Gathered, lanes: int, position: str) -> str:
        """A position as an i64 from 0 to count - 1: negative ones count from the end, others cannot leave the array."""
        dtype = part.position.dtype
        type_ = Type("i64", lanes)
        position = arithmetic.convert(self.w, dtype, np.dtype(np.int64), lanes, position)
        zero, last = type_.constant(0), type_.constant(part.count - 1)
        if dtype.kind == "i":
            wrapped = self.w.binary("add", type_, position, type_.constant(part.count))
            position = self.w.select(type_, self.w.compare("slt", type_, position, zero), wrapped, position)
        low = self.w.call(f"llvm.smax.{type_.suffix}", type_, (type_, position), (type_, zero))
        return self.w.call(f"llvm.smin.{type_.suffix}", type_, (type_, low), (type_, last))

    def _pointer(self, buffer: Buffer, index: Affine, gathered: Sequence[Gathered], frame: Frame) -> str:
        offset = self._offset(index, gathered, frame)
        base = self.pointer(buffer)
        return base if offset == "0" else self.w.address(ELEMENTS[buffer.dtype.name], base, offset)

    def _pointers(self, buffer: Buffer, index: Affine, gathered: Sequence[Gathered], frame: Frame) -> str:
        """A vector of pointers, one for each lane."""
        lane = frame.lane
        assert lane is not None
        wide = Type("i64", lane.width)
        fixed = [part for part in gathered if self.expr(part.position, frame).lanes == 1]
        base = self.w.splat(wide, self._offset(index, fixed, frame))
        factor = index.factor(lane.var)
        if factor:
            steps = "<" + ", ".join(f"i64 {factor * i}" for i in range(lane.width)) + ">"
            base = self.w.binary("add", wide, base, steps)
        for part in gathered:
            value = self.expr(part.position, frame)
            if value.lanes > 1:
                position = self._bounded(part, lane.width, value.text)
                if part.stride != 1:
                    position = self.w.binary("mul", wide, position, wide.constant(part.stride))
                base = self.w.binary("add", wide, base, position)
        element = ELEMENTS[buffer.dtype.name]
        return self.w.let(f"getelementptr inbounds {element}, ptr {self.pointer(buffer)}, {wide} {base}")


def _literal(type_: Type, number: int) -> str:
    return type_.constant(number)


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
    sizes = [1]
    for statement in walk(loop.body):
        if isinstance(statement, Store | Accumulate):
            dtype = statement.buffer.dtype if isinstance(statement, Store) else statement.name.dtype
            sizes.append(dtype.itemsize)
    native = register_bytes() // max(max(sizes), 4)
    return min(native * unroll_of(loop), max(2, 1 << (loop.var.extent - 1).bit_length()))

"""Values in registers: expressions as LLVM IR, with the addresses that they read.

A value is a scalar, or a vector whose lanes belong to consecutive turns of the vector loop around it. Scalars meet
vectors by being copied into every lane.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from glassnet.compiler import arithmetic
from glassnet.compiler.arithmetic import type_of
from glassnet.compiler.loops import Affine, Buffer, Const, Expr, Gathered, Index, Load, Name, Op, Var, subexpressions
from glassnet.compiler.writer import BYTES, ELEMENTS, INDEX, Type, Writer, mask


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


class ValueWriter:
    """Writes expressions into a function. ``pointer`` gives the pointer to a buffer."""

    def __init__(self, writer: Writer, pointer: Callable[[Buffer], str]) -> None:
        self.w = writer
        self.pointer = pointer

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

    def _compute(self, expr: Load | Index | Op, frame: Frame) -> Val:
        if isinstance(expr, Load):
            return self._load(expr, frame)
        return self._index(expr, frame) if isinstance(expr, Index) else self._operation(expr, frame)

    def _operation(self, expr: Op, frame: Frame) -> Val:
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
        steps = "<" + ", ".join(f"{type_.element} {type_.constant(factor * i)}" for i in range(lane.width)) + ">"
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
            pointers = self._pointers(load.buffer, load.index, load.gathered, frame, lane)
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

    def _pointers(self, buffer: Buffer, index: Affine, gathered: Sequence[Gathered], frame: Frame, lane: Lane) -> str:
        """A vector of pointers, one for each lane."""
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

    def _forget(self, buffer: Buffer, frame: Frame) -> None:
        """Values at hand that were read from a buffer are out of date."""
        for expr in list(frame.cache):
            if any(isinstance(part, Load) and part.buffer is buffer for part in subexpressions(expr)):
                del frame.cache[expr]

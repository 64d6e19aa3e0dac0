"""LLVM IR as text: a writer that hands out names, and the types of scalars and vectors.

A ``Type`` is an element with a number of lanes; one lane is a scalar. Everything above writes its code once for any
type: ``writer.binary("fmul", type, a, b)`` is a product of two floats or of two vectors of sixteen.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

#: The LLVM element for each dtype that a record may hold.
ELEMENTS = {
    "float32": "float",
    "float64": "double",
    "bool": "i8",
    "int8": "i8",
    "int16": "i16",
    "int32": "i32",
    "int64": "i64",
    "uint8": "i8",
    "uint16": "i16",
    "uint32": "i32",
    "uint64": "i64",
}
BYTES = {"float": 4, "double": 8, "i1": 1, "i8": 1, "i16": 2, "i32": 4, "i64": 8}
_SUFFIX = {"float": "f32", "double": "f64"}


@dataclass(frozen=True)
class Type:
    """An element such as ``float`` or ``i32``, and how many of them: a scalar, or a vector of ``lanes``."""

    element: str
    lanes: int = 1

    def __str__(self) -> str:
        return self.element if self.lanes == 1 else f"<{self.lanes} x {self.element}>"

    @property
    def is_float(self) -> bool:
        """Whether the elements are floating numbers."""
        return self.element in _SUFFIX

    @property
    def bytes(self) -> int:
        """How many bytes a whole value takes in memory."""
        return BYTES[self.element] * self.lanes

    @property
    def suffix(self) -> str:
        """What the names of LLVM's intrinsics end in for this type, such as ``v16f32``."""
        short = _SUFFIX.get(self.element, self.element)
        return short if self.lanes == 1 else f"v{self.lanes}{short}"

    def of(self, element: str) -> Type:
        """As many lanes of another element."""
        return replace(self, element=element)

    @property
    def scalar(self) -> Type:
        """One lane of it."""
        return replace(self, lanes=1)

    def constant(self, value: float) -> str:
        """The same number in every lane, as a literal that loses no bit."""
        if self.element == "float":
            text = "0x" + struct.pack(">d", float(np.float32(value))).hex().upper()
        elif self.element == "double":
            text = "0x" + struct.pack(">d", float(value)).hex().upper()
        else:
            text = str(int(value))
        return text if self.lanes == 1 else "<" + ", ".join([f"{self.element} {text}"] * self.lanes) + ">"


INDEX = Type("i64")


def mask(count: int, lanes: int) -> str:
    """A literal vector of ``i1``: the first ``count`` lanes of all."""
    return "<" + ", ".join(f"i1 {int(i < count)}" for i in range(lanes)) + ">"


class Writer:
    """Collects the lines of a function; ``declarations`` are the intrinsics that they call.

    Names of results are ``%t1``, ``%t2`` and so on; ``let`` writes a line and returns the name of its result.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.declarations: set[str] = set()
        self._count = 0
        self._products: dict[str, tuple[str, str]] = {}  # the factors of floating products

    def fresh(self, stem: str = "t") -> str:
        """A name that was not used before, without the per cent sign."""
        self._count += 1
        return f"{stem}{self._count}"

    def say(self, text: str) -> None:
        """Write a line without a result."""
        self.lines.append("  " + text)

    def label(self, name: str) -> None:
        """Begin a block."""
        self.lines.append(name + ":")

    def let(self, text: str) -> str:
        """Write a line with a result and return its name."""
        name = "%" + self.fresh()
        self.say(f"{name} = {text}")
        return name

    # Arithmetic

    def binary(self, operator: str, type_: Type, a: str, b: str) -> str:
        """``a operator b``, such as "fadd", "fmul", "add", "xor".

        A product that is added or subtracted becomes a fused multiply-add. That is not left to LLVM, which would decide
        by what stands around it: the bits must not depend on how a step is shared among threads.
        """
        if operator in ("fadd", "fsub") and a != b:
            if a in self._products:
                return self.fma(type_, *self._products[a], b if operator == "fadd" else self.negative(type_, b))
            if b in self._products:
                x, y = self._products[b]
                return self.fma(type_, x if operator == "fadd" else self.negative(type_, x), y, a)
        result = self.let(f"{operator} {type_} {a}, {b}")
        if operator == "fmul":
            self._products[result] = a, b
        return result

    def negative(self, type_: Type, a: str) -> str:
        """-a of a float."""
        return self.let(f"fneg {type_} {a}")

    def compare(self, predicate: str, type_: Type, a: str, b: str) -> str:
        """A comparison such as "olt" (floats) or "slt" (integers); the result has elements ``i1``."""
        return self.let(f"{'fcmp' if type_.is_float else 'icmp'} {predicate} {type_} {a}, {b}")

    def select(self, type_: Type, condition: str, a: str, b: str) -> str:
        """a where the condition (``i1`` lanes) holds, b elsewhere."""
        return self.let(f"select {type_.of('i1')} {condition}, {type_} {a}, {type_} {b}")

    def convert(self, how: str, given: Type, wanted: Type, value: str) -> str:
        """A conversion such as "sitofp", "bitcast", "fpext"; the value itself where both types are equal."""
        return value if given == wanted else self.let(f"{how} {given} {value} to {wanted}")

    def call(self, intrinsic: str, result: Type, *arguments: tuple[Type, str]) -> str:
        """Call an intrinsic of LLVM or of the C library by its full name, and declare it."""
        types = ", ".join(str(type_) for type_, _ in arguments)
        self.declarations.add(f"declare {result} @{intrinsic}({types})")
        return self.let(f"call {result} @{intrinsic}({', '.join(f'{type_} {value}' for type_, value in arguments)})")

    def unary_intrinsic(self, name: str, type_: Type, a: str) -> str:
        """``llvm.NAME`` of one value, such as "sqrt", "fabs", "rint"."""
        return self.call(f"llvm.{name}.{type_.suffix}", type_, (type_, a))

    def fma(self, type_: Type, a: str, b: str, c: str) -> str:
        """a * b + c, rounded once."""
        return self.call(f"llvm.fma.{type_.suffix}", type_, (type_, a), (type_, b), (type_, c))

    def splat(self, type_: Type, value: str) -> str:
        """A scalar in every lane."""
        if type_.lanes == 1:
            return value
        first = self.let(f"insertelement {type_} poison, {type_.element} {value}, i32 0")
        return self.let(f"shufflevector {type_} {first}, {type_} poison, <{type_.lanes} x i32> zeroinitializer")

    # Memory

    def address(self, element: str, base: str, index: str) -> str:
        """A pointer to the element ``index`` (i64) after ``base``."""
        return self.let(f"getelementptr inbounds {element}, ptr {base}, i64 {index}")

    def load(self, type_: Type, pointer: str, count: int | None = None) -> str:
        """Consecutive elements; only the first ``count`` are read, the other lanes are 0."""
        if count is None or count == type_.lanes:
            return self.let(f"load {type_}, ptr {pointer}, align {BYTES[type_.element]}")
        name = f"llvm.masked.load.{type_.suffix}.p0"
        lanes = f"<{type_.lanes} x i1>"
        self.declarations.add(f"declare {type_} @{name}(ptr, i32, {lanes}, {type_})")
        where = f"ptr {pointer}, i32 {BYTES[type_.element]}, {lanes} {mask(count, type_.lanes)}"
        return self.let(f"call {type_} @{name}({where}, {type_} zeroinitializer)")

    def store(self, type_: Type, value: str, pointer: str, count: int | None = None) -> None:
        """Consecutive elements; only the first ``count`` are written."""
        if count is None or count == type_.lanes:
            self.say(f"store {type_} {value}, ptr {pointer}, align {BYTES[type_.element]}")
            return
        name = f"llvm.masked.store.{type_.suffix}.p0"
        lanes = f"<{type_.lanes} x i1>"
        self.declarations.add(f"declare void @{name}({type_}, ptr, i32, {lanes})")
        where = f"ptr {pointer}, i32 {BYTES[type_.element]}, {lanes} {mask(count, type_.lanes)}"
        self.say(f"call void @{name}({type_} {value}, {where})")

    # Loops

    def loop(
        self,
        extent: int,
        body: Callable[[str, Sequence[str]], Sequence[str]],
        carried: Sequence[tuple[Type, str]] = (),
        step: int = 1,
    ) -> list[str]:
        """``for i in range(0, extent, step)``, extent a multiple of step; returns the carried values after the loop.

        body(i, values) writes one turn and returns the values for the next. A loop of one turn is written without
        one.
        """
        values = [value for _, value in carried]
        if extent <= step:
            return list(body("0", values)) if extent else values
        name = self.fresh("loop")
        self.say(f"br label %{name}.enter")
        self.label(f"{name}.enter")
        self.say(f"br label %{name}")
        self.label(name)
        self.say(f"%{name}.i = phi i64 [0, %{name}.enter], [%{name}.next, %{name}.latch]")
        places = []
        for k, (type_, value) in enumerate(carried):
            places.append(len(self.lines))
            self.say(f"%{name}.v{k} = phi {type_} [{value}, %{name}.enter], [")
        after = body(f"%{name}.i", [f"%{name}.v{k}" for k in range(len(carried))])
        for place, value in zip(places, after, strict=True):
            self.lines[place] += f"{value}, %{name}.latch]"
        self.say(f"br label %{name}.latch")
        self.label(f"{name}.latch")
        self.say(f"%{name}.next = add nuw nsw i64 %{name}.i, {step}")
        more = self.let(f"icmp ult i64 %{name}.next, {extent}")
        self.say(f"br i1 {more}, label %{name}, label %{name}.end")
        self.label(f"{name}.end")
        return list(after)

    def repeat(self, extent: int, body: Callable[[str], None], step: int = 1) -> None:
        """A ``loop`` that carries no values."""

        def turn(i: str, _: Sequence[str]) -> Sequence[str]:
            body(i)
            return ()

        self.loop(extent, turn, step=step)

    def between(self, first: str, last: str, body: Callable[[str], None]) -> None:
        """``for i in range(first, last): body(i)`` with bounds (i64) that are known only when it runs."""
        name = self.fresh("span")
        self.say(f"br label %{name}.enter")
        self.label(f"{name}.enter")
        self.say(f"br label %{name}")
        self.label(name)
        self.say(f"%{name}.i = phi i64 [{first}, %{name}.enter], [%{name}.next, %{name}.latch]")
        more = self.let(f"icmp slt i64 %{name}.i, {last}")
        self.say(f"br i1 {more}, label %{name}.body, label %{name}.end")
        self.label(f"{name}.body")
        body(f"%{name}.i")
        self.say(f"br label %{name}.latch")
        self.label(f"{name}.latch")
        self.say(f"%{name}.next = add nsw i64 %{name}.i, 1")
        self.say(f"br label %{name}")
        self.label(f"{name}.end")

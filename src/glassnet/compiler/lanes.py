"""Values of a function that is being written, with the operators of Python: ``(x * x + 1) / y`` writes three lines.

A ``Value`` is the name of a result with its type, a scalar or a vector; plain numbers become constants of that type.
A product that is added becomes a fused multiply-add; where the rounding matters, ``fma`` is spelled out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from glassnet.compiler.writer import Type, Writer

_LONG = 16  # coefficients of a polynomial


@dataclass(frozen=True)
class Value:
    """A result by its name. Comparisons give a value of ``i1`` lanes, for ``where``."""

    writer: Writer
    type: Type
    name: str

    def like(self, other: Value | float) -> Value:
        """A number as a constant of this type; values as they are."""
        return other if isinstance(other, Value) else Value(self.writer, self.type, self.type.constant(other))

    def _binary(self, float_operator: str, operator: str, a: Value | float, b: Value | float) -> Value:
        operator = float_operator if self.type.is_float else operator
        return Value(
            self.writer, self.type, self.writer.binary(operator, self.type, self.like(a).name, self.like(b).name)
        )

    def __add__(self, other: Value | float) -> Value:
        return self._binary("fadd", "add", self, other)

    def __radd__(self, other: float) -> Value:
        return self + other

    def __sub__(self, other: Value | float) -> Value:
        return self._binary("fsub", "sub", self, other)

    def __rsub__(self, other: float) -> Value:
        return self._binary("fsub", "sub", other, self)

    def __mul__(self, other: Value | float) -> Value:
        return self._binary("fmul", "mul", self, other)

    def __rmul__(self, other: float) -> Value:
        return self * other

    def __truediv__(self, other: Value) -> Value:
        return self._binary("fdiv", "fdiv", self, other)

    def __neg__(self) -> Value:
        return Value(self.writer, self.type, self.writer.negative(self.type, self.name))

    def __and__(self, other: Value | int) -> Value:
        return self._binary("and", "and", self, other)

    def __or__(self, other: Value | int) -> Value:
        return self._binary("or", "or", self, other)

    def __xor__(self, other: Value | int) -> Value:
        return self._binary("xor", "xor", self, other)

    def __lshift__(self, places: int) -> Value:
        return self._binary("shl", "shl", self, places)

    def __rshift__(self, places: int) -> Value:
        """The shift that keeps the sign."""
        return self._binary("ashr", "ashr", self, places)

    def compare(self, predicate: str, other: Value | float) -> Value:
        """LLVM's predicate, such as "uge" for floats: greater, equal or NaN."""
        return Value(
            self.writer,
            self.type.of("i1"),
            self.writer.compare(predicate, self.type, self.name, self.like(other).name),
        )

    def __lt__(self, other: Value | float) -> Value:
        return self.compare("olt" if self.type.is_float else "slt", other)

    def __gt__(self, other: Value | float) -> Value:
        return self.compare("ogt" if self.type.is_float else "sgt", other)

    def equals(self, other: Value | float) -> Value:
        """``==``, which is not an operator here: it would make values unhashable."""
        return self.compare("oeq" if self.type.is_float else "eq", other)

    def where(self, condition: Value, other: Value | float) -> Value:
        """This in the lanes where the condition holds, the other elsewhere."""
        name = self.writer.select(self.type, condition.name, self.name, self.like(other).name)
        return Value(self.writer, self.type, name)

    def convert(self, how: str, element: str) -> Value:
        """Each lane by "sitofp", "fptosi", "fpext", "fptrunc" or "bitcast"."""
        wanted = self.type.of(element)
        return Value(self.writer, wanted, self.writer.convert(how, self.type, wanted, self.name))

    @property
    def bits(self) -> Value:
        """The bit patterns of floats, as integers."""
        return self.convert("bitcast", "i32" if self.type.element == "float" else "i64")

    @property
    def floats(self) -> Value:
        """The floats with these bit patterns."""
        return self.convert("bitcast", "float" if self.type.element == "i32" else "double")

    def intrinsic(self, name: str, *others: Value) -> Value:
        """``llvm.NAME`` of values of one type, such as "sqrt", "fabs", "copysign"."""
        arguments = [(self.type, value.name) for value in (self, *others)]
        name = self.writer.call(f"llvm.{name}.{self.type.suffix}", self.type, *arguments)
        return Value(self.writer, self.type, name)

    def __abs__(self) -> Value:
        return self.intrinsic("fabs")

    def with_sign_of(self, other: Value) -> Value:
        """The size of this, the sign of the other."""
        return self.intrinsic("copysign", other)

    def ldexp(self, exponent: Value) -> Value:
        """Times 2**exponent, a float with a whole number, rounded once."""
        whole = exponent.convert("fptosi", "i32")
        arguments = (self.type, self.name), (whole.type, whole.name)
        name = f"llvm.ldexp.{self.type.suffix}.{whole.type.suffix}"
        return Value(self.writer, self.type, self.writer.call(name, self.type, *arguments))

    def flip_sign(self, bits: Value) -> Value:
        """Its sign changed where the highest bit of the integer is set, the only one that may be."""
        return (self.bits ^ bits).floats

    def at_most(self, most: float) -> Value:
        """The smaller of both; NaN stays NaN."""
        return self.where(self.compare("ule", most), most)

    def at_least(self, least: float) -> Value:
        """The greater of both; NaN stays NaN."""
        return self.where(self.compare("uge", least), least)


def fma(a: Value, b: Value | float, c: Value | float) -> Value:
    """a * b + c, rounded once."""
    return Value(a.writer, a.type, a.writer.fma(a.type, a.name, a.like(b).name, a.like(c).name))


def polynomial(x: Value, coefficients: Sequence[float]) -> Value:
    """The sum of coefficients[k] * x**k by Horner's scheme: one fused multiply-add for each power.

    Each one waits for the one before. A long sum is split into even and odd powers, two chains that run side by side.
    """
    if len(coefficients) > _LONG:
        square = x * x
        return fma(polynomial(square, coefficients[1::2]), x, polynomial(square, coefficients[::2]))
    *others, last = coefficients
    result = x.like(last)
    for coefficient in reversed(others):
        result = fma(result, x, coefficient)
    return result


def rarely(condition: Value, usual: Value, slow: Callable[[], Value]) -> Value:
    """``usual``; but where the condition holds, what ``slow`` writes, which is jumped over if it holds in no lane."""
    writer, type_, name = usual.writer, usual.type, usual.writer.fresh("rare")
    any_lane = condition.name
    if type_.lanes > 1:
        mask = condition.type
        any_lane = writer.call(f"llvm.vector.reduce.or.{mask.suffix}", mask.scalar, (mask, any_lane))
    writer.say(f"br label %{name}.before")
    writer.label(f"{name}.before")
    writer.say(f"br i1 {any_lane}, label %{name}, label %{name}.after")
    writer.label(name)
    careful = slow().where(condition, usual)
    writer.say(f"br label %{name}.done")
    writer.label(f"{name}.done")
    writer.say(f"br label %{name}.after")
    writer.label(f"{name}.after")
    both = f"[{usual.name}, %{name}.before], [{careful.name}, %{name}.done]"
    return Value(writer, type_, writer.let(f"phi {type_} {both}"))

"""The element-wise primitives in LLVM IR, each for a scalar or a vector."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from glassnet.compiler.math import FUNCTIONS
from glassnet.compiler.writer import ELEMENTS, Type, Writer
from glassnet.engine.errors import TraceError

DType = np.dtype[Any]

_FLOAT = {"add": "fadd", "subtract": "fsub", "multiply": "fmul", "divide": "fdiv"}
_INTEGER = {"add": "add", "subtract": "sub", "multiply": "mul", "bitwise_xor": "xor"}
_LOGIC = {"logical_and": "and", "logical_or": "or"}
_PREDICATES = {
    "less": ("olt", "slt", "ult"),
    "less_equal": ("ole", "sle", "ule"),
    "greater": ("ogt", "sgt", "ugt"),
    "greater_equal": ("oge", "sge", "uge"),
    "equal": ("oeq", "eq", "eq"),
    "not_equal": ("une", "ne", "ne"),
}


def type_of(dtype: DType, lanes: int = 1) -> Type:
    """The type of a value in a register: truth values are single bits."""
    return Type("i1" if dtype == np.bool_ else ELEMENTS[dtype.name], lanes)


def operate(w: Writer, name: str, dtype: DType, given: DType, lanes: int, arguments: Sequence[str]) -> str:
    """The result of a primitive. dtype: of the result; given: of the arguments (of a ``where``, of its choices)."""
    if name == "astype":
        return convert(w, given, dtype, lanes, arguments[0])
    type_ = type_of(given, lanes)
    if name in _PREDICATES:
        floating, signed, unsigned = _PREDICATES[name]
        predicate = floating if type_.is_float else unsigned if given.kind in "ub" else signed
        return w.compare(predicate, type_, *arguments)
    if name == "where":
        return w.select(type_, *arguments)
    if name in _LOGIC:
        return w.binary(_LOGIC[name], type_, *arguments)
    if name == "logical_not":
        return w.binary("xor", type_, arguments[0], type_.constant(-1))
    if type_.is_float and name in _FLOAT:
        return w.binary(_FLOAT[name], type_, *arguments)
    if not type_.is_float and name in _INTEGER:
        return w.binary(_INTEGER[name], type_, *arguments)
    if name == "right_shift":
        return w.binary("ashr" if given.kind == "i" else "lshr", type_, *arguments)
    if name in ("maximum", "minimum"):
        return extreme(w, name[:3], type_, given.kind, *arguments)
    function = FUNCTIONS.get("pow" if name == "power" else name)
    if function is not None and type_.is_float:
        return function(w, type_, *arguments)
    special = _SPECIAL.get(name)
    if special is None:
        raise TraceError(f"{name} of {given} numbers cannot be compiled. Cast them to float32, or use compile=False.")
    return special(w, type_, given.kind, *arguments)


def extreme(w: Writer, which: str, type_: Type, kind: str, a: str, b: str) -> str:
    """The larger ("max") or smaller ("min") of two; NaN if one is."""
    if type_.is_float:
        return w.call(f"llvm.{which}imum.{type_.suffix}", type_, (type_, a), (type_, b))
    if type_.element == "i1":
        return w.binary("or" if which == "max" else "and", type_, a, b)
    return w.call(f"llvm.{'s' if kind == 'i' else 'u'}{which}.{type_.suffix}", type_, (type_, a), (type_, b))


def convert(w: Writer, given: DType, wanted: DType, lanes: int, value: str) -> str:
    """A number in another type."""
    a, b = type_of(given, lanes), type_of(wanted, lanes)
    if a == b:
        return value
    if wanted == np.bool_:
        return w.compare("une" if a.is_float else "ne", a, value, a.constant(0))
    if a.is_float and b.is_float:
        return w.convert("fpext" if b.bytes > a.bytes else "fptrunc", a, b, value)
    if b.is_float:
        return w.convert("sitofp" if given.kind == "i" else "uitofp", a, b, value)
    if a.is_float:
        return w.convert("fptosi" if wanted.kind == "i" else "fptoui", a, b, value)
    if given != np.bool_ and b.bytes < a.bytes:
        return w.convert("trunc", a, b, value)
    return w.convert("sext" if given.kind == "i" else "zext", a, b, value)


def _negate(w: Writer, type_: Type, _: str, x: str) -> str:
    return w.negative(type_, x) if type_.is_float else w.binary("sub", type_, type_.constant(0), x)


def _abs(w: Writer, type_: Type, kind: str, x: str) -> str:
    if type_.is_float:
        return w.unary_intrinsic("fabs", type_, x)
    if kind != "i":
        return x
    return w.call(f"llvm.abs.{type_.suffix}", type_, (type_, x), (Type("i1"), "0"))


def _sign(w: Writer, type_: Type, kind: str, x: str) -> str:
    zero, one, less = type_.constant(0), type_.constant(1), type_.constant(-1)
    if type_.is_float:  # NaN and zeros are their own signs
        above = w.select(type_, w.compare("ogt", type_, x, zero), one, x)
        return w.select(type_, w.compare("olt", type_, x, zero), less, above)
    above = w.select(type_, w.compare("sgt" if kind == "i" else "ugt", type_, x, zero), one, zero)
    return w.select(type_, w.compare("slt", type_, x, zero), less, above) if kind == "i" else above


def _remainder(w: Writer, type_: Type, kind: str, x: str, y: str) -> str:
    """With the sign of the divisor, as in Python."""
    if kind in "ub":
        return w.binary("urem", type_, x, y)
    rest = w.binary("frem" if type_.is_float else "srem", type_, x, y)
    zero = type_.constant(0)
    low, unequal = ("olt", "une") if type_.is_float else ("slt", "ne")
    bits = type_.of("i1")
    signs = w.binary("xor", bits, w.compare(low, type_, rest, zero), w.compare(low, type_, y, zero))
    wrong = w.binary("and", bits, signs, w.compare(unequal, type_, rest, zero))
    return w.select(type_, wrong, w.binary("fadd" if type_.is_float else "add", type_, rest, y), rest)


_SPECIAL: dict[str, Callable[..., str]] = {
    "negate": _negate,
    "abs": _abs,
    "sign": _sign,
    "remainder": _remainder,
}


def reduce_lanes(w: Writer, operation: str, dtype: DType, lanes: int, value: str) -> str:
    """All lanes of a vector added up ("sum"), or the largest or smallest of them."""
    type_ = type_of(dtype, lanes)
    if lanes == 1:
        return value
    if operation == "sum" and type_.is_float:
        name = f"llvm.vector.reduce.fadd.{type_.suffix}"
        w.declarations.add(f"declare {type_.scalar} @{name}({type_.scalar}, {type_})")
        zero = type_.scalar.constant(-0.0)
        return w.let(f"call reassoc {type_.scalar} @{name}({type_.scalar} {zero}, {type_} {value})")
    if operation == "sum":
        name = "add"
    elif type_.is_float:
        name = f"f{operation}imum"
    elif type_.element == "i1":
        name = "or" if operation == "max" else "and"
    else:
        name = f"{'s' if dtype.kind == 'i' else 'u'}{operation}"
    return w.call(f"llvm.vector.reduce.{name}.{type_.suffix}", type_.scalar, (type_, value))


def identity(operation: str, dtype: DType) -> float:
    """What an accumulator starts from."""
    if operation == "sum":
        return 0
    if dtype.kind == "f":
        return -np.inf if operation == "max" else np.inf
    if dtype == np.bool_:
        return operation == "min"
    limits = np.iinfo(dtype)
    return int(limits.min if operation == "max" else limits.max)

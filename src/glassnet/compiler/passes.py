"""Passes over a record: each makes a simpler record that computes the same.

Values that no result depends on need no pass: ``Record.in_order`` does not list them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from glassnet.compiler.phases import is_large
from glassnet.compiler.primitives import COMPUTE
from glassnet.compiler.record import ELEMENTWISE, MOVEMENTS, Number, Record, Value

#: Rows of a batch that are worth a product of their own.
LEAST_ROWS = 64

#: A rule takes a value whose inputs are rewritten already, and returns it or what stands in its place.
Rule = Callable[[Value], Value]


def rewrite(record: Record, rule: Rule) -> Record:
    """The record with every value replaced by what the rule makes of it, inputs first."""
    new: dict[int, Value] = {}
    for value in record.in_order():
        inputs = tuple(new[x.number] if isinstance(x, Value) else x for x in value.inputs)
        changed = any(a is not b for a, b in zip(inputs, value.inputs, strict=True))
        new[value.number] = rule(_with_inputs(value, inputs) if changed else value)
    return Record(
        inputs=record.inputs,
        state={name: new[value.number] for name, value in record.state.items()},
        outputs={name: new[value.number] for name, value in record.outputs.items()},
    )


def _with_inputs(value: Value, inputs: Sequence[Any]) -> Value:
    return Value(value.operation, tuple(inputs), value.static, value.shape, value.dtype, value.weak, value.origin)


def _derived(value: Value, operation: str, inputs: Sequence[Any], **static: Any) -> Value:
    """Another primitive that gives the same array as ``value``."""
    return Value(operation, tuple(inputs), static, value.shape, value.dtype, value.weak, value.origin)


def _full(value: Value, number: Any) -> Value:
    return _derived(value, "full", (), shape=value.shape, fill_value=number)


def fold(value: Value) -> Value:
    """Arrays of one repeated number stay numbers: 1.0 * 0.01 broadcast to (100, 1) is 0.01 everywhere."""
    if value.weak or not value.inputs or value.operation not in ELEMENTWISE | MOVEMENTS:
        return value
    if not all(isinstance(x, bool | int | float) or x.operation == "full" for x in value.inputs):
        return value
    if value.operation in MOVEMENTS:
        (given,) = value.values
        return _full(value, given.static["fill_value"])
    numbers = [np.asarray(x.static["fill_value"], x.dtype)[()] if isinstance(x, Value) else x for x in value.inputs]
    with np.errstate(all="ignore"):
        result = np.asarray(COMPUTE[value.operation](*numbers, **value.static))
    return _full(value, result.item())


def simplify(value: Value) -> Value:
    """Products with 1, movements that move nothing, movements of movements, divisions that are exact products."""
    first = value.inputs[0] if value.inputs else None
    if value.operation == "multiply":
        return _known_product(value)
    if not isinstance(first, Value):
        return value
    if value.operation == "divide":
        return _known_quotient(value, first)
    if value.operation == "power" and not value.weak:
        return _known_power(value, first)
    if value.operation == "astype" and not first.weak and _same(first, value):
        return first
    if value.operation in ("reshape", "broadcast") and _same(first, value):
        return first
    if value.operation == "permute" and value.static["axes"] == tuple(range(len(value.shape))):
        return first
    if value.operation == first.operation == "reshape":
        return simplify(_derived(value, "reshape", first.inputs, shape=value.shape))
    if value.operation == first.operation == "permute":
        axes = tuple(first.static["axes"][a] for a in value.static["axes"])
        return simplify(_derived(value, "permute", first.inputs, axes=axes))
    return value


def _known_product(value: Value) -> Value:
    """Products with 1."""
    for one, other in (value.inputs, value.inputs[::-1]):
        if _number(one) == 1 and isinstance(other, Value) and _same(other, value):
            return other
    return value


def _known_quotient(value: Value, dividend: Value) -> Value:
    """Quotients by 1 and by other powers of two, whose inverse is exact."""
    divisor = _number(value.inputs[1])
    if not divisor or isinstance(divisor, bool) or value.dtype.kind != "f":
        return value
    if divisor == 1 and _same(dividend, value):
        return dividend
    fraction, exponent = math.frexp(divisor)
    if abs(fraction) != 0.5 or abs(exponent) > 100:  # of larger ones, the inverse is no normal float32
        return _quotient_of_bytes(value, dividend, divisor)
    return _derived(value, "multiply", (dividend, 1 / divisor))


def _quotient_of_bytes(value: Value, dividend: Value, divisor: Number) -> Value:
    """Bytes / 255 as a sum of two products, with the inverse and with the error of its rounding. A division takes many
    times as long, and all 256 quotients come out with the same bits, since the sum is contracted.
    """
    (given,) = dividend.values if dividend.operation == "astype" else (None,)
    if divisor != 255 or given is None or given.dtype != np.uint8:
        return value
    one = value.dtype.type(1)
    inverse = one / value.dtype.type(255)
    error = value.dtype.type((1 - Fraction(float(inverse)) * 255) / 255)
    high, low = (_derived(value, "multiply", (dividend, float(factor))) for factor in (inverse, error))
    return _derived(value, "add", (high, low))


def _known_power(value: Value, base: Value) -> Value:
    """Powers that are products or roots."""
    exponent = _number(value.inputs[1])
    if not _same(base, value) or isinstance(exponent, bool) or exponent not in (1, 2, 3, 0.5, -1, -0.5):
        return value
    if exponent == 1:
        return base
    if exponent in (0.5, -0.5):
        base = _derived(value, "sqrt", (base,))
    if exponent == 0.5:
        return base
    if exponent < 0:
        return _derived(value, "divide", (1.0, base))
    square = _derived(value, "multiply", (base, base))
    return square if exponent == 2 else _derived(value, "multiply", (square, base))


def one_hot_products(value: Value) -> Value:
    """one_hot(i) @ w looks rows up; one_hot(i).T @ g adds rows up: no product is needed for either."""
    if value.operation != "matmul":
        return value
    a, b = value.values
    if len(a.shape) != 2 or len(b.shape) > 2:
        return value
    if a.operation == "one_hot":
        return _derived(value, "gather", (b, a.inputs[0]), axis=0)
    if a.operation == "permute" and a.values[0].operation == "one_hot":
        return _derived(value, "scatter_add", (b, a.values[0].inputs[0]), axis=0, shape=value.shape)
    return value


def halves(record: Record) -> Record:
    """In a large step, a gradient of weights, which is a sum over the rows of the batch, is the sum of two products,
    over half of the rows each: then a thread can compute one from what it has computed before, in its own cache.
    """
    products = [value for value in record.in_order() if value.operation == "matmul"]
    large = is_large(sum(2 * value.size * value.values[0].shape[-1] for value in products))
    return rewrite(record, _in_halves) if large else record


def _in_halves(value: Value) -> Value:
    if value.operation != "matmul" or value.values[0].operation != "permute" or value.dtype.kind != "f":
        return value
    a, b = value.values
    half, odd = divmod(a.shape[-1], 2)
    if odd or half < LEAST_ROWS or len(a.shape) != 2 or len(b.shape) != 2 or a.values[0].operation == "gather":
        return value

    def part(given: Value, axis: int, start: int) -> Value:
        shape = tuple(half if i == axis else extent for i, extent in enumerate(given.shape))
        starts = tuple(start if i == axis else 0 for i in range(2))
        static = {"starts": starts, "steps": (1, 1), "shape": shape}
        return Value("slice", (given,), static, shape, given.dtype, given.weak, given.origin)

    parts = [_derived(value, "matmul", (part(a, 1, start), part(b, 0, start))) for start in (0, half)]
    return _derived(value, "add", parts)


def _number(x: Any) -> Any:
    """The number that x is everywhere, or None."""
    if isinstance(x, bool | int | float):
        return x
    return x.static["fill_value"] if x.operation == "full" else None


def _same(a: Value, b: Value) -> bool:
    return a.shape == b.shape and a.dtype == b.dtype and a.weak == b.weak


def merge_equal(record: Record) -> Record:
    """Values that are computed twice are computed once."""
    known: dict[Any, Value] = {}

    def rule(value: Value) -> Value:
        inputs = tuple(x.number if isinstance(x, Value) else repr(x) for x in value.inputs)  # 0.0 is not -0.0
        static = tuple((k, _hashable(v)) for k, v in value.static.items())
        key = value.operation, inputs, static, value.shape, value.dtype, value.weak
        return known.setdefault(key, value)

    return rewrite(record, rule)


def _hashable(value: Any) -> Any:
    return (value.shape, value.dtype.str, value.tobytes()) if isinstance(value, np.ndarray) else repr(value)


def optimize(record: Record) -> Record:
    """All passes, in their order."""
    for rule in (fold, simplify, one_hot_products):
        record = rewrite(record, rule)
    return halves(merge_equal(record))

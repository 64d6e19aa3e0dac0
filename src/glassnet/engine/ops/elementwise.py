"""Rows that compute each element from the elements at the same place; inputs broadcast against each other."""

from __future__ import annotations

import math
from typing import Any

from glassnet.engine.namespace import Array
from glassnet.engine.operation import operation


@operation(
    lambda xp, g, out, a, b: g,
    lambda xp, g, out, a, b: g,
)
def add(xp: Any, a: Array, b: Array) -> Array:
    """a + b. Addition distributes the gradient unchanged to both."""
    return a + b


@operation(
    lambda xp, g, out, a, b: g,
    lambda xp, g, out, a, b: -g,
)
def subtract(xp: Any, a: Array, b: Array) -> Array:
    """a - b."""
    return a - b


@operation(
    lambda xp, g, out, a, b: g * b,
    lambda xp, g, out, a, b: g * a,
)
def multiply(xp: Any, a: Array, b: Array) -> Array:
    """a * b. In the gradient the factors swap."""
    return a * b


@operation(
    lambda xp, g, out, a, b: g / b,
    lambda xp, g, out, a, b: -g * out / b,
)
def divide(xp: Any, a: Array, b: Array) -> Array:
    """a / b. Division by zero gives infinity, as in IEEE 754."""
    return a / b


@operation(lambda xp, g, out, x: -g)
def negate(xp: Any, x: Array) -> Array:
    """-x."""
    return -x


def _power_base(xp: Any, g: Array, out: Array, a: Array, b: Array) -> Array:
    # a ** 0 is constant: its derivative is 0 also at a = 0, where 0 * a ** -1 would be NaN.
    if isinstance(b, int | float):
        return g * (b * a ** (b - 1)) if b else 0.0 * g
    return g * xp.where(b == 0, 0.0, b * a ** xp.where(b == 0, 0.0, b - 1))


def _power_exponent(xp: Any, g: Array, out: Array, a: Array, b: Array) -> Array:
    # At a = 0 the power stays 0 for every b > 0: derivative 0, not 0 * log(0). A negative base has none: NaN.
    if isinstance(a, int | float):
        return g * (out * (math.log(a) if a > 0 else 0.0 if a == 0 else math.nan))
    return g * xp.where(a == 0, 0.0, out * xp.log(xp.where(a == 0, 1.0, a)))


@operation(_power_base, _power_exponent)
def power(xp: Any, a: Array, b: Array) -> Array:
    """a ** b. The derivative by a at b = 0 and the derivative by b at a = 0 are taken as 0."""
    return a**b


@operation(lambda xp, g, out, x: g * out)
def exp(xp: Any, x: Array) -> Array:
    """e ** x; its own derivative."""
    return xp.exp(x)


@operation(lambda xp, g, out, x: g * (out + 1.0))
def expm1(xp: Any, x: Array) -> Array:
    """e ** x - 1, exact also near 0."""
    return xp.expm1(x)


@operation(lambda xp, g, out, x: g / x)
def log(xp: Any, x: Array) -> Array:
    """Natural logarithm; minus infinity at 0, NaN below."""
    return xp.log(x)


@operation(lambda xp, g, out, x: g / (1.0 + x))
def log1p(xp: Any, x: Array) -> Array:
    """log(1 + x), exact also near 0."""
    return xp.log1p(x)


@operation(lambda xp, g, out, x: g * xp.cos(x))
def sin(xp: Any, x: Array) -> Array:
    """Sine of an angle in radians."""
    return xp.sin(x)


@operation(lambda xp, g, out, x: -g * xp.sin(x))
def cos(xp: Any, x: Array) -> Array:
    """Cosine of an angle in radians."""
    return xp.cos(x)


@operation(lambda xp, g, out, x: xp.where(out == 0, 0.0, 0.5 * g / xp.where(out == 0, 1.0, out)))
def sqrt(xp: Any, x: Array) -> Array:
    """Square root. At 0 the slope is infinite; 0 is taken, so that the gradient of a norm at 0 is 0 and not NaN."""
    return xp.sqrt(x)


@operation(lambda xp, g, out, x: g * xp.sign(x))
def abs_(xp: Any, x: Array) -> Array:
    """|x|. At the kink x = 0 the subgradient 0 is taken."""
    return xp.abs(x)


@operation(
    lambda xp, g, out, a, b: xp.where(a > b, g, xp.where(a == b, 0.5 * g, 0.0)),
    lambda xp, g, out, a, b: xp.where(b > a, g, xp.where(a == b, 0.5 * g, 0.0)),
)
def maximum(xp: Any, a: Array, b: Array) -> Array:
    """The larger of a and b. Where they are equal, each takes half of the gradient."""
    return xp.maximum(a, b)


@operation(
    lambda xp, g, out, a, b: xp.where(a < b, g, xp.where(a == b, 0.5 * g, 0.0)),
    lambda xp, g, out, a, b: xp.where(b < a, g, xp.where(a == b, 0.5 * g, 0.0)),
)
def minimum(xp: Any, a: Array, b: Array) -> Array:
    """The smaller of a and b. Where they are equal, each takes half of the gradient."""
    return xp.minimum(a, b)


def _clip_vjp(xp: Any, g: Array, out: Array, x: Array, min: float | None, max: float | None) -> Array:  # noqa: A002
    return g * (x == out)


@operation(_clip_vjp)
def clip(xp: Any, x: Array, *, min: float | None = None, max: float | None = None) -> Array:  # noqa: A002
    """x between two bounds, each of which may be None. Beyond them the gradient is 0; on them it passes."""
    if min is not None:
        x = xp.maximum(x, min)
    return x if max is None else xp.minimum(x, max)


@operation(
    None,
    lambda xp, g, out, condition, a, b: xp.where(condition, g, 0.0),
    lambda xp, g, out, condition, a, b: xp.where(condition, 0.0, g),
)
def where(xp: Any, condition: Array, a: Array, b: Array) -> Array:
    """a where the condition holds, b elsewhere. The side that is not chosen gets the gradient 0, whatever it holds.

    Behind an infinite slope that 0 becomes NaN (0 * inf), as in where(x > 0, log(x), 0) at x = 0. Choose what goes in
    as well: where(x > 0, log(where(x > 0, x, 1)), 0).
    """
    return xp.where(condition, a, b)


@operation(lambda xp, g, out, x, dtype: g)
def cast(xp: Any, x: Array, *, dtype: Any) -> Array:
    """The same numbers in another floating type; the gradient is cast back."""
    return x.astype(dtype)

"""exp, log, tanh and others, written into the loop that needs them, for scalars and vectors of floats.

A library call for each number would keep a loop from being vector code. Each function here is range reduction, a
polynomial and reconstruction, a few multiply-adds for a whole register, without a branch that is often taken.

Errors are the greatest that ``benchmarks/vector_math.py`` found, for float and double, in ulp: units in the last place
of the result. NaN, infinities, signed zeros and subnormal numbers give what C prescribes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from glassnet.compiler.engine import register_bytes
from glassnet.compiler.lanes import Value, fma, polynomial, rarely
from glassnet.compiler.polynomials import COS, EXPM1, LOG1P, LOG_ERFC, SIN
from glassnet.compiler.writer import Type, Writer

_LN2 = Fraction("0.693147180559945309417232121458176568075500134360255254")
_PI = Fraction("3.141592653589793238462643383279502884197169399375105821")


@dataclass(frozen=True)
class _Format:
    """How a floating number is laid out, and from where on functions overflow, underflow or reach their limit."""

    fraction: int  # bits
    bias: int  # of the exponent
    exp_low: float  # exp is 0 below
    exp_high: float  # exp overflows above
    expm1_low: float  # expm1 is -1 below
    tanh_one: float  # tanh is 1 above
    erf_one: float  # erf is 1 above
    sin_high: float  # sin and cos are left to the C library above

    @property
    def smallest_normal(self) -> float:
        return 2.0 ** (1 - self.bias)


_FORMATS = {
    "float": _Format(23, 127, -104.0, 89.0, -18.0, 9.1, 3.95, 1e5),
    "double": _Format(52, 1023, -746.0, 710.0, -38.0, 19.1, 5.95, 1e9),
}


def _format(x: Value) -> _Format:
    return _FORMATS[x.type.element]


def _terms(number: Fraction, x: Value, count: int) -> list[float]:
    """A number as the sum of so many floats of x's type: each holds what the ones before leave over."""
    terms = []
    for _ in range(count):
        nearest = float(np.float32(float(number))) if x.type.element == "float" else float(number)
        terms.append(nearest)
        number -= Fraction(nearest)
    return terms


# exp and what follows from it


def _reduce(x: Value, unit: Fraction, terms: int, offset: int = 0) -> tuple[Value, Value, Value]:
    """x = n * unit + r with a whole number n and abs(r) <= unit / 2: an integer with n + offset in its low bits, n, r.

    Added to x / unit, 1.5 * 2**fraction leaves no bits for fractions and those of n at the end: rounding and conversion
    are one multiply-add. unit is given by so many terms that n * unit is as exact as r needs (Cody and Waite).
    """
    shifter = 1.5 * 2.0 ** _format(x).fraction + offset
    shifted = fma(x, float(1 / unit), shifter)
    n, r = shifted - shifter, x
    for term in _terms(unit, x, terms):
        r = fma(n, -term, r)
    return shifted.bits, n, r


def _power_of_two(biased: Value, form: _Format) -> Value:
    """2**n for n + bias in the low bits; the bits above fall off. n is that of a normal number."""
    return (biased << form.fraction).floats


def _scale(p: Value, n: Value, biased: Value) -> Value:
    """p * 2**n where the product may overflow or be subnormal.

    AVX-512 has an instruction for it. Others multiply by two factors of half the exponent, each a normal number.
    """
    form = _format(p)
    if register_bytes() == 64:
        return p.ldexp(n)
    twice = biased + form.bias  # n + 2 * bias
    half = _power_of_two(twice >> 1, form)
    rest = ((twice << form.fraction) - half.bits).floats
    return p * half * rest


def exp(x: Value) -> Value:
    """e**x = 2**n * e**r; a polynomial of degree 6 or 12. Error: 0.92, 0.88 ulp."""
    form = _format(x)
    biased, n, r = _reduce(x.at_least(form.exp_low).at_most(form.exp_high), _LN2, 2, form.bias)
    return _scale(polynomial(r, (1.0, 1.0, *EXPM1[x.type.element])), n, biased)


def expm1(x: Value) -> Value:
    """e**x - 1 = 2**n * (e**r - 1) + (2**n - 1), which near 0 is e**r - 1 with its full precision.

    Computed at half its size and doubled, as 2**128 is not a float though e**x still may be. Error: 1.6, 1.82 ulp.
    """
    form = _format(x)
    biased, n, r = _reduce(x.at_least(form.expm1_low).at_most(form.exp_high), _LN2, 2, form.bias)
    p = fma(r * r, polynomial(r, EXPM1[x.type.element]), r)
    half = _power_of_two(biased - 1, form)
    return p.where(n.equals(0), 2 * fma(half, p, half - 0.5)).with_sign_of(x)


def _expm1_normal(x: Value) -> Value:
    """expm1 of what neither overflows nor falls far below -1.

    The second term of n * ln(2) comes last, to p: taken from r, which is exact without it, it would cost a rounding.
    """
    biased, n, r = _reduce(x, _LN2, 1, _format(x).bias)
    power = _power_of_two(biased, _format(x))
    _, low = _terms(_LN2, x, 2)
    p = r + fma(r * r, polynomial(r, EXPM1[x.type.element]), n * -low)
    return fma(power, p, power - 1)


def tanh(x: Value) -> Value:
    """E / (E + 2) with E = e**(2 * abs(x)) - 1.

    For small E the rounding of E + 2 would show: there it is q = E / (E + 2) on the right of q = E / 2 - E / 2 * q.
    Error: 1.81, 1.88 ulp.
    """
    e = _expm1_normal(2 * abs(x).at_most(_format(x).tanh_one))
    q = e / (e + 2)
    half = 0.5 * e
    return fma(-half, q, half).where(e < 0.75, q).with_sign_of(x)


def sigmoid(x: Value) -> Value:
    """1 / (1 + e**-x) = e**x / (1 + e**x).

    With e = e**-abs(x), which cannot overflow, and q = e / (1 + e): 1 - q for x > 0 and e - e * q for x < 0, where a
    rounding of q counts little. Error: 1.58, 1.68 ulp.
    """
    e = exp(-abs(x))
    top = e.where(x < 0, 1.0)
    return fma(-top, e / (1 + e), top)


def erf(x: Value) -> Value:
    """-expm1(log(erfc(abs(x)))) with the sign of x.

    log(erfc(-z)) = z + z * p(z) is almost as smooth as a parabola: p of degree 8 or 24 does for all z until erf is 1.
    Error: 1.85, 1.57 ulp.
    """
    z = (-abs(x)).at_least(-_format(x).erf_one)
    log_erfc = fma(z, polynomial(z, LOG_ERFC[x.type.element]), z)
    return _expm1_normal(log_erfc).with_sign_of(x)


# log and what follows from it


def _exponent(x: Value) -> Value:
    """e << fraction for x = 2**e * m with m from 2/3 to 4/3: the bits of x and of 2/3 differ by that and a rest."""
    form = _format(x)
    two_thirds = x.like(2 / 3).bits
    return (x.bits - two_thirds) & -(1 << form.fraction)


def _log_reduced(e: Value, f: Value) -> Value:
    """log(2**e * (1 + f)) = e * ln(2) + f - f**2 / 2 + f**3 * p(f), e as it comes from _exponent.

    f is from -1/3 to 1/3 and p of degree 7 or 18. Near x = 1, e is 0 and nothing is lost to cancellation.
    """
    n = (e >> _format(f).fraction).convert("sitofp", f.type.element)
    p = f * f * fma(polynomial(f, LOG1P[f.type.element]), f, -0.5)
    high, low = _terms(_LN2, f, 2)
    return fma(n, high, f + fma(n, low, p))


def _log_normal(x: Value) -> Value:
    """log of normal numbers."""
    e = _exponent(x)
    return _log_reduced(e, (x.bits - e).floats - 1)


def _outside_of_log(y: Value, x: Value, pole: float) -> Value:
    """y where x is between the pole and infinity; -inf at the pole, NaN below, inf and NaN as they are."""
    y = y.where(x < math.inf, x)
    return y.where(x > pole, x.like(-math.inf).where(x.equals(pole), math.nan))


def log(x: Value) -> Value:
    """The natural logarithm; -inf for 0, NaN for negative numbers. Error: 0.87, 0.93 ulp.

    Subnormal and special numbers are rare: they are computed apart, if a lane holds any.
    """
    form = _format(x)
    smallest = x.like(form.smallest_normal).bits
    infinite = x.like(math.inf).bits
    special = (x.bits - smallest).compare("uge", infinite - smallest)

    def careful() -> Value:
        scaled = _log_normal(x * 2.0**form.fraction) - form.fraction * math.log(2)
        return _outside_of_log(scaled, x, 0.0)

    return rarely(special, _log_normal(x), careful)


def log1p(x: Value) -> Value:
    """log(1 + x) with 1 + x = 2**e * (1 + f). Error: 1.6, 1.55 ulp.

    f = x * 2**-e + (2**-e - 1) is computed from x: 1 + x is rounded, and only good enough to find e.
    """
    e = _exponent(1 + x)
    twice = (x.like(2.0).bits - e).floats  # 2 * 2**-e: 2**-e itself would be subnormal for the largest x
    f = (x.bits - e).floats + (0.5 * twice - 1)
    y = _log_reduced(e, f)
    return _outside_of_log(y, x, -1.0).with_sign_of(x)


def pow(x: Value, y: Value) -> Value:  # noqa: A001 - the function's own name
    """x**y. Floats: e**(y * log(abs(x))) with the log and exp of double. Doubles: the C library, lane by lane.

    y * log(x) needs more bits than the result has: those before the point, 7 for float, where double has them to spare,
    and 10 for double, where no wider type is at hand. Error: 0.51 ulp for float.
    """
    if x.type.element == "double":
        return x.intrinsic("pow", y)
    x, y = x.convert("fpext", "double"), y.convert("fpext", "double")
    finite = y.at_most(1e30).at_least(-1e30)  # 0 * inf would be NaN where 1**inf is 1; even, as infinity is
    size = exp(finite * log(abs(x)))
    whole = finite.intrinsic("rint").equals(finite)
    half = 0.5 * finite
    odd = whole & (half.intrinsic("rint").equals(half) ^ 1)
    result = size.with_sign_of(x).where(odd, size)
    result = x.like(math.nan).where((x < 0) & (x > -math.inf) & (whole ^ 1), result)
    return x.like(1.0).where(x.equals(1) | y.equals(0), result).convert("fptrunc", "float")


# Others


def sqrt(x: Value) -> Value:
    """Correctly rounded by the processor."""
    return x.intrinsic("sqrt")


def _sine(x: Value, quarters: int) -> Value:
    """sin(x + quarters * pi / 2).

    x = n * pi / 2 + r: sin(r), cos(r), -sin(r), -cos(r) for n = 0, 1, 2, 3 and again from 4 on. With three terms of
    pi / 2 and fused multiply-adds r is exact to its last place up to ``sin_high``. Error: 1.51, 1.51 ulp.
    """
    n, _, r = _reduce(x, _PI / 2, 3, quarters)
    z = r * r
    sine = fma(z * polynomial(z, SIN[x.type.element]), r, r)
    cosine = polynomial(z, (1.0, -0.5, *COS[x.type.element]))
    result = sine.where((n & 1).equals(0), cosine)
    return result.flip_sign((n & 2) << (x.type.scalar.bytes * 8 - 2))


def sin(x: Value) -> Value:
    """sin(abs(x)) times the sign of x, which keeps -0.0. The C library's for huge x, lane by lane."""
    size = abs(x)
    usual = _sine(size, 0).flip_sign(x.bits & x.like(-0.0).bits)
    return rarely(size.compare("ugt", _format(x).sin_high), usual, lambda: x.intrinsic("sin"))


def cos(x: Value) -> Value:
    """sin(x + pi / 2). The C library's for huge x, lane by lane."""
    return rarely(abs(x).compare("ugt", _format(x).sin_high), _sine(x, 1), lambda: x.intrinsic("cos"))


def _emitter(function: Callable[..., Value]) -> Callable[..., str]:
    def emit(writer: Writer, type_: Type, *operands: str) -> str:
        return function(*(Value(writer, type_, operand) for operand in operands)).name

    return emit


#: name: emit(writer, type, *operands) writes the function into the writer and returns the name of its result.
FUNCTIONS: dict[str, Callable[..., str]] = {
    function.__name__: _emitter(function)
    for function in (exp, expm1, tanh, sigmoid, erf, log, log1p, pow, sqrt, sin, cos)
}

"""exp, log and the others as vector code: errors beside mpmath, dense where something switches, and special values."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import lru_cache

import mpmath
import numpy as np
import pytest

from glassnet.compiler import lanes as lanes_module
from glassnet.compiler import math as vector_math
from glassnet.compiler.engine import Code, attributes, lanes_of
from glassnet.compiler.writer import Type, Writer

DTYPES = {"float": np.float32, "double": np.float64}
REFERENCES = {
    "exp": mpmath.exp,
    "expm1": mpmath.expm1,
    "tanh": mpmath.tanh,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "erf": mpmath.erf,
    "log": mpmath.log,
    "log1p": mpmath.log1p,
    "sqrt": mpmath.sqrt,
    "sin": mpmath.sin,
    "cos": mpmath.cos,
    "pow": mpmath.power,
}
#: ulp, float and double: what benchmarks/vector_math.py measures over all floats, rounded up.
BOUNDS = {
    "exp": (0.95, 0.95),
    "expm1": (1.7, 1.85),
    "tanh": (1.9, 1.95),
    "sigmoid": (1.65, 1.7),
    "erf": (1.9, 1.65),
    "log": (0.95, 1.0),
    "log1p": (1.65, 1.6),
    "sqrt": (0.5, 0.5),
    "sin": (1.55, 1.55),
    "cos": (1.55, 1.55),
    "pow": (0.51, 1.0),
}
LN2 = float(np.log(2))
EXP_LIMITS = {"float": (-103.972, -87.3365, 88.7228), "double": (-745.133, -708.396, 709.7827)}


def places(name: str, element: str) -> list[float]:
    """Where reductions change their n, selects switch and results reach the ends of their range."""
    one = {"float": 9.1, "double": 19.1}[element], {"float": 3.95, "double": 5.95}[element]
    halves = [LN2 / 2, -LN2 / 2, 1.5 * LN2, -1.5 * LN2, 10.5 * LN2]
    turns = [k * np.pi / 4 for k in (*range(-9, 10), 100, 1001, 60000)]
    return {
        "exp": [*halves, *EXP_LIMITS[element]],
        "expm1": [*halves, EXP_LIMITS[element][2], -18, -38, 30.5 * LN2],
        # the last two: found in a million random ones, where a formula with one more rounding errs by more than 2 ulp
        "tanh": [
            LN2 / 4,
            0.75 * LN2,
            float(np.log1p(0.75)) / 2,
            one[0],
            -one[0],
            0.23168548852402793,
            0.21983378628509287,
        ],
        "sigmoid": [*halves, *EXP_LIMITS[element], 17, -17, 37, -5.545],
        "erf": [one[1], -one[1], 0.318, 0.05, 0.22, 1.0],
        "log": [1, 2 / 3, 4 / 3, 2, 8 / 3, 0.5, 1e30, 1e-30],
        "log1p": [1 / 3, -1 / 3, 1, -0.5, 5 / 3, -1 + 1e-6, 1e30],
        "sqrt": [1, 2, 4],
        "sin": [*turns, 1e5, 1e9],
        "cos": [*turns, 1e5, 1e9],
    }[name]


def samples(name: str, element: str) -> np.ndarray:
    """Neighbours of the places, both ends of the type, subnormals, and all magnitudes and the usual range at random."""
    dtype, integer = DTYPES[element], {"float": np.int32, "double": np.int64}[element]
    rng = np.random.default_rng(1)
    info = np.finfo(dtype)
    near = np.array([*places(name, element), info.max, -info.max, info.tiny, -info.tiny], dtype)
    steps = np.concatenate([np.arange(-8, 9), rng.integers(-(10**5), 10**5, 8)]).astype(integer)
    patterns = (near.view(integer)[:, None] + steps).ravel().view(dtype)
    tiny = np.arange(1, 20).astype(integer).view(dtype)
    magnitudes = np.ldexp(rng.uniform(1, 2, 600), rng.integers(info.minexp, info.maxexp, 600))
    usual = np.concatenate(
        [rng.uniform(-1, 1, 600), rng.uniform(0.17, 0.26, 400), rng.uniform(-12, 12, 600), rng.uniform(-100, 100, 200)]
    )
    with np.errstate(all="ignore"):  # infinities and NaN beyond the ends
        found = np.concatenate([patterns, tiny, -tiny, magnitudes, -magnitudes, usual]).astype(dtype)
    found = found[np.isfinite(found)]
    if name in ("log", "sqrt"):
        return np.abs(found)
    return found[found > -1] if name == "log1p" else found


def pairs(element: str) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    dtype = DTYPES[element]
    x = np.concatenate(
        [rng.uniform(0, 3, 800), np.exp2(rng.uniform(-140, 120, 800)), 1 + rng.uniform(-1e-5, 1e-5, 400)]
    )
    y = np.concatenate([rng.uniform(-9, 9, 800), rng.uniform(-1.2, 1.2, 800), rng.uniform(-1e6, 1e6, 400)])
    whole = rng.integers(-9, 9, 400)
    x, y = np.concatenate([x, -rng.uniform(0, 20, 400)]), np.concatenate([y, whole])
    return x.astype(dtype), y.astype(dtype)


@lru_cache
def reference(name: str, element: str) -> tuple[tuple[np.ndarray, ...], np.ndarray, np.ndarray]:
    """The samples, the correctly rounded results and what these lack."""
    dtype = DTYPES[element]
    given = pairs(element) if name == "pow" else (samples(name, element),)
    nearest, rest = [], []
    with mpmath.workprec(120), np.errstate(over="ignore"):
        for row in zip(*given, strict=True):
            exact = REFERENCES[name](*(mpmath.mpf(float(v)) for v in row))
            value = float(dtype(float(exact)))
            nearest.append(value)
            rest.append(float(exact - value) if np.isfinite(value) else 0.0)
    return given, np.array(nearest, dtype), np.array(rest)


def compiled(name: str, element: str, lanes: int, count: int) -> Callable[..., np.ndarray]:
    """The function over arrays of a multiple of ``lanes`` numbers."""
    writer, type_ = Writer(), Type(element, lanes)
    operands = ["%a", "%b"] if name == "pow" else ["%a"]

    def body(i: str, _: object) -> list[str]:
        loaded = [writer.load(type_, writer.address(element, operand, i)) for operand in operands]
        result = vector_math.FUNCTIONS[name](writer, type_, *loaded)
        writer.store(type_, result, writer.address(element, "%out", i))
        return []

    writer.loop(count, body, step=lanes)
    arguments = ", ".join(f"ptr {operand}" for operand in [*operands, "%out"])
    head = [*sorted(writer.declarations), f"define void @f({arguments}) {attributes()} {{", "entry:"]
    code = Code("\n".join([*head, *writer.lines, "  ret void", "}"]))
    function = code.function("f", *[ctypes.c_void_p] * (len(operands) + 1))

    def call(*arrays: np.ndarray) -> np.ndarray:
        out = np.empty_like(arrays[0])
        function(*(array.ctypes.data for array in arrays), out.ctypes.data)
        return out

    return call


def evaluate(name: str, element: str, lanes: int, *given: np.ndarray) -> np.ndarray:
    count = len(given[0])
    padded = [np.pad(array, (0, -count % lanes), mode="edge") for array in given]
    return compiled(name, element, lanes, len(padded[0]))(*padded)[:count]


def worst(name: str, element: str, lanes: int) -> tuple[float, tuple[float, ...]]:
    """The greatest error in ulp, and where."""
    given, nearest, rest = reference(name, element)
    result = evaluate(name, element, lanes, *given)
    ends = ~np.isfinite(nearest)
    np.testing.assert_array_equal(result[ends], nearest[ends])
    np.testing.assert_array_equal(np.signbit(result), np.signbit(nearest))
    with np.errstate(invalid="ignore"):
        lack = result.astype(np.float64) - nearest.astype(np.float64) - rest
        errors = np.where(ends, 0, np.abs(lack) / np.spacing(np.abs(np.where(ends, 1, nearest))).astype(np.float64))
    at = int(np.argmax(errors))
    assert np.isfinite(errors).all()
    return float(errors[at]), tuple(float(array[at]) for array in given)


@pytest.mark.parametrize("width", ["scalar", "register", "two registers"])
@pytest.mark.parametrize("element", ["float", "double"])
@pytest.mark.parametrize("name", REFERENCES)
def test_error(name: str, element: str, width: str) -> None:
    lanes = {"scalar": 1, "register": lanes_of(element), "two registers": 2 * lanes_of(element)}[width]
    error, where = worst(name, element, lanes)
    assert error <= BOUNDS[name][element == "double"], f"{error} ulp at {where}"


@pytest.mark.parametrize("element", ["float", "double"])
@pytest.mark.parametrize("name", ["exp", "sigmoid"])
def test_error_without_an_instruction_that_scales(name: str, element: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_math, "register_bytes", lambda: 32)
    error, where = worst(name, element, lanes_of(element))
    assert error <= BOUNDS[name][element == "double"], f"{error} ulp at {where}"


def test_a_coefficient_that_is_slightly_wrong_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {"float": tuple(c * (1 + 3e-6) for c in vector_math.EXPM1["float"])}
    monkeypatch.setattr(vector_math, "EXPM1", wrong)
    assert worst("exp", "float", lanes_of("float"))[0] > BOUNDS["exp"][0]


INF, NAN = np.inf, np.nan
#: what is given and what must come; pairs, as 0 and -0.0 are one key.
SPECIAL = {
    "exp": [(0, 1), (-0.0, 1), (INF, INF), (-INF, 0), (NAN, NAN), (1e30, INF), (-1e30, 0)],
    "expm1": [(0, 0), (-0.0, -0.0), (INF, INF), (-INF, -1), (NAN, NAN), (1e30, INF), (-1e30, -1)],
    "tanh": [(0, 0), (-0.0, -0.0), (INF, 1), (-INF, -1), (NAN, NAN), (1e30, 1), (-1e30, -1)],
    "sigmoid": [(0, 0.5), (-0.0, 0.5), (INF, 1), (-INF, 0), (NAN, NAN), (1e30, 1), (-1e30, 0)],
    "erf": [(0, 0), (-0.0, -0.0), (INF, 1), (-INF, -1), (NAN, NAN), (1e30, 1), (-1e30, -1)],
    "log": [
        (0, -INF),
        (-0.0, -INF),
        (INF, INF),
        (-INF, NAN),
        (NAN, NAN),
        (1, 0),
        (-1, NAN),
        (-1e-40, NAN),
        (-1e30, NAN),
    ],
    "log1p": [(0, 0), (-0.0, -0.0), (INF, INF), (-INF, NAN), (NAN, NAN), (-1, -INF), (-1.5, NAN), (-1e30, NAN)],
    "sqrt": [(0, 0), (-0.0, -0.0), (INF, INF), (-INF, NAN), (NAN, NAN), (-1, NAN), (4, 2)],
    "sin": [(0, 0), (-0.0, -0.0), (INF, NAN), (-INF, NAN), (NAN, NAN)],
    "cos": [(0, 1), (-0.0, 1), (INF, NAN), (-INF, NAN), (NAN, NAN)],
}


@pytest.mark.parametrize("element", ["float", "double"])
@pytest.mark.parametrize("name", SPECIAL)
def test_special_values(name: str, element: str) -> None:
    """Each alone in a register, and all of them in one with a usual number beside them."""
    lanes, dtype = lanes_of(element), DTYPES[element]
    given, wanted = np.array(SPECIAL[name], dtype).T.copy()
    together = evaluate(name, element, lanes, np.append(given, dtype(0.5)))[:-1]
    alone = evaluate(name, element, lanes, np.repeat(given, lanes))[::lanes]
    for result in (together, alone):
        np.testing.assert_array_equal(result, wanted)
        known = ~np.isnan(wanted)
        np.testing.assert_array_equal(np.signbit(result[known]), np.signbit(wanted[known]))


@pytest.mark.parametrize("element", ["float", "double"])
def test_special_values_of_pow(element: str) -> None:
    """All pairs of numbers that C treats as special, beside NumPy, which calls C."""
    dtype = DTYPES[element]
    numbers = [0.0, -0.0, 1, -1, INF, -INF, NAN, 2, -2, 3, -3, 0.5, -0.5, 2.5, -2.5, 1e30, -1e30, 1e-40, 16777217, 127]
    x, y = (np.ascontiguousarray(grid.ravel()) for grid in np.meshgrid(*[np.array(numbers, dtype)] * 2))
    with np.errstate(all="ignore"):
        wanted = np.power(x, y)
    result = evaluate("pow", element, lanes_of(element), x, y)
    np.testing.assert_array_max_ulp(result[~np.isnan(wanted)], wanted[~np.isnan(wanted)], 2)
    np.testing.assert_array_equal(np.isnan(result), np.isnan(wanted))
    known = ~np.isnan(wanted)
    np.testing.assert_array_equal(np.signbit(result[known]), np.signbit(wanted[known]))


def test_long_polynomials_are_split_without_losing_a_term() -> None:
    """Sums of powers of 2 at x = 2 are whole numbers: every coefficient shows in a bit of its own."""
    for count in (1, 2, 16, 17, 18, 33, 40):
        writer, type_ = Writer(), Type("double")
        x = lanes_module.Value(writer, type_, "%x")
        result = lanes_module.polynomial(x, [1.0] * count)
        lines = [*sorted(writer.declarations), f"define double @f(double %x) {attributes()} {{", *writer.lines]
        code = Code("\n".join([*lines, f"  ret double {result.name}", "}"]))
        assert code.function("f", ctypes.c_double, result=ctypes.c_double)(2.0) == 2**count - 1

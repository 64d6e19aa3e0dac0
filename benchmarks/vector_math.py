"""The functions of glassnet/compiler/math.py: greatest error in ulp, and time for each number beside NumPy.

    pip install 'glassnet[test]'
    python benchmarks/vector_math.py              # every 1021st float32, some millions of float64
    python benchmarks/vector_math.py --stride 1   # every float32 that there is: more than an hour

float32 is compared with NumPy and SciPy in float64; float64 with longdouble, which must have 64 bits of fraction (x86),
and erf with mpmath. Times are medians over arrays of 6,400 numbers, which stay in the first cache, both sides in turns.
"""

from __future__ import annotations

import argparse
import ctypes
import sys
import time
from collections.abc import Callable, Iterator
from statistics import median

import mpmath
import numpy as np
from scipy import special

from glassnet.compiler.engine import Code, attributes, lanes_of
from glassnet.compiler.math import FUNCTIONS
from glassnet.compiler.writer import Type, Writer

DTYPES = {"float": np.float32, "double": np.float64}
COUNT = 6400
BLOCK = 1 << 20
REPEATS = 50  # passes over the array in one turn
ROUNDS = 15


def erf(x: np.ndarray) -> np.ndarray:
    """SciPy's is exact enough for float32; mpmath's as a sum of two doubles otherwise."""
    if x.dtype == np.float64:
        return special.erf(x)
    with mpmath.workdps(30):
        exact = [mpmath.erf(float(v)) for v in x]
        high = np.array([float(v) for v in exact])
        return high.astype(x.dtype) + np.array([float(v - h) for v, h in zip(exact, high, strict=True)])


def sigmoid(x: np.ndarray) -> np.ndarray:
    return np.where(x < 0, np.exp(x) / (1 + np.exp(x)), 1 / (1 + np.exp(-x)))


#: a reference that keeps its type, what NumPy or SciPy users call, and the usual range.
REFERENCES: dict[str, tuple[Callable[..., np.ndarray], Callable[..., np.ndarray], tuple[float, float]]] = {
    "exp": (np.exp, np.exp, (-10, 10)),
    "expm1": (np.expm1, np.expm1, (-10, 10)),
    "tanh": (np.tanh, np.tanh, (-4, 4)),
    "sigmoid": (sigmoid, special.expit, (-10, 10)),
    "erf": (erf, special.erf, (-3, 3)),
    "log": (np.log, np.log, (0, 10)),
    "log1p": (np.log1p, np.log1p, (-0.9, 10)),
    "sqrt": (np.sqrt, np.sqrt, (0, 10)),
    "sin": (np.sin, np.sin, (-10, 10)),
    "cos": (np.cos, np.cos, (-10, 10)),
    "pow": (np.power, np.power, (0.1, 3)),
}


def compiled(name: str, element: str, count: int, passes: int = 1) -> Callable[..., None]:
    """The function over arrays of ``count`` numbers, so many times; it is called with addresses."""
    writer, type_ = Writer(), Type(element, lanes_of(element))
    operands = ["%a", "%b"] if name == "pow" else ["%a"]

    def body(i: str, _: object) -> list[str]:
        loaded = [writer.load(type_, writer.address(element, operand, i)) for operand in operands]
        writer.store(type_, FUNCTIONS[name](writer, type_, *loaded), writer.address(element, "%out", i))
        return []

    writer.loop(passes, lambda _, __: writer.loop(count, body, step=type_.lanes))
    arguments = ", ".join(f"ptr noalias {operand}" for operand in [*operands, "%out"])
    head = [*sorted(writer.declarations), f"define void @f({arguments}) {attributes()} {{", "entry:"]
    code = Code("\n".join([*head, *writer.lines, "  ret void", "}"]))
    return code.function("f", *[ctypes.c_void_p] * (len(operands) + 1))


def errors(result: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """In ulp of the result's type; infinite for a NaN or a sign on one side only. Infinity counts as the next power."""
    info = np.finfo(result.dtype)
    beyond = np.ldexp(exact.dtype.type(1), info.maxexp)
    exponent = np.maximum(np.frexp(np.minimum(np.abs(exact), info.max))[1], info.minexp + 1)
    ulp = np.ldexp(exact.dtype.type(1), exponent - info.nmant - 1)
    wide = np.clip(result.astype(exact.dtype), -beyond, beyond)
    found = np.abs(wide - np.clip(exact, -beyond, beyond)) / ulp
    wrong = (np.isnan(result) != np.isnan(exact)) | (~np.isnan(exact) & (np.signbit(result) != np.signbit(exact)))
    return np.where(wrong, np.inf, np.nan_to_num(found))


def floats(stride: int) -> Iterator[np.ndarray]:
    """Every ``stride``-th bit pattern of float32."""
    for start in range(0, 1 << 32, BLOCK * stride):
        patterns = start + np.arange(BLOCK, dtype=np.uint64) * stride
        yield patterns.astype(np.uint32).view(np.float32)


def doubles(name: str, blocks: int) -> Iterator[np.ndarray]:
    """Near 0, the usual range, the range of exponents of e, angles, all magnitudes."""
    rng = np.random.default_rng(0)
    size = 1 << 12 if name == "erf" else BLOCK
    for _ in range(blocks):
        for reach in (1, 5, 40, 760, 1e8):
            yield rng.uniform(-reach, reach, size)
        yield np.ldexp(rng.uniform(-1, 1, size), rng.integers(-1060, 1024, size))


def worst(name: str, element: str, stride: int) -> tuple[float, float]:
    """The greatest error, and for which number."""
    wide = np.float64 if element == "float" else np.longdouble
    exact = REFERENCES[name][0]
    given = floats(stride) if element == "float" else doubles(name, max(1, 4000 // stride))
    functions: dict[int, Callable[..., None]] = {}
    found, at = 0.0, 0.0
    for x in given:
        operands = [np.ascontiguousarray(x)]
        if name == "pow":
            operands.append(np.random.default_rng(1).uniform(-9, 9, len(x)).astype(x.dtype))
        call = functions.setdefault(len(x), compiled(name, element, len(x)))
        out = np.empty_like(x)
        call(*(array.ctypes.data for array in operands), out.ctypes.data)
        with np.errstate(all="ignore"):
            lack = errors(out, exact(*(array.astype(wide) for array in operands)))
        if lack.max() > found:
            found, at = float(lack.max()), float(x[lack.argmax()])
    return found, at


def times(name: str, element: str) -> tuple[float, float]:
    """Nanoseconds for each number, ours and NumPy's."""
    _, peer, (low, high) = REFERENCES[name]
    rng = np.random.default_rng(0)
    operands = [rng.uniform(low, high, COUNT).astype(DTYPES[element]) for _ in range(2 if name == "pow" else 1)]
    out = np.empty_like(operands[0])
    call = compiled(name, element, COUNT, REPEATS)
    addresses = [array.ctypes.data for array in (*operands, out)]
    ours, theirs = [], []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        call(*addresses)
        middle = time.perf_counter()
        for _ in range(REPEATS):
            peer(*operands, out=out)
        ours.append(middle - start)
        theirs.append(time.perf_counter() - middle)
    return tuple(median(side) / REPEATS / COUNT * 1e9 for side in (ours, theirs))


def main() -> None:
    parser = argparse.ArgumentParser(description="Errors and speed of the compiled functions.")
    parser.add_argument("names", nargs="*", default=list(REFERENCES), help="functions (default: all)")
    parser.add_argument("--stride", type=int, default=1021, help="which bit patterns of float32: every so many")
    arguments = parser.parse_args()
    if np.finfo(np.longdouble).nmant < 63:
        sys.exit("longdouble has no more digits than float64 here: errors of float64 cannot be measured.")
    print("| function | element | greatest error, ulp | at | ns, glassnet | ns, NumPy or SciPy | ratio |")
    print("|---|---|---|---|---|---|---|")
    for name in arguments.names:
        for element in DTYPES:
            ours, theirs = times(name, element)
            error, at = worst(name, element, arguments.stride)
            cells = [name, element, f"{error:.3f}", f"{at:.9g}", f"{ours:.3f}", f"{theirs:.3f}", f"{ours / theirs:.2f}"]
            print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()

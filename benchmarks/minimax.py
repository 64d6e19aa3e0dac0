"""Derives the polynomials of glassnet/compiler/polynomials.py: Remez's exchange algorithm with 50 digits.

    pip install mpmath
    python benchmarks/minimax.py

A polynomial p of degree d is best when weight * (p - f) swings between d + 2 extremes of the same size and alternating
sign (Chebyshev). Remez: solve for p and the size of the swing on d + 2 points, move the points to the extremes of the
error that results, repeat. The weight is chosen so that what swings is the relative error of the whole function.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from mpmath import cos, erf, erfc, expm1, log, log1p, lu_solve, matrix, mp, mpf, pi, polyval, sin, sqrt

mp.dps = 50
SMALL = mpf(10) ** -20
Function = Callable[[mpf], mpf]


def remez(f: Function, weight: Function, low: mpf, high: mpf, degree: int, turns: int = 12) -> tuple[list[mpf], mpf]:
    """The coefficients by rising powers, and the greatest weighted error."""
    count = degree + 2
    middle, half = (low + high) / 2, (high - low) / 2
    # Extremes are sought on a grid that is dense at the ends, where the error is steep. It starts from Chebyshev's.
    grid = [middle - half * cos(pi * (k + mpf(1) / 2) / (40 * count)) for k in range(40 * count)]
    points = grid[20::40]
    target, weights = [f(x) for x in grid], [abs(weight(x)) for x in grid]
    coefficients: list[mpf] = []
    worst = mpf(0)
    for _ in range(turns):
        system = matrix(count, count)
        right = matrix(count, 1)
        for i, x in enumerate(points):
            for j in range(degree + 1):
                system[i, j] = x**j
            system[i, degree + 1] = (-1) ** i / max(abs(weight(x)), SMALL)
            right[i] = f(x)
        coefficients = list(lu_solve(system, right))[: degree + 1]
        errors = [w * (polyval(coefficients[::-1], x) - y) for x, y, w in zip(grid, target, weights, strict=True)]
        worst = max(abs(e) for e in errors)
        points = alternating_extremes(grid, errors, count)
        if len(points) < count:
            break
    return coefficients, worst


def alternating_extremes(grid: list[mpf], errors: list[mpf], count: int) -> list[mpf]:
    """The point of greatest error of every run of one sign; the ``count`` neighbours that err most."""
    runs: list[int] = []
    for i, error in enumerate(errors):
        if runs and (errors[runs[-1]] > 0) == (error > 0):
            if abs(error) > abs(errors[runs[-1]]):
                runs[-1] = i
        else:
            runs.append(i)
    while len(runs) > count:
        runs.pop(0 if abs(errors[runs[0]]) < abs(errors[runs[-1]]) else -1)
    return [grid[i] for i in runs]


@dataclass(frozen=True)
class Polynomial:
    """What to approximate from low to high; the error times the weight is the relative error of the function itself."""

    f: Function
    weight: Function
    low: dict[str, mpf]
    high: dict[str, mpf]
    degree: dict[str, int]


def both(value: mpf) -> dict[str, mpf]:
    """The same end for both elements."""
    return {"float": value, "double": value}


TINY = mpf(10) ** -15  # 0 would be divided by
MARGIN = mpf("1.001")  # ranges are left by a rounding error
POLYNOMIALS = {
    "EXPM1": Polynomial(  # expm1(r) = r + r**2 * p(r)
        f=lambda r: (expm1(r) - r) / r**2,
        weight=lambda r: r**2 / expm1(r),
        low=both(-log(mpf(2)) / 2 * MARGIN),
        high=both(log(mpf(2)) / 2 * MARGIN),
        degree={"float": 4, "double": 10},
    ),
    "LOG1P": Polynomial(  # log1p(f) = f - f**2 / 2 + f**3 * p(f)
        f=lambda f: (log1p(f) - f + f**2 / 2) / f**3,
        weight=lambda f: f**3 / log1p(f),
        low=both(-mpf(1) / 3 * MARGIN),
        high=both(mpf(1) / 3 * MARGIN**2),
        degree={"float": 7, "double": 18},
    ),
    "SIN": Polynomial(  # sin(r) = r + r**3 * p(r**2)
        f=lambda z: (sin(sqrt(z)) / sqrt(z) - 1) / z,
        weight=lambda z: z * sqrt(z) / sin(sqrt(z)),
        low=both(TINY),
        high=both((pi / 4 * MARGIN) ** 2),
        degree={"float": 2, "double": 5},
    ),
    "COS": Polynomial(  # cos(r) = 1 - r**2 / 2 + r**4 * p(r**2)
        f=lambda z: (cos(sqrt(z)) - 1 + z / 2) / z**2,
        weight=lambda z: z**2 / cos(sqrt(z)),
        low=both(TINY),
        high=both((pi / 4 * MARGIN) ** 2),
        degree={"float": 2, "double": 5},
    ),
    "LOG_ERFC": Polynomial(  # log(erfc(-z)) = z + z * p(z); the weight: by how much a relative error of it changes erf
        f=lambda z: log(erfc(-z)) / z - 1,
        weight=lambda z: erfc(-z) * z / erf(-z),
        low={"float": mpf("-3.95"), "double": mpf("-5.95")},
        high=both(-TINY),
        degree={"float": 8, "double": 24},
    ),
}


def table(name: str, element: str) -> str:
    """One line of polynomials.py for each coefficient, which is rounded to the element."""
    given = POLYNOMIALS[name]
    coefficients, worst = remez(given.f, given.weight, given.low[element], given.high[element], given.degree[element])
    rounded = [np.float32(float(c)) if element == "float" else np.float64(float(c)) for c in coefficients]
    lines = "\n".join(f"        {c!s}," for c in rounded)
    return f'    "{element}": (  # relative error {float(worst):.1e}\n{lines}\n    ),'


if __name__ == "__main__":
    for name in POLYNOMIALS:
        print(f"{name} = {{\n{table(name, 'float')}\n{table(name, 'double')}\n}}", flush=True)

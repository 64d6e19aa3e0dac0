"""The error function, which NumPy does not have.

Near 0, erf(x) = x * P(x**2); from 1 on, erf(x) = 1 - exp(-x**2) * t * Q(t) with t = 1 / (1 + x). P and Q are Chebyshev
interpolations in the variable u, which runs from -1 to 1 over their ranges, computed with 40 digits. The error is at
most 4e-16 in float64 and 1e-7 in float32.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

#: P by powers of u = 2 * x**2 - 1.
_NEAR = (
    0.9654687386698673,
    -0.14053608902271712,
    0.019852496688984219,
    -0.0022854855611440855,
    0.00021751715603563489,
    -1.7537169441280197e-5,
    1.2233827638093573e-6,
    -7.5115692510860903e-8,
    4.1157515002658848e-9,
    -2.0352319564835269e-10,
    9.2112501874282299e-12,
    -3.8065912241221398e-13,
)
#: Q by powers of u, for t from 1/7 to 1/2.
_FAR = (
    0.75918912981745323,
    0.10547128506102983,
    -0.0073669718771963925,
    -0.002659525458171578,
    0.00051396468713380275,
    4.973610735910473e-5,
    -3.579367202237942e-5,
    4.7063750411682898e-6,
    1.1465084971890531e-6,
    -6.3327162554935146e-7,
    1.0186057059375279e-7,
    1.6842569435748786e-8,
    -1.3951475783807562e-8,
    3.5437222715410808e-9,
    -1.3597202514127014e-11,
    -3.4600187877143151e-10,
    9.8328310580840743e-11,
)
_LOW, _HIGH = 1 / 7, 1 / 2
_ONE = 6.0  # erf is 1 beyond, in float64 too


def erf(x: Array) -> Array:
    """2 / sqrt(pi) * integral of exp(-t**2) from 0 to x; the type of x is kept."""
    size = np.minimum(np.abs(x), _ONE)
    inside = np.minimum(size, 1.0)
    near = inside * _polynomial(_NEAR, 2 * inside * inside - 1)
    if not (size > 1).any():
        return np.copysign(near, x)
    t = 1 / (1 + np.maximum(size, 1.0))
    far = 1 - np.exp(-size * size) * t * _polynomial(_FAR, (2 * t - (_LOW + _HIGH)) / (_HIGH - _LOW))
    return np.copysign(np.where(size > 1, far, near), x)


def _polynomial(coefficients: tuple[float, ...], u: Array) -> Array:
    """Horner's scheme. Powers that float32 cannot see are left out."""
    if u.dtype == np.float32:
        coefficients = coefficients[: sum(math.fabs(c) > 1e-9 for c in coefficients)]
    result = np.full_like(u, coefficients[-1])
    for c in coefficients[-2::-1]:
        result *= u
        result += c
    return result

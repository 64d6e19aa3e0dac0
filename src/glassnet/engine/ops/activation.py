"""Rows of activation functions: element by element, each with its derivative in terms of what is at hand."""

from __future__ import annotations

import math
from typing import Any

from glassnet.engine.namespace import Array
from glassnet.engine.operation import operation


@operation(lambda xp, g, out, x: g * (1.0 - out * out))
def tanh(xp: Any, x: Array) -> Array:
    """Hyperbolic tangent, range (-1, 1); derivative 1 - tanh(x) ** 2, at most 1."""
    return xp.tanh(x)


def logistic(xp: Any, x: Array) -> Array:
    """1 / (1 + e ** -x), to full precision on both sides; never overflows."""
    e = xp.exp(-1.0 * xp.abs(x))  # in (0, 1] for every x; 1.0 because -x of unsigned numbers would wrap around
    return xp.where(x >= 0, 1.0, e) / (1.0 + e)


@operation(lambda xp, g, out, x: g * out * (1.0 - out))
def sigmoid(xp: Any, x: Array) -> Array:
    """1 / (1 + e ** -x), range (0, 1); derivative s * (1 - s), at most 1/4."""
    return logistic(xp, x)


@operation(lambda xp, g, out, x: g * logistic(xp, x))
def softplus(xp: Any, x: Array) -> Array:
    """log(1 + e ** x), a smooth relu; derivative sigmoid(x). Computed so that nothing overflows."""
    return xp.maximum(x, 0.0) + xp.log1p(xp.exp(-1.0 * xp.abs(x)))


@operation(lambda xp, g, out, x: g * (out > 0))
def relu(xp: Any, x: Array) -> Array:
    """max(x, 0). At the kink x = 0 the subgradient 0 is taken."""
    return xp.maximum(x, 0.0)


@operation(lambda xp, g, out, x, negative_slope: xp.where(x > 0, g, negative_slope * g))
def leaky_relu(xp: Any, x: Array, *, negative_slope: float = 0.01) -> Array:
    """x above 0, negative_slope * x below: a unit that never dies. At 0 the subgradient negative_slope is taken."""
    return xp.where(x > 0, x, negative_slope * x)


@operation(lambda xp, g, out, x, alpha: xp.where(x > 0, g, g * (out + alpha)))
def elu(xp: Any, x: Array, *, alpha: float = 1.0) -> Array:
    """x above 0, alpha * (e ** x - 1) below (Clevert et al., 2016, https://arxiv.org/abs/1511.07289).

    The derivative below is out + alpha. At 0 the subgradient alpha is taken; for alpha = 1 there is no kink.
    """
    return xp.where(x > 0, x, alpha * xp.expm1(xp.minimum(x, 0.0)))


def _gelu_vjp(xp: Any, g: Array, out: Array, share: Array, x: Array) -> Array:
    density = xp.exp(-0.5 * x * x) * (1 / math.sqrt(2 * math.pi))
    return g * (share + x * density)


@operation(_gelu_vjp, keeps=("share",))
def gelu(xp: Any, x: Array) -> tuple[Array, tuple[Array]]:
    """x * P(X < x) for a standard normal X (Hendrycks and Gimpel, 2016, https://arxiv.org/abs/1606.08415)."""
    share = 0.5 * (1.0 + xp.erf(x * math.sqrt(0.5)))
    return x * share, (share,)


def _silu_vjp(xp: Any, g: Array, out: Array, gate: Array, x: Array) -> Array:
    return g * (gate + out * (1.0 - gate))


@operation(_silu_vjp, keeps=("gate",))
def silu(xp: Any, x: Array) -> tuple[Array, tuple[Array]]:
    """x * sigmoid(x), also called swish (Ramachandran et al., 2017, https://arxiv.org/abs/1710.05941)."""
    gate = logistic(xp, x)
    return x * gate, (gate,)

"""Rows of matrix products."""

from __future__ import annotations

from typing import Any

from glassnet.engine.namespace import Array
from glassnet.engine.operation import operation


def _matmul_left(xp: Any, g: Array, out: Array, a: Array, b: Array) -> Array:
    if b.ndim == 1:  # (..., n) @ (n,) -> (...)
        return g[..., None] * b
    if a.ndim == 1:  # (n,) @ (..., n, p) -> (..., p)
        return xp.matmul(b, g[..., None])[..., 0]
    return xp.matmul(g, xp.swap_last(b))


def _matmul_right(xp: Any, g: Array, out: Array, a: Array, b: Array) -> Array:
    if b.ndim == 1:  # every vector of a, weighted by its g, summed
        return xp.matmul(g.reshape(-1), a.reshape(g.size, a.shape[-1]))
    if a.ndim == 1:
        return a[:, None] * g[..., None, :]
    return xp.matmul(xp.swap_last(a), g)


@operation(_matmul_left, _matmul_right)
def matmul(xp: Any, a: Array, b: Array) -> Array:
    """Matrix product over the last two axes; leading axes broadcast, a 1-D factor is a vector (as NumPy's ``@``).

    For matrices C = A @ B: dA = dC @ B.T and dB = A.T @ dC.
    """
    return xp.matmul(a, b)

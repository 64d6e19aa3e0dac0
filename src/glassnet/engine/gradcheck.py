"""Gradients held against finite differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from glassnet.engine.convert import DOUBLE
from glassnet.engine.errors import GradientError
from glassnet.engine.namespace import Array
from glassnet.engine.random import seeded
from glassnet.engine.scope import no_grad
from glassnet.engine.tensor import Tensor, TensorLike, as_tensor

#: Inputs up to this many elements are checked element by element as well as along random directions.
SMALL = 64


def gradcheck(
    f: Callable[..., Tensor],
    *inputs: TensorLike,
    eps: float = 1e-5,
    rtol: float = 1e-6,
    atol: float = 1e-8,
    directions: int = 4,
    seed: int = 0,
) -> bool:
    """Check the gradients of ``f`` at ``inputs`` against central differences in float64.

    Every floating input is checked, in a float64 copy; others (indices, masks) are handed on. The output, of any
    shape, is weighted with random numbers v and summed to L = sum(v * f). Along a random direction d,
    (L(x + eps d) - L(x - eps d)) / (2 eps) must equal grad . d up to ``atol + rtol * size``, where size is the
    larger of the two; inputs of at most 64 elements are also checked element by element. f must be smooth within
    eps of the inputs: keep away from kinks, or check there by hand.

    Returns True; raises GradientError that names the input, the place and both numbers.

    >>> gn.gradcheck(lambda x, w: gn.tanh(x @ w), [[1.0, 2.0]], [[0.5], [-0.1]])
    True
    """
    tensors = [as_tensor(value) for value in inputs]
    tensors = [Tensor(t.data.astype(DOUBLE), requires_grad=True) if t.dtype.kind == "f" else t for t in tensors]
    checked = [i for i, t in enumerate(tensors) if t.requires_grad]
    if not checked:
        raise GradientError("gradcheck needs at least one input of floating numbers.")
    random = seeded(seed)
    out = f(*tensors)
    if out.dtype != DOUBLE:
        raise GradientError(f"gradcheck: f turned float64 inputs into {out.dtype}; the difference cannot be measured.")
    weights = random.standard_normal(out.shape)
    if out.requires_grad:
        out.backward(gradient=weights)

    def value(place: int, array: Array) -> float:
        with no_grad():
            shifted = [Tensor(array) if i == place else t for i, t in enumerate(tensors)]
            return float((f(*shifted).data * weights).sum())

    for i in checked:
        x = tensors[i].data
        found = tensors[i].grad
        gradient = np.zeros_like(x) if found is None else found
        if gradient.shape != x.shape or gradient.dtype != DOUBLE:
            raise GradientError(
                f"gradcheck: input {i} has shape {x.shape} in float64, its gradient has shape {gradient.shape} "
                f"in {gradient.dtype}."
            )
        for place, direction in _directions(x, directions, random):
            difference = (value(i, x + eps * direction) - value(i, x - eps * direction)) / (2 * eps)
            analytic = float((gradient * direction).sum())
            scale = max(abs(difference), abs(analytic))
            if not abs(difference - analytic) <= atol + rtol * scale < np.inf:  # also catches NaN and infinity
                raise GradientError(
                    f"gradcheck: the gradient of input {i} {place} is {analytic:.10g}, "
                    f"finite differences say {difference:.10g} (tolerance {atol + rtol * scale:.2g})."
                )
    return True


def _directions(x: Array, count: int, random: np.random.Generator) -> list[tuple[str, Any]]:
    """Random unit directions and, for a small input, the axis of each element, with words for each."""
    found: list[tuple[str, Any]] = []
    for _ in range(count if x.size else 0):
        direction = random.standard_normal(x.shape)
        found.append(("along a random direction", direction / np.sqrt((direction**2).sum())))
    if x.size <= SMALL:
        for place in np.ndindex(x.shape):
            element = np.zeros_like(x)
            element[place] = 1.0
            found.append((f"at element {list(place)}", element))
    return found

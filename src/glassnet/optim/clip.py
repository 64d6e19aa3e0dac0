"""Gradient clipping: a bound on how far one batch can push. Call it between ``backward()`` and ``step()``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from glassnet.engine.namespace import Array
from glassnet.engine.options import number_option
from glassnet.engine.scope import scope
from glassnet.engine.tensor import Tensor


def clip_grad_norm_(parameters: Tensor | Iterable[Tensor], max_norm: float) -> Any:
    """Scale all gradients together so that their Euclidean norm is at most ``max_norm``; their direction stays
    (Pascanu et al., 2013, https://arxiv.org/abs/1211.5063). Returns the norm before; in a step that is being
    compiled it is an array, to be returned from the step.
    """
    limit = number_option("max_norm", max_norm, above=0)
    tensors, gradients = _with_gradients(parameters)
    if not gradients:
        return 0.0
    clipped, norm = clip_norm(scope.xp, gradients, limit)
    for tensor, gradient in zip(tensors, clipped, strict=True):
        tensor.grad = gradient
    return float(norm) if scope.tracer is None else norm


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float) -> None:
    """Bound every element of every gradient to -clip_value and clip_value."""
    limit = number_option("clip_value", clip_value, above=0)
    tensors, gradients = _with_gradients(parameters)
    for tensor, gradient in zip(tensors, clip_value_of(scope.xp, gradients, limit), strict=True):
        tensor.grad = gradient


def clip_norm(xp: Any, gradients: Sequence[Array], limit: float) -> tuple[list[Array], Array]:
    """The gradients, scaled by limit / max(norm, limit), and their norm before."""
    norm = xp.sqrt(sum(xp.sum(gradient * gradient) for gradient in gradients))
    scale = limit / xp.maximum(norm, limit)
    return [gradient * scale for gradient in gradients], norm


def clip_value_of(xp: Any, gradients: Sequence[Array], limit: float) -> list[Array]:
    """The gradients, each element bounded to -limit and limit."""
    return [xp.minimum(xp.maximum(gradient, -limit), limit) for gradient in gradients]


def _with_gradients(parameters: Tensor | Iterable[Tensor]) -> tuple[list[Tensor], list[Array]]:
    tensors, gradients = [], []
    for parameter in [parameters] if isinstance(parameters, Tensor) else parameters:
        if parameter.grad is not None:
            tensors.append(parameter)
            gradients.append(parameter.grad)
    return tensors, gradients

"""What the tests know of an operation: sample inputs, a reference, cases worked out by hand, and refusals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from glassnet.engine import ops
from glassnet.engine.tensor import Tensor, apply


@dataclass(frozen=True)
class Sample:
    """One call: arrays and numbers by position (floating arrays are differentiated), static options by keyword."""

    inputs: tuple[Any, ...]
    static: dict[str, Any] = field(default_factory=dict)


def sample(*inputs, **static):
    return Sample(inputs, static)


@dataclass(frozen=True)
class Case:
    """A call whose output and gradients are known by hand; ``seed`` is the gradient of the output, ones by default.

    Lists stand for floating arrays and are computed in float32 and in float64. ``gradients`` has one entry for each
    list, None where it is not checked. ``ieee`` allows NumPy's warnings on the way to an infinity or a NaN.
    """

    label: str
    inputs: tuple[Any, ...]
    output: Any
    gradients: tuple[Any, ...] = ()
    seed: Any = None
    static: dict[str, Any] = field(default_factory=dict)
    ieee: bool = False


@dataclass(frozen=True)
class Refusal:
    """A call that must raise ShapeError with these words (a regular expression)."""

    inputs: tuple[Any, ...]
    words: str
    static: dict[str, Any] = field(default_factory=dict)


def refusal(words, *inputs, **static):
    """Tuples stand for arrays of zeros of that shape; whatever else comes is handed on."""
    arrays = tuple(np.zeros(value) if isinstance(value, tuple) else value for value in inputs)
    return Refusal(arrays, words, static)


@dataclass(frozen=True)
class OpInfo:
    """Everything the tests know of one row of ``ops.TABLE``."""

    name: str
    #: Sample calls, from a NumPy generator and a floating type.
    samples: Callable[[np.random.Generator, Any], list[Sample]]
    #: The same function in NumPy or SciPy.
    reference: Callable[..., Any]
    #: Extreme values.
    edges: tuple[Case, ...] = ()
    #: Places without a derivative, with the subgradient that the row documents.
    kinks: tuple[Case, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    #: The same function composed of plain operations, for a fused row.
    composed: Callable[..., Tensor] | None = None
    #: How it is called, if not as apply(row, *inputs, **static).
    caller: Callable[..., Tensor] | None = None

    def call(self, *inputs, **static):
        if self.caller is not None:
            return self.caller(*inputs, **static)
        return apply(ops.TABLE[self.name], *inputs, **static)

    def made(self, dtype):
        """The samples; the same on every call, so that a failing one can be run again."""
        return self.samples(np.random.default_rng(0), np.dtype(dtype))


def is_differentiable(value):
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def leaves(inputs):
    """Floating arrays as tensors that require gradients, whatever else as it is."""
    return [Tensor(value.copy(), requires_grad=True) if is_differentiable(value) else value for value in inputs]


def gradients_of(tensors):
    return [value.grad for value in tensors if isinstance(value, Tensor) and value.requires_grad]


# Makers of arrays


def normal(rng, dtype, *shape):
    return rng.standard_normal(shape).astype(dtype)


def positive(rng, dtype, *shape):
    """Between 0.5 and 2: away from the pole of log, sqrt and division."""
    return rng.uniform(0.5, 2.0, shape).astype(dtype)


def spaced(rng, dtype, *shape, offset=0.05):
    """Different numbers, 0.1 apart, none of them 0: away from the kinks of abs, relu and max."""
    size = int(np.prod(shape))
    return ((rng.permutation(size) - size // 2) * 0.1 + offset).reshape(shape).astype(dtype)


def signed(rng, dtype, *shape):
    """Of either sign, between 0.5 and 2 in size: divisors."""
    return positive(rng, dtype, *shape) * rng.choice([-1, 1], shape).astype(dtype)

"""Every error that glassnet raises on purpose.

An error is one sentence that names the layer, file, row or option, what was expected, what came, and what to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class GlassnetError(Exception):
    """Base of all errors raised on purpose; catch it to catch them all.

    ``layer`` is the module in whose forward() it was raised, if any. ``where`` names it by its path, such as
    ``"layers.2 (Linear 16 -> 10)"``; the outermost module that the error passes through fills it in, because only
    the root of a network knows the paths of its layers.
    """

    layer: Any = None
    where: str | None = None

    def __str__(self) -> str:
        message = super().__str__()
        return f"{self.where} {message}" if self.where else message


class ShapeError(GlassnetError, ValueError):
    """Arrays whose shapes do not fit each other, a layer or a loss."""


class DataError(GlassnetError, ValueError):
    """Data that cannot be used: a malformed file, labels out of range, an empty split, a NaN in the inputs."""


class ConfigError(GlassnetError, ValueError):
    """An option with a value that is not allowed, or options that contradict each other."""


class GradientError(GlassnetError, RuntimeError):
    """A gradient that cannot be computed, or that is wrong."""


class CheckpointError(GlassnetError, RuntimeError):
    """A run folder or checkpoint that cannot be written or read, or that does not belong to this network."""


class NonFiniteError(GlassnetError, ArithmeticError):
    """A training whose loss became NaN or infinite. ``findings``: what the doctor says about it, if it listened."""

    findings: Sequence[Any] = ()


class TraceError(GlassnetError, TypeError):
    """A computation that cannot be compiled, because a decision in it depends on a number that changes."""

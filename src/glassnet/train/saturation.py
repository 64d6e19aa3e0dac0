"""Where activations are flat, so that hardly any gradient passes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from glassnet.engine.namespace import Array
from glassnet.nn import activation
from glassnet.nn.module import Module

#: Where an activation is saturated: its slope is below 6 % of its largest.
SATURATED: dict[type[Module], Callable[[Array], Array]] = {
    activation.Tanh: lambda out: np.abs(out) > 0.97,  # slope 1 - out ** 2
    activation.Sigmoid: lambda out: np.abs(out - 0.5) > 0.485,  # slope out * (1 - out), at most 1/4
}
#: Activations with a flat side, where a unit that never leaves it is dead.
RECTIFIERS = (activation.ReLU,)


def flat_part(module: Module, out: Array) -> Array | None:
    """Where the outputs of a layer lie in a flat part of it, as booleans of their shape; None for one without such."""
    if isinstance(module, RECTIFIERS):
        return out <= 0
    saturated = SATURATED.get(type(module))
    return None if saturated is None else saturated(out)

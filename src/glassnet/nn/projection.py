"""Layers with a matrix of weights, which are drawn to suit the activation that follows.

The rule: weights are normal with standard deviation gain / sqrt(fan_in) (He et al., 2015,
https://arxiv.org/abs/1502.01852), so that the size of what passes through is the same after the activation as before.
The gain is that of the first activation that follows in the same ``Sequential`` before the next layer with weights;
layers between, such as a normalisation, do not matter. Where none follows, as after the last layer, and in modules
of your own, where the order is not known, the gain is 1; ``nonlinearity="relu"`` says what follows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from glassnet.engine.convert import FLOAT
from glassnet.engine.namespace import Array, Shape
from glassnet.nn import init
from glassnet.nn.activation import Activation
from glassnet.nn.module import Module, Parameter


class Projection(Module):
    """Base of Linear and Conv: draws ``weight`` (..., in, out), and remembers for which activation.

    nonlinearity: the activation that the weights were drawn for, or None where it is not known.
    """

    weight: Parameter
    nonlinearity: str | None

    def draw_weight(self, shape: Shape, nonlinearity: str | None) -> None:
        """Draw the weights; raises ConfigError for an unknown name."""
        self.nonlinearity = nonlinearity
        self._gain = 1.0 if nonlinearity is None else init.calculate_gain(nonlinearity)
        self.weight = Parameter(np.zeros(shape, FLOAT))
        init.normal_(self.weight, std=self._gain / math.sqrt(init.fans(self.weight)[0]))
        self._drawn = _fingerprint(self.weight.data)

    def suit(self, activation: Activation) -> None:
        """Take the gain of the activation that follows, unless it was named or the weights are no longer as drawn."""
        if self.nonlinearity is None and self._drawn == _fingerprint(self.weight.data):
            self.nonlinearity, self._gain = activation.nonlinearity, activation.gain()
            self.weight.data = (self.weight.data * self._gain).astype(self.weight.dtype)
            self._drawn = _fingerprint(self.weight.data)

    def initialisation(self) -> str:
        """What the weights were drawn from."""
        std = self._gain / math.sqrt(init.fans(self.weight)[0])
        return f"normal, std {std:.3g} ({self.nonlinearity or 'linear'}, gain {self._gain:.3g})"


def _fingerprint(array: Array) -> tuple[int, float]:
    """Changes when the array is replaced or written into."""
    return id(array), float(array.sum(dtype=np.float64))


def suit_activations(layers: Iterable[Module]) -> None:
    """Let each layer with weights take the gain of the activation that follows it."""
    waiting: Projection | None = None
    for layer in layers:
        for module in layer.modules():
            if isinstance(module, Projection):
                waiting = module
            elif isinstance(module, Activation) and waiting is not None:
                waiting.suit(module)
                waiting = None

"""Penalties on large parameters, to be added to a loss: ``loss = criterion(net(x), y) + penalty(net)``."""

from __future__ import annotations

from glassnet.engine.errors import ConfigError
from glassnet.engine.tensor import Tensor
from glassnet.nn.module import Module


class Penalty:
    """Base of L1Penalty and L2Penalty.

    strength: how much the penalty counts beside the loss.
    weights_only: leave out biases and the gains of normalisations, which have one axis; they do not overfit, and
        pulling them to 0 changes what the network can express.
    """

    def __init__(self, strength: float, weights_only: bool = True) -> None:
        if isinstance(strength, bool) or not isinstance(strength, int | float) or not strength >= 0:
            raise ConfigError(f"{type(self).__name__} strength must be a number of at least 0, got {strength!r}.")
        self.strength = float(strength)
        self.weights_only = weights_only

    def of(self, parameter: Tensor) -> Tensor:
        """The size of one parameter, a number."""
        raise NotImplementedError

    def __call__(self, net: Module) -> Tensor:
        """strength * the sum over the network's parameters, a number with a gradient."""
        chosen = [p for p in net.parameters() if p.ndim > 1 or not self.weights_only]
        if not chosen:
            raise ConfigError(f"{type(self).__name__}: {type(net).__name__} has no weights to keep small.")
        total = self.of(chosen[0])
        for parameter in chosen[1:]:
            total = total + self.of(parameter)
        return self.strength * total

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.strength:g}{'' if self.weights_only else ', weights_only=False'})"


class L1Penalty(Penalty):
    """strength * sum(|w|): drives weights to exactly 0 (lasso, Tibshirani, 1996)."""

    def of(self, parameter: Tensor) -> Tensor:
        """sum(|w|)."""
        return parameter.abs().sum()


class L2Penalty(Penalty):
    """strength * sum(w ** 2): keeps weights small (ridge). For plain SGD it is weight_decay = 2 * strength."""

    def of(self, parameter: Tensor) -> Tensor:
        """sum(w ** 2)."""
        return (parameter * parameter).sum()

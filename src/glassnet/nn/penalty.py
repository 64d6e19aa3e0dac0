"""Penalties on large parameters, to be added to a loss: ``loss = criterion(net(x), y) + penalty(net)``."""

from __future__ import annotations

from glassnet.engine.errors import ConfigError
from glassnet.engine.options import number_option
from glassnet.engine.tensor import Tensor
from glassnet.nn.example_norm import ExampleNorm
from glassnet.nn.module import Module, Parameter
from glassnet.nn.norm import BatchNorm1d


def weights_of(net: Module) -> list[Parameter]:
    """The parameters of a network that are weights: neither biases (whatever has one axis) nor part of a
    normalisation. Those do not overfit, and pulling them to 0 changes what the network can express.
    """
    norms = [module for module in net.modules() if isinstance(module, BatchNorm1d | ExampleNorm)]
    gains = {id(parameter) for module in norms for parameter in module.parameters()}
    return [parameter for parameter in net.parameters() if parameter.ndim > 1 and id(parameter) not in gains]


class Penalty:
    """Base of L1Penalty and L2Penalty. Penalties can be added: ``nn.L1Penalty(1e-5) + nn.L2Penalty(1e-4)`` is both
    (the elastic net of Zou and Hastie, 2005).

    strength: how much the penalty counts beside the loss.
    weights_only: leave out what is no weight, see ``weights_of``.
    """

    def __init__(self, strength: float, weights_only: bool = True) -> None:
        self.strength = number_option(f"{type(self).__name__} strength", strength, 0)
        self.weights_only = weights_only

    def of(self, parameter: Tensor) -> Tensor:
        """The size of one parameter, a number."""
        raise NotImplementedError

    def __call__(self, net: Module) -> Tensor:
        """strength * the sum over the network's parameters, a number with a gradient."""
        chosen = weights_of(net) if self.weights_only else list(net.parameters())
        if not chosen:
            raise ConfigError(f"{type(self).__name__}: {type(net).__name__} has no weights to keep small.")
        total = self.of(chosen[0])
        for parameter in chosen[1:]:
            total = total + self.of(parameter)
        return self.strength * total

    def __add__(self, other: Penalty) -> Penalty:
        return PenaltySum(self, other)

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


class PenaltySum(Penalty):
    """Several penalties at once."""

    def __init__(self, first: Penalty, second: Penalty) -> None:
        self.parts: tuple[Penalty, ...] = ()
        for one in (first, second):
            self.parts += one.parts if isinstance(one, PenaltySum) else (one,)

    def __call__(self, net: Module) -> Tensor:
        """The sum of all, a number with a gradient."""
        total = self.parts[0](net)
        for part in self.parts[1:]:
            total = total + part(net)
        return total

    def __repr__(self) -> str:
        return " + ".join(map(repr, self.parts))

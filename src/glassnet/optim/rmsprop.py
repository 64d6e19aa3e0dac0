"""RMSprop: steps scaled by the running size of the gradient."""

from __future__ import annotations

from typing import Any

from glassnet.engine.namespace import Array
from glassnet.optim.base import Optimizer, Options, Parameters, State


class RMSprop(Optimizer):
    """w = w - lr * gradient / (sqrt(s) + eps), s the running mean of the squared gradient (Hinton, 2012, lecture 6 of
    Neural networks for machine learning; as in PyTorch).

    alpha: how much of the running mean is kept. eps: keeps the division defined.
    weight_decay: added to the gradient times w. momentum: a velocity of such steps, as in SGD.
    """

    def __init__(
        self,
        parameters: Parameters,
        lr: float = 0.01,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr=lr, alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum)

    def check(self, options: Options) -> None:
        """alpha and momentum below 1, eps above 0."""
        self.check_number(options, "alpha", below=1)
        self.check_number(options, "eps", above=0)
        self.check_number(options, "weight_decay")
        self.check_number(options, "momentum", below=1)

    def state_names(self, options: Options) -> tuple[str, ...]:
        """The running mean of the squares, and the velocity if there is momentum."""
        return ("square", "momentum") if options["momentum"] else ("square",)

    def update(
        self, xp: Any, parameter: Array, gradient: Array, state: State, lr: Any, step: Any, options: Options
    ) -> tuple[Array, State]:
        """One step."""
        if options["weight_decay"]:
            gradient = gradient + options["weight_decay"] * parameter
        square = options["alpha"] * state[0] + (1 - options["alpha"]) * (gradient * gradient)
        scaled = gradient / (xp.sqrt(square) + options["eps"])
        if not options["momentum"]:
            return parameter - lr * scaled, (square,)
        velocity = options["momentum"] * state[1] + scaled
        return parameter - lr * velocity, (square, velocity)

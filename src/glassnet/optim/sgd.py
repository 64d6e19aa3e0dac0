"""Stochastic gradient descent, and gradient descent where a batch is the whole of the data."""

from __future__ import annotations

from typing import Any

from glassnet.engine.errors import ConfigError
from glassnet.engine.namespace import Array
from glassnet.optim.base import Optimizer, Options, Parameters, State


class SGD(Optimizer):
    """w = w - lr * v, with the velocity v = momentum * v + gradient (Sutskever et al., 2013, as in PyTorch).

    lr: learning rate.
    momentum: how much of the last velocity is kept, 0 to 1; 0 is plain gradient descent.
    weight_decay: added to the gradient times w, the gradient of an L2 penalty weight_decay / 2 * sum(w ** 2).
    nesterov: look ahead, w = w - lr * (gradient + momentum * v) with the new v (Nesterov, 1983).

    >>> w = gn.tensor(3.0, requires_grad=True)
    >>> optimizer = optim.SGD([w], lr=0.1)
    >>> (w**2).backward()
    >>> optimizer.step()  # w - 0.1 * 2 * w
    >>> round(w.item(), 4)
    2.4
    """

    def __init__(
        self,
        parameters: Parameters,
        lr: float,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        super().__init__(parameters, lr=lr, momentum=momentum, weight_decay=weight_decay, nesterov=nesterov)

    def check(self, options: Options) -> None:
        """Momentum below 1; Nesterov's only with momentum."""
        self.check_number(options, "momentum", below=1)
        self.check_number(options, "weight_decay")
        if options["nesterov"] and not options["momentum"]:
            raise ConfigError("SGD nesterov needs momentum, such as momentum=0.9.")

    def state_names(self, options: Options) -> tuple[str, ...]:
        """The velocity, if there is momentum."""
        return ("momentum",) if options["momentum"] else ()

    def update(
        self, xp: Any, parameter: Array, gradient: Array, state: State, lr: Any, step: Any, options: Options
    ) -> tuple[Array, State]:
        """One step."""
        momentum = options["momentum"]
        if options["weight_decay"]:
            gradient = gradient + options["weight_decay"] * parameter
        if not momentum:
            return parameter - lr * gradient, ()
        velocity = momentum * state[0] + gradient
        direction = gradient + momentum * velocity if options["nesterov"] else velocity
        return parameter - lr * direction, (velocity,)

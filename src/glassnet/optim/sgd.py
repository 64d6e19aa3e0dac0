"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from glassnet.engine.namespace import Array
from glassnet.engine.tensor import Tensor
from glassnet.optim.base import Optimizer, State


class SGD(Optimizer):
    """w = w - lr * v, with the velocity v = momentum * v + gradient (Sutskever et al., 2013, as in PyTorch).

    lr: learning rate.
    momentum: how much of the last velocity is kept, 0 to 1; 0 is plain gradient descent.
    weight_decay: added to the gradient times w, the gradient of an L2 penalty weight_decay / 2 * sum(w ** 2).
    """

    def __init__(
        self, parameters: Iterable[Tensor], lr: float, momentum: float = 0.0, weight_decay: float = 0.0
    ) -> None:
        self.momentum = self._option("momentum", momentum, below=1)
        self.weight_decay = self._option("weight_decay", weight_decay)
        self.state_names = ("momentum",) if momentum else ()
        super().__init__(parameters, lr)

    def initial_state(self, xp: Any, parameter: Array) -> State:
        """The velocity 0, if there is momentum."""
        return (xp.zeros(parameter.shape, parameter.dtype),) if self.momentum else ()

    def update(
        self, xp: Any, parameter: Array, gradient: Array, state: State, lr: Any, step: Any
    ) -> tuple[Array, State]:
        """One step."""
        if self.weight_decay:
            gradient = gradient + self.weight_decay * parameter
        if not self.momentum:
            return parameter - lr * gradient, ()
        velocity = self.momentum * state[0] + gradient
        return parameter - lr * velocity, (velocity,)

    def config(self) -> dict[str, float]:
        """The options."""
        return {"lr": self.lr, "momentum": self.momentum, "weight_decay": self.weight_decay}

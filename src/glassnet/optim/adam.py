"""Adam and AdamW: steps scaled by running estimates of the gradient's mean and size."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from glassnet.engine.errors import ConfigError
from glassnet.engine.namespace import Array
from glassnet.engine.tensor import Tensor
from glassnet.optim.base import Optimizer, State, betas_option


class Adam(Optimizer):
    """w = w - lr * m / (sqrt(v) + eps), m and v the bias-corrected running means of gradient and squared gradient
    (Kingma and Ba, 2015, https://arxiv.org/abs/1412.6980).

    lr: learning rate; about the size of a step.
    betas: how much of the running means of the gradient and of its square is kept.
    eps: keeps the division defined.
    weight_decay: added to the gradient times w, as an L2 penalty would.
    """

    state_names = ("mean", "square")

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float = 1e-3,
        betas: Sequence[float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        self.betas = betas_option(type(self).__name__, betas)
        self.eps = self._option("eps", eps)
        if not self.eps:
            raise ConfigError(f"{type(self).__name__} eps must be above 0: it keeps the division defined.")
        self.weight_decay = self._option("weight_decay", weight_decay)
        super().__init__(parameters, lr)

    def initial_state(self, xp: Any, parameter: Array) -> State:
        """Both running means 0."""
        return xp.zeros(parameter.shape, parameter.dtype), xp.zeros(parameter.shape, parameter.dtype)

    def update(
        self, xp: Any, parameter: Array, gradient: Array, state: State, lr: Any, step: Any
    ) -> tuple[Array, State]:
        """One step."""
        if self.weight_decay:
            gradient = gradient + self.weight_decay * parameter
        return self._adapt(xp, parameter, gradient, state, lr, step)

    def _adapt(
        self, xp: Any, parameter: Array, gradient: Array, state: State, lr: Any, step: Any
    ) -> tuple[Array, State]:
        """The step without weight decay."""
        beta1, beta2 = self.betas
        mean = beta1 * state[0] + (1 - beta1) * gradient
        square = beta2 * state[1] + (1 - beta2) * (gradient * gradient)
        # Both started from 0: after few steps they are too small by these factors.
        size = xp.sqrt(square) * (1 - beta2**step) ** -0.5 + self.eps
        return parameter - (lr / (1 - beta1**step)) * mean / size, (mean, square)

    def config(self) -> dict[str, Any]:
        """The options."""
        return {"lr": self.lr, "betas": self.betas, "eps": self.eps, "weight_decay": self.weight_decay}


class AdamW(Adam):
    """Adam with decoupled weight decay: w also shrinks by lr * weight_decay * w in each step, whatever the gradient's
    size (Loshchilov and Hutter, 2019, https://arxiv.org/abs/1711.05101).
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float = 1e-3,
        betas: Sequence[float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(parameters, lr, betas, eps, weight_decay)

    def update(
        self, xp: Any, parameter: Array, gradient: Array, state: State, lr: Any, step: Any
    ) -> tuple[Array, State]:
        """One step."""
        shrunk = parameter * (1 - lr * self.weight_decay) if self.weight_decay else parameter
        return self._adapt(xp, shrunk, gradient, state, lr, step)

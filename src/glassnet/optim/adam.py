"""Adam and AdamW: steps scaled by running estimates of the gradient's mean and size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from glassnet.engine.errors import ConfigError
from glassnet.engine.namespace import Array
from glassnet.engine.options import number_option
from glassnet.optim.base import Optimizer, Options, Parameters, State


class Adam(Optimizer):
    """w = w - lr * m / (sqrt(v) + eps), m and v the bias-corrected running means of gradient and squared gradient
    (Kingma and Ba, 2015, https://arxiv.org/abs/1412.6980).

    lr: learning rate; about the size of a step.
    betas: how much of the running means of the gradient and of its square is kept.
    eps: keeps the division defined.
    weight_decay: added to the gradient times w, as an L2 penalty would.

    >>> w = gn.tensor([3.0, 300.0], requires_grad=True)
    >>> optimizer = optim.Adam([w], lr=0.1)
    >>> (w**2).sum().backward()
    >>> optimizer.step()  # each by lr, whatever the size of its gradient
    >>> [f"{x:.4f}" for x in w]
    ['2.9000', '299.9000']
    """

    def __init__(
        self,
        parameters: Parameters,
        lr: float = 1e-3,
        betas: Sequence[float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def check(self, options: Options) -> None:
        """betas below 1, eps above 0."""
        betas = options["betas"]
        if not isinstance(betas, Sequence) or len(betas) != 2:
            raise ConfigError(f"{type(self).__name__} betas must be two numbers, got {betas!r}.")
        for beta in betas:
            number_option(f"{type(self).__name__} betas", beta, 0, below=1)
        self.check_number(options, "eps", above=0)
        self.check_number(options, "weight_decay")

    def state_names(self, options: Options) -> tuple[str, ...]:
        """Both running means."""
        return ("mean", "square")

    def update(
        self, xp: Any, parameter: Array, gradient: Array, state: State, lr: Any, step: Any, options: Options
    ) -> tuple[Array, State]:
        """One step."""
        if options["weight_decay"]:
            gradient = gradient + options["weight_decay"] * parameter
        return self._adapt(xp, parameter, gradient, state, lr, step, options)

    def _adapt(
        self, xp: Any, parameter: Array, gradient: Array, state: State, lr: Any, step: Any, options: Options
    ) -> tuple[Array, State]:
        """The step without weight decay."""
        beta1, beta2 = options["betas"]
        mean = beta1 * state[0] + (1 - beta1) * gradient
        square = beta2 * state[1] + (1 - beta2) * (gradient * gradient)
        # Both started from 0: after few steps they are too small by these factors.
        size = xp.sqrt(square) * (1 - beta2**step) ** -0.5 + options["eps"]
        return parameter - (lr / (1 - beta1**step)) * mean / size, (mean, square)


class AdamW(Adam):
    """Adam with decoupled weight decay: w also shrinks by lr * weight_decay * w in each step, whatever the gradient's
    size (Loshchilov and Hutter, 2019, https://arxiv.org/abs/1711.05101).
    """

    def __init__(
        self,
        parameters: Parameters,
        lr: float = 1e-3,
        betas: Sequence[float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(parameters, lr, betas, eps, weight_decay)

    def update(
        self, xp: Any, parameter: Array, gradient: Array, state: State, lr: Any, step: Any, options: Options
    ) -> tuple[Array, State]:
        """One step."""
        decay = options["weight_decay"]
        shrunk = parameter * (1 - lr * decay) if decay else parameter
        return self._adapt(xp, shrunk, gradient, state, lr, step, options)

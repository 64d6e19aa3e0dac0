"""Optimizer: from gradients to better parameters.

An optimizer is two hooks, both written against the array namespace ``xp`` and without side effects: the state that a
parameter starts with, and one update of a parameter and its state.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from glassnet.engine.errors import CheckpointError, ConfigError
from glassnet.engine.namespace import Array
from glassnet.engine.scope import scope
from glassnet.engine.tensor import Tensor

#: What an optimizer remembers of one parameter between steps, such as its momentum: arrays of the parameter's shape.
State = tuple[Array, ...]


class Optimizer:
    """Base of all optimizers.

    lr: the learning rate, a plain attribute; schedules set it, and so may you.
    steps: how many steps were made.
    """

    #: The names of the arrays of a state, in order.
    state_names: tuple[str, ...] = ()

    def __init__(self, parameters: Iterable[Tensor], lr: float) -> None:
        self.parameters = list(parameters)
        if not self.parameters:
            raise ConfigError(f"{type(self).__name__} got no parameters to train.")
        for parameter in self.parameters:
            if not isinstance(parameter, Tensor) or not parameter.requires_grad:
                raise ConfigError(
                    f"{type(self).__name__} trains tensors that require gradients, got {parameter!r:.80}. "
                    "Pass net.parameters()."
                )
        if len({id(parameter) for parameter in self.parameters}) < len(self.parameters):
            raise ConfigError(f"{type(self).__name__} got the same parameter twice; it would be updated twice a step.")
        self.lr = self._option("lr", lr)
        self.steps = 0
        self.states: list[State] = [self.initial_state(scope.xp, parameter.data) for parameter in self.parameters]

    def initial_state(self, xp: Any, parameter: Array) -> State:
        """The state of a parameter before the first step."""
        raise NotImplementedError

    def update(
        self, xp: Any, parameter: Array, gradient: Array, state: State, lr: Any, step: Any
    ) -> tuple[Array, State]:
        """The parameter and its state after a step with learning rate ``lr``; ``step`` counts from 1."""
        raise NotImplementedError

    def step(self) -> None:
        """Update every parameter that has a gradient. The arrays are new ones: old references keep the old values."""
        self.steps += 1
        for i, parameter in enumerate(self.parameters):
            if parameter.grad is not None:
                parameter.data, self.states[i] = self.update(
                    scope.xp, parameter.data, parameter.grad, self.states[i], self.lr, self.steps
                )

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for parameter in self.parameters:
            parameter.grad = None

    def config(self) -> dict[str, float]:
        """The options, by the names of the arguments."""
        raise NotImplementedError

    def state_dict(self) -> dict[str, Array]:
        """The state as arrays: ``steps``, ``lr``, and ``0.momentum`` and so on by the number of the parameter."""
        arrays = {
            f"{i}.{name}": array.copy()
            for i, state in enumerate(self.states)
            for name, array in zip(self.state_names, state, strict=True)
        }
        return {"steps": np.array(self.steps), "lr": np.array(self.lr), **arrays}

    def load_state_dict(self, state: Mapping[str, Array]) -> None:
        """Continue from a ``state_dict``. Raises CheckpointError if it belongs to another optimizer or network."""
        wanted = {key: array.shape for key, array in self.state_dict().items()}
        found = {key: np.shape(array) for key, array in state.items()}
        if wanted != found:
            wrong = sorted(key for key in {*wanted, *found} if wanted.get(key) != found.get(key))
            raise CheckpointError(
                f"this state does not belong to this {type(self).__name__}: {', '.join(wrong)} differ in name or shape."
            )
        self.steps, self.lr = int(state["steps"]), float(state["lr"])
        self.states = [
            tuple(np.array(state[f"{i}.{name}"], parameter.dtype) for name in self.state_names)
            for i, parameter in enumerate(self.parameters)
        ]

    def _option(self, name: str, value: float, below: float = math.inf) -> float:
        """An option that must be a number of at least 0 and less than ``below``."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < below:
            upper = "" if below == math.inf else f" and less than {below:g}"
            raise ConfigError(f"{type(self).__name__} {name} must be a number of at least 0{upper}, got {value!r}.")
        return float(value)

    def __repr__(self) -> str:
        options = ", ".join(f"{name}={value:g}" for name, value in self.config().items())
        return f"{type(self).__name__}({options})"


def betas_option(owner: str, betas: Sequence[float]) -> tuple[float, float]:
    """Two decay rates, each at least 0 and less than 1. Raises ConfigError otherwise."""
    if len(betas) != 2 or not all(isinstance(beta, int | float) and 0 <= beta < 1 for beta in betas):
        raise ConfigError(f"{owner} betas must be two numbers of at least 0 and less than 1, got {betas!r}.")
    return float(betas[0]), float(betas[1])

"""Optimizer: from gradients to better parameters.

An optimizer is two hooks, both written against the array namespace ``xp`` and without side effects: the state that a
parameter starts with, and one update of a parameter and its state.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from glassnet.engine.errors import CheckpointError, ConfigError
from glassnet.engine.namespace import Array
from glassnet.engine.options import number_option
from glassnet.engine.scope import scope
from glassnet.engine.tensor import Tensor

#: What an optimizer remembers of one parameter between steps, such as its momentum: arrays of the parameter's shape.
State = tuple[Array, ...]
#: The options of a group of parameters by name, such as {"lr": 0.1, "momentum": 0.9}.
Options = dict[str, Any]
#: Parameters, or groups of them: {"params": parameters, "lr": 0.01} with the options in which the group differs.
Parameters = Iterable[Tensor] | Iterable[dict[str, Any]]


class Optimizer:
    """Base of all optimizers.

    param_groups: a dict for each group, with its "params" and options; change an option by writing it there.
    lr: the learning rate of the first group; setting it sets that of every group. Schedules set them too.
    steps: how many steps were made.

    Raises ConfigError for options out of range, and for parameters that cannot be trained or come twice.
    """

    def __init__(self, parameters: Parameters, **options: Any) -> None:
        self.param_groups = [self._group(group, options) for group in _as_groups(parameters)]
        self.parameters: list[Tensor] = [p for group in self.param_groups for p in group["params"]]
        if not self.parameters:
            raise ConfigError(f"{type(self).__name__} got no parameters to train.")
        if len({id(parameter) for parameter in self.parameters}) < len(self.parameters):
            raise ConfigError(f"{type(self).__name__} got the same parameter twice; it would be updated twice a step.")
        self.steps = 0
        self.states: list[State] = [
            self.initial_state(scope.xp, parameter.data, group)
            for group in self.param_groups
            for parameter in group["params"]
        ]

    def check(self, options: Options) -> None:
        """Raise ConfigError for an option out of range."""
        raise NotImplementedError

    def state_names(self, options: Options) -> tuple[str, ...]:
        """The names of the arrays of a state, in order."""
        raise NotImplementedError

    def initial_state(self, xp: Any, parameter: Array, options: Options) -> State:
        """The state of a parameter before the first step: zeros unless a subclass says otherwise."""
        return tuple(xp.zeros(parameter.shape, parameter.dtype) for _ in self.state_names(options))

    def update(
        self, xp: Any, parameter: Array, gradient: Array, state: State, lr: Any, step: Any, options: Options
    ) -> tuple[Array, State]:
        """The parameter and its state after a step with learning rate ``lr``; ``step`` counts from 1."""
        raise NotImplementedError

    @property
    def lr(self) -> float:
        """The learning rate of the first group."""
        return float(self.param_groups[0]["lr"])

    @lr.setter
    def lr(self, value: float) -> None:
        for group in self.param_groups:
            group["lr"] = value
            group.pop("initial_lr", None)  # schedules made from now on start from the new one

    def step(self) -> None:
        """Update every parameter that has a gradient. The arrays are new ones: old references keep the old values."""
        if scope.tracer is not None:
            scope.tracer.updates(self)
        self.steps += 1
        xp, i = scope.xp, 0
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    parameter.data, self.states[i] = self.update(
                        xp, parameter.data, parameter.grad, self.states[i], group["lr"], self.steps, group
                    )
                i += 1

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for parameter in self.parameters:
            parameter.grad = None

    def config(self) -> dict[str, Any]:
        """The options of the first group, by the names of the arguments, and those of all groups if they differ."""
        options = [_options(group) for group in self.param_groups]
        return options[0] if len(options) == 1 else {**options[0], "groups": options}

    def state_dict(self) -> dict[str, Array]:
        """The state as arrays: ``steps``, ``lr`` of each group, and ``0.momentum`` and so on by parameter."""
        arrays = {
            f"{i}.{name}": array.copy()
            for i, (names, state) in enumerate(zip(self._names(), self.states, strict=True))
            for name, array in zip(names, state, strict=True)
        }
        rates = np.array([group["lr"] for group in self.param_groups])
        return {"steps": np.array(self.steps), "lr": rates, **arrays}

    def load_state_dict(self, state: Mapping[str, Array]) -> None:
        """Continue from a ``state_dict``. Raises CheckpointError if it belongs to another optimizer or network."""
        wanted = {key: array.shape for key, array in self.state_dict().items()}
        found = {key: np.shape(array) for key, array in state.items()}
        if wanted != found:
            wrong = sorted(key for key in {*wanted, *found} if wanted.get(key) != found.get(key))
            raise CheckpointError(
                f"this state does not belong to this {type(self).__name__}: {', '.join(wrong)} differ in name or shape."
            )
        self.steps = int(state["steps"])
        for group, lr in zip(self.param_groups, state["lr"], strict=True):
            group["lr"] = float(lr)
        self.states = [
            tuple(np.array(state[f"{i}.{name}"], parameter.dtype) for name in names)
            for i, (names, parameter) in enumerate(zip(self._names(), self.parameters, strict=True))
        ]

    def _names(self) -> list[tuple[str, ...]]:
        """The names of the arrays of each parameter's state."""
        return [self.state_names(group) for group in self.param_groups for _ in group["params"]]

    def _group(self, group: dict[str, Any], defaults: Options) -> dict[str, Any]:
        """A group with all its options, checked."""
        name = type(self).__name__
        if unknown := set(group) - {"params"} - set(defaults):
            raise ConfigError(f"{name} has no option {min(unknown)!r}; it has {', '.join(defaults)}.")
        if "params" not in group:
            raise ConfigError(f'{name}: a group of parameters needs the key "params", got {", ".join(group)}.')
        parameters = list(group["params"])
        for parameter in parameters:
            if not isinstance(parameter, Tensor):
                raise ConfigError(f"{name} trains tensors, got {parameter!r:.80}. Pass net.parameters().")
            if not parameter.requires_grad:
                raise ConfigError(
                    f"{name} trains tensors that require gradients, got one of shape {parameter.shape} that does not. "
                    "Leave out what is frozen: [p for p in net.parameters() if p.requires_grad]."
                )
            if parameter.node is not None:
                raise ConfigError(
                    f"{name} trains leaves, got what {parameter.node.operation.name} computed from others, of shape "
                    f"{parameter.shape}. Pass the tensors that it was computed from."
                )
        whole = {**defaults, **group, "params": parameters}
        self.check_number(whole, "lr")
        self.check(whole)
        return whole

    def check_number(self, options: Options, name: str, minimum: float = 0.0, **bounds: float) -> None:
        """Raise ConfigError unless the option is a number within the bounds of ``number_option``."""
        number_option(f"{type(self).__name__} {name}", options[name], minimum, **bounds)

    def __repr__(self) -> str:
        options = ", ".join(f"{name}={value}" for name, value in _options(self.param_groups[0]).items())
        more = f", {len(self.param_groups)} groups" if len(self.param_groups) > 1 else ""
        return f"{type(self).__name__}({options}{more})"


def _as_groups(parameters: Parameters) -> list[dict[str, Any]]:
    alone = isinstance(parameters, Tensor)
    if alone or not isinstance(parameters, Iterable):
        what, hint = ("a tensor", "[tensor]") if alone else (f"{parameters!r:.80}", "net.parameters()")
        raise ConfigError(f"an optimizer takes a list of parameters, got {what}. Pass {hint}.")
    given: list[Any] = list(parameters)
    groups = [one for one in given if isinstance(one, dict)]
    if groups and len(groups) < len(given):
        raise ConfigError("an optimizer takes parameters or groups of them, not both. Put all of them into groups.")
    return groups or [{"params": given}]


def _options(group: dict[str, Any]) -> Options:
    return {name: value for name, value in group.items() if name not in ("params", "initial_lr")}

"""Learning-rate schedules, each a closed formula of the step, so that a resumed run needs only its number.

One step is one optimizer step: call ``schedule.step()`` after ``optimizer.step()``, as ``glassnet.fit`` does.
"""

from __future__ import annotations

import math
from typing import Any

from glassnet.engine.errors import ConfigError
from glassnet.engine.options import integer_option
from glassnet.optim.base import Optimizer


class Schedule:
    """Base of all schedules: sets ``optimizer.lr`` after each step to ``lr_at(step)``.

    base_lr: the learning rate that the optimizer had when the schedule was made.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer
        self.base_lr = optimizer.lr
        self.move_to(0)

    def lr_at(self, step: int) -> float:
        """The learning rate after ``step`` optimizer steps."""
        raise NotImplementedError

    def step(self) -> None:
        """Go on by one step."""
        self.move_to(self.last_step + 1)

    def move_to(self, step: int) -> None:
        """Be where ``step`` steps lead, as when a run is resumed."""
        self.last_step = step
        self.optimizer.lr = self.lr_at(step)

    def config(self) -> dict[str, Any]:
        """The options."""
        return {}


class ConstantLR(Schedule):
    """The same learning rate throughout."""

    def lr_at(self, step: int) -> float:
        """base_lr."""
        return self.base_lr


class StepLR(Schedule):
    """The learning rate times ``gamma`` after every ``step_size`` steps: base_lr * gamma ** (step // step_size)."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        self.step_size = integer_option("StepLR step_size", step_size, 1)
        if not 0 < gamma <= 1:
            raise ConfigError(f"StepLR gamma must be above 0 and at most 1, got {gamma!r}.")
        self.gamma = gamma
        super().__init__(optimizer)

    def lr_at(self, step: int) -> float:
        """base_lr * gamma ** (step // step_size)."""
        return self.base_lr * self.gamma ** (step // self.step_size)

    def config(self) -> dict[str, Any]:
        """The options."""
        return {"step_size": self.step_size, "gamma": self.gamma}


class CosineAnnealingLR(Schedule):
    """Half a cosine from base_lr down to ``eta_min`` over ``T_max`` steps, then ``eta_min``
    (Loshchilov and Hutter, 2017, https://arxiv.org/abs/1608.03983, without restarts).
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0) -> None:  # noqa: N803  # PyTorch's name
        self.T_max = integer_option("CosineAnnealingLR T_max", T_max, 1)
        if not 0 <= eta_min <= optimizer.lr:
            raise ConfigError(
                f"CosineAnnealingLR eta_min must be from 0 to the learning rate {optimizer.lr:g}, got {eta_min!r}."
            )
        self.eta_min = eta_min
        super().__init__(optimizer)

    def lr_at(self, step: int) -> float:
        """eta_min + (base_lr - eta_min) * (1 + cos(pi * step / T_max)) / 2."""
        share = min(step / self.T_max, 1.0)
        return self.eta_min + (self.base_lr - self.eta_min) * (1 + math.cos(math.pi * share)) / 2

    def config(self) -> dict[str, Any]:
        """The options."""
        return {"T_max": self.T_max, "eta_min": self.eta_min}

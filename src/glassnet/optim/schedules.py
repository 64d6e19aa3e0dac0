"""Learning-rate schedules, each a closed formula of the step, so that a resumed run needs only its number.

One step is one optimizer step: call ``schedule.step()`` after ``optimizer.step()``, as ``glassnet.fit`` does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from glassnet.engine.errors import ConfigError
from glassnet.engine.options import integer_option, number_option
from glassnet.optim.base import Optimizer


class Schedule:
    """Base of all schedules: sets the learning rate of each group of parameters after each step.

    base_lrs: the learning rates that the groups had before the first schedule.
    """

    #: The value of the history that decides, for a schedule that is no function of the step.
    monitor: str | None = None

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer
        self.base_lrs = [group.setdefault("initial_lr", group["lr"]) for group in optimizer.param_groups]
        self.move_to(0)

    def rate(self, step: int, base_lr: float) -> float:
        """The learning rate after ``step`` optimizer steps, of a group that started from base_lr."""
        raise NotImplementedError

    def lr_at(self, step: int) -> float:
        """The learning rate of the first group after ``step`` optimizer steps."""
        return self.rate(step, self.base_lrs[0])

    def step(self) -> None:
        """Go on by one step."""
        self.move_to(self.last_step + 1)

    def move_to(self, step: int) -> None:
        """Be where ``step`` steps lead, as when a run is resumed."""
        self.last_step = step
        for group, base_lr in zip(self.optimizer.param_groups, self.base_lrs, strict=True):
            group["lr"] = self.rate(step, base_lr)

    def config(self) -> dict[str, Any]:
        """The options."""
        return {}


class ConstantLR(Schedule):
    """The learning rate times ``factor`` for the first ``total_iters`` steps, then the learning rate itself; the same
    throughout unless a factor is given (PyTorch's is 1/3 then).
    """

    def __init__(self, optimizer: Optimizer, factor: float = 1.0, total_iters: int = 5) -> None:
        self.factor = number_option("ConstantLR factor", factor, 0, 1)
        self.total_iters = integer_option("ConstantLR total_iters", total_iters, 0)
        super().__init__(optimizer)

    def rate(self, step: int, base_lr: float) -> float:
        """base_lr * factor before step total_iters, base_lr from there on."""
        return base_lr * self.factor if step < self.total_iters else base_lr

    def config(self) -> dict[str, Any]:
        """The options."""
        return {"factor": self.factor, "total_iters": self.total_iters}


class StepLR(Schedule):
    """The learning rate times ``gamma`` after every ``step_size`` steps: base_lr * gamma ** (step // step_size)."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        self.step_size = integer_option("StepLR step_size", step_size, 1)
        self.gamma = number_option("StepLR gamma", gamma, above=0, maximum=1)
        super().__init__(optimizer)

    def rate(self, step: int, base_lr: float) -> float:
        """base_lr * gamma ** (step // step_size)."""
        return base_lr * self.gamma ** (step // self.step_size)

    def config(self) -> dict[str, Any]:
        """The options."""
        return {"step_size": self.step_size, "gamma": self.gamma}


class ExponentialLR(Schedule):
    """The learning rate times ``gamma`` after every step: base_lr * gamma ** step."""

    def __init__(self, optimizer: Optimizer, gamma: float) -> None:
        self.gamma = number_option("ExponentialLR gamma", gamma, above=0, maximum=1)
        super().__init__(optimizer)

    def rate(self, step: int, base_lr: float) -> float:
        """base_lr * gamma ** step."""
        return base_lr * self.gamma**step

    def config(self) -> dict[str, Any]:
        """The options."""
        return {"gamma": self.gamma}


class CosineAnnealingLR(Schedule):
    """Half a cosine from base_lr down to ``eta_min`` over ``T_max`` steps, then ``eta_min``
    (Loshchilov and Hutter, 2017, https://arxiv.org/abs/1608.03983, without restarts).

    >>> optimizer = optim.SGD(nn.Linear(2, 2).parameters(), lr=1.0)
    >>> schedule = optim.CosineAnnealingLR(optimizer, T_max=4)
    >>> [round(schedule.lr_at(step), 3) for step in range(6)]
    [1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0) -> None:  # noqa: N803  # PyTorch's name
        self.T_max = integer_option("CosineAnnealingLR T_max", T_max, 1)
        base = optimizer.param_groups[0].get("initial_lr", optimizer.lr)
        self.eta_min = number_option("CosineAnnealingLR eta_min", eta_min, 0, base)
        super().__init__(optimizer)

    def rate(self, step: int, base_lr: float) -> float:
        """eta_min + (base_lr - eta_min) * (1 + cos(pi * step / T_max)) / 2."""
        return _cosine(base_lr, self.eta_min, step / self.T_max)

    def config(self) -> dict[str, Any]:
        """The options."""
        return {"T_max": self.T_max, "eta_min": self.eta_min}


class LinearLR(Schedule):
    """A straight line from start_factor * base_lr to end_factor * base_lr over ``total_iters`` steps, then level: a
    linear warm-up. ``SequentialLR`` goes on from there.
    """

    def __init__(
        self, optimizer: Optimizer, start_factor: float = 1 / 3, end_factor: float = 1.0, total_iters: int = 5
    ) -> None:
        self.total_iters = integer_option("LinearLR total_iters", total_iters, 1)
        self.start_factor = number_option("LinearLR start_factor", start_factor, 0, 1)
        self.end_factor = number_option("LinearLR end_factor", end_factor, 0, 1)
        super().__init__(optimizer)

    def rate(self, step: int, base_lr: float) -> float:
        """base_lr * (start_factor + (end_factor - start_factor) * step / total_iters)."""
        share = min(step / self.total_iters, 1.0)
        return base_lr * (self.start_factor + (self.end_factor - self.start_factor) * share)

    def config(self) -> dict[str, Any]:
        """The options."""
        return {"start_factor": self.start_factor, "end_factor": self.end_factor, "total_iters": self.total_iters}


class OneCycleLR(Schedule):
    """Up from max_lr / div_factor to ``max_lr`` over the first ``pct_start`` of the steps, and down to nearly 0 over
    the rest, both as half a cosine (Smith and Topin, 2018, https://arxiv.org/abs/1708.07120; momentum is left alone).
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float,
        total_steps: int,
        pct_start: float = 0.3,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
    ) -> None:
        self.total_steps = integer_option("OneCycleLR total_steps", total_steps, 2)
        self.max_lr = number_option("OneCycleLR max_lr", max_lr, above=0)
        self.pct_start = number_option("OneCycleLR pct_start", pct_start, above=0, below=1)
        self.div_factor = number_option("OneCycleLR div_factor", div_factor, 1)
        self.final_div_factor = number_option("OneCycleLR final_div_factor", final_div_factor, 1)
        super().__init__(optimizer)

    def rate(self, step: int, base_lr: float) -> float:
        """Half a cosine up, half a cosine down; base_lr does not count."""
        first = self.max_lr / self.div_factor
        top, end = self.pct_start * self.total_steps - 1, self.total_steps - 1
        if step <= top:
            return _cosine(first, self.max_lr, step / top if top > 0 else 1.0)
        return _cosine(self.max_lr, first / self.final_div_factor, (step - top) / (end - top))

    def config(self) -> dict[str, Any]:
        """The options."""
        names = ("max_lr", "total_steps", "pct_start", "div_factor", "final_div_factor")
        return {name: getattr(self, name) for name in names}


class LambdaLR(Schedule):
    """base_lr times any function of the step: ``LambdaLR(optimizer, lambda step: 1 / (1 + step / 100))``."""

    def __init__(self, optimizer: Optimizer, lr_lambda: Callable[[int], float]) -> None:
        if not callable(lr_lambda):
            raise ConfigError(f"LambdaLR lr_lambda must be a function of the step, got {lr_lambda!r:.80}.")
        self.lr_lambda = lr_lambda
        super().__init__(optimizer)

    def rate(self, step: int, base_lr: float) -> float:
        """base_lr * lr_lambda(step)."""
        factor = float(self.lr_lambda(step))
        if not 0 <= factor < math.inf:
            raise ConfigError(f"LambdaLR lr_lambda({step}) must be a finite number of at least 0, got {factor!r}.")
        return base_lr * factor


class SequentialLR(Schedule):
    """One schedule after the other: the i-th until step ``milestones[i]``, each counting from its own beginning.

    >>> optimizer = optim.SGD(nn.Linear(2, 2).parameters(), lr=1.0)
    >>> warmup = optim.LinearLR(optimizer, start_factor=0.1, total_iters=100)
    >>> decay = optim.CosineAnnealingLR(optimizer, T_max=900)
    >>> schedule = optim.SequentialLR(optimizer, [warmup, decay], milestones=[100])
    >>> [round(schedule.lr_at(step), 2) for step in (0, 50, 100, 550, 1000)]
    [0.1, 0.55, 1.0, 0.5, 0.0]
    """

    def __init__(self, optimizer: Optimizer, schedulers: Sequence[Schedule], milestones: Sequence[int]) -> None:
        self.schedulers, self.milestones = list(schedulers), list(milestones)
        for milestone in self.milestones:
            integer_option("SequentialLR milestones", milestone, 1)
        if len(self.schedulers) != len(self.milestones) + 1 or sorted(set(self.milestones)) != self.milestones:
            raise ConfigError(
                f"SequentialLR needs rising milestones, one fewer than schedules, got {len(self.schedulers)} schedules "
                f"and {self.milestones}."
            )
        if any(
            not isinstance(one, Schedule) or one.optimizer is not optimizer or one.monitor is not None
            for one in self.schedulers
        ):
            raise ConfigError("SequentialLR needs schedules of the same optimizer that are functions of the step.")
        super().__init__(optimizer)

    def rate(self, step: int, base_lr: float) -> float:
        """That of the schedule whose turn it is."""
        turn = sum(step >= milestone for milestone in self.milestones)
        start = self.milestones[turn - 1] if turn else 0
        return self.schedulers[turn].rate(step - start, base_lr)

    def config(self) -> dict[str, Any]:
        """The options."""
        parts = [{"name": type(one).__name__, **one.config()} for one in self.schedulers]
        return {"schedulers": parts, "milestones": self.milestones}


def _cosine(start: float, end: float, share: float) -> float:
    """From start to end along half a cosine, then end."""
    return end + (start - end) * (1 + math.cos(math.pi * min(share, 1.0))) / 2

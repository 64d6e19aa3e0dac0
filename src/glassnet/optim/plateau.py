"""ReduceLROnPlateau: a smaller learning rate when the loss no longer falls."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from glassnet.engine.errors import ConfigError
from glassnet.engine.options import integer_option, number_option
from glassnet.optim.base import Optimizer
from glassnet.optim.schedules import Schedule


class ReduceLROnPlateau(Schedule):
    """The learning rate times ``factor`` when a value has not improved for more than ``patience`` epochs.

    monitor: the value of the history to watch; it improves when it falls by more than ``threshold`` of itself, or
        rises by as much for ``mode="max"``. min_lr: where to stop.
    In a loop of your own, call ``schedule.step(value)`` after each epoch. What it does is a function of all values so
    far, so that a resumed run needs only its history.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        min_lr: float = 0.0,
        monitor: str = "val_loss",
    ) -> None:
        if mode not in ("min", "max"):
            raise ConfigError(f"ReduceLROnPlateau mode must be 'min' or 'max', got {mode!r}.")
        self.mode = mode
        self.factor = number_option("ReduceLROnPlateau factor", factor, above=0, below=1)
        self.threshold = number_option("ReduceLROnPlateau threshold", threshold, 0)
        self.min_lr = number_option("ReduceLROnPlateau min_lr", min_lr, 0)
        self.patience = integer_option("ReduceLROnPlateau patience", patience, 0)
        self.monitor: str = monitor
        self.reductions = 0
        self.values: list[float] = []
        super().__init__(optimizer)

    def rate(self, step: int, base_lr: float) -> float:
        """base_lr * factor ** reductions, and at least min_lr."""
        return max(base_lr * self.factor**self.reductions, min(self.min_lr, base_lr))

    def step(self, value: float | None = None) -> None:
        """Take notice of the value of an epoch."""
        if value is None:
            raise ConfigError("ReduceLROnPlateau.step() needs the value of the epoch, such as the validation loss.")
        self.observe([*self.values, float(value)])

    def observe(self, values: Sequence[float]) -> None:
        """Be where these values, one for each epoch, lead."""
        self.values, self.reductions = list(values), 0
        sign = 1.0 if self.mode == "min" else -1.0
        best, waited = math.inf, 0
        for value in values:
            margin = self.threshold * abs(best) if best < math.inf else 0.0
            if sign * value < best - margin:
                best, waited = sign * value, 0
            else:
                waited += 1
            if waited > self.patience:
                self.reductions, waited = self.reductions + 1, 0
        self.move_to(len(values))

    def config(self) -> dict[str, Any]:
        """The options."""
        names = ("mode", "factor", "patience", "threshold", "min_lr", "monitor")
        return {name: getattr(self, name) for name in names}

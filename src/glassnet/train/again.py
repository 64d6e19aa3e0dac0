"""Again: what a training began with, so that it can be made once more, as it was or with changes."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glassnet.data.batches import batches
from glassnet.data.dataset import Split
from glassnet.nn.module import Module
from glassnet.optim import Optimizer, Schedule

if TYPE_CHECKING:
    from glassnet.train.run import Run


@dataclass
class Again:
    """fit: the function that trains, ``glassnet.fit``. net, loss, optimizer, schedule, penalty: copies of what it was
    given, as they were before the first step. options: its other arguments; ``steps`` says how long.
    """

    fit: Callable[..., Run]
    net: Module
    loss: Any
    optimizer: Optimizer
    schedule: Schedule | None
    penalty: Any
    train: Split
    val: Split | None
    options: dict[str, Any]

    def copy(self) -> Again:
        """One of its own to change: networks and optimizers are copied together, so that they still belong together."""
        parts = deepcopy((self.net, self.loss, self.optimizer, self.schedule, self.penalty))
        net, loss, optimizer, schedule, penalty = parts
        return replace(
            self,
            net=net,
            loss=loss,
            optimizer=optimizer,
            schedule=schedule,
            penalty=penalty,
            options=dict(self.options),
        )

    @property
    def per_epoch(self) -> int:
        """Steps in an epoch."""
        options = self.options
        return len(batches(self.train, options["batch_size"], shuffle=False, drop_last=options["drop_last"]))

    def run(self, *, folder: str | Path | None = None, progress: bool = False) -> Run:
        """Train; this one stays as it is, so that it can train again."""
        own = self.copy()
        return self.fit(
            own.net,
            own.train,
            validation=own.val,
            loss=own.loss,
            optimizer=own.optimizer,
            schedule=own.schedule,
            penalty=own.penalty,
            folder=folder,
            progress=progress,
            **own.options,
        )

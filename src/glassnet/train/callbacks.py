"""Callbacks: what is done around the steps of a training, such as stopping early."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glassnet.engine.errors import ConfigError
from glassnet.engine.options import integer_option

if TYPE_CHECKING:
    from glassnet.train.look import Look
    from glassnet.train.loop import Loop


class Callback:
    """Base of all callbacks; define the hooks that you need. Each gets the running loop.

    A method ``on_...`` that is no hook is an error when the class is made: a misspelt hook would never be called.

    look_every: call ``on_look`` before each step whose number, from 0, is a multiple of it; for other steps, define
        ``next_look``.
    every_step: whether ``on_step_start`` and ``on_step_end`` are called around each step, which makes compiled
        training slower, or around several together, about ten times a second.

    >>> class Print(gn.Callback):
    ...     def on_epoch_end(self, loop):
    ...         print(loop.epoch, sorted(loop.history))
    >>> net = nn.Linear(2, 2)
    >>> options = {"loss": nn.CrossEntropyLoss(), "optimizer": optim.SGD(net.parameters(), lr=0.1)}
    >>> run = gn.fit(net, (np.eye(2), [0, 1]), epochs=1, progress=False, folder=None, callbacks=[Print()], **options)
    1 ['accuracy', 'loss', 'lr', 'seconds']
    """

    look_every: int | None = None
    every_step: bool = True

    def next_look(self, step: int) -> int | None:
        """The first step from this one on, from 0, into which the callback wants to look; None if there is none."""
        return None if self.look_every is None else -(-step // self.look_every) * self.look_every

    def on_fit_start(self, loop: Loop) -> None:
        """Before the first step."""

    def on_epoch_start(self, loop: Loop) -> None:
        """Before the first step of an epoch."""

    def on_look(self, loop: Loop, look: Look) -> None:
        """Before a step that this callback wants to look into: what happens inside of it. Looking changes nothing."""

    def on_step_start(self, loop: Loop) -> None:
        """Before the forward pass of a batch."""

    def on_step_end(self, loop: Loop) -> None:
        """After an update. ``loop.last_loss`` is the loss of its batch."""

    def on_epoch_end(self, loop: Loop) -> None:
        """After the validation of an epoch. ``loop.history`` has its values."""

    def on_fit_end(self, loop: Loop) -> None:
        """After the last step, also when the training was stopped or failed."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        unknown = [name for name in vars(cls) if name.startswith("on_") and name not in HOOKS]
        if unknown:
            raise TypeError(f"{cls.__name__}.{unknown[0]} is no hook; the hooks are {', '.join(HOOKS)}.")


HOOKS = tuple(name for name in vars(Callback) if name.startswith("on_"))


class EarlyStopping(Callback):
    """Stop when a value of the history has not improved for ``patience`` epochs.

    monitor: the value to watch; it improves when it falls, or rises for ``mode="max"``.
    min_delta: by how much it must improve to count.
    Everything is read from the history, so a resumed run stops where an uninterrupted one would.
    """

    def __init__(self, patience: int = 5, monitor: str = "val_loss", min_delta: float = 0.0, mode: str = "min") -> None:
        self.patience = integer_option("EarlyStopping patience", patience, 1)
        if mode not in ("min", "max"):
            raise ConfigError(f"EarlyStopping mode must be 'min' or 'max', got {mode!r}.")
        self.monitor, self.min_delta, self.mode = monitor, min_delta, mode

    def on_fit_start(self, loop: Loop) -> None:
        """A run that was stopped stays stopped when it is resumed, unless there is more patience now."""
        if loop.history:
            self.on_epoch_end(loop)

    def on_epoch_end(self, loop: Loop) -> None:
        """Stop the loop if the best value is too long ago."""
        if self.monitor not in loop.history:
            raise ConfigError(
                f"EarlyStopping cannot find {self.monitor!r}; the history has {', '.join(loop.history)}. "
                "Is there a validation split?"
            )
        sign = 1.0 if self.mode == "min" else -1.0
        best, best_epoch = float("inf"), 0
        values = loop.history[self.monitor]
        for epoch, value in enumerate(values, start=1):
            if sign * value < best - self.min_delta:
                best, best_epoch = sign * value, epoch
        if len(values) - best_epoch >= self.patience:
            loop.stop(f"{self.monitor} has not improved for {self.patience} epochs")

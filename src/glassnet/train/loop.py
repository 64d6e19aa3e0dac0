"""The training loop: batch, forward, backward, update; validation at the end of each epoch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from functools import partial
from typing import Any

import numpy as np

from glassnet.data.batches import Batches, batches
from glassnet.data.dataset import Split
from glassnet.engine.errors import ConfigError, GlassnetError, NonFiniteError
from glassnet.engine.namespace import Array
from glassnet.engine.options import integer_option
from glassnet.engine.random import training_step
from glassnet.engine.tensor import Tensor
from glassnet.nn.dropout import name_streams
from glassnet.nn.module import Module
from glassnet.nn.state import named_tensors
from glassnet.optim import Optimizer, ReduceLROnPlateau, Schedule
from glassnet.train.average import WeightAverage
from glassnet.train.batch_step import BatchStep, Penalty
from glassnet.train.callbacks import HOOKS, Callback
from glassnet.train.compiled import Compile, CompiledSteps
from glassnet.train.evaluate import Loss, Means, modules_of
from glassnet.train.interrupt import on_ctrl_c
from glassnet.train.look import look
from glassnet.train.loss_record import LossRecord
from glassnet.train.metrics import Metric
from glassnet.train.position import Position


class Loop:
    """A training that can be stopped after any step and continued from there.

    Where it is: ``step`` steps have been made since the beginning, ``epoch`` epochs are complete, and ``means`` holds
    the sums of the one that is not. ``history`` has a list for each value, with an entry for each epoch; ``losses`` the
    losses of the steps made in this sitting, without penalties. ``failure`` is the error of a loss that was not finite.
    """

    def __init__(
        self,
        net: Module,
        train: Split,
        val: Split | None,
        *,
        loss: Loss,
        optimizer: Optimizer,
        batch_size: int,
        total_steps: int,
        seed: int = 0,
        shuffle: bool = True,
        drop_last: bool = False,
        schedule: Schedule | None = None,
        penalty: Penalty | None = None,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        metrics: Mapping[str, Metric] | None = None,
        average: float | None = None,
        compile: Compile = False,  # noqa: A002  # as in glassnet.fit
    ) -> None:
        self.net = net
        self.train = cast(train, net.dtype)
        self.val = None if val is None else cast(val, net.dtype)
        self.loss = loss
        self.optimizer = optimizer
        self.batch_size = batch_size
        self.total_steps = total_steps
        self.seed = seed
        self.shuffle = shuffle
        self.drop_last = drop_last
        self.schedule = schedule
        self.average = None if average is None else WeightAverage(net, average)
        self.batch_step = BatchStep(
            net,
            loss,
            optimizer,
            penalty=penalty,
            clip_norm=clip_norm,
            clip_value=clip_value,
            metrics=metrics,
            average=self.average,
        )
        self.steps_per_epoch = len(batches(train, batch_size, shuffle=False, drop_last=drop_last))
        self.step = 0
        self.history: dict[str, list[float]] = {}
        self.means = Means()
        self.losses = LossRecord()
        self.last_loss = math.nan
        self.failure: NonFiniteError | None = None
        self.seconds = 0.0  # spent so far, in this and in earlier sittings
        self.stopped: str | None = None  # why, if before total_steps
        self._tensors = list(self.batch_step.tensors().values())
        self.go_back: Callable[[], None] = self._to_here()  # to the last weights with a finite loss
        name_streams(net)
        self.use(())
        self.compiled = CompiledSteps(self, compile)

    @property
    def epoch(self) -> int:
        """The number of complete epochs."""
        return self.step // self.steps_per_epoch

    @property
    def epochs_ended(self) -> int:
        """The number of epochs in the history, of which the last may have been cut by the end of the training."""
        return len(self.history.get("lr", ()))

    @property
    def epoch_is_over(self) -> bool:
        """Whether all steps of an epoch, or of the training, are made and its values are not in the history yet."""
        return self.means.rows > 0 and (self.step % self.steps_per_epoch == 0 or self.step >= self.total_steps)

    def position(self) -> Position:
        """Where the training is, for a checkpoint."""
        return Position(self.step, self.means.sums, self.means.rows, self.history, self.seconds, self.stopped)

    def weights(self) -> dict[str, Array]:
        """The parameters and buffers that the training gives, by path: those of the network, or their averages."""
        own = {name: tensor.data for name, tensor in named_tensors(self.net)}
        return own if self.average is None else self.average.arrays()

    def use(self, callbacks: Sequence[Callback]) -> None:
        """Call these callbacks, in this order; each hook only where a callback defines it.

        Raises ConfigError for what is no callback.
        """
        for one in callbacks:
            if not isinstance(one, Callback):
                hint = f" Write {one.__name__}()." if isinstance(one, type) else ""
                raise ConfigError(f"callbacks are instances of glassnet.Callback, got {one!r:.80}.{hint}")
            if one.look_every is not None:
                integer_option(f"{type(one).__name__}.look_every", one.look_every, 1)
        self.callbacks = tuple(callbacks)
        self._lookers = [one for one in callbacks if type(one).on_look is not Callback.on_look]
        # Compiled steps are made many at a time, unless someone wants to be called around each.
        self.step_by_step = any(
            one.every_step and getattr(type(one), hook) is not getattr(Callback, hook)
            for one in callbacks
            for hook in ("on_step_start", "on_step_end")
        )
        self._hooks = {
            hook: [one for one in callbacks if getattr(type(one), hook) is not getattr(Callback, hook)]
            for hook in HOOKS
        }

    def stop(self, reason: str) -> None:
        """End the training after the current step."""
        self.stopped = reason

    def run(self) -> None:
        """Train until ``total_steps`` steps are made or someone calls ``stop``; Ctrl-C stops after the step
        at hand.

        Raises NonFiniteError when the loss is no longer a finite number; the network then holds the last weights
        with which it was.
        """
        parts = modules_of(self.net, self.loss)
        modes = [(module, module.training) for part in parts for module in part.modules()]
        self.go_back = self._to_here()
        started = time.perf_counter() - self.seconds
        self._notify("on_fit_start")
        try:
            with on_ctrl_c(lambda: self.stop("interrupted")):
                while True:
                    self.seconds = time.perf_counter() - started
                    if self.epoch_is_over:
                        self._end_epoch()
                    if self.step >= self.total_steps or self.stopped is not None:
                        break
                    for part in parts:
                        part.train()
                    self._epoch()
        except KeyboardInterrupt:
            self.stop("interrupted")
        finally:
            self.seconds = time.perf_counter() - started
            self.compiled.close()
            for module, mode in modes:
                module.training = mode
            with ExitStack() as ends:  # each is called, also when one before it fails, such as on a full disk
                for callback in reversed(self._hooks["on_fit_end"]):
                    ends.callback(self._call, callback, "on_fit_end")

    def _epoch(self) -> None:
        """The steps that are left of the current epoch."""
        done = self.step % self.steps_per_epoch
        order = batches(
            self.train,
            self.batch_size,
            seed=self.seed,
            epoch=self.epoch,
            shuffle=self.shuffle,
            drop_last=self.drop_last,
        )
        self._notify("on_epoch_start")
        end = min(len(order), done + self.total_steps - self.step)
        # NumPy's warnings about overflow are replaced by the check of every loss.
        with np.errstate(all="ignore"):
            while done < end and self.stopped is None:
                self._look(order, done)
                self._notify("on_step_start")
                made = self.compiled.make(order, done, min(end - done, self._until_look()))
                if not made:
                    self.make_step(*order[done])
                    made = 1
                done += made
                self._notify("on_step_end")

    def make_step(self, x: Tensor, y: Tensor) -> None:
        """Make a step eagerly.

        Raises NonFiniteError when the loss is no longer a finite number; the network then holds the last weights
        with which it was.
        """
        here = self._to_here()
        try:
            with training_step(self.seed, self.step):
                values = self.batch_step(x, y)
        except NonFiniteError as error:
            self.failure = error
            self.go_back()
            raise
        self.go_back = here
        self.optimizer_stepped()
        self.count({name: float(value) for name, value in values.items()}, len(y))

    def _to_here(self) -> Callable[[], None]:
        """A function that puts the weights of now back. No copy: an update makes new arrays."""
        return partial(_put_back, [(tensor, tensor.data) for tensor in self._tensors])

    def optimizer_stepped(self) -> None:
        """Let the schedule go on after a step of the optimizer."""
        if self.schedule is not None and self.schedule.monitor is None:
            self.schedule.step()

    def count(self, values: Mapping[str, float], rows: int) -> None:
        """Take notice of the values of a step that was made."""
        self.last_loss = values["total"]
        self.losses.add(values["loss"])  # without a penalty: what constants and other networks are compared with
        self.means.add({name: value for name, value in values.items() if name != "total"}, rows)
        self.step += 1

    def _look(self, order: Batches, number: int) -> None:
        """Where a callback wants to look inside of this step, make it once for show with its batch."""
        due = [one for one in self._lookers if one.next_look(self.step) == self.step]
        if not due:
            return
        try:
            with training_step(self.seed, self.step):
                found = look(self.batch_step, *order[number])
        except GlassnetError:  # the step itself says what is wrong
            return
        for one in due:
            self._call(one, "on_look", found)

    def _until_look(self) -> int:
        """How many steps may be made before the next look."""
        if self.step_by_step:
            return 1
        looks = [one.next_look(self.step + 1) for one in self._lookers]
        return min([self.total_steps, *(at for at in looks if at is not None)]) - self.step

    def _end_epoch(self) -> None:
        """Validate, and add the epoch's values to the history."""
        row = self.means.means()
        if self.val is not None:
            averaged = nullcontext() if self.average is None else self.average.applied()
            with averaged, np.errstate(all="ignore"):  # the history shows what is not finite
                validation = self.compiled.evaluate(self.val)
            row.update({f"val_{name}": value for name, value in validation.items()})
        self.means = Means()
        for name, value in {**row, "lr": self.optimizer.lr, "seconds": self.seconds}.items():
            self.history.setdefault(name, []).append(value)
        self.follow_plateau()
        self._notify("on_epoch_end")

    def follow_plateau(self) -> None:
        """Let a schedule that watches a value of the history see it; also after a resume."""
        if isinstance(self.schedule, ReduceLROnPlateau) and self.history:
            monitor = self.schedule.monitor
            if monitor not in self.history:
                raise ConfigError(
                    f"ReduceLROnPlateau cannot find {monitor!r}; the history has {', '.join(self.history)}. "
                    "Is there a validation split?"
                )
            self.schedule.observe(self.history[monitor])

    def _notify(self, hook: str) -> None:
        """Call a hook of every callback that defines it; an error on the way names the callback."""
        for callback in self._hooks[hook]:
            self._call(callback, hook)

    def _call(self, callback: Callback, hook: str, *more: Any) -> None:
        try:
            getattr(callback, hook)(self, *more)
        except Exception as error:
            error.add_note(f"raised by the callback {type(callback).__name__}.{hook}")
            raise


def _put_back(arrays: Sequence[tuple[Tensor, Array]]) -> None:
    for tensor, array in arrays:
        tensor.data = array


def cast(split: Split, dtype: np.dtype[Any]) -> Split:
    """Floating inputs and targets in the network's type, so that float64 data does not slow it down."""
    x, y = (a.astype(dtype, copy=False) if a.dtype.kind == "f" else a for a in (split.x, split.y))
    return split if x is split.x and y is split.y else Split(x, y, split.items)

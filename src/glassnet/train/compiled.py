"""Compiled steps in a training: when it pays, many at a time, and back to an eager step where one goes wrong.

A step is compiled for each size of batch. The state lives in the compiled code only while it runs: whoever looks at the
network between calls sees the weights, and may change them.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from glassnet.compiler.built_in import BuiltIn
from glassnet.compiler.packed import Packing
from glassnet.compiler.step import Bound, CompiledStep
from glassnet.data.batches import Batches
from glassnet.data.dataset import Split
from glassnet.engine.errors import ConfigError, GlassnetError, TraceError
from glassnet.engine.namespace import Array
from glassnet.engine.random import words_at
from glassnet.nn.penalty import PenaltySum
from glassnet.optim import Schedule
from glassnet.train.blas import free_blas, limit_blas
from glassnet.train.compiled_evaluation import CompiledEvaluation
from glassnet.train.evaluate import evaluate_split
from glassnet.train.metrics import columns
from glassnet.train.pays import compiling, eager_evaluation, saved_by_step

if TYPE_CHECKING:
    from glassnet.train.loop import Loop

Compile = bool | Literal["auto", "xla"]

#: Seconds that one call should take, so that Ctrl-C and the progress bar do not wait.
CALL_SECONDS = 0.05
#: Bytes of outputs and row numbers that one call may take.
CALL_BYTES = 2**24
#: How often something built in may change too soon before "auto" gives up.
PATIENCE = 3


class CompiledSteps:
    """The compiled steps of a loop; without any, ``make`` makes none.

    reason: why steps are made eagerly although they might be compiled, or None. retraces: why steps had to be compiled
    again.
    """

    def __init__(self, loop: Loop, choice: Compile) -> None:
        if not isinstance(choice, bool) and not (isinstance(choice, str) and choice in ("auto", "xla")):
            raise ConfigError(f"compile must be 'auto', True, False or 'xla', got {choice!r}.")
        self.choice = choice
        self.reason: str | None = None
        self.retraces: list[str] = []
        self._loop = loop
        self._programs: dict[int, CompiledStep | None] = {}  # by the rows of a batch; None stays eager
        self._costs: dict[int, tuple[float, int]] = {}  # what a step took the last time: seconds, and bytes told
        self._evaluation: CompiledEvaluation | None = None
        self._evaluates_eagerly = False
        self._since = 0  # the step from which on nothing built in has changed
        self._too_soon = 0
        self._limits_blas = False
        self._pack = Packing()
        self._begin()

    def make(self, order: Batches, first: int, most: int) -> int:
        """Make up to ``most`` steps, from batch ``first`` of an epoch on. Returns how many; 0 if it is not compiled."""
        if self.choice is False:
            return 0
        # Where nothing is compiled, what is built in matters only at the beginning of an epoch: looking takes its time.
        if first == 0 or not self._programs or any(self._programs.values()):
            self._check_built_in()
        size = len(order.rows(first))
        program = self._program(order, first)
        if program is None:
            return 0
        whole = len(order) - (len(order.rows(len(order) - 1)) < size)  # batches of this size
        count = max(1, min(most, whole - first, self._fitting(size)))
        rows = np.stack([order.rows(first + k) for k in range(count)])
        started = time.perf_counter()
        good = self._run(program, rows)
        self._costs[size] = (time.perf_counter() - started) / count, self._costs[size][1]
        if good < count:  # eagerly, to see and say what is wrong
            self._loop.make_step(*order[first + good])
            return good + 1
        return count

    def close(self) -> None:
        """The training is over."""
        if self._limits_blas:
            self._limits_blas = False
            free_blas()

    def _run(self, program: CompiledStep, rows: Array) -> int:
        """Make steps over these rows, (K, B), up to the first that goes wrong. Returns how many."""
        loop, count = self._loop, len(rows)
        state = self._bound.state()
        inputs = rows, self._rates(count), self._words(program, count)
        made = loop.optimizer.steps
        program.push()
        values = program.run(rows, inputs[1], made, inputs[2])
        holds = values.pop("holds")
        good = count if holds.all() else int(np.argmin(holds))
        self._costs[rows.shape[1]] = 0.0, sum(value.nbytes for value in values.values()) // count
        if good < count:  # go back, and make the good ones again
            inputs = inputs[0][:good], inputs[1][:good], inputs[2][:good]
            program.push()
            values = program.run(inputs[0], inputs[1], made, inputs[2]) if good else {}
        if good:
            self._take(program, values, inputs[0])
            loop.go_back = partial(_go_back, self._bound, program, state, inputs, made)
        return good

    def _words(self, program: CompiledStep, count: int) -> Array:
        """The random words of the coming steps, (K, S, 2)."""
        loop = self._loop
        streams = [words_at(loop.seed, loop.step, stream) for stream in program.streams]
        words = np.tile(np.array(streams, np.uint32).reshape(1, -1, 2), (count, 1, 1))
        words[:, :, 1] += np.arange(count, dtype=np.uint32)[:, None]
        return words

    def _rates(self, count: int) -> Array:
        """The learning rates of the coming steps, (K, G); the schedule stays where it is."""
        schedule, groups = self._loop.schedule, self._loop.optimizer.param_groups
        rates = np.tile([float(group["lr"]) for group in groups], (count, 1))
        if schedule is not None and schedule.monitor is None:  # the first are there, whoever has set them
            for k in range(1, count):
                rates[k] = [schedule.rate(schedule.last_step + k, base) for base in schedule.base_lrs]
        return rates

    def _take(self, program: CompiledStep, values: dict[str, Array], rows: Array) -> None:
        """Take over what steps left behind."""
        loop = self._loop
        made, size = rows.shape
        found = columns(values, loop.batch_step.metrics, loop.train.y, rows)
        program.pull()
        for tensor in self._bound.tensors.values():
            tensor.grad = None  # that of an earlier step would be taken for this one's
        loop.optimizer.steps += made
        if loop.schedule is not None and loop.schedule.monitor is None:
            loop.schedule.move_to(loop.schedule.last_step + made)
        for k in range(made):
            loop.count({name: column[k] for name, column in found.items()}, size)

    def evaluate(self, split: Split) -> dict[str, float]:
        """The loss and the metrics on a split, compiled where that pays over all epochs."""
        loop = self._loop
        metrics = loop.batch_step.metrics
        self._check_built_in()
        if self._evaluation is None and not self._evaluates_eagerly and self._evaluation_pays(split):
            try:
                self._refuse_hooks()
                with self._built_in.unchanged_by_step():
                    self._evaluation = CompiledEvaluation(loop.net, split, loop.loss, metrics, self._step_of)
            except (TraceError, ConfigError) as error:
                if self.choice != "auto":
                    raise
                self.reason = str(error)
        self._evaluates_eagerly = self._evaluation is None
        return evaluate_split(loop.net, split, loop.loss, metrics) if self._evaluation is None else self._evaluation()

    def _evaluation_pays(self, split: Split) -> bool:
        if self.choice != "auto":
            return self.choice is not False
        epochs = self._loop.total_steps // self._loop.steps_per_epoch
        return epochs * eager_evaluation(self._loop.net, len(split)) >= compiling(self._loop.net)

    def _fitting(self, size: int) -> int:
        """How many steps one call should make: one at first, to see what it takes."""
        if size not in self._costs:
            return 1
        seconds, told = self._costs[size]
        return min(int(CALL_SECONDS / seconds) + 1, CALL_BYTES // (8 * size + told) + 1)

    # Choosing

    def _program(self, order: Batches, first: int) -> CompiledStep | None:
        """The program for batches of the size of batch ``first``, or None if they are better made eagerly."""
        rows = order.rows(first)
        size = len(rows)
        if size not in self._programs:
            try:
                self._programs[size] = self._compiled(rows) if self._pays(size, order) else None
            except GlassnetError as error:
                if not isinstance(error, TraceError | ConfigError):
                    return None  # something is wrong with this batch: the eager step says it
                if self.choice != "auto":
                    raise
                self.reason = str(error)
                self._programs[size] = None
        return self._programs[size]

    def _pays(self, size: int, order: Batches) -> bool:
        """Whether to compile, by the amount of work in the whole training and never by a clock."""
        if self.choice != "auto":
            return True
        loop, batches = self._loop, len(order)
        rest = len(order.rows(batches - 1))
        per_epoch = 1 if size == rest < len(order.rows(0)) else batches - (rest < size)
        steps = loop.total_steps * per_epoch // batches
        if steps * saved_by_step(loop.net, size) >= compiling(loop.net):
            return True
        self.reason = self.reason or "the training is too short to pay for compiling"
        return False

    def _compiled(self, rows: Array) -> CompiledStep:
        """The compiled step for batches like this one. Raises TraceError or ConfigError if there is none."""
        loop = self._loop
        self._refuse_hooks()
        schedule = loop.schedule
        if schedule is not None and schedule.monitor is None and _has_own_step(schedule):
            raise ConfigError(
                f"{type(schedule).__name__} has a step() or move_to() of its own, which compiled steps cannot call. "
                "Define only rate(), or use compile=False."
            )
        with self._built_in.unchanged_by_step():
            return self._step_of(self._bound, loop.train, rows)

    def _step_of(self, bound: Bound, split: Split, rows: Array) -> CompiledStep:
        """A step over batches of a split; the first has these rows."""
        tables = {"data.x": split.x, "data.y": split.y}
        if self.choice == "xla":
            from glassnet.compiler.xla import XlaStep

            return XlaStep(bound, tables, len(rows))
        from glassnet.compiler.native import NativeStep

        if not self._limits_blas:
            limit_blas()
            self._limits_blas = True
        return NativeStep(bound, tables, len(rows), rows, self._pack)

    def _refuse_hooks(self) -> None:
        net = self._loop.net
        hooked = next((module for module in net.modules() if module._forward_hooks), None)
        if hooked is not None:
            raise ConfigError(
                f"{net.locate(hooked)} has a forward hook, which compiled steps cannot call. Remove it, or use "
                "compile=False."
            )

    def _begin(self) -> None:
        """Note what steps that are compiled from now on have built in."""
        loop, step = self._loop, self._loop.batch_step
        self._bound = Bound(step, step.tensors(), loop.optimizer, loop.net)
        owners = {"the network": loop.net, "the loss": loop.loss, "the penalty": step.penalty}
        owners |= {"the average of the weights": step.average, "the step": step}
        if isinstance(step.penalty, PenaltySum):
            owners |= {f"penalty {i}": part for i, part in enumerate(step.penalty.parts)}
        self._built_in = BuiltIn(owners, loop.optimizer)

    def _check_built_in(self) -> None:
        """Forget the programs if something changed that they have built in, such as a momentum or a mode."""
        changed = self._built_in.changes()
        if not changed:
            return
        step = self._loop.step
        if any(self._programs.values()):
            self.retraces.append(f"at step {step:,}: {', '.join(changed)} changed")
            saved = (step - self._since) * saved_by_step(self._loop.net, self._loop.batch_size)
            self._too_soon += saved < compiling(self._loop.net)
        self._since = step
        self._programs.clear()
        self._evaluation, self._evaluates_eagerly = None, False
        self._begin()
        if self.choice == "auto" and self._too_soon >= PATIENCE:
            self.choice, self.reason = False, f"compiling does not pay: {self.retraces[-1]}"


def _go_back(
    bound: Bound, program: CompiledStep, state: dict[str, Any], inputs: tuple[Array, Array, Array], made: int
) -> None:
    """Put the weights from before the last of some steps back: make those before it again, from the state of then."""
    states = [] if bound.optimizer is None else bound.optimizer.states
    bound.put(state)
    rows, rates, words = (array[:-1] for array in inputs)
    if len(rows):
        program.push()
        program.run(rows, rates, made, words)
        program.pull()
    if bound.optimizer is not None:
        bound.optimizer.states = states


def _has_own_step(schedule: Schedule) -> bool:
    kind = type(schedule)
    return kind.step is not Schedule.step or kind.move_to is not Schedule.move_to

"""Compiled steps in a training: when it pays, many at a time, and back to an eager step where one goes wrong.

A step is compiled for each size of batch. The state lives in the compiled code only while it runs: whoever looks at the
network between calls sees the weights, and may change them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from glassnet.compile.step import Bound, CompiledStep
from glassnet.data.batches import Batches
from glassnet.data.dataset import Split
from glassnet.engine.errors import ConfigError, TraceError
from glassnet.engine.namespace import Array
from glassnet.engine.random import words_at
from glassnet.train.compiled_evaluation import CompiledEvaluation
from glassnet.train.evaluate import evaluate_split
from glassnet.train.look import leaves

if TYPE_CHECKING:
    from glassnet.train.loop import Loop

Compile = bool | Literal["auto", "xla"]
CHOICES = ("auto", True, False, "xla")

#: Seconds that one call should take, so that Ctrl-C and the progress bar do not wait.
CALL_SECONDS = 0.05
#: Bytes of outputs and row numbers that one call may take.
CALL_BYTES = 2**24

# What things take, in seconds, about; measured with benchmarks/compiled_step.py. Only their ratio decides.
EAGER_STEP, EAGER_LAYER, EAGER_OPERATION = 1e-4, 5e-5, 1e-10
COMPILE, COMPILE_LAYER = 0.1, 0.06
EAGER_EVALUATION = 2e-11  # an operation, in large batches


class CompiledSteps:
    """The compiled steps of a loop; without any, ``make`` makes none.

    reason: why nothing is compiled although it might be, or None. retraces: why the step had to be compiled again.
    """

    def __init__(self, loop: Loop, choice: Compile) -> None:
        if choice not in CHOICES:
            raise ConfigError(f"compile must be 'auto', True, False or 'xla', got {choice!r}.")
        self.choice = choice
        self.reason: str | None = None
        self.retraces: list[str] = []
        self._loop = loop
        self._programs: dict[int, CompiledStep | None] = {}  # by the rows of a batch; None stays eager
        self._evaluation: CompiledEvaluation | None = None
        self._evaluates_eagerly = False
        self._options: dict[str, Any] = {}  # what the programs were made for
        self._seconds = 0.0  # that a step took, the last time
        self._bound = Bound(loop.batch_step, loop.batch_step.tensors(), loop.optimizer)

    def make(self, order: Batches, first: int, most: int) -> int:
        """Make up to ``most`` steps, from batch ``first`` of an epoch on. Returns how many; 0 if it is not compiled."""
        if self.choice is False:
            return 0
        self._check_options()
        size = len(order.rows(first))
        program = self._program(size, order)
        if program is None:
            return 0
        whole = len(order) - (len(order.rows(len(order) - 1)) < size)  # batches of this size
        count = max(1, min(most, whole - first, self._fitting(size)))
        rows = np.stack([order.rows(first + k) for k in range(count)])
        return self._run(program, rows, order, first)

    def _run(self, program: CompiledStep, rows: Array, order: Batches, first: int) -> int:
        """Make steps over these rows, (K, B)."""
        loop = self._loop
        started = time.perf_counter()
        program.push()
        values = self._call(program, rows)
        holds = values.pop("holds")
        good = len(rows) if holds.all() else int(np.argmin(holds))
        if good < len(rows):  # go back, and make the steps until there again; the bad one eagerly, to see what is wrong
            program.push()
            made = max(0, good - 1)
            values = self._call(program, rows[:made]) if made else {}
            self._take(program, values, made, rows.shape[1])
            for k in range(made, good + 1):
                loop.make_step(*order[first + k])
            return good + 1
        self._take(program, values, len(rows), rows.shape[1])
        self._seconds = (time.perf_counter() - started) / len(rows)
        return len(rows)

    def _call(self, program: CompiledStep, rows: Array) -> dict[str, Array]:
        loop, optimizer = self._loop, self._loop.optimizer
        count = len(rows)
        streams = [words_at(loop.seed, loop.step, stream) for stream in program.streams]
        words = np.tile(np.array(streams, np.uint32).reshape(1, -1, 2), (count, 1, 1))
        words[:, :, 1] += np.arange(count, dtype=np.uint32)[:, None]
        return program.run(rows, self._rates(count), optimizer.steps, words)

    def _rates(self, count: int) -> Array:
        """The learning rates of the coming steps, (K, G); the schedule stays where it is."""
        schedule, groups = self._loop.schedule, self._loop.optimizer.param_groups
        if schedule is None or schedule.monitor is not None:
            return np.tile([group["lr"] for group in groups], (count, 1))
        steps = range(schedule.last_step, schedule.last_step + count)
        return np.array([[schedule.rate(step, base) for base in schedule.base_lrs] for step in steps])

    def _take(self, program: CompiledStep, values: dict[str, Array], made: int, size: int) -> None:
        """Take over what steps left behind."""
        if not made:
            return
        loop = self._loop
        program.pull()
        loop.optimizer.steps += made
        if loop.schedule is not None and loop.schedule.monitor is None:
            loop.schedule.move_to(loop.schedule.last_step + made)
        columns = {name: array.astype(np.float64).tolist() for name, array in values.items() if name != "holds"}
        for k in range(made):
            loop.count({name: column[k] for name, column in columns.items()}, size)

    def _fitting(self, size: int) -> int:
        """How many steps one call should make."""
        count = 8 if not self._seconds else int(CALL_SECONDS / self._seconds) + 1
        return min(count, max(1, CALL_BYTES // (8 * size)))

    # Choosing

    def _program(self, size: int, order: Batches) -> CompiledStep | None:
        """The program for batches of this size, or None if they are better made eagerly."""
        if size not in self._programs:
            self._programs[size] = self._compiled(size) if self._pays(size, order) else None
        return self._programs[size]

    def _pays(self, size: int, order: Batches) -> bool:
        """Whether to compile, by the amount of work in the whole training and never by a clock."""
        if self.choice != "auto":
            return True
        loop = self._loop
        layers = len(leaves(loop.net))
        operations = 6 * size * sum(parameter.size for parameter in loop.net.parameters())
        batches = len(order)
        rest = len(order.rows(batches - 1))
        per_epoch = 1 if size == rest < len(order.rows(0)) else batches - (rest < size)
        steps = loop.total_steps * per_epoch // batches
        eager = steps * (EAGER_STEP + EAGER_LAYER * layers + EAGER_OPERATION * operations)
        if eager >= COMPILE + COMPILE_LAYER * layers:
            return True
        self.reason = "the training is too short"
        return False

    def evaluate(self, split: Split) -> dict[str, float]:
        """The loss and the metrics on a split, compiled where that pays over all epochs."""
        loop = self._loop
        if self._evaluation is None and not self._evaluates_eagerly:
            layers = len(leaves(loop.net))
            epochs = loop.total_steps // loop.steps_per_epoch
            eager = epochs * (EAGER_EVALUATION * 2 * len(split) * sum(p.size for p in loop.net.parameters()))
            wanted = self.choice is not False and (self.choice != "auto" or eager > COMPILE + COMPILE_LAYER * layers)
            try:
                if wanted and not any(module._forward_hooks for module in loop.net.modules()):
                    self._evaluation = CompiledEvaluation(
                        loop.net, split, loop.loss, loop.batch_step.metrics, self._step_class()
                    )
            except TraceError as error:
                self.reason = str(error)
            self._evaluates_eagerly = self._evaluation is None
        if self._evaluation is None:
            return evaluate_split(loop.net, split, loop.loss, loop.batch_step.metrics)
        return self._evaluation()

    def _step_class(self) -> Callable[[Bound, Mapping[str, Array], int], CompiledStep]:
        """What compiles a step."""
        if self.choice == "xla":
            from glassnet.compile.xla import XlaStep

            return XlaStep
        from glassnet.compile.native import NativeStep

        return NativeStep

    def _compiled(self, size: int) -> CompiledStep | None:
        loop = self._loop
        hooked = next((module for module in loop.net.modules() if module._forward_hooks), None)
        tables = {"data.x": loop.train.x, "data.y": loop.train.y}
        try:
            if hooked is not None:
                raise ConfigError(
                    f"{loop.net.locate(hooked)} has a forward hook, which compiled steps cannot call. Remove it, or "
                    "use compile=False."
                )
            return self._step_class()(self._bound, tables, size)
        except (TraceError, ConfigError) as error:
            if self.choice != "auto":
                raise
            self.reason = str(error)
            return None

    def _check_options(self) -> None:
        """Forget the programs if something changed that they have built in, such as a momentum or a mode."""
        now = self._built_in()
        if self._programs and now != self._options:
            changed = [name for name in {**self._options, **now} if self._options.get(name) != now.get(name)]
            self.retraces.append(f"at step {self._loop.step:,}: {', '.join(changed)} changed")
            self._programs.clear()
            self._evaluation, self._evaluates_eagerly = None, False
        self._options = now

    def _built_in(self) -> dict[str, Any]:
        """The options that a recorded step has built in as constants."""
        found: dict[str, Any] = {}
        for i, group in enumerate(self._loop.optimizer.param_groups):
            options = {name: value for name, value in group.items() if name not in ("params", "lr", "initial_lr")}
            found[f"options of parameter group {i}"] = options
        for path, module in self._loop.net.named_modules():
            plain = {k: v for k, v in vars(module).items() if isinstance(v, bool | int | float | str)}
            found[f"options of {path or 'the network'}"] = plain
        found["which parameters are trained"] = [p.requires_grad for p in self._loop.net.parameters()]
        return found

"""A training step as a pure function: state and inputs in, new state and outputs out.

The library's own step reads and replaces what tensors and optimizers hold. ``Bound`` puts other arrays there for the
time of one call, whichever kind they are (recording ones, those of jax), runs the step and takes out what it left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import reduce
from operator import and_
from typing import Any, Protocol

import numpy as np

from glassnet.compiler.packed import Packed
from glassnet.compiler.record import Record
from glassnet.compiler.trace import Trace, Traced, TracingNamespace, as_traced, user_line
from glassnet.engine.errors import TraceError
from glassnet.engine.namespace import Array
from glassnet.engine.random import training_step
from glassnet.engine.scope import scope
from glassnet.engine.tensor import Tensor
from glassnet.nn.module import Module
from glassnet.optim import Optimizer

#: function(x, y), a batch of each table -> the values that the step tells, by name.
Step = Callable[..., Mapping[str, Any]]


class Bound:
    """A step with what it reads and changes: the tensors of a network, by name, and the state of an optimizer with
    what else it trains.
    """

    def __init__(
        self, function: Step, tensors: Mapping[str, Tensor], optimizer: Optimizer | None, net: Module | None = None
    ) -> None:
        self.net = net  # knows the paths of layers, for people
        self.function = function
        self.tensors = dict(tensors)
        self.optimizer = optimizer
        known = set(map(id, self.tensors.values()))
        for i, parameter in enumerate([] if optimizer is None else optimizer.parameters):
            if id(parameter) not in known:
                self.tensors[f"parameter {i} of the optimizer"] = parameter

    def state(self) -> dict[str, Any]:
        """What is there now, by name: ``net.layers.0.weight``, ``optimizer.3.momentum``."""
        found = {f"net.{name}": tensor.data for name, tensor in self.tensors.items()}
        if self.optimizer is not None:
            for i, arrays in enumerate(self.optimizer.states):
                found.update({f"optimizer.{i}.{k}": array for k, array in enumerate(arrays)})
        return found

    def put(self, state: Mapping[str, Any]) -> None:
        """Put other arrays there."""
        for name, tensor in self.tensors.items():
            tensor.data = state[f"net.{name}"]
        if self.optimizer is not None:
            self.optimizer.states = [
                tuple(state[f"optimizer.{i}.{k}"] for k in range(len(arrays)))
                for i, arrays in enumerate(self.optimizer.states)
            ]

    def rates(self) -> list[float]:
        """The learning rate of each group of parameters now."""
        return [] if self.optimizer is None else [float(group["lr"]) for group in self.optimizer.param_groups]

    def eagerly(self, batch: Sequence[Array]) -> None:
        """One step as it is without compiling, of which nothing stays but its errors."""
        with self.holding(self.state(), self.rates(), 0), training_step(0, 0):
            self.function(*map(Tensor, batch))

    @contextmanager
    def holding(self, state: Mapping[str, Any], rates: list[Any], number: Any) -> Iterator[None]:
        """Hold this state, these learning rates and the number of steps so far; afterwards all is as before."""
        before, gradients = self.state(), [(tensor, tensor.grad) for tensor in self.tensors.values()]
        optimizer = self.optimizer
        groups = [] if optimizer is None else optimizer.param_groups
        steps, old_rates = (0 if optimizer is None else optimizer.steps), [group["lr"] for group in groups]
        try:
            self.put(state)
            for group, rate in zip(groups, rates, strict=True):
                group["lr"] = rate
            if optimizer is not None:
                optimizer.steps = number
            for tensor, _ in gradients:
                tensor.grad = None
            yield
        finally:
            self.put(before)
            for tensor, gradient in gradients:
                tensor.grad = gradient
            for group, rate in zip(groups, old_rates, strict=True):
                group["lr"] = rate
            if optimizer is not None:
                optimizer.steps = steps


class Recorder:
    """What a recorded step asks its surroundings for: random words are inputs, conditions are outputs.

    tables: the arrays that batches are taken from. words: (k, stream) -> the k-th words, for the layer of the stream.
    table_of: array -> the name of the table that its elements are taken from, or None if nobody knows.
    layers: id of a module -> its place in the network.
    optimizer: the one whose state is known.
    """

    def __init__(
        self,
        tables: Mapping[str, Array],
        words: Callable[[int, int], Any],
        table_of: Callable[[Any], str | None],
        optimizer: Optimizer | None = None,
        layers: Mapping[int, str] | None = None,
    ) -> None:
        self.tables = tables
        self.optimizer = optimizer
        self.layers = layers or {}
        self.streams: list[int] = []
        self.conditions: list[Any] = []
        self._words = words
        self._table_of = table_of

    def words(self, stream: int) -> Any:
        """The words of a layer, an input of the step; ``streams`` says for which layer the k-th are."""
        self.streams.append(stream)
        return self._words(len(self.streams) - 1, stream)

    def require(self, holds: Any) -> None:
        """A condition that must hold in every step."""
        self.conditions.append(holds)

    def updates(self, optimizer: Optimizer) -> None:
        """Raises TraceError for an optimizer that makes a step although nobody said so: its state would be lost."""
        if optimizer is not self.optimizer:
            raise TraceError(
                f"step() of {type(optimizer).__name__} at {user_line()} cannot be compiled: the step was not compiled "
                "with this optimizer. Pass it, as in glassnet.compile(step, net, optimizer)."
            )

    def trains(self, tensor: Tensor) -> None:
        """Raises TraceError for a tensor with a gradient whose numbers are not known to be state."""
        if isinstance(tensor.data, np.ndarray):
            raise TraceError(
                f"backward() at {user_line()} cannot be compiled: a tensor of shape {tensor.shape} that belongs "
                "neither to the network nor to the optimizer gets a gradient. Make it an nn.Parameter of the network."
            )

    def may_hold(self, array: Any, value: int) -> bool:
        """Whether a value may stand in the array in some step: read off the table that it is taken from."""
        table = self._table_of(array)
        return table is None or bool((self.tables[table] == value).any())


def computed(
    bound: Bound,
    xp: Any,
    recorder: Recorder,
    state: Mapping[str, Any],
    rates: list[Any],
    number: Any,
    batch: Sequence[Any],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """One step over arrays of the namespace ``xp``: the state after it, and what it tells; ``holds`` says whether
    every condition does, if there are any.

    Raises TraceError for a state that changes its shape or type, which the next step could not take.
    """
    surroundings = scope.xp, scope.tracer
    scope.xp, scope.tracer = xp, recorder
    try:
        with bound.holding(state, rates, number):
            values = bound.function(*map(Tensor, batch))
            after = bound.state()
    finally:
        scope.xp, scope.tracer = surroundings
    for name, array in after.items():
        old = state[name]
        if array.shape != old.shape or array.dtype != old.dtype:
            raise TraceError(
                f"{name} must keep its shape and type in a step that is to be compiled: it was {old.dtype} {old.shape} "
                f"and became {array.dtype} {array.shape}. Cast the data to the network's type, or use compile=False."
            )
    told = {name: value.data if isinstance(value, Tensor) else value for name, value in values.items()}
    if recorder.conditions:
        told["holds"] = reduce(and_, recorder.conditions)
    return after, told


def record_step(
    bound: Bound,
    tables: Mapping[str, Array],
    rows: Array | None,
    number: int,
    words: Callable[[int], Array],
    small: Mapping[str, Packed] | None = None,
) -> tuple[Record, Recorder]:
    """The record of one step over some rows of the tables, computed on the way.

    tables: the arrays that batches are taken from, ``data.x`` first; without ``rows`` they are the first batch
    themselves, and other batches come in their place. number: how many steps were made before.
    words: the random words of a layer in this step, by its stream. small: tables that are read as bytes instead.
    """
    trace = Trace()
    small = small or {}
    state = {name: trace.input(name, array) for name, array in bound.state().items()}
    rates = [trace.input(f"step.lr.{i}", rate) for i, rate in enumerate(bound.rates())]
    count = trace.input("step.number", number)
    batch = {name: trace.input(name, small[name].codes if name in small else table) for name, table in tables.items()}
    if rows is not None:
        places = trace.input("step.rows", np.asarray(rows, np.int64))
        batch = {name: table[places] for name, table in batch.items()}
    batch = {name: small[name].unpack(part) if name in small else part for name, part in batch.items()}

    def table_of(array: Any) -> str | None:
        node: Any = array.node if isinstance(array, Traced) else None
        while node is not None and node.operation in ("gather", "reshape", "astype"):
            node = node.inputs[0]
        known = rows is not None and node is not None and node.operation == "input" and node.name in tables
        return node.name if known else None

    def words_of(k: int, stream: int) -> Any:
        return trace.input(f"step.words.{k}", words(stream))

    layers = {} if bound.net is None else {id(m): bound.net.locate(m) for m in bound.net.modules()}
    recorder = Recorder(tables, words_of, table_of, bound.optimizer, layers)
    after, told = computed(bound, TracingNamespace(), recorder, state, rates, count, list(batch.values()))
    record = trace.record
    record.state = {name: as_traced(array).node for name, array in after.items()}
    record.outputs = {name: as_traced(value).node for name, value in told.items()}
    return record, recorder


class CompiledStep(Protocol):
    """A step that was compiled, natively or by XLA; it has a copy of the state of its own.

    ``run`` makes K steps and returns what they tell, each value with a leading axis of length K.
    rows (K, B) int64: which rows of the tables. rates (K, G): the learning rate of each group of parameters.
    number: how many steps were made before. words (K, S, 2) uint32: what the random bits are made from, for each
    of ``streams``.
    """

    streams: list[int]

    def push(self) -> None:
        """Take the state from the tensors and the optimizer."""

    def pull(self) -> None:
        """Put the state into the tensors and the optimizer."""

    def run(self, rows: Array, rates: Array, number: int, words: Array) -> dict[str, Array]:
        """Make steps."""

"""``glassnet.compile``: one's own training step, or a whole network, as native code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, overload

import numpy as np

from glassnet.compile.native import NativeStep
from glassnet.compile.step import Bound
from glassnet.engine.convert import as_array
from glassnet.engine.errors import ConfigError, DataError
from glassnet.engine.namespace import Array
from glassnet.engine.random import moment, words_at
from glassnet.engine.tensor import Tensor, TensorLike
from glassnet.nn.module import Module
from glassnet.nn.predict import evaluating, labels_of, probabilities_of
from glassnet.nn.state import named_tensors
from glassnet.optim import Optimizer

#: The state that the step changes, in the module that holds it.
Key = tuple[Any, ...]


class CompiledFunction:
    """A step that was compiled: call it with the arrays of a batch.

    source: the loops as Python. retraces: why it was compiled more than once.
    """

    def __init__(self, function: Callable[..., Any], net: Module, optimizer: Optimizer | None) -> None:
        self._function, self._net, self._optimizer = function, net, optimizer
        self._steps: dict[Key, NativeStep] = {}
        self._latest: NativeStep | None = None
        self._single = False  # whether the function returns one value, not several by name
        self.retraces: list[str] = []

    def __call__(self, *batch: TensorLike) -> Any:
        """Make a step, and return what the function returns: a tensor, or a dict of tensors.

        The network and the optimizer are changed as by the function itself. Raises DataError where it would.
        """
        arrays = {f"data.{i}": np.ascontiguousarray(as_array(_data(x))) for i, x in enumerate(batch)}
        step = self._step(arrays)
        optimizer, streams = self._optimizer, step.streams
        words = np.zeros((1, len(streams), 2), np.uint32)
        if streams:
            seed, number = moment()
            words[0] = [words_at(seed, number, stream) for stream in streams]
        rates = np.array([step.bound.rates()])
        made = 0 if optimizer is None else optimizer.steps
        rows = len(next(iter(arrays.values())))
        step.push()
        values = step.run(np.arange(rows)[None], rates, made, words, arrays)
        if not values.pop("holds", np.array([True])).all():
            return self._function(*batch)  # raises, and says what is wrong with this batch
        step.pull()
        if optimizer is not None:
            optimizer.steps += 1
        told = {name: Tensor(value[0]) for name, value in values.items()}
        return told["value"] if self._single else told

    @property
    def source(self) -> str:
        """The loops of the last step as Python."""
        return self._made().source

    def explain(self) -> str:
        """A table of the loops of the last step with their time, arithmetic and memory."""
        return self._made().explain()

    def _made(self) -> NativeStep:
        if self._latest is None:
            raise ConfigError("nothing is compiled before the first call, which tells the shapes.")
        return self._latest

    def _step(self, arrays: Mapping[str, Array]) -> NativeStep:
        shapes = tuple((array.shape, array.dtype.str) for array in arrays.values())
        modes = tuple(module.training for module in self._net.modules())
        groups = [] if self._optimizer is None else self._optimizer.param_groups
        options = tuple(tuple((k, v) for k, v in g.items() if k not in ("params", "lr", "initial_lr")) for g in groups)
        key = shapes, modes, options
        if key not in self._steps:
            if self._steps:
                names = ("the shapes of the batch", "the modes of the layers", "the options of the optimizer")
                last = list(self._steps)[-1]
                changed = [name for name, a, b in zip(names, key, last, strict=True) if a != b]
                self.retraces.append(f"{' and '.join(changed)} changed")
            bound = Bound(self._told, dict(named_tensors(self._net)), self._optimizer, self._net)
            rows = len(next(iter(arrays.values())))
            self._steps[key] = NativeStep(bound, arrays, rows)
        self._latest = self._steps[key]
        return self._latest

    def _told(self, *batch: Tensor) -> dict[str, Any]:
        found = self._function(*batch)
        self._single = not isinstance(found, Mapping)
        return {"value": found} if self._single else dict(found)


class CompiledNetwork:
    """A network in evaluation mode that was compiled: ``outputs``, ``predict`` and ``predict_proba``.

    It always has the weights that the network has at the time.
    """

    def __init__(self, net: Module, batch_size: int = 1024) -> None:
        self.net = net
        self.batch_size = batch_size
        self._steps: dict[Key, NativeStep] = {}

    def outputs(self, x: Any) -> Array:
        """What the network computes for each row of x (N, ...) -> (N, ...)."""
        rows = np.ascontiguousarray(as_array(x))
        if not rows.ndim or not len(rows):
            raise DataError(f"x must have at least one row, got shape {rows.shape}.")
        if rows.dtype.kind == "f":
            rows = rows.astype(self.net.dtype, copy=False)
        size = min(self.batch_size, len(rows))
        step = self._step(rows, size)
        count = -(-len(rows) // size)
        numbers = np.minimum(np.arange(count * size), len(rows) - 1).reshape(count, size)  # the last row fills up
        step.push()
        values = step.run(numbers, np.zeros((count, 0)), 0, np.zeros((count, 0, 2)), {"data.x": rows})
        if not values.pop("holds", np.array([True])).all():
            with evaluating(self.net):
                self.net(Tensor(rows))  # raises, and says what is wrong
        found = values["outputs"]
        whole: Array = found.reshape(count * size, *found.shape[2:])[: len(rows)]
        return whole

    def predict(self, x: Any) -> Array:
        """As ``net.predict``."""
        return labels_of(self.net, self.outputs(x))

    def predict_proba(self, x: Any) -> Array:
        """As ``net.predict_proba``."""
        return probabilities_of(self.net, self.outputs(x))

    @property
    def source(self) -> str:
        """The loops as Python, after the first prediction."""
        if not self._steps:
            raise ConfigError("nothing is compiled before the first prediction, which tells the shapes.")
        return list(self._steps.values())[-1].source

    def _step(self, rows: Array, size: int) -> NativeStep:
        key = rows.shape[1:], rows.dtype.str, size
        if key not in self._steps:

            def forward(x: Tensor) -> dict[str, Any]:
                with evaluating(self.net):
                    return {"outputs": self.net(x)}

            bound = Bound(forward, dict(named_tensors(self.net)), None, self.net)
            self._steps[key] = NativeStep(bound, {"data.x": rows}, size)
        return self._steps[key]


@overload
def compile(function: Module) -> CompiledNetwork: ...  # noqa: A001


@overload
def compile(  # noqa: A001
    function: Callable[..., Any], net: Module, optimizer: Optimizer | None = None
) -> CompiledFunction: ...


def compile(  # noqa: A001  # glassnet.compile
    function: Module | Callable[..., Any], net: Module | None = None, optimizer: Optimizer | None = None
) -> CompiledNetwork | CompiledFunction:
    """Native code for a training step of one's own, or for a network.

    function: a step that takes the arrays of a batch, changes ``net`` and ``optimizer`` and returns tensors; or a
    network, which is compiled for predictions.

    >>> digits = data.load("digits")
    >>> net = nn.Sequential(nn.Linear(784, 16), nn.ReLU(), nn.Linear(16, 10))
    >>> optimizer = optim.SGD(net.parameters(), lr=0.1)
    >>> def step(xb, yb):
    ...     loss = nn.functional.cross_entropy(net(xb), yb)
    ...     optimizer.zero_grad()
    ...     loss.backward()
    ...     optimizer.step()
    ...     return loss
    >>> step = gn.compile(step, net, optimizer)
    >>> for xb, yb in data.batches(digits.train, 100):
    ...     loss = step(xb, yb)
    >>> loss.shape, optimizer.steps
    ((), 75)

    The first call records the step; batches of other shapes are compiled anew (``step.retraces`` says why). Learning
    rates may change from call to call. What depends on a number that is computed, such as ``if loss < 1``, raises a
    TraceError. ``step.source`` shows the loops, ``step.explain()`` their times.
    """
    if isinstance(function, Module) and net is None:
        return CompiledNetwork(function)
    if not callable(function) or net is None:
        raise ConfigError(
            "compile() takes a network, or a step with the network that it trains: compile(step, net, optimizer)."
        )
    return CompiledFunction(function, net, optimizer)


def _data(x: Any) -> Any:
    return x.data if isinstance(x, Tensor) else x

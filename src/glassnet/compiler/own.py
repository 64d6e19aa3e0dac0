"""``glassnet.compile``: one's own training step, or a whole network, as native code."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, overload

import numpy as np

from glassnet.compiler.built_in import BuiltIn
from glassnet.compiler.native import NativeStep
from glassnet.compiler.step import Bound, Step
from glassnet.compiler.trace import Traced, user_line
from glassnet.engine.convert import as_array
from glassnet.engine.errors import ConfigError, TraceError
from glassnet.engine.namespace import Array
from glassnet.engine.random import moment, words_at
from glassnet.engine.scope import scope
from glassnet.engine.tensor import Tensor, TensorLike
from glassnet.nn.module import Module
from glassnet.nn.predict import checked_rows, evaluating, labels_of, probabilities_of
from glassnet.nn.state import named_tensors
from glassnet.optim import Optimizer

#: How many steps for the same shapes are kept, compiled with other options of layers or the optimizer.
MOST = 8


@dataclass
class Made:
    """A step that was compiled, and what it has built in.

    names: of the values that it returned, in order; None if that was one tensor or nothing. updates: how many steps of
    the optimizer it makes.
    """

    step: NativeStep
    built_in: BuiltIn
    names: list[str] | None = None
    updates: int = 0


class Compiled:
    """What was compiled for arrays of each shape.

    retraces: why it was compiled more than once.
    """

    def __init__(self, function: Step, net: Module, optimizer: Optimizer | None) -> None:
        self.net = net
        self.retraces: list[str] = []
        self._step, self._optimizer = function, optimizer
        self._made: dict[Any, list[Made]] = {}  # by the shapes of the arrays
        self._latest: NativeStep | None = None
        self._noted: tuple[list[str] | None, int] = (None, 0)  # while a step was recorded: its names and updates
        self._lock = threading.RLock()  # the numbers lie in the memory of the compiled code while it runs

    @property
    def source(self) -> str:
        """The loops that ran last, as Python."""
        return self._last().source

    def explain(self) -> str:
        """A table of the loops that ran last, with their time, arithmetic and memory."""
        return self._last().explain()

    def _last(self) -> NativeStep:
        if self._latest is None:
            raise ConfigError("nothing is compiled before the first call, which tells the shapes.")
        return self._latest

    def _made_for(self, arrays: Mapping[str, Array]) -> Made:
        """The compiled step for these arrays and what the network and the optimizer are like now."""
        key = tuple((array.shape, array.dtype.str) for array in arrays.values())
        known = self._made.setdefault(key, [])
        fitting = next((made for made in known if not made.built_in.changes()), None)
        if fitting is None:
            if known:
                self.retraces.append(f"{', '.join(known[-1].built_in.changes())} changed")
            elif self._latest is not None:
                self.retraces.append("the shapes or types of the batch changed")
            bound = Bound(self._step, dict(named_tensors(self.net)), self._optimizer, self.net)
            built_in = BuiltIn({"the network": self.net}, self._optimizer)
            with built_in.unchanged_by_step():
                fitting = Made(NativeStep(bound, arrays, None), built_in, *self._noted)
            known[:] = [*known, fitting][-MOST:]
        self._latest = fitting.step
        return fitting


class CompiledFunction(Compiled):
    """A step that was compiled: call it with the arrays of a batch."""

    def __init__(self, function: Callable[..., Any], net: Module, optimizer: Optimizer | None) -> None:
        super().__init__(self._told, net, optimizer)
        self._function = function

    def __call__(self, *batch: TensorLike) -> Any:
        """Make a step, and return what the function returns: a tensor, a dict of tensors, or None.

        The network and the optimizer are changed as by the function itself, but for gradients: they are None
        afterwards. Raises what the function raises for a batch that is wrong.
        """
        arrays = {f"data.{i}": self._array(x) for i, x in enumerate(batch)}
        with self._lock:
            made = self._made_for(arrays)
            step = made.step
            words = np.zeros((1, len(step.streams), 2), np.uint32)
            for k, stream in enumerate(step.streams):
                words[0, k] = words_at(*moment(), stream)
            optimizer = self._optimizer
            step.push()
            number = 0 if optimizer is None else optimizer.steps
            values = step.run(np.zeros((1, 0)), np.array([step.bound.rates()]), number, words, arrays)
            if not values.pop("holds", np.array([True])).all():
                return self._function(*batch)  # raises, and says what is wrong with this batch
            step.pull()
            for tensor in step.bound.tensors.values():
                tensor.grad = None
            if optimizer is not None:
                optimizer.steps += made.updates
        told = {name.removeprefix(_TOLD): Tensor(value[0]) for name, value in values.items()}
        return told.get("") if made.names is None else {name: told[name] for name in made.names}

    def _array(self, x: Any) -> Array:
        """A batch as an array; as anywhere in a network, floats that are no tensors take its type."""
        array = x.data if isinstance(x, Tensor) else as_array(x)
        if array.dtype.kind == "f" and not isinstance(x, Tensor):
            array = as_array(x, self.net.dtype)
        return array if array.flags.c_contiguous else np.ascontiguousarray(array)

    def _told(self, *batch: Tensor) -> dict[str, Any]:
        """What the function returns, by names."""
        optimizer = self._optimizer
        before = 0 if optimizer is None else _number(optimizer.steps)
        if scope.tracer is not None:
            for parameter in self.net.parameters():
                if parameter.requires_grad:
                    parameter.grad = _EARLIER  # type: ignore[assignment]  # what reads it is refused
        found = self._function(*batch)
        names = list(found) if isinstance(found, dict) else None
        self._noted = names, 0 if optimizer is None else _number(optimizer.steps) - before
        named = found if isinstance(found, dict) else {} if found is None else {"": found}
        for value in named.values():
            if not isinstance(value, Tensor | Traced | np.ndarray):
                raise ConfigError(
                    "a step that is to be compiled returns a tensor, a dict of tensors or nothing, got "
                    f"{type(value).__name__}."
                )
        return {f"{_TOLD}{name}": value for name, value in named.items()}


#: Before the names of what the function returns.
_TOLD = "told."


class _Earlier:
    """Stands for the gradient of an earlier call."""

    def _refuse(self, _other: Any) -> Any:
        raise TraceError(
            f"the step at {user_line()} uses gradients of an earlier call, which compiled steps do not keep. Call "
            "zero_grad() before backward(), or add up the losses of several batches in one step."
        )

    __add__ = __radd__ = __mul__ = __rmul__ = __sub__ = __rsub__ = _refuse


_EARLIER = _Earlier()


def _number(x: Any) -> int:
    return int(x.value if isinstance(x, Traced) else x)


class CompiledNetwork(Compiled):
    """A network in evaluation mode that was compiled: ``outputs``, ``predict`` and ``predict_proba``.

    It always has the weights that the network has at the time.
    """

    #: Rows that are computed at once.
    BATCH = 1024

    def __init__(self, net: Module) -> None:
        super().__init__(lambda x: {"outputs": net(x)}, net, None)

    def outputs(self, x: Any) -> Array:
        """What the network computes for each row of x (N, ...) -> (N, ...)."""
        rows = checked_rows(self.net, x)
        size = min(self.BATCH, 1 << (len(rows) - 1).bit_length())  # a power of two: few programs serve all lengths
        with self._lock, evaluating(self.net):
            parts = [self._batch(rows[i : i + size], size) for i in range(0, len(rows), size)]
        return np.concatenate(parts)

    def predict(self, x: Any) -> Array:
        """As ``net.predict``."""
        return labels_of(self.net, self.outputs(x))

    def predict_proba(self, x: Any) -> Array:
        """As ``net.predict_proba``."""
        return probabilities_of(self.net, self.outputs(x))

    def _batch(self, rows: Array, size: int) -> Array:
        """The outputs of at most ``size`` rows."""
        count = len(rows)
        if count < size:
            rows = np.concatenate([rows, np.repeat(rows[-1:], size - count, 0)])  # the last row fills up
        arrays = {"data.x": np.ascontiguousarray(rows)}
        step = self._made_for(arrays).step
        step.push()
        words = np.zeros((1, len(step.streams), 2), np.uint32)
        values = step.run(np.zeros((1, 0)), np.zeros((1, 0)), 0, words, arrays)
        if not values.pop("holds", np.array([True])).all():
            self.net(Tensor(rows))  # raises, and says what is wrong
        found: Array = values["outputs"][0, :count]
        return found


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

    function: a step that takes the arrays of a batch, changes ``net`` and ``optimizer`` and returns a tensor or a dict
    of tensors; or a network, which is compiled for predictions.

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

    The first call records the step. Batches of other shapes, and layers or optimizers with other options, are compiled
    anew (``step.retraces`` says why); learning rates may change from call to call. Everything else that the function
    takes from outside, such as a number or an array of the program around it, stays as it was in the first call. What
    depends on a number that is computed, such as ``if loss < 1``, raises a TraceError. ``step.source`` shows the loops,
    ``step.explain()`` their times.

    Raises ConfigError for other arguments, and where llvmlite is missing.
    """
    if isinstance(function, Module) and net is None and optimizer is None:
        return CompiledNetwork(function)
    if isinstance(function, Module) or not callable(function) or not isinstance(net, Module):
        raise ConfigError(
            "compile() takes a network, or a step with the network that it trains: compile(step, net, optimizer)."
        )
    if optimizer is not None and not isinstance(optimizer, Optimizer):
        raise ConfigError(f"compile() takes an optimizer as its third argument, got {optimizer!r:.80}.")
    return CompiledFunction(function, net, optimizer)

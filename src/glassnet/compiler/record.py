"""The record of a computation: every array that was computed, in order, and from what.

A ``Value`` is one array: the primitive that made it, its inputs, and where in the user's program that was. Values are
in single assignment: none is written twice. Numbers of Python stand among the inputs as they are. A ``Record`` also
knows which values come in (data, inputs of the step, state) and which go out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np

Number = bool | int | float
Shape = tuple[int, ...]

_numbers = count()

#: Primitives that compute each element from the elements at the same place.
ELEMENTWISE = frozenset(
    (
        *("add", "subtract", "multiply", "divide", "power", "negate", "remainder", "abs", "sign", "sqrt"),
        *("exp", "expm1", "log", "log1p", "sin", "cos", "tanh", "erf", "maximum", "minimum", "where", "astype"),
        *("less", "less_equal", "greater", "greater_equal", "equal", "not_equal"),
        *("logical_and", "logical_or", "logical_not", "bitwise_xor", "right_shift"),
    )
)
#: Primitives that reduce over axes.
REDUCTIONS = frozenset(("sum", "max", "min", "argmax"))
#: Primitives that only say where elements are.
MOVEMENTS = frozenset(("reshape", "permute", "broadcast", "slice", "windows"))
#: Where a record begins.
SOURCES = frozenset(("input", "constant", "full", "arange"))


@dataclass(frozen=True)
class Origin:
    """Where a value was computed: the layer, such as ``2 (Linear 16 -> 10)``, and the user's line, ``train.py:12``."""

    layer: str = ""
    line: str = ""


@dataclass(eq=False)
class Value:
    """One array of a record.

    operation: the name of the primitive. inputs: values, and numbers of Python. static: what else it was told.
    weak: whether it is a number of Python that was computed in the step, such as a learning rate times another, which
    takes the type of what it meets. number: counts the values of the process.
    """

    operation: str
    inputs: tuple[Value | Number, ...]
    static: dict[str, Any]
    shape: Shape
    dtype: np.dtype[Any]
    weak: bool = False
    origin: Origin = field(default_factory=Origin)
    number: int = field(default_factory=lambda: next(_numbers))

    @property
    def values(self) -> list[Value]:
        """The inputs without the numbers."""
        return [x for x in self.inputs if isinstance(x, Value)]

    @property
    def size(self) -> int:
        """The number of elements."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def name(self) -> str:
        """The name of an input."""
        return str(self.static["name"])

    def __repr__(self) -> str:
        return f"<{self.operation} {self.dtype} {self.shape}>"


@dataclass
class Record:
    """A whole step.

    inputs: what comes in, by name: ``data.x`` (whole tables), ``step.lr`` (different in each step), and the state.
    state: name of an input -> the value that it has after the step. outputs: what the step tells, by name.
    """

    inputs: dict[str, Value] = field(default_factory=dict)
    state: dict[str, Value] = field(default_factory=dict)
    outputs: dict[str, Value] = field(default_factory=dict)

    def results(self) -> list[Value]:
        """What must be computed."""
        return [*self.outputs.values(), *self.state.values()]

    def in_order(self) -> list[Value]:
        """Every value that a result depends on, in the order in which they were computed; nothing else."""
        found: dict[int, Value] = {}
        stack = self.results()
        while stack:
            value = stack.pop()
            if value.number not in found:
                found[value.number] = value
                stack.extend(value.values)
        return [found[number] for number in sorted(found)]

    def __str__(self) -> str:
        """The record as text, a line a value."""
        names: dict[int, str] = {}
        lines = []
        for value in self.in_order():
            name = names[id(value)] = f"v{len(names)}"
            given = [names[id(x)] if isinstance(x, Value) else repr(x) for x in value.inputs]
            static = [f"{k}={_short(v)}" for k, v in value.static.items()]
            lines.append(
                f"{name}: {value.dtype}{list(value.shape)} = {value.operation}({', '.join([*given, *static])})"
            )
        for kind, table in (("output", self.outputs), ("state", self.state)):
            lines += [f"{kind} {name} = {names[id(value)]}" for name, value in table.items()]
        return "\n".join(lines)


def _short(value: Any) -> str:
    return f"array{list(value.shape)}" if isinstance(value, np.ndarray) else str(value)

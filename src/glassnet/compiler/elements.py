"""Elements of values as expressions: loads from what is kept in memory, and what is computed from them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any

import numpy as np

from glassnet.compiler.loops import Affine, Buffer, Const, Expr, Gathered, Index, Load, Name, Op
from glassnet.compiler.record import MOVEMENTS, Value
from glassnet.compiler.view import View, moved, moved_index, own_index

COMPARISONS = frozenset(("less", "less_equal", "greater", "greater_equal", "equal", "not_equal"))

BOOL, INT = np.dtype(np.bool_), np.dtype(np.int64)


class Elements:
    """``buffers``: where the values lie that are in memory, by their numbers."""

    def __init__(self) -> None:
        self.buffers: dict[int, Buffer] = {}
        self._names = count(1)

    def accumulator(self, dtype: np.dtype[Any]) -> Name:
        """A new name for what is added up."""
        return Name(f"s{next(self._names)}", dtype)

    def view(self, value: Value) -> View | None:
        """Where the elements of a value lie, or None if it is not in memory."""
        if value.number in self.buffers:
            return View.whole(self.buffers[value.number], value.shape)
        if value.operation in MOVEMENTS:
            inner = self.view(value.values[0])
            return None if inner is None else moved(inner, value.operation, value.static)
        return None

    def kept(self, value: Value) -> View:
        """Where the elements of a value lie that must be in memory by now."""
        view = self.view(value)
        if view is None:
            raise LookupError(f"{value} is not in memory")
        return view

    def element(self, value: Value, index: Sequence[Affine]) -> Expr:
        """The expression of one element."""
        view = self.view(value)
        if view is not None:
            return Load(view.buffer, view.at(index))
        if value.operation == "full":
            return Const(value.static["fill_value"], value.dtype)
        if value.operation == "arange":
            return Index(index[0], value.dtype)
        if value.operation in MOVEMENTS:
            return self.element(value.values[0], moved_index(value, index))
        if value.operation == "gather":
            return self._gathered(value, index)
        if value.operation == "one_hot":
            position = self.element(value.values[0], index[:-1])
            return cast(Op("equal", (position, Index(index[-1], position.dtype)), BOOL), value.dtype)
        return self._operated(value, index)

    def _operated(self, value: Value, index: Sequence[Affine]) -> Expr:
        """The element of an element-wise primitive, its arguments in the type that it computes in."""
        name, dtype = value.operation, value.dtype
        arguments = [self._argument(given, index) for given in value.inputs]
        if name == "astype":
            return cast(arguments[0], dtype)
        if name == "where":
            condition, *choices = arguments
            return Op(name, (cast(condition, BOOL), *(cast(x, dtype) for x in choices)), dtype)
        computed = _common(value) if name in COMPARISONS else dtype
        return Op(name, tuple(cast(x, computed) for x in arguments), dtype)

    def _argument(self, given: Any, index: Sequence[Affine]) -> Expr:
        if isinstance(given, Value):
            return self.broadcast(given, index)
        return Const(given, np.asarray(given).dtype)

    def broadcast(self, value: Value, index: Sequence[Affine]) -> Expr:
        """The element that broadcasting puts at an index of a larger array."""
        return self.element(value, own_index(value.shape, index))

    def _gathered(self, value: Value, index: Sequence[Affine]) -> Expr:
        """An element of x[..., positions, ...]; positions that are loop variables are no look-up at all."""
        source = value.values[0]
        view, axis = self.kept(source), value.static["axis"]
        others, found = self.positions(value.values[1:], axis, index)
        parts = zip(found, source.shape[axis:], view.strides[axis:], strict=False)
        gathered, known = [], []
        for position, length, stride in parts:
            if isinstance(position, Index):
                known.append((position.index, stride))
            else:
                gathered.append(Gathered(position, stride, length))
        strides = (*view.strides[:axis], *view.strides[axis + len(found) :])
        return Load(view.buffer, Affine.sum([*zip(others, strides, strict=True), *known], view.offset), tuple(gathered))

    def positions(
        self, positions: Sequence[Value], axis: int, index: Sequence[Affine]
    ) -> tuple[list[Affine], list[Expr]]:
        """An index of x[..., positions, ...], positions from ``axis`` on: that of x's other axes, and the positions."""
        end = axis + len(np.broadcast_shapes(*(p.shape for p in positions)))
        return [*index[:axis], *index[end:]], [self.broadcast(p, index[axis:end]) for p in positions]


def cast(expr: Expr, dtype: np.dtype[Any]) -> Expr:
    """An expression in another type."""
    if expr.dtype == dtype:
        return expr
    if isinstance(expr, Const):
        return Const(np.asarray(expr.value).astype(dtype).item(), dtype)
    return Op("astype", (expr,), dtype)


def _common(value: Value) -> np.dtype[Any]:
    """The type in which the inputs of a comparison meet; numbers of Python take that of the arrays."""

    def standing_for(given: Any) -> Any:
        if not isinstance(given, Value):
            return given
        if given.weak:
            return 1.0 if given.dtype.kind == "f" else 1
        return np.empty((), given.dtype)

    found = np.result_type(*map(standing_for, value.inputs))
    return INT if found == BOOL else found


def source_buffer(value: Value, number: int) -> Buffer:
    """The buffer of an input, or of a constant, which is known by a number."""
    if value.operation == "constant":
        return Buffer(f"c{number}", value.size, value.dtype, "constant", value.static["array"])
    kind = value.name.partition(".")[0]
    kinds = {"data": "table", "net": "state", "optimizer": "state", "step": value.name.split(".")[1]}
    return Buffer(value.name, value.size, value.dtype, kinds[kind])

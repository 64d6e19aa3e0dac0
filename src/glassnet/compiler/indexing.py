"""Indexing of traced arrays: ``x[...]`` taken apart into a slice, a permutation and a gather, and the way back."""

from __future__ import annotations

from dataclasses import dataclass
from types import EllipsisType
from typing import Any

import numpy as np

from glassnet.compiler.record import Shape
from glassnet.compiler.trace import Traced, apply


@dataclass(frozen=True)
class Plan:
    """How to get from x to x[index], step by step.

    starts, steps, sliced: the slice of each axis. squeezed: the shape without the axes that integers chose from.
    axes: the permutation that brings the axes with arrays of positions together, from ``axis`` on.
    positions: the arrays. result: the shape of x[index].
    """

    starts: tuple[int, ...]
    steps: tuple[int, ...]
    sliced: Shape
    squeezed: Shape
    axes: tuple[int, ...]
    axis: int
    positions: tuple[Any, ...]
    result: Shape


def plan(shape: Shape, index: Any) -> Plan:
    """The plan for an index of an array of this shape. Raises IndexError as NumPy does."""
    given = index if isinstance(index, tuple) else (index,)
    values = tuple(part.value if isinstance(part, Traced) else part for part in given)
    result = np.broadcast_to(np.False_, shape)[values].shape
    rest = len(shape) - sum(part is not None and part is not Ellipsis for part in given)
    parts: list[Any] = []  # a slice, an integer, an array or None, in order
    for part in given:
        parts += [slice(None)] * rest if isinstance(part, EllipsisType) else [part]
    parts += [slice(None)] * (len(shape) - sum(part is not None for part in parts))
    fancy = any(isinstance(part, Traced | np.ndarray) for part in parts)
    starts: list[int] = []
    steps: list[int] = []
    sliced: list[int] = []
    squeezed: list[int] = []
    positions, places, slots = [], [], []  # arrays, their axes after squeezing, their places among the parts
    for slot, part in enumerate(parts):
        if part is None:
            continue
        length = shape[len(starts)]
        start, step, count = 0, 1, length
        if isinstance(part, slice):
            span = range(*part.indices(length))
            start, step, count = span.start, span.step, len(span)
        elif isinstance(part, int | np.integer) and not fancy:
            start, count = int(part) % length, 1
        else:
            positions.append(np.asarray(part) if isinstance(part, int | np.integer) else part)
            places.append(len(squeezed))
            slots.append(slot)
        starts.append(start if count else 0)
        steps.append(step)
        sliced.append(count)
        if fancy or isinstance(part, slice):
            squeezed.append(count)
    axis = places[0] if places and slots == list(range(slots[0], slots[-1] + 1)) else 0
    others = [i for i in range(len(squeezed)) if i not in places]
    axes = (*others[:axis], *places, *others[axis:])
    return Plan(tuple(starts), tuple(steps), tuple(sliced), tuple(squeezed), axes, axis, tuple(positions), result)


def take(x: Traced, index: Any) -> Traced:
    """x[index]."""
    p = plan(x.shape, index)
    whole = p.sliced == x.shape and set(p.steps) <= {1}
    part = x if whole else apply("slice", x, starts=p.starts, steps=p.steps, shape=p.sliced)
    part = part.reshape(p.squeezed)
    if p.positions:
        part = _permute(part, p.axes)
        part = apply("gather", part, *p.positions, axis=p.axis)
    return part.reshape(p.result)


def put(shape: Shape, index: tuple[Any, ...], values: Traced) -> Traced:
    """Zeros of ``shape`` to which the values are added at the index: the transpose of ``take``."""
    p = plan(shape, index)
    part = values
    if p.positions:
        moved = tuple(p.squeezed[a] for a in p.axes)
        reach = np.broadcast_shapes(*(position.shape for position in p.positions))
        gathered = (*moved[: p.axis], *reach, *moved[p.axis + len(p.positions) :])
        part = apply("scatter_add", part.reshape(gathered), *p.positions, axis=p.axis, shape=moved)
        part = _permute(part, tuple(int(a) for a in np.argsort(p.axes)))
    part = part.reshape(p.sliced)
    if p.sliced == shape and set(p.steps) <= {1}:
        return part
    return apply("place", part, starts=p.starts, steps=p.steps, shape=shape)


def _permute(x: Traced, axes: tuple[int, ...]) -> Traced:
    return x if axes == tuple(range(len(axes))) else apply("permute", x, axes=axes)

"""Views: how the elements of an array lie in a buffer, so that moving elements costs nothing.

A view has a stride for each axis, as in NumPy: 0 where elements repeat, negative where they run backwards. Slices,
permutations, broadcasts and windows of a view are views; a reshape is one where the strides allow it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from glassnet.compiler.loops import Affine, Buffer
from glassnet.compiler.record import Shape, Value
from glassnet.engine.windows import places


@dataclass(frozen=True)
class View:
    """Element (i, j, ...) is element offset + i * strides[0] + j * strides[1] + ... of the buffer."""

    buffer: Buffer
    shape: Shape
    strides: tuple[int, ...]
    offset: int = 0

    @staticmethod
    def whole(buffer: Buffer, shape: Shape) -> View:
        """All elements in their order."""
        return View(buffer, shape, contiguous(shape))

    def at(self, index: Sequence[Affine]) -> Affine:
        """Where an element is."""
        return Affine.sum(zip(index, self.strides, strict=True), self.offset)


def contiguous(shape: Shape) -> tuple[int, ...]:
    """The strides of elements in their order, the last axis fastest."""
    return tuple(math.prod(shape[i + 1 :]) for i in range(len(shape)))


def moved(view: View, operation: str, static: dict[str, Any]) -> View | None:
    """A movement of a view by its name and arguments, or None for a reshape that needs a copy."""
    return _MOVE[operation](view, **static)


def reshaped(view: View, shape: Shape) -> View | None:
    """The same elements in another shape, or None where no strides can say where they are."""
    strides = [0] * len(shape)
    for old, new in groups(view.shape, shape):
        if any(view.strides[a] != view.strides[b] * view.shape[b] for a, b in pairwise(old)):
            return None
        step = view.strides[old[-1]]
        for i in reversed(new):
            strides[i] = step
            step *= shape[i]
    return replace(view, shape=shape, strides=tuple(strides))


def permuted(view: View, axes: Sequence[int]) -> View:
    """Axes in another order."""
    return replace(view, shape=tuple(view.shape[a] for a in axes), strides=tuple(view.strides[a] for a in axes))


def broadcast(view: View, shape: Shape) -> View:
    """Repeated along new axes in front and axes of length 1."""
    strides = [0 if n == 1 else s for n, s in zip(view.shape, view.strides, strict=True)]
    return replace(view, shape=shape, strides=(*(0,) * (len(shape) - len(strides)), *strides))


def sliced(view: View, starts: Sequence[int], steps: Sequence[int], shape: Shape) -> View:
    """For each axis, so many elements from a start on, a step apart, which may be negative."""
    offset = view.offset + sum(a * s for a, s in zip(starts, view.strides, strict=True))
    return View(view.buffer, shape, tuple(a * s for a, s in zip(steps, view.strides, strict=True)), offset)


def windowed(view: View, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> View:
    """As ``engine/windows.py``: (N, *S, C) -> (N, *places, *kernel, C)."""
    (rows, *space, channels), (row, *steps, channel) = view.shape, view.strides
    counts = (places(n, k, s, d) for n, k, s, d in zip(space, kernel, stride, dilation, strict=True))
    apart = (s * step for s, step in zip(stride, steps, strict=True))
    inside = (d * step for d, step in zip(dilation, steps, strict=True))
    return replace(view, shape=(rows, *counts, *kernel, channels), strides=(row, *apart, *inside, channel))


_MOVE: dict[str, Callable[..., View | None]] = {
    "reshape": reshaped,
    "permute": permuted,
    "broadcast": broadcast,
    "slice": sliced,
    "windows": windowed,
}


def moved_index(value: Value, index: Sequence[Affine]) -> list[Affine]:
    """Which element of its input a movement shows at an index; a reshape must only split axes."""
    (given,), static = value.values, value.static
    if value.operation == "permute":
        found = dict(zip(static["axes"], index, strict=True))
        return [found[axis] for axis in range(len(index))]
    if value.operation == "broadcast":
        return own_index(given.shape, index)
    if value.operation == "slice":
        steps = zip(index, static["steps"], static["starts"], strict=True)
        return [Affine.sum([(i, step)], start) for i, step, start in steps]
    if value.operation == "windows":
        spatial = len(static["kernel"])
        places_of = zip(
            index[1 : 1 + spatial], index[1 + spatial : -1], static["stride"], static["dilation"], strict=True
        )
        return [index[0], *(Affine.sum([(place, s), (k, d)]) for place, k, s, d in places_of), index[-1]]
    result = [Affine()] * len(given.shape)
    for (old, *_), new in groups(given.shape, value.shape):
        strides = contiguous(tuple(value.shape[i] for i in new))
        result[old] = Affine.sum((index[i], s) for i, s in zip(new, strides, strict=True))
    return result


def own_index(shape: Shape, index: Sequence[Affine]) -> list[Affine]:
    """Where an array of this shape has the element that broadcasting puts at an index."""
    own = index[len(index) - len(shape) :]
    return [Affine() if n == 1 else i for i, n in zip(own, shape, strict=True)]


def splits_only(value: Value) -> bool:
    """Whether a reshape only splits axes, so that an element's place in the input is a sum of its indices."""
    return all(len(old) == 1 for old, _ in groups(value.values[0].shape, value.shape))


def groups(old: Shape, new: Shape) -> list[tuple[list[int], list[int]]]:
    """Which axes of one shape hold the same elements as which axes of another, in the smallest groups. Axes of length
    1 are in none, and there are no groups where there are no elements.
    """
    if 0 in old:
        return []
    found: list[tuple[list[int], list[int]]] = []
    left = [i for i, n in enumerate(old) if n != 1]
    right = [i for i, n in enumerate(new) if n != 1]
    while left or right:
        a, b = [left.pop(0)], [right.pop(0)]
        while math.prod(old[i] for i in a) != math.prod(new[i] for i in b):
            if math.prod(old[i] for i in a) < math.prod(new[i] for i in b):
                a.append(left.pop(0))
            else:
                b.append(right.pop(0))
        found.append((a, b))
    return found

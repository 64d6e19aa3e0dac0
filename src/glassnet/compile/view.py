"""Views: how the elements of an array lie in a buffer, so that moving elements costs nothing.

A view has a stride for each axis, as in NumPy: 0 where elements repeat, negative where they run backwards. Slices,
permutations, broadcasts and windows of a view are views; a reshape is one where the strides allow it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from glassnet.compile.loops import Affine, Buffer
from glassnet.compile.record import Shape
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
    """A movement of a view, or None for a reshape that needs a copy."""
    if operation == "reshape":
        strides = _reshaped(view, static["shape"])
        return None if strides is None else View(view.buffer, static["shape"], strides, view.offset)
    if operation == "permute":
        axes = static["axes"]
        return View(view.buffer, tuple(view.shape[a] for a in axes), tuple(view.strides[a] for a in axes), view.offset)
    if operation == "broadcast":
        shape = static["shape"]
        new = len(shape) - len(view.shape)
        strides = [0 if n == 1 else s for n, s in zip(view.shape, view.strides, strict=True)]
        return View(view.buffer, shape, (*(0,) * new, *strides), view.offset)
    if operation == "slice":
        starts, steps = static["starts"], static["steps"]
        offset = view.offset + sum(a * s for a, s in zip(starts, view.strides, strict=True))
        strides = tuple(a * s for a, s in zip(steps, view.strides, strict=True))
        return View(view.buffer, static["shape"], strides, offset)
    kernel, stride, dilation = static["kernel"], static["stride"], static["dilation"]
    spatial = len(kernel)
    length, steps = view.shape[1 : spatial + 1], view.strides[1 : spatial + 1]
    counts = tuple(places(n, k, s, d) for n, k, s, d in zip(length, kernel, stride, dilation, strict=True))
    return View(
        view.buffer,
        (view.shape[0], *counts, *kernel, view.shape[-1]),
        (
            view.strides[0],
            *(s * t for s, t in zip(stride, steps, strict=True)),
            *(d * t for d, t in zip(dilation, steps, strict=True)),
            view.strides[-1],
        ),
        view.offset,
    )


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


def _reshaped(view: View, shape: Shape) -> tuple[int, ...] | None:
    strides = [0] * len(shape)
    if 0 in shape:
        return tuple(strides)
    for old, new in groups(view.shape, shape):
        for outer, inner in zip(old, old[1:], strict=False):
            if view.strides[outer] != view.strides[inner] * view.shape[inner]:
                return None
        step = view.strides[old[-1]]
        for i in reversed(new):
            strides[i] = step
            step *= shape[i]
    return tuple(strides)

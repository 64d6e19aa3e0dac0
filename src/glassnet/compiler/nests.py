"""Nests: the loops that compute the values which are kept, for everything but products of matrices.

A writer takes the elements, a value and the view that is to be filled, and gives the nests that fill it, in order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from glassnet.compiler.elements import BOOL, Elements, cast
from glassnet.compiler.loops import (
    Accumulate,
    Affine,
    Buffer,
    Const,
    Gathered,
    Index,
    Load,
    Op,
    Product,
    Store,
    Var,
    affine,
)
from glassnet.compiler.record import Number, Origin, Shape, Value
from glassnet.compiler.view import View, own_index, sliced, windowed


@dataclass
class Nest:
    """Loops that compute a value: for all ``parallel`` variables, reduce over the ``reduce`` ones, then store.

    accumulate: what is added up in the innermost loop. sequential: loops whose turns depend on each other.
    """

    parallel: list[Var]
    stores: list[Store]
    reduce: list[Var] = field(default_factory=list)
    accumulate: list[Accumulate] = field(default_factory=list)
    sequential: frozenset[Var] = frozenset()
    origin: Origin = field(default_factory=Origin)
    comment: str = ""

    @property
    def statements(self) -> list[Accumulate | Store]:
        """What is added up, and what is stored."""
        return [*self.accumulate, *self.stores]

    @property
    def innermost(self) -> Sequence[Accumulate | Store]:
        """What stands in the innermost loop; the stores of what is added up come after it."""
        return self.accumulate if self.reduce else self.stores


Item = Nest | Product
#: writer(elements, value, filled) gives the items that compute a value.
NestWriter = Callable[[Elements, Value, View], Iterator[Item]]


def loops_over(shape: Shape) -> tuple[list[Affine], list[Var]]:
    """A variable for each axis: the index, and the loops; an axis of length 1 needs none."""
    variables = [Var("ijklmnop"[i % 8], n) for i, n in enumerate(shape)]
    return [affine(var) for var in variables], [var for var in variables if var.extent > 1]


def variable(place: Affine) -> Var | None:
    """The variable of an axis, or None for one of length 1."""
    return place.terms[0][0] if place.terms else None


def fill(view: View, number: Number) -> Nest:
    """The same number everywhere."""
    index, loops = loops_over(view.shape)
    return Nest(loops, [Store(view.buffer, view.at(index), Const(number, view.buffer.dtype))])


def elementwise(elements: Elements, value: Value, filled: View) -> Iterator[Nest]:
    """What is computed element by element, or only moved."""
    if value.size:
        index, loops = loops_over(value.shape)
        yield Nest(loops, [Store(filled.buffer, filled.at(index), elements.element(value, index))])


def _reducing(loops: Sequence[Var], reduced: Sequence[Var], one: Accumulate, store: Store) -> Nest:
    return Nest([v for v in loops if v not in reduced], [store], [v for v in loops if v in reduced], [one])


def reduction(elements: Elements, value: Value, filled: View) -> Iterator[Nest]:
    """Sums and extremes over axes."""
    (given,), axes = value.values, value.static["axes"]
    if not given.size:  # only a sum is defined
        yield fill(filled, 0)
        return
    index, loops = loops_over(given.shape)
    reduced = [index[axis] for axis in axes]
    name = elements.accumulator(value.dtype)
    element = cast(elements.element(given, index), value.dtype)
    store = Store(filled.buffer, filled.at(_without(index, axes, value.static["keepdims"])), name)
    variables = [var for place in reduced if (var := variable(place)) is not None]
    yield _reducing(loops, variables, Accumulate(name, value.operation, element), store)


def _without(index: Sequence[Affine], axes: Sequence[int], keepdims: bool) -> list[Affine]:
    """The index of a result that is reduced over axes."""
    if keepdims:
        return [Affine() if i in axes else place for i, place in enumerate(index)]
    return [place for i, place in enumerate(index) if i not in axes]


def argmax(elements: Elements, value: Value, filled: View) -> Iterator[Nest]:
    """The smallest position at which the largest element stands."""
    (given,), (axis,) = value.values, value.static["axes"]
    index, loops = loops_over(given.shape)
    reduced = [var] if (var := variable(index[axis])) is not None else []
    where = filled.at(_without(index, [axis], value.static["keepdims"]))
    element = elements.element(given, index)
    largest, name = Buffer(f"{filled.buffer.name}_max", value.size, given.dtype), elements.accumulator(given.dtype)
    yield _reducing(loops, reduced, Accumulate(name, "max", element), Store(largest, where, name))
    found, name = Op("equal", (element, Load(largest, where)), BOOL), elements.accumulator(value.dtype)
    if given.dtype.kind == "f":  # a NaN is the largest, and equal to nothing
        found = Op("logical_or", (found, Op("not_equal", (element, element), BOOL)), BOOL)
    last = Const(given.shape[axis] - 1, value.dtype)
    place = Op("where", (found, Index(index[axis], value.dtype), last), value.dtype)
    yield _reducing(loops, reduced, Accumulate(name, "min", place), Store(filled.buffer, where, name))


def cumsum(elements: Elements, value: Value, filled: View) -> Iterator[Nest]:
    """The first element, and then each from the one before."""
    (given,), axis = value.values, value.static["axis"]
    index, loops = loops_over(value.shape)
    steps = [var for var in loops if var is not variable(index[axis])]

    def at(place: Affine) -> list[Affine]:
        return [*index[:axis], place, *index[axis + 1 :]]

    first = at(Affine())
    yield Nest(steps, [Store(filled.buffer, filled.at(first), cast(elements.element(given, first), value.dtype))])
    if value.shape[axis] > 1:
        along = Var("t", value.shape[axis] - 1)
        after = at(Affine.sum([(affine(along), 1)], 1))
        element = cast(elements.element(given, after), value.dtype)
        total = Op("add", (Load(filled.buffer, filled.at(at(affine(along)))), element), value.dtype)
        sequence = [along] if along.extent > 1 else []
        store = Store(filled.buffer, filled.at(after), total)
        yield Nest([*sequence, *steps], [store], sequential=frozenset(sequence))


def concatenate(elements: Elements, value: Value, filled: View) -> Iterator[Nest]:
    """Each part in its place."""
    axis, start = value.static["axis"], 0
    for part in value.values:
        starts = [start if i == axis else 0 for i in range(len(value.shape))]
        yield from elementwise(elements, part, sliced(filled, starts, [1] * len(starts), part.shape))
        start += part.shape[axis]


def pad(elements: Elements, value: Value, filled: View) -> Iterator[Nest]:
    """A number everywhere, and then the array in its place."""
    (given,), widths = value.values, value.static["widths"]
    yield fill(filled, value.static["value"])
    starts = [before for before, _ in widths]
    yield from elementwise(elements, given, sliced(filled, starts, [1] * len(starts), given.shape))


def place(elements: Elements, value: Value, filled: View) -> Iterator[Nest]:
    """Zeros, and then the array where a slice would read it."""
    (given,), static = value.values, value.static
    yield fill(filled, 0)
    yield from elementwise(elements, given, sliced(filled, static["starts"], static["steps"], given.shape))


def overlap_add(elements: Elements, value: Value, filled: View) -> Iterator[Nest]:
    """Zeros, to which the parts are added, one place of the kernel after the other: within one, no two parts meet."""
    (parts,), stride, dilation = value.values, value.static["stride"], value.static["dilation"]
    yield fill(filled, 0)
    if not parts.size:
        return
    kernel = parts.shape[1 + len(stride) : -1]
    seen = windowed(filled, kernel, stride, dilation)
    index, loops = loops_over(parts.shape)
    inside = [variable(place) for place in index[1 + len(stride) : -1]]
    for offset in np.ndindex(*kernel):
        at = {var: Affine((), n) for var, n in zip(inside, offset, strict=True) if var is not None}
        where = [place.replace(at) for place in index]
        store = Store(filled.buffer, seen.at(where), elements.element(parts, where), add=True)
        yield Nest([var for var in loops if var not in at], [store])


def scatter_add(elements: Elements, value: Value, filled: View) -> Iterator[Nest]:
    """Zeros, to which the values are added at positions; those that may be equal are added one after the other."""
    values, *positions = value.values
    yield fill(filled, 0)
    if not values.size:
        return
    axis = value.static["axis"]
    index, loops = loops_over(values.shape)
    others, found = elements.positions(positions, axis, index)
    strides = [*filled.strides[:axis], *filled.strides[axis + len(found) :]]
    gathered = tuple(
        Gathered(position, filled.strides[axis + i], value.shape[axis + i]) for i, position in enumerate(found)
    )
    where = Affine.sum(zip(others, strides, strict=True))
    store = Store(filled.buffer, where, elements.element(values, index), gathered, add=True)
    across = {variable(place) for place in others}
    yield Nest(loops, [store], sequential=frozenset(var for var in loops if var not in across))


def dot(elements: Elements, value: Value, filled: View) -> Iterator[Nest]:
    """A matrix product as loops that add up: of vectors, and of numbers for which there is no kernel."""
    a, b = value.values
    index, loops = loops_over(value.shape)
    inner = Var("k", a.shape[-1])
    own = list(index)
    column = [own.pop()] if len(b.shape) > 1 else []
    row = [own.pop()] if len(a.shape) > 1 else []
    left = elements.element(a, own_index(a.shape, [*own, *row, affine(inner)]))
    right = elements.element(b, own_index(b.shape, [*own, affine(inner), *column]))
    name = elements.accumulator(value.dtype)
    both = Op("multiply", (cast(left, value.dtype), cast(right, value.dtype)), value.dtype)
    reduced = [inner] if inner.extent > 1 else []
    store = Store(filled.buffer, filled.at(index), name)
    yield _reducing([*loops, *reduced], reduced, Accumulate(name, "sum", both), store)

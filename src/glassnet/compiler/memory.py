"""Where buffers lie: state and constants for good, temporaries one upon the other once their time is over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from glassnet.compiler.loops import (
    Buffer,
    Expr,
    Load,
    Matrix,
    Product,
    Statement,
    Store,
    loads,
    written,
)
from glassnet.compiler.lower import Lowering
from glassnet.compiler.nests import Item, Nest, loops_over
from glassnet.compiler.phases import units
from glassnet.compiler.record import Value

ALIGNMENT = 64  # bytes: a cache line, and the widest vector register


def settle(lowering: Lowering) -> list[Item]:
    """The items with every new state in the place of the old one, and the outputs in theirs.

    A new state is computed where the old one is if nobody reads the old one afterwards, and each element only from the
    element in the same place. Otherwise it is copied there at the end.
    """
    settling = _Settling(lowering)
    for name, value in lowering.record.state.items():
        settling.state(name, lowering.record.inputs[name], value)
    for name, value in lowering.record.outputs.items():
        settling.output(name, value)
    return settling.result()


class _Settling:
    """The items of a step, and what is to be copied: inputs before they are overwritten, and at the end."""

    def __init__(self, lowering: Lowering) -> None:
        self.buffers = lowering.buffers
        self.items = list(lowering.items)
        self.copies: list[tuple[Value, Buffer]] = []

    def state(self, name: str, source: Value, value: Value) -> None:
        """The value that an input has after the step."""
        if value is source:
            return
        old = self.buffers.setdefault(source.number, Buffer(name, source.size, source.dtype, "state"))
        new = self.buffers[value.number]
        if new.kind == "temporary" and _may_replace(self.items, old, new):
            self.items = [_with_buffer(item, new, old) for item in self.items]
            self.buffers[value.number] = old
            next(item for item in self.items if old in _writes(item)).comment += f" into {name}"
        else:
            self.copies.append((value, old))

    def output(self, name: str, value: Value) -> None:
        """What the step tells: in the memory of the outputs, unless it is somewhere else for good."""
        given = self.buffers[value.number]
        if given.kind == "temporary":
            given.kind, given.name = "output", f"output.{name}"
            return
        place = Buffer(f"output.{name}", value.size, value.dtype, "output")
        self.buffers[-1 - len(self.buffers)] = place
        self.copies.append((value, place))

    def result(self) -> list[Item]:
        """All items. An input may have been overwritten when it is to be copied: it is set aside at the beginning."""
        beginning: list[Item] = []
        end: list[Item] = []
        for value, place in self.copies:
            if not value.size:
                continue
            given = self.buffers[value.number]
            if value.operation == "input":
                aside = Buffer(f"{given.name}.aside", value.size, value.dtype)
                beginning.append(_copy(given, aside))
                given = aside
            end.append(_copy(given, place))
        return [*beginning, *self.items, *end]


def _copy(given: Buffer, place: Buffer) -> Nest:
    index, loops = loops_over((given.size,))
    return Nest(loops, [Store(place, index[0], Load(given, index[0]))], comment=f"copy [{given.size}]")


def _may_replace(items: Sequence[Item], old: Buffer, new: Buffer) -> bool:
    writers = [i for i, item in enumerate(items) if new in _writes(item)]
    readers = [i for i, item in enumerate(items) if old in _reads(item)]
    if len(writers) != 1:  # one that adds to what another has written
        return False
    (place,) = writers
    item = items[place]
    if any(i > place for i in readers) or not isinstance(item, Nest) or item.reduce:
        return False
    if any(old in _writes(other) for other in items):
        return False
    (store,) = item.stores
    if store.add or store.gathered:
        return False
    return all(load.index == store.index and not load.gathered for load in loads(item.stores) if load.buffer is old)


def _reads(item: Item) -> set[Buffer]:
    return {load.buffer for load in loads([item] if isinstance(item, Product) else item.statements)}


def _writes(item: Item) -> set[Buffer]:
    return set(written([item] if isinstance(item, Product) else item.stores))


def _with_buffer(item: Item, given: Buffer, wanted: Buffer) -> Item:
    """The item with one buffer in the place of another."""

    def change(expr: Expr) -> Expr:
        return Load(wanted, expr.index, expr.gathered) if isinstance(expr, Load) and expr.buffer is given else expr

    def matrix(m: Matrix) -> Matrix:
        return replace(m, buffer=wanted) if m.buffer is given else m

    if isinstance(item, Product):
        return replace(item, a=matrix(item.a), b=matrix(item.b), c=matrix(item.c))
    stores = [store.mapped(change) for store in item.stores]
    stores = [replace(store, buffer=wanted) if store.buffer is given else store for store in stores]
    return replace(item, stores=stores, accumulate=[one.mapped(change) for one in item.accumulate])


@dataclass
class Layout:
    """offsets: where each buffer begins, in bytes. size: of the whole memory. outputs: of the outputs of one step."""

    offsets: dict[Buffer, int]
    size: int
    outputs: int


def lay_out(body: Sequence[Statement], buffers: Sequence[Buffer]) -> Layout:
    """Places for all buffers; two temporaries share memory if one is last read before the other is first written."""
    offsets: dict[Buffer, int] = {}
    size = outputs = 0
    for buffer in buffers:
        if buffer.kind in ("state", "constant", "number"):
            offsets[buffer] = size
            size += _rounded(buffer)
        elif buffer.kind == "output":
            offsets[buffer] = outputs
            outputs += -(-max(buffer.size, 1) * buffer.dtype.itemsize // 8) * 8
    top = size
    spans = lifetimes(body)
    for buffer in sorted(spans, key=lambda b: (-_rounded(b), spans[b])):  # large ones first
        busy = sorted(
            (offsets[other], offsets[other] + _rounded(other))
            for other in spans
            if other in offsets and overlap(spans[other], spans[buffer])
        )
        place = size
        for start, end in busy:
            if start - place >= _rounded(buffer):
                break
            place = max(place, end)
        offsets[buffer] = place
        top = max(top, place + _rounded(buffer))
    return Layout(offsets, top, outputs)


def lifetimes(body: Sequence[Statement]) -> dict[Buffer, tuple[int, int]]:
    """The first and the last unit of the body in which each temporary is in use: the statements of a unit may be
    computed at the same time, by several threads.
    """
    spans: dict[Buffer, tuple[int, int]] = {}
    for i, unit in enumerate(units(body)):
        for buffer in [*written(unit), *(load.buffer for load in loads(unit))]:
            if buffer.kind == "temporary":
                spans[buffer] = spans.get(buffer, (i, i))[0], i
    return spans


def overlap(a: tuple[int, int], b: tuple[int, int]) -> bool:
    """Whether two lifetimes have a unit in common."""
    return a[0] <= b[1] and b[0] <= a[1]


def _rounded(buffer: Buffer) -> int:
    return -(-max(buffer.size, 1) * buffer.dtype.itemsize // ALIGNMENT) * ALIGNMENT

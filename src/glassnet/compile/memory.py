"""Where buffers lie: state and constants for good, temporaries one upon the other once their time is over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from glassnet.compile.loops import (
    Buffer,
    Expr,
    Load,
    Matrix,
    Product,
    Statement,
    Store,
    loads,
    map_statement,
    written,
)
from glassnet.compile.lower import Item, Lowering, Nest
from glassnet.compile.record import Value

ALIGNMENT = 64  # bytes: a cache line, and the widest vector register


def settle(lowering: Lowering) -> list[Item]:
    """The items with every new state in the place of the old one, and the outputs in theirs.

    A new state is computed where the old one is if nobody reads the old one afterwards, and each element only from the
    element in the same place. Otherwise it is copied there at the end.
    """
    items = list(lowering.items)
    ends: list[Item] = []
    taken: set[Buffer] = set()
    for name, value in lowering.record.state.items():
        source = lowering.record.inputs[name]
        if value is source:
            continue
        old = lowering.buffers.get(source.number) or Buffer(name, value.size, value.dtype, "state")
        lowering.buffers[source.number] = old
        new = lowering.buffers[value.number]
        if new.kind == "temporary" and new not in taken and _may_replace(items, old, new):
            items = [_with_buffer(item, new, old) for item in items]
            lowering.buffers[value.number] = old
        else:
            ends += _copied(value, new, old, items)
        taken.add(old)
    for name, value in lowering.record.outputs.items():
        given = lowering.buffers[value.number]
        if given.kind == "temporary" and given not in taken:
            given.kind, given.name = "output", f"output.{name}"
            taken.add(given)
        else:
            place = Buffer(f"output.{name}", value.size, value.dtype, "output")
            ends += _copied(value, given, place, items)
            lowering.buffers[-1 - len(taken)] = place
            taken.add(place)
    return [*items, *ends]


def _copied(value: Value, given: Buffer, place: Buffer, items: list[Item]) -> list[Item]:
    """Nests that copy at the end; what might be overwritten before is set aside first."""
    from glassnet.compile.loops import Var, affine

    def copy(a: Buffer, b: Buffer) -> Nest:
        var = Var("i", value.size)
        loops = [var] if value.size > 1 else []
        return Nest(loops, [Store(b, affine(var), Load(a, affine(var)))], comment=f"copy {list(value.shape)}")

    if not value.size:
        return []
    if given.kind != "state":
        return [copy(given, place)]
    aside = Buffer(f"{given.name}.aside", value.size, value.dtype)
    items.insert(0, copy(given, aside))
    return [copy(aside, place)]


def _may_replace(items: Sequence[Item], old: Buffer, new: Buffer) -> bool:
    writers = [i for i, item in enumerate(items) if new in _writes(item)]
    readers = [i for i, item in enumerate(items) if old in _reads(item)]
    if len(writers) != 1:
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
    body: list[Statement] = [item] if isinstance(item, Product) else [*item.accumulate, *item.stores]
    return {load.buffer for load in loads(body)}


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
    stores = []
    for store in item.stores:
        changed = map_statement(store, change)
        assert isinstance(changed, Store)
        stores.append(replace(changed, buffer=wanted) if changed.buffer is given else changed)
    accumulate = [map_statement(one, change) for one in item.accumulate]
    return replace(item, stores=stores, accumulate=accumulate)


@dataclass
class Layout:
    """offsets: where each buffer begins, in bytes. size: of the whole memory. outputs: of the outputs of one step."""

    offsets: dict[Buffer, int]
    size: int
    outputs: int


def lay_out(body: Sequence[Statement], buffers: Sequence[Buffer], scratch: dict[int, int] | None = None) -> Layout:
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
    first: dict[Buffer, int] = {}
    last: dict[Buffer, int] = {}
    for i, statement in enumerate(body):
        for buffer in [*written([statement]), *(load.buffer for load in loads([statement]))]:
            if buffer.kind == "temporary":
                first.setdefault(buffer, i)
                last[buffer] = i
    top = size
    for buffer in sorted(first, key=lambda b: (-_rounded(b), first[b])):  # large ones first
        busy = sorted(
            (offsets[other], offsets[other] + _rounded(other))
            for other in first
            if other in offsets and first[other] <= last[buffer] and first[buffer] <= last[other]
        )
        place = size
        for start, end in busy:
            if start - place >= _rounded(buffer):
                break
            place = max(place, end)
        offsets[buffer] = place
        top = max(top, place + _rounded(buffer))
    return Layout(offsets, top, outputs)


def _rounded(buffer: Buffer) -> int:
    return -(-max(buffer.size, 1) * buffer.dtype.itemsize // ALIGNMENT) * ALIGNMENT

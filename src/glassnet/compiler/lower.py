"""From a record to loop nests: which values are kept in memory, and the loops that compute each of them.

What ``decide.py`` keeps gets a buffer and the nests that fill it (``nests.py``, ``contract.py``); everything else is an
expression (``elements.py``) in the nests of whoever uses it, or a view (``view.py``).
"""

from __future__ import annotations

from glassnet.compiler import nests
from glassnet.compiler.contract import matmul
from glassnet.compiler.decide import KNOWN, kept_values
from glassnet.compiler.elements import Elements, source_buffer
from glassnet.compiler.loops import Buffer
from glassnet.compiler.nests import Item, NestWriter
from glassnet.compiler.record import SOURCES, Record, Value
from glassnet.compiler.view import View

#: Who writes the nests of a primitive; of every other it is ``nests.elementwise``.
WRITERS: dict[str, NestWriter] = {
    "matmul": matmul,
    **dict.fromkeys(("sum", "max", "min"), nests.reduction),
    "argmax": nests.argmax,
    "cumsum": nests.cumsum,
    "concatenate": nests.concatenate,
    "pad": nests.pad,
    "place": nests.place,
    "overlap_add": nests.overlap_add,
    "scatter_add": nests.scatter_add,
}


class Lowering:
    """One record on its way: ``buffers`` of the values that are kept, and ``items`` in the order of computation."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.elements = Elements()
        self.items: list[Item] = []
        order = record.in_order()
        kept = kept_values(record, order)
        for value in order:
            if value.number in kept:
                self._lower(value)

    @property
    def buffers(self) -> dict[int, Buffer]:
        """Where the values lie that are in memory, by their numbers."""
        return self.elements.buffers

    def _lower(self, value: Value) -> None:
        """Reserve a buffer for a value, and write the loops that fill it."""
        if value.operation in SOURCES - KNOWN:
            self.buffers[value.number] = source_buffer(value, len(self.buffers))
            return
        buffer = Buffer(f"v{len(self.buffers)}", value.size, value.dtype)
        if value.size:
            write = WRITERS.get(value.operation, nests.elementwise)
            for item in write(self.elements, value, View.whole(buffer, value.shape)):
                item.origin = value.origin
                item.comment = f"{value.operation} {list(value.shape)}"
                self.items.append(item)
        self.buffers[value.number] = buffer

"""A program: a record as native code that makes many steps without returning to Python.

All state and temporaries lie in one piece of memory; the data tables are read where they are.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence

import numpy as np

from glassnet.compiler.blocks import in_blocks
from glassnet.compiler.emit import operands_of
from glassnet.compiler.engine import Code
from glassnet.compiler.fuse import fuse
from glassnet.compiler.loops import Buffer, Product, Statement, loads, walk, written
from glassnet.compiler.lower import Lowering
from glassnet.compiler.memory import ALIGNMENT, lay_out, settle
from glassnet.compiler.module import POINTERS, Module
from glassnet.compiler.passes import optimize
from glassnet.compiler.phases import available_threads, phases, units
from glassnet.compiler.record import Record
from glassnet.compiler.source import text
from glassnet.compiler.team import team
from glassnet.compiler.tidy import tidy
from glassnet.compiler.tiles import plan_product
from glassnet.compiler.trace import as_stored
from glassnet.compiler.writer import ELEMENTS
from glassnet.engine.errors import DataError, ShapeError
from glassnet.engine.namespace import Array


class Program:
    """A compiled step. ``state`` are views of its memory by name, which change as it runs.

    body: its loops. buffers: all named pieces of memory.
    """

    def __init__(
        self, record: Record, tables: Mapping[str, Array], threads: int | None = None, timed: bool = False
    ) -> None:
        lowering = Lowering(optimize(record))
        self.items = settle(lowering)
        self.body = in_blocks(tidy(fuse(self.items)))
        self.buffers = _all_buffers(lowering, self.body)
        self.layout = lay_out(self.body, self.buffers)
        self._tables = [b for b in self.buffers if b.kind == "table"]
        self._given = [as_stored(tables[b.name]) for b in self._tables]
        scratch = -(-self.layout.size // ALIGNMENT) * ALIGNMENT
        self.tables = dict(tables)
        #: With ``timed``: the least time that each unit of the body took in one step, in nanoseconds.
        self.timings = np.full(len(units(self.body)), np.iinfo(np.int64).max)
        most = threads or available_threads()
        self._phases = phases(self.body, most)
        self.threads = most if len(self._phases) > 1 else 1
        scratch_bytes = _scratch_bytes(self.body)
        meeting = scratch + self.threads * scratch_bytes  # two cache lines
        self._memory = _aligned(meeting + 2 * ALIGNMENT)
        # All that come in, also those that nobody reads: each has its place among the others.
        self._rates, self._words = (
            sum(name.startswith(f"step.{kind}.") for name in record.inputs) for kind in ("lr", "words")
        )
        self._shapes = {name: value.shape for name, value in record.outputs.items()}
        self._outputs = {b.name.removeprefix("output."): b for b in self.buffers if b.kind == "output"}
        self._places = {
            name: (lowering.buffers[value.number], value.shape)
            for name, value in record.inputs.items()
            if value.number in lowering.buffers and lowering.buffers[value.number].kind == "state"
        }
        self.state = self.state_in(self._memory)
        lasting = [b for b in self.buffers if b.kind in ("state", "constant", "number")]
        self._lasting = self._memory[: max((self.layout.offsets[b] + _bytes(b) for b in lasting), default=0)]
        for buffer in self.buffers:
            if buffer.kind == "constant":
                self._view(buffer)[...] = buffer.array.reshape(-1)
        self._rows = next((value.size for name, value in record.inputs.items() if name == "step.rows"), 0)
        self.ir = Module(
            phases=self._phases,
            threads=self.threads,
            layout=self.layout,
            tables=self._tables,
            number=next((b for b in self.buffers if b.kind == "number"), None),
            strides={
                "rows": self._rows * 8,
                "rates": self._rates * 8,
                "words": self._words * 8,
                "outputs": self.layout.outputs,
            },
            scratch=scratch,
            scratch_bytes=scratch_bytes,
            meeting=meeting,
            timed=timed,
        ).write()
        code = Code(self.ir)
        pointer, word = ctypes.c_void_p, ctypes.c_int64
        self._run = code.function("run", *[word] * 4, *[pointer] * (len(POINTERS) + len(self._tables)))

    @property
    def source(self) -> str:
        """The loops of a step as Python."""
        return text(self.body)

    def run(
        self, rows: Array, rates: Array, number: int, words: Array, tables: Mapping[str, Array] | None = None
    ) -> dict[str, Array]:
        """Make K steps. rows (K, B), rates (K, G), words (K, S, 2); see ``CompiledStep``. Returns the outputs (K, ...).

        tables: others of the same shapes and types than those that it was made with.
        """
        given = self._given if tables is None else [as_stored(tables[b.name]) for b in self._tables]
        steps = len(rows)
        rows = np.ascontiguousarray(rows, np.int64)
        rates = np.ascontiguousarray(rates, np.float64)
        words = np.ascontiguousarray(words, np.uint32)
        self._check(steps, rows, rates, words, given)
        outputs = np.zeros((steps, self.layout.outputs), np.uint8)
        arrays = (self._memory, rows, rates, words, outputs, self.timings, *given)

        def part(thread: int) -> None:
            self._run(steps, number, thread, self.threads, *(array.ctypes.data for array in arrays))

        if self.threads == 1:
            part(0)
        else:
            team(self.threads).run(part)
        return {name: self._output(outputs, name, buffer) for name, buffer in self._outputs.items()}

    def _check(self, steps: int, rows: Array, rates: Array, words: Array, tables: Sequence[Array]) -> None:
        """Refuse what would be read outside of its memory."""
        sizes = rows.size, rates.size, words.size
        wanted = steps * self._rows, steps * self._rates, steps * self._words * 2
        if sizes != wanted:
            raise ShapeError(f"{steps} steps take rows, rates and words of {wanted} elements, got {sizes}.")
        for buffer, known, table in zip(self._tables, self._given, tables, strict=True):
            if table.shape != known.shape or table.dtype != known.dtype:
                raise ShapeError(
                    f"{buffer.name} was compiled for {known.dtype} of shape {known.shape}, got {table.dtype} "
                    f"of shape {table.shape}. Compile the step again."
                )
            if rows.size and not 0 <= rows.min() <= rows.max() < len(table):
                raise DataError(f"rows must be from 0 to {len(table) - 1}, got {rows.min()} to {rows.max()}.")

    def example(self, steps: int) -> tuple[Array, Array, Array]:
        """Rows, learning rates and words for some steps, to be timed with: rows in their order, rates of 0."""
        length = min((len(table) for table in self._given), default=1)
        rows = np.arange(steps * self._rows).reshape(steps, -1) % length
        return rows, np.zeros((steps, self._rates)), np.zeros((steps, self._words, 2), np.uint32)

    def _output(self, outputs: Array, name: str, buffer: Buffer) -> Array:
        start = self.layout.offsets[buffer]
        part = np.ascontiguousarray(outputs[:, start : start + _bytes(buffer)])
        return part.view(buffer.dtype).reshape(len(outputs), *self._shapes[name])

    def _view(self, buffer: Buffer, memory: Array | None = None) -> Array:
        start = self.layout.offsets[buffer]
        return (self._memory if memory is None else memory)[start : start + _bytes(buffer)].view(buffer.dtype)

    def state_in(self, memory: Array) -> dict[str, Array]:
        """The arrays of the state by name, in the program's memory or in a snapshot of it."""
        return {name: self._view(buffer, memory).reshape(shape) for name, (buffer, shape) in self._places.items()}

    def snapshot(self) -> Array:
        """A copy of the state, to go back to."""
        return self._lasting.copy()

    def restore(self, snapshot: Array) -> None:
        """Go back to a state."""
        self._lasting[...] = snapshot


def _all_buffers(lowering: Lowering, body: Sequence[Statement]) -> list[Buffer]:
    found = dict.fromkeys(lowering.buffers.values())
    for statement in body:
        for buffer in [*written([statement]), *(load.buffer for load in loads([statement]))]:
            found.setdefault(buffer)
    return list(found)


def _scratch_bytes(body: Sequence[Statement]) -> int:
    """What the products need beside their operands."""
    most = 0
    for product in (s for s in walk(body) if isinstance(s, Product)):
        dtype = product.c.buffer.dtype
        plan = plan_product(ELEMENTS[dtype.name], *operands_of(product, lambda _: "", lambda _: "table"))
        most = max(most, plan.scratch * dtype.itemsize)
    return most + ALIGNMENT


def _bytes(buffer: Buffer) -> int:
    return buffer.size * buffer.dtype.itemsize


def _aligned(size: int) -> Array:
    """Bytes that begin at a multiple of the alignment."""
    whole = np.zeros(size + ALIGNMENT, np.uint8)
    start = -whole.ctypes.data % ALIGNMENT
    return whole[start : start + size]

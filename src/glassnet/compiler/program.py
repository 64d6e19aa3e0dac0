"""A program: a record as native code that makes many steps without returning to Python.

The code is one function, ``run``, with the loop over the steps; in it the statements of the step, cut into functions of
bounded size, because LLVM's time grows faster than the size of a function. All state and temporaries lie in one piece
of memory; the data tables are read where they are.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from glassnet.compiler.blocks import in_blocks
from glassnet.compiler.emit import Emitter, operands_of
from glassnet.compiler.engine import Code, attributes
from glassnet.compiler.fuse import fuse
from glassnet.compiler.loops import Buffer, Loop, Product, Statement, loads, walk, written
from glassnet.compiler.lower import Lowering
from glassnet.compiler.memory import ALIGNMENT, Layout, lay_out, settle
from glassnet.compiler.passes import optimize
from glassnet.compiler.phases import available_threads, phases, units
from glassnet.compiler.record import Record
from glassnet.compiler.share import MEET, Sharing
from glassnet.compiler.source import text
from glassnet.compiler.team import team
from glassnet.compiler.tidy import tidy
from glassnet.compiler.tiles import plan_product
from glassnet.compiler.trace import as_stored
from glassnet.compiler.values import Frame
from glassnet.compiler.writer import ELEMENTS, INDEX, Writer
from glassnet.engine.errors import DataError, ShapeError
from glassnet.engine.namespace import Array

#: How much a function may hold: loops count 1, products 4.
CHUNK = 16

_PARAMETERS = ("memory", "rows", "rates", "words", "outputs", "timings")


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
        self._scratch = -(-self.layout.size // ALIGNMENT) * ALIGNMENT
        self._timed = timed
        self.tables = dict(tables)
        #: With ``timed``: the least time that each unit of the body took in one step, in nanoseconds.
        self.timings = np.full(len(units(self.body)), np.iinfo(np.int64).max)
        most = threads or available_threads()
        self._phases = phases(self.body, most)
        self.threads = most if len(self._phases) > 1 else 1
        self._scratch_bytes = _scratch_bytes(self.body)
        self._meeting = self._scratch + self.threads * self._scratch_bytes  # two cache lines
        self._memory = _aligned(self._meeting + 2 * ALIGNMENT)
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
        self.ir = self._write()
        code = Code(self.ir)
        pointer, word = ctypes.c_void_p, ctypes.c_int64
        self._run = code.function("run", *[word] * 4, *[pointer] * (len(_PARAMETERS) + len(self._tables)))

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

    # Code

    def _write(self) -> str:
        """The IR of the whole module."""
        self._units = 0  # written so far
        declarations: set[str] = set()
        functions: list[str] = []
        calls: list[tuple[str, bool]] = []  # the functions in their order, and whether all threads run them
        parameters = [*_PARAMETERS, *(f"table{i}" for i in range(len(self._tables)))]
        for phase in self._phases:
            for statements in _chunks(phase.statements):
                name = f"part{len(functions)}"
                text, declared = self._function(name, statements, phase.shared, parameters)
                functions.append(text)
                declarations |= declared
                calls.append((name, phase.shared))
        meet = [MEET] if self.threads > 1 else []
        return "\n".join([*sorted(declarations), *meet, *functions, self._entry(calls, parameters)])

    def _function(
        self, name: str, statements: Sequence[Statement], shared: bool, parameters: Sequence[str]
    ) -> tuple[str, set[str]]:
        """The IR of some statements as a function, and what it calls."""
        writer = Writer()
        pointers = _Pointers(writer, self.layout, self._tables)
        emitter = Emitter(writer, pointers, "%scratch")
        if shared:
            sharing = Sharing(emitter, "%thread", "%threads", self._scratch_bytes)
            sharing.write(statements)
        elif self._timed:
            for unit in units(statements):
                began = _clock(writer)
                emitter.body(unit, Frame())
                spent = writer.binary("sub", INDEX, _clock(writer), began)
                place = writer.address("i64", "%timings", str(self._units))
                least = writer.call("llvm.smin.i64", INDEX, (INDEX, writer.load(INDEX, place)), (INDEX, spent))
                writer.store(INDEX, least, place)
                self._units += 1
        else:
            emitter.body(statements, Frame())
        signature = ", ".join(["i64 %thread", "i64 %threads", *(f"ptr %{parameter}" for parameter in parameters)])
        lines = [
            f"define private void @{name}({signature}) {attributes()} {{",
            "entry:",
            f"  %scratch = getelementptr inbounds i8, ptr %memory, i64 {self._scratch}",
            *pointers.lines,
            *writer.lines,
            "  ret void",
            "}\n",
        ]
        return "\n".join(lines), writer.declarations

    def _entry(self, calls: Sequence[tuple[str, bool]], parameters: Sequence[str]) -> str:
        """The function that is called from outside, by each thread: the loop over the steps."""
        w = Writer()
        strides = {
            "rows": self._rows * 8,
            "rates": self._rates * 8,
            "words": self._words * 8,
            "outputs": self.layout.outputs,
        }
        pointers = ", ".join(f"ptr %{name}" for name in parameters)
        w.lines.append(
            f"define void @run(i64 %steps, i64 %number, i64 %thread, i64 %threads, {pointers}) {attributes()} {{"
        )
        w.label("entry")
        count = w.address("i8", "%memory", str(self._meeting))
        generation = w.address("i8", "%memory", str(self._meeting + ALIGNMENT))
        w.say("%first = icmp eq i64 %thread, 0")

        def alone(body: Callable[[], None]) -> None:
            """What only the first thread does."""
            if self.threads == 1:
                body()
                return
            name = w.fresh("alone")
            w.say(f"br i1 %first, label %{name}, label %{name}.end")
            w.label(name)
            body()
            w.say(f"br label %{name}.end")
            w.label(f"{name}.end")

        def step(s: str) -> None:
            given = ["i64 %thread", "i64 %threads"]
            for name in parameters:
                moved = name if name not in strides else ""
                place = (
                    f"%{name}" if moved else w.address("i8", f"%{name}", w.binary("mul", INDEX, s, str(strides[name])))
                )
                given.append(f"ptr {place}")
            number = next((b for b in self.buffers if b.kind == "number"), None)
            if number is not None:
                place = w.address("i8", "%memory", str(self.layout.offsets[number]))
                value = w.binary("add", INDEX, "%number", s)
                alone(lambda: w.store(INDEX, value, place))
            for i, (name, shared) in enumerate(calls):
                call = partial(w.say, f"call void @{name}({', '.join(given)})")
                if shared:
                    call()
                else:
                    alone(call)
                last = i + 1 == len(calls)
                if self.threads > 1 and (shared or last or calls[i + 1][1]):
                    w.say(f"call void @meet(ptr {count}, ptr {generation}, i64 %threads)")

        w.between("0", "%steps", step)
        w.say("ret void")
        return "\n".join(w.lines) + "\n}\n"


class _Pointers:
    """Pointers to buffers, computed once at the beginning of a function."""

    def __init__(self, writer: Writer, layout: Layout, tables: Sequence[Buffer]) -> None:
        self.lines: list[str] = []
        self._writer, self._layout, self._tables = writer, layout, list(tables)
        self._known: dict[Buffer, str] = {}

    def __call__(self, buffer: Buffer) -> str:
        if buffer not in self._known:
            self._known[buffer] = self._find(buffer)
        return self._known[buffer]

    def _find(self, buffer: Buffer) -> str:
        if buffer.kind == "table":
            return f"%table{self._tables.index(buffer)}"
        if buffer.kind == "rows":
            return "%rows"
        if buffer.kind in ("lr", "words"):
            base, offset = ("rates" if buffer.kind == "lr" else "words"), int(buffer.name.rsplit(".", 1)[1]) * 8
        else:
            base = "outputs" if buffer.kind == "output" else "memory"
            offset = self._layout.offsets[buffer]
        name = "%" + self._writer.fresh("p")
        self.lines.append(f"  {name} = getelementptr inbounds i8, ptr %{base}, i64 {offset}")
        return name


def _all_buffers(lowering: Lowering, body: Sequence[Statement]) -> list[Buffer]:
    found = dict.fromkeys(lowering.buffers.values())
    for statement in body:
        for buffer in [*written([statement]), *(load.buffer for load in loads([statement]))]:
            found.setdefault(buffer)
    return list(found)


def _chunks(body: Sequence[Statement]) -> list[list[Statement]]:
    """Statements in groups of bounded size that hand no names on to each other."""
    chunks: list[list[Statement]] = []
    weight = CHUNK
    for unit in units(body):
        if weight >= CHUNK:
            chunks.append([])
            weight = 0
        chunks[-1] += unit
        weight += sum(4 if isinstance(s, Product) else 1 for s in walk(unit) if isinstance(s, Loop | Product))
    return chunks


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


def _clock(w: Writer) -> str:
    """The time in nanoseconds, from a clock that only runs forward."""
    monotonic = 6 if sys.platform == "darwin" else 1
    place = w.let("alloca [2 x i64]")
    w.declarations.add("declare i32 @clock_gettime(i32, ptr)")
    w.let(f"call i32 @clock_gettime(i32 {monotonic}, ptr {place})")
    seconds = w.binary("mul", INDEX, w.load(INDEX, place), "1000000000")
    return w.binary("add", INDEX, seconds, w.load(INDEX, w.address("i64", place, "1")))


def _aligned(size: int) -> Array:
    """Bytes that begin at a multiple of the alignment."""
    whole = np.zeros(size + ALIGNMENT, np.uint8)
    start = -whole.ctypes.data % ALIGNMENT
    return whole[start : start + size]

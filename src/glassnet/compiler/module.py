"""The text of a program's module: one function, ``run``, with the loop over the steps, and in it the statements of a
step, cut into functions of bounded size, because LLVM's time grows faster than the size of a function.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from glassnet.compiler.emit import Emitter
from glassnet.compiler.engine import attributes
from glassnet.compiler.loops import Buffer, Loop, Product, Statement, walk
from glassnet.compiler.memory import ALIGNMENT, Layout
from glassnet.compiler.phases import Phase, units
from glassnet.compiler.share import MEET, Sharing
from glassnet.compiler.values import Frame
from glassnet.compiler.writer import INDEX, Writer

#: How much a function may hold: loops count 1, products 4.
CHUNK = 16

#: What ``run`` takes after four whole numbers (how many steps, how many were made before, which thread, of how many),
#: before the tables.
POINTERS = ("memory", "rows", "rates", "words", "outputs", "timings")


@dataclass
class Module:
    """What the text depends on.

    strides: bytes from a step to the next in what comes in and goes out, by the name of the pointer. scratch: where
    the memory that products need besides begins, so many bytes for each thread. meeting: where threads meet. timed:
    whether the time of each unit is noted.
    """

    phases: Sequence[Phase]
    threads: int
    layout: Layout
    tables: Sequence[Buffer]
    number: Buffer | None
    strides: dict[str, int]
    scratch: int
    scratch_bytes: int
    meeting: int
    timed: bool

    def write(self) -> str:
        """The IR of the whole module."""
        self._units = 0  # written so far
        declarations: set[str] = set()
        functions: list[str] = []
        calls: list[tuple[str, bool]] = []  # the functions in their order, and whether all threads run them
        parameters = [*POINTERS, *(f"table{i}" for i in range(len(self.tables)))]
        for phase in self.phases:
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
        pointers = _Pointers(writer, self.layout, self.tables)
        emitter = Emitter(writer, pointers, "%scratch")
        if shared:
            sharing = Sharing(emitter, "%thread", "%threads", self.scratch_bytes)
            sharing.write(statements)
        elif self.timed:
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
            f"  %scratch = getelementptr inbounds i8, ptr %memory, i64 {self.scratch}",
            *pointers.lines,
            *writer.lines,
            "  ret void",
            "}\n",
        ]
        return "\n".join(lines), writer.declarations

    def _entry(self, calls: Sequence[tuple[str, bool]], parameters: Sequence[str]) -> str:
        """The function that is called from outside, by each thread: the loop over the steps."""
        w = Writer()
        pointers = ", ".join(f"ptr %{name}" for name in parameters)
        w.lines.append(
            f"define void @run(i64 %steps, i64 %number, i64 %thread, i64 %threads, {pointers}) {attributes()} {{"
        )
        w.label("entry")
        count = w.address("i8", "%memory", str(self.meeting))
        generation = w.address("i8", "%memory", str(self.meeting + ALIGNMENT))
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
                place = f"%{name}"
                if name in self.strides:
                    place = w.address("i8", place, w.binary("mul", INDEX, s, str(self.strides[name])))
                given.append(f"ptr {place}")
            if self.number is not None:
                place = w.address("i8", "%memory", str(self.layout.offsets[self.number]))
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


def _clock(w: Writer) -> str:
    """The time in nanoseconds, from a clock that only runs forward."""
    monotonic = 6 if sys.platform == "darwin" else 1
    place = w.let("alloca [2 x i64]")
    w.declarations.add("declare i32 @clock_gettime(i32, ptr)")
    w.let(f"call i32 @clock_gettime(i32 {monotonic}, ptr {place})")
    seconds = w.binary("mul", INDEX, w.load(INDEX, place), "1000000000")
    return w.binary("add", INDEX, seconds, w.load(INDEX, w.address("i64", place, "1")))

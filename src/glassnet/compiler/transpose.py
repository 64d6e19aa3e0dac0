"""Transposition inside of vector registers, by a function that all products of a module share."""

from __future__ import annotations

from collections.abc import Callable

from glassnet.compiler.engine import attributes
from glassnet.compiler.matrix import Matrix
from glassnet.compiler.writer import INDEX, Type, Writer


def interleaved(writer: Writer, vector: Type, rows: list[str]) -> list[str]:
    """One round of the network: rows i and i + n/2 are merged, element by element, into rows 2i and 2i + 1.

    Number the elements of the block by row and lane, in binary: a round rotates the bits by one. After as many rounds
    as a lane number has bits, rows and lanes have changed places: the block is transposed.
    """
    lanes = vector.lanes
    merged = []
    for a, b in zip(rows[: lanes // 2], rows[lanes // 2 :], strict=True):
        for start in (0, lanes // 2):
            picked = ", ".join(f"i32 {start + i // 2 + lanes * (i % 2)}" for i in range(lanes))
            merged.append(writer.let(f"shufflevector {vector} {a}, {vector} {b}, <{lanes} x i32> <{picked}>"))
    return merged


def transposing(writer: Writer, vector: Type) -> str:
    """Declare the function that transposes a block of n x n elements, n = ``vector.lanes``; its name.

    ``name(source, source_stride, rows, columns, target, target_stride)`` reads ``rows`` rows (1 to n) of ``columns``
    elements (1 to n) at the pointer ``source`` and nothing else, and writes n vectors at ``target``. What it writes
    besides the transposed elements has no meaning.
    """
    name = f"transpose.{vector.suffix}"
    inner = Writer()
    head = "ptr noalias %source, i64 %source_stride, i64 %rows, i64 %columns, ptr noalias %target, i64 %target_stride"
    inner.lines.append(f"define internal void @{name}({head}) noinline {attributes()} {{")
    numbers, mask = Type("i64", vector.lanes), f"<{vector.lanes} x i1>"
    lanes = "<" + ", ".join(f"i64 {i}" for i in range(vector.lanes)) + ">"
    wanted = inner.compare("ult", numbers, lanes, inner.splat(numbers, "%columns"))
    load = f"llvm.masked.load.{vector.suffix}.p0"
    writer.declarations.add(f"declare {vector} @{load}(ptr, i32, {mask}, {vector})")
    last = inner.let("sub i64 %rows, 1")
    loaded = []
    for i in range(vector.lanes):
        # A row beyond the last is the last one again: nothing outside is read.
        row = inner.call("llvm.umin.i64", INDEX, (INDEX, str(i)), (INDEX, last))
        place = inner.address(vector.element, "%source", inner.let(f"mul i64 {row}, %source_stride"))
        where = f"ptr {place}, i32 {vector.scalar.bytes}, {mask} {wanted}, {vector} zeroinitializer"
        loaded.append(inner.let(f"call {vector} @{load}({where})"))
    for _ in range(vector.lanes.bit_length() - 1):
        loaded = interleaved(inner, vector, loaded)
    for i, value in enumerate(loaded):
        inner.store(vector, value, inner.address(vector.element, "%target", inner.let(f"mul i64 %target_stride, {i}")))
    writer.declarations |= inner.declarations
    writer.declarations.add("\n".join([*inner.lines, "  ret void", "}"]))
    return name


def write_transposed(writer: Writer, vector: Type, source: Matrix, target: Matrix) -> None:
    """Write ``target = source.T``. Both have dense rows; the target must have room for whole blocks."""
    transpose, lanes = transposing(writer, vector), vector.lanes

    def steps(extent: int, body: Callable[[str, int], None]) -> None:
        writer.repeat(extent // lanes * lanes, lambda i: body(i, lanes), step=lanes)
        if extent % lanes:
            body(str(extent // lanes * lanes), extent % lanes)

    def square(i: str, j: str, rows: int, columns: int) -> None:
        read = source.block(writer, vector.element, i, rows, j, columns).pointer
        write = target.block(writer, vector.element, j, columns, i, rows).pointer
        sizes = f"i64 {source.rows.stride}, i64 {rows}, i64 {columns}"
        writer.say(f"call void @{transpose}(ptr {read}, {sizes}, ptr {write}, i64 {target.rows.stride})")

    height, width = source.shape
    steps(height, lambda i, rows: steps(width, lambda j, columns: square(i, j, rows, columns)))

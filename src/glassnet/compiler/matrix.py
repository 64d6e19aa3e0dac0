"""Matrices in memory as generated code sees them: a pointer, and two axes with constant strides.

A transposed matrix is the same memory with its axes exchanged; a mini-batch is the whole data set with an axis that
goes through the table of the batch's indices. Neither is ever copied to be read.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from glassnet.compiler.writer import INDEX, Type, Writer


def scaled(writer: Writer, index: str, factor: int) -> str:
    """``index * factor`` for an i64 that is a name or a literal; literals and factors of 1 cost no instruction."""
    if index.isdecimal():
        return str(int(index) * factor)
    return index if factor == 1 else writer.let(f"mul nuw nsw i64 {index}, {factor}")


def moved(writer: Writer, element: str, pointer: str, offset: str) -> str:
    """The pointer to ``offset`` elements after ``pointer``; an offset of 0 costs no instruction."""
    return pointer if offset == "0" else writer.address(element, pointer, offset)


@dataclass(frozen=True)
class Axis:
    """One axis: how many elements, and how far apart they are in memory, counted in elements.

    With a ``table`` (the name of a pointer to integers of the type ``table_element``), element i of the axis stands
    where the table says: ``stride * table[i]`` elements after the beginning.
    """

    extent: int
    stride: int
    table: str | None = None
    table_element: str = "i64"

    def offset(self, writer: Writer, index: str) -> str:
        """How many elements after the beginning of the axis the element ``index`` stands."""
        if self.table is None:
            return scaled(writer, index, self.stride)
        entry = writer.load(Type(self.table_element), moved(writer, self.table_element, self.table, index))
        return scaled(writer, writer.convert("sext", Type(self.table_element), INDEX, entry), self.stride)


@dataclass(frozen=True)
class Matrix:
    """Element (i, j) stands ``rows.offset(i) + columns.offset(j)`` elements after ``pointer``, an SSA name."""

    pointer: str
    rows: Axis
    columns: Axis

    @classmethod
    def row_major(cls, pointer: str, rows: int, columns: int, stride: int | None = None) -> Matrix:
        """Consecutive elements in each row, and ``stride`` elements from one row to the next (``columns`` if None)."""
        return cls(pointer, Axis(rows, columns if stride is None else stride), Axis(columns, 1))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.rows.extent, self.columns.extent

    @property
    def has_dense_rows(self) -> bool:
        """Whether the elements of each row are consecutive."""
        return self.columns.table is None and (self.columns.stride == 1 or self.columns.extent == 1)

    @property
    def can_be_second(self) -> bool:
        """Whether a product can read it as its second operand: rows are dense, or columns at constant distances."""
        return self.has_dense_rows or (self.T.has_dense_rows and self.columns.table is None)

    @property
    def T(self) -> Matrix:  # noqa: N802 - NumPy's name
        """The transposed view of the same memory."""
        return Matrix(self.pointer, self.columns, self.rows)

    def gathered(self, table: str, count: int, element: str = "i64") -> Matrix:
        """The rows ``self[table[0]], ..., self[table[count - 1]]``, as a view; the table's entries must be in range."""
        return replace(self, rows=replace(self.rows, extent=count, table=table, table_element=element))

    def block(self, writer: Writer, element: str, row: str, rows: int, column: str, columns: int) -> Matrix:
        """The view of ``rows`` x ``columns`` elements that begins at (row, column)."""
        pointer, axes = self.pointer, []
        for axis, start, extent in ((self.rows, row, rows), (self.columns, column, columns)):
            if axis.table is None:
                pointer = moved(writer, element, pointer, axis.offset(writer, start))
                axes.append(replace(axis, extent=extent))
            else:
                table = moved(writer, axis.table_element, axis.table, start)
                axes.append(replace(axis, extent=extent, table=table))
        return Matrix(pointer, *axes)

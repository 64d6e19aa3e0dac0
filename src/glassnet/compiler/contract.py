"""Products of matrices as items: one for each matrix of a stack, read where its operands lie."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from glassnet.compiler.elements import Elements
from glassnet.compiler.loops import Affine, Load, Matrix, Product
from glassnet.compiler.nests import Item, dot, fill, loops_over
from glassnet.compiler.record import Value
from glassnet.compiler.view import View, own_index


def matmul(elements: Elements, value: Value, filled: View) -> Iterator[Item]:
    """A product of matrices by a kernel; one with a vector, or of integers, as loops that add up."""
    a, b = value.values
    if not a.size:
        yield fill(filled, 0)
    elif min(len(a.shape), len(b.shape)) < 2 or value.dtype.kind != "f":
        yield from dot(elements, value, filled)
    elif (rows := _rows_of_a_table(elements, a)) is not None:
        yield _of_rows(elements, value, filled, rows)
    else:
        yield from _stacked(elements, value, filled)


def can_be_operand(view: View, place: int) -> bool:
    """Whether a product can read a view as its first (place 0) or second operand: forwards, and the second one with
    consecutive elements in its rows or in its columns.
    """
    if len(view.shape) < 2:
        return True
    close = [s == 1 or n == 1 for n, s in zip(view.shape[-2:], view.strides[-2:], strict=True)]
    return min(view.strides[-2:]) >= 0 and (place == 0 or any(close))


def _stacked(elements: Elements, value: Value, filled: View) -> Iterator[Product]:
    a, b = map(elements.kept, value.values)
    index, loops = loops_over(value.shape[:-2])
    (m, k), n = a.shape[-2:], b.shape[-1]
    for place in np.ndindex(*(var.extent for var in loops)):
        at = {var: Affine((), number) for var, number in zip(loops, place, strict=True)}
        outer = [axis.replace(at) for axis in index]
        yield Product(_matrix(a, outer), _matrix(b, outer), _matrix(filled, outer), m, k, n)


def _matrix(view: View, outer: Sequence[Affine]) -> Matrix:
    """The matrix of a stack at an index of the axes before the last two."""
    *stack, rows, columns = view.strides
    place = own_index(view.shape[:-2], outer)
    return Matrix(view.buffer, Affine.sum(zip(place, stack, strict=True), view.offset), rows, columns)


def _rows_of_a_table(elements: Elements, a: Value) -> Value | None:
    """The rows of a table that a is, or is the transpose of, if they were not copied together (see ``decide.py``)."""
    rows = a.values[0] if a.operation == "permute" else a
    return rows if rows.operation == "gather" and elements.view(rows) is None else None


def _of_rows(elements: Elements, value: Value, filled: View, rows: Value) -> Product:
    """x[rows] @ w, or x[rows].T @ g, that reads the rows of the table x where they are."""
    (m, k), n = value.values[0].shape, value.shape[1]
    table, positions = map(elements.kept, rows.values)
    place = Load(positions.buffer, Affine())
    a = Matrix(table.buffer, Affine((), table.offset), table.strides[0], 1, place)
    b, c = _matrix(elements.kept(value.values[1]), []), _matrix(filled, [])
    return Product(a, b, c, m, k, n, a_transposed=rows is not value.values[0])

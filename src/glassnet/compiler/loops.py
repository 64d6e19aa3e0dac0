"""A small language of loops: what a record becomes before it becomes LLVM IR.

Loops have constant extents, indices are sums of loop variables times constants, every element is a scalar. A ``Loop``
marked ``vector`` is run many elements at a time; what that changes is the order in which sums are added up, nothing
else. ``source.py`` prints it as Python.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np

from glassnet.compiler.record import Origin


@dataclass(eq=False)
class Var:
    """The variable of a loop from 0 to extent - 1."""

    name: str
    extent: int

    def __repr__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Affine:
    """offset + the sum of variable * factor."""

    terms: tuple[tuple[Var, int], ...] = ()
    offset: int = 0

    @staticmethod
    def sum(parts: Iterable[tuple[Affine, int]], offset: int = 0) -> Affine:
        """offset + the sum of part * factor."""
        factors: dict[Var, int] = {}
        for part, factor in parts:
            offset += part.offset * factor
            for var, times in part.terms:
                factors[var] = factors.get(var, 0) + times * factor
        return Affine(tuple((var, times) for var, times in factors.items() if times), offset)

    def factor(self, var: Var) -> int:
        """What the variable is multiplied with."""
        return next((times for other, times in self.terms if other is var), 0)

    def replace(self, mapping: Mapping[Var, Affine]) -> Affine:
        """With other sums in the places of variables."""
        return Affine.sum([(mapping.get(var, Affine(((var, 1),))), times) for var, times in self.terms], self.offset)


def affine(var: Var) -> Affine:
    """The variable itself."""
    return Affine(((var, 1),)) if var.extent > 1 else Affine()


@dataclass(eq=False)
class Buffer:
    """A piece of memory with a name.

    kind: "state" and "constant" live as long as the program; "table", "rows", "rate", "number" and "words" come in;
    "output" goes out; "temporary" is shared with others when its time is over.
    """

    name: str
    size: int
    dtype: np.dtype[Any]
    kind: str = "temporary"
    array: Any = None  # of a constant

    def __repr__(self) -> str:
        return self.name


# Expressions


@dataclass(frozen=True, eq=False)
class Const:
    """A number. 0.0 and -0.0 are two."""

    value: Any
    dtype: np.dtype[Any]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Const) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[str, np.dtype[Any]]:
        return repr(self.value), self.dtype


@dataclass(frozen=True)
class Gathered:
    """A part of an address that is read from memory: position * stride, the position wrapped and kept below count."""

    position: Expr
    stride: int
    count: int

    def changed(self, change: Callable[[Expr], Expr]) -> Gathered:
        """With another position."""
        return replace(self, position=change(self.position))


@dataclass(frozen=True)
class Load:
    """An element of a buffer."""

    buffer: Buffer
    index: Affine
    gathered: tuple[Gathered, ...] = ()

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the element."""
        return self.buffer.dtype


@dataclass(frozen=True)
class Index:
    """The value of a sum of loop variables."""

    index: Affine
    dtype: np.dtype[Any]


@dataclass(frozen=True)
class Op:
    """A primitive of the element-wise ones, with all arguments of the type that it computes in."""

    name: str
    arguments: tuple[Expr, ...]
    dtype: np.dtype[Any]


@dataclass(frozen=True)
class Name:
    """What a ``Let`` or an accumulator holds."""

    name: str
    dtype: np.dtype[Any]


Expr = Const | Load | Index | Op | Name

# Statements


@dataclass
class Simple:
    """A statement without a body."""

    def changed(self, change: Callable[[Expr], Expr]) -> Self:  # noqa: ARG002 - those without expressions ignore it
        """With its expressions changed, each as a whole."""
        return self

    def mapped(self, change: Callable[[Expr], Expr]) -> Self:
        """With all parts of its expressions changed, the parts of a part before it."""
        return self.changed(lambda expr: map_expression(expr, change))

    def renamed(self, mapping: Mapping[Var, Affine]) -> Self:
        """With sums in the places of variables."""

        def change(expr: Expr) -> Expr:
            return replace(expr, index=expr.index.replace(mapping)) if isinstance(expr, Load | Index) else expr

        return self.mapped(change)


@dataclass
class Let(Simple):
    """name = value."""

    name: Name
    value: Expr

    def changed(self, change: Callable[[Expr], Expr]) -> Self:
        """With another value."""
        return replace(self, value=change(self.value))


@dataclass
class Accumulate(Simple):
    """name = name OPERATION value, with "sum", "max" or "min"."""

    name: Name
    operation: str
    value: Expr

    def changed(self, change: Callable[[Expr], Expr]) -> Self:
        """With another value."""
        return replace(self, value=change(self.value))


@dataclass
class Start(Simple):
    """An accumulator before its loops: 0, or the smallest or largest number."""

    name: Name
    operation: str


@dataclass
class Store(Simple):
    """buffer[index] = value, or += value."""

    buffer: Buffer
    index: Affine
    value: Expr
    gathered: tuple[Gathered, ...] = ()
    add: bool = False

    def changed(self, change: Callable[[Expr], Expr]) -> Self:
        """With another value and other positions."""
        return replace(self, value=change(self.value), gathered=tuple(part.changed(change) for part in self.gathered))

    def renamed(self, mapping: Mapping[Var, Affine]) -> Self:
        """With sums in the places of variables."""
        return replace(super().renamed(mapping), index=self.index.replace(mapping))


@dataclass
class Loop:
    """for var in range(var.extent): body."""

    var: Var
    body: list[Statement]
    vector: bool = False
    origin: Origin = field(default_factory=Origin)
    comment: str = ""


@dataclass(frozen=True)
class Matrix:
    """A matrix in a buffer: element (i, j) is at offset + i * row_stride + j * column_stride; with ``rows``, a buffer
    of positions, its i-th row is row rows[i] of the table.
    """

    buffer: Buffer
    offset: Affine
    row_stride: int
    column_stride: int
    rows: Load | None = None


@dataclass
class Product(Simple):
    """c (m, n) = a (m, k) @ b (k, n), a whole matrix product."""

    a: Matrix
    b: Matrix
    c: Matrix
    m: int
    k: int
    n: int
    a_transposed: bool = False  # a's stored rows are its columns: they are read through ``rows`` along k
    origin: Origin = field(default_factory=Origin)
    comment: str = ""


Statement = Let | Accumulate | Start | Store | Loop | Product


def subexpressions(expr: Expr) -> Iterator[Expr]:
    """An expression and all that it is made of, the whole before its parts."""
    yield expr
    if isinstance(expr, Op):
        for argument in expr.arguments:
            yield from subexpressions(argument)
    elif isinstance(expr, Load):
        for part in expr.gathered:
            yield from subexpressions(part.position)


def own_expressions(statement: Statement) -> list[Expr]:
    """The expressions that stand in a statement itself, not in its body."""
    if isinstance(statement, Let | Accumulate):
        return [statement.value]
    if isinstance(statement, Store):
        return [statement.value, *(part.position for part in statement.gathered)]
    return []


def walk(body: Iterable[Statement]) -> Iterator[Statement]:
    """All statements, also those in loops."""
    for statement in body:
        yield statement
        if isinstance(statement, Loop):
            yield from walk(statement.body)


def loads(body: Iterable[Statement]) -> Iterator[Load]:
    """Everything that is read, by loops and products."""
    for statement in walk(body):
        for expr in own_expressions(statement):
            yield from (part for part in subexpressions(expr) if isinstance(part, Load))
        if isinstance(statement, Product):
            for matrix in (statement.a, statement.b):
                yield Load(matrix.buffer, matrix.offset)
                if matrix.rows is not None:
                    yield matrix.rows


def written(body: Iterable[Statement]) -> Iterator[Buffer]:
    """Every buffer that is written."""
    for statement in walk(body):
        if isinstance(statement, Store):
            yield statement.buffer
        elif isinstance(statement, Product):
            yield statement.c.buffer


def map_expression(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """An expression with its parts changed first, and then itself."""
    return change(with_parts(expr, lambda part: map_expression(part, change)))


def with_parts(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """An expression with what it is made of changed, not itself."""
    if isinstance(expr, Op):
        return replace(expr, arguments=tuple(change(x) for x in expr.arguments))
    if isinstance(expr, Load) and expr.gathered:
        return replace(expr, gathered=tuple(part.changed(change) for part in expr.gathered))
    return expr

"""A small language of loops: what a record becomes before it becomes LLVM IR.

Loops have constant extents, indices are sums of loop variables times constants, every element is a scalar. A ``Loop``
marked ``vector`` is run many elements at a time; what that changes is the order in which sums are added up, nothing
else. ``source.py`` prints it as Python.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from glassnet.compile.record import Origin


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


@dataclass(frozen=True)
class Const:
    """A number."""

    value: Any
    dtype: np.dtype[Any]


@dataclass(frozen=True)
class Gathered:
    """A part of an address that is read from memory: position * stride, the position wrapped and kept below count."""

    position: Expr
    stride: int
    count: int


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
class Let:
    """name = value."""

    name: Name
    value: Expr


@dataclass
class Accumulate:
    """name = name OPERATION value, with "sum", "max" or "min"."""

    name: Name
    operation: str
    value: Expr


@dataclass
class Start:
    """An accumulator before its loops: 0, or the smallest or largest number."""

    name: Name
    operation: str


@dataclass
class Store:
    """buffer[index] = value, or += value."""

    buffer: Buffer
    index: Affine
    value: Expr
    gathered: tuple[Gathered, ...] = ()
    add: bool = False


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
    row_count: int = 0


@dataclass
class Product:
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
    if isinstance(expr, Op):
        expr = Op(expr.name, tuple(map_expression(x, change) for x in expr.arguments), expr.dtype)
    elif isinstance(expr, Load) and expr.gathered:
        expr = Load(expr.buffer, expr.index, _map_gathered(expr.gathered, change))
    return change(expr)


def _map_gathered(parts: tuple[Gathered, ...], change: Callable[[Expr], Expr]) -> tuple[Gathered, ...]:
    return tuple(Gathered(map_expression(part.position, change), part.stride, part.count) for part in parts)


def map_statement(statement: Statement, change: Callable[[Expr], Expr]) -> Statement:
    """A statement, not a loop, with its expressions changed."""
    if isinstance(statement, Let):
        return Let(statement.name, map_expression(statement.value, change))
    if isinstance(statement, Accumulate):
        return Accumulate(statement.name, statement.operation, map_expression(statement.value, change))
    if isinstance(statement, Store):
        value = map_expression(statement.value, change)
        gathered = _map_gathered(statement.gathered, change)
        return Store(statement.buffer, statement.index, value, gathered, statement.add)
    return statement


def rename(statement: Statement, mapping: Mapping[Var, Affine]) -> Statement:
    """A statement, not a loop, with sums in the places of variables."""

    def change(expr: Expr) -> Expr:
        if isinstance(expr, Load):
            return Load(expr.buffer, expr.index.replace(mapping), expr.gathered)
        return Index(expr.index.replace(mapping), expr.dtype) if isinstance(expr, Index) else expr

    changed = map_statement(statement, change)
    return replace(changed, index=changed.index.replace(mapping)) if isinstance(changed, Store) else changed

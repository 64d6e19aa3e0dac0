"""Loops printed as Python: what a compiled step does, for people; and, run on small shapes, a check of the emitter.

Buffers are flat NumPy arrays by name. Three functions are not Python's or NumPy's: ``erf``; ``at(position, count)``, a
position that counts from the end if it is negative and is kept inside of the array; and ``product(a, b, c, m, k, n)``
for c = a @ b, where (buffer, offset, row stride, column stride) is a matrix, and a fifth entry holds the numbers of the
rows that are read (of the columns, in a product that says ``transposed``).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain, count

import numpy as np

from glassnet.compiler.arithmetic import identity
from glassnet.compiler.loops import (
    Accumulate,
    Affine,
    Buffer,
    Const,
    Expr,
    Gathered,
    Index,
    Let,
    Load,
    Loop,
    Matrix,
    Name,
    Op,
    Product,
    Start,
    Statement,
    Store,
    Var,
    loads,
    written,
)

_OPERATORS = {
    "add": "+",
    "subtract": "-",
    "multiply": "*",
    "divide": "/",
    "power": "**",
    "remainder": "%",
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
    "equal": "==",
    "not_equal": "!=",
    "logical_and": "&",
    "logical_or": "|",
    "bitwise_xor": "^",
    "right_shift": ">>",
}
_PREFIXES = {"negate": "-", "logical_not": "~"}


def identifiers(body: Sequence[Statement]) -> dict[Buffer, str]:
    """Names for all buffers that Python accepts, each a different one: ``net.0.weight`` is ``net_0_weight``."""
    found: dict[Buffer, str] = {}
    for statement in body:
        for buffer in [*written([statement]), *(load.buffer for load in loads([statement]))]:
            if buffer not in found:
                found[buffer] = _unused(re.sub(r"\W", "_", buffer.name), found.values())
    return found


def _unused(name: str, taken: Collection[str]) -> str:
    """The name, or the first of name_2, name_3 ... that is not taken."""
    names = chain([name], (f"{name}_{number}" for number in count(2)))
    return next(wanted for wanted in names if wanted not in taken)


def text(body: Sequence[Statement]) -> str:
    """Statements as Python."""
    printer = _Printer(identifiers(body))
    return "\n".join(line for statement in body for line in printer.lines(statement, {}))


class _Printer:
    def __init__(self, names: Mapping[Buffer, str]) -> None:
        self._names = names

    def lines(self, statement: Statement, variables: Mapping[Var, str]) -> Iterator[str]:
        """The lines of a statement; ``variables`` are those of the loops around it."""
        if isinstance(statement, Loop):
            yield from self._loop(statement, variables)
        elif isinstance(statement, Let):
            yield f"{statement.name.name} = {self._expr(statement.value, variables)}"
        elif isinstance(statement, Start):
            number = identity(statement.operation, statement.name.dtype)
            yield f"{statement.name.name} = {_number(number, statement.name.dtype)}"
        elif isinstance(statement, Accumulate):
            name, value = statement.name.name, self._expr(statement.value, variables)
            adds = statement.operation == "sum"
            yield f"{name} = {f'{name} + {value}' if adds else f'np.{statement.operation}imum({name}, {value})'}"
        elif isinstance(statement, Store):
            place = self._element(statement.buffer, statement.index, statement.gathered, variables)
            yield f"{place} {'+=' if statement.add else '='} {self._expr(statement.value, variables)}"
        else:
            yield from self._product(statement, variables)

    def _loop(self, loop: Loop, variables: Mapping[Var, str]) -> Iterator[str]:
        name = _unused(loop.var.name, variables.values())
        if loop.comment:
            yield f"# {loop.comment}"
        yield f"for {name} in range({loop.var.extent}):{'  # vector' if loop.vector else ''}"
        for statement in loop.body:
            for line in self.lines(statement, {**variables, loop.var: name}):
                yield f"    {line}"

    def _product(self, product: Product, variables: Mapping[Var, str]) -> Iterator[str]:
        layer = f"{product.origin.layer}: " if product.origin.layer else ""
        yield f"# {layer}{product.comment}"
        matrices = ", ".join(self._matrix(matrix, variables) for matrix in (product.a, product.b, product.c))
        transposed = ", transposed=True" if product.a_transposed else ""
        yield f"product({matrices}, {product.m}, {product.k}, {product.n}{transposed})"

    def _matrix(self, matrix: Matrix, variables: Mapping[Var, str]) -> str:
        rows = f", {self._names[matrix.rows.buffer]}" if matrix.rows is not None else ""
        place = self._address(matrix.offset, (), variables)
        return f"({self._names[matrix.buffer]}, {place}, {matrix.row_stride}, {matrix.column_stride}{rows})"

    def _element(
        self, buffer: Buffer, index: Affine, gathered: Sequence[Gathered], variables: Mapping[Var, str]
    ) -> str:
        return f"{self._names[buffer]}[{self._address(index, gathered, variables)}]"

    def _address(self, index: Affine, gathered: Sequence[Gathered], variables: Mapping[Var, str]) -> str:
        terms = [_times(variables[var], factor) for var, factor in index.terms]
        terms += [_times(f"at({self._expr(g.position, variables)}, {g.count})", g.stride) for g in gathered]
        if index.offset or not terms:
            terms.append(str(index.offset))
        return " + ".join(terms)

    def _expr(self, expr: Expr, variables: Mapping[Var, str]) -> str:
        if isinstance(expr, Const):
            return _number(expr.value, expr.dtype)
        if isinstance(expr, Name):
            return expr.name
        if isinstance(expr, Index):
            return f"np.{expr.dtype}({self._address(expr.index, (), variables)})"
        if isinstance(expr, Load):
            return self._element(expr.buffer, expr.index, expr.gathered, variables)
        return _operation(expr, [self._expr(argument, variables) for argument in expr.arguments])


def _operation(op: Op, arguments: Sequence[str]) -> str:
    first, *others = arguments
    if op.name in _OPERATORS:
        return f"({first} {_OPERATORS[op.name]} {others[0]})"
    if op.name in _PREFIXES:
        return f"({_PREFIXES[op.name]}{first})"
    if op.name == "astype":
        return f"np.{op.dtype}({first})"
    if op.name == "where":
        return f"({others[0]} if {first} else {others[1]})"
    return f"{'erf' if op.name == 'erf' else f'np.{op.name}'}({', '.join(arguments)})"


def _number(value: float, dtype: np.dtype[np.generic]) -> str:
    """A number of a type, as a call of it."""
    finite = dtype.kind != "f" or np.isfinite(value)
    return f"np.{dtype}({value!r})" if finite else f"np.{dtype}('{float(value)}')"


def _times(term: str, factor: int) -> str:
    return term if factor == 1 else f"{term} * {factor}"

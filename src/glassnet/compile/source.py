"""Loops printed as Python: what a compiled step does, for people; and, run on small shapes, a check of the emitter.

Buffers are flat arrays by name. ``numpy`` is np; a function that NumPy has not is in ``helpers``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from glassnet.compile.loops import (
    Accumulate,
    Affine,
    Const,
    Expr,
    Gathered,
    Index,
    Let,
    Load,
    Matrix,
    Name,
    Product,
    Start,
    Statement,
    Store,
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
_START = {"sum": "0", "max": "-inf", "min": "inf"}


def identifier(name: str) -> str:
    """A name that Python accepts: ``net.0.weight`` is ``net_0_weight``."""
    return re.sub(r"\W", "_", name)


def text(body: Sequence[Statement], indent: int = 0) -> str:
    """Statements as Python."""
    lines: list[str] = []
    for statement in body:
        lines += _lines(statement)
    pad = "    " * indent
    return "\n".join(pad + line if line else "" for line in lines)


def _lines(statement: Statement) -> list[str]:
    if isinstance(statement, Let):
        return [f"{statement.name.name} = {_expr(statement.value)}"]
    if isinstance(statement, Start):
        kind = statement.name.dtype.kind
        number = (
            _START[statement.operation]
            if kind == "f" or statement.operation == "sum"
            else (f"np.iinfo(np.{statement.name.dtype}).{'min' if statement.operation == 'max' else 'max'}")
        )
        return [f"{statement.name.name} = np.{statement.name.dtype}({number})"]
    if isinstance(statement, Accumulate):
        name, value = statement.name.name, _expr(statement.value)
        if statement.operation == "sum":
            return [f"{name} = {name} + {value}"]
        return [f"{name} = np.{statement.operation}imum({name}, {value})"]
    if isinstance(statement, Store):
        place = f"{identifier(statement.buffer.name)}[{_address(statement.index, statement.gathered)}]"
        return [f"{place} {'+=' if statement.add else '='} {_expr(statement.value)}"]
    if isinstance(statement, Product):
        return [
            f"# {statement.comment}",
            f"product({_matrix(statement.a)}, {_matrix(statement.b)}, {_matrix(statement.c)}, "
            f"{statement.m}, {statement.k}, {statement.n}, {statement.a_transposed})",
        ]
    head = f"for {statement.var.name} in range({statement.var.extent}):"
    comment = [f"# {statement.comment}"] if statement.comment else []
    vector = "  # vector" if statement.vector else ""
    return [*comment, head + vector, *text(statement.body, 1).split("\n")]


def _matrix(matrix: Matrix) -> str:
    name = identifier(matrix.buffer.name)
    rows = f", {identifier(matrix.rows.buffer.name)}" if matrix.rows is not None else ""
    return f"({name}, {_address(matrix.offset)}, {matrix.row_stride}, {matrix.column_stride}{rows})"


def _address(index: Affine, gathered: Sequence[Gathered] = ()) -> str:
    terms = [v.name if f == 1 else f"{v.name} * {f}" for v, f in index.terms]
    terms += [f"at({_expr(g.position)}, {g.count}) * {g.stride}" for g in gathered]
    if index.offset or not terms:
        terms.append(str(index.offset))
    return " + ".join(terms)


def _expr(expr: Expr) -> str:
    if isinstance(expr, Const):
        if isinstance(expr.value, float) and not math.isfinite(expr.value):
            return f"np.{expr.dtype}('{expr.value}')"
        return f"np.{expr.dtype}({expr.value!r})"
    if isinstance(expr, Name):
        return expr.name
    if isinstance(expr, Index):
        return f"np.{expr.dtype}({_address(expr.index)})"
    if isinstance(expr, Load):
        return f"{identifier(expr.buffer.name)}[{_address(expr.index, expr.gathered)}]"
    arguments = [_expr(argument) for argument in expr.arguments]
    if expr.name in _OPERATORS:
        return f"({arguments[0]} {_OPERATORS[expr.name]} {arguments[1]})"
    if expr.name == "astype":
        return f"np.{expr.dtype}({arguments[0]})"
    if expr.name == "where":
        return f"({arguments[1]} if {arguments[0]} else {arguments[2]})"
    return f"{'erf' if expr.name == 'erf' else 'np.' + expr.name}({', '.join(arguments)})".replace("negate", "negative")

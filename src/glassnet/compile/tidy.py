"""Passes over loops, each of which leaves fewer loads and stores.

``collapse`` makes one loop of two where addresses run through; ``forward`` hands on what was just stored; ``drop``
removes what nobody reads; ``hoist`` moves what does not change in a loop in front of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import count

from glassnet.compile.loops import (
    Accumulate,
    Affine,
    Buffer,
    Const,
    Expr,
    Index,
    Let,
    Load,
    Loop,
    Name,
    Op,
    Product,
    Start,
    Statement,
    Store,
    Var,
    loads,
    map_statement,
    own_expressions,
    rename,
    subexpressions,
    walk,
    written,
)


def tidy(body: Sequence[Statement]) -> list[Statement]:
    """All passes, in their order."""
    body = drop(forward(collapse(body)))
    return hoist(body, count(1))


# One loop of two


def collapse(body: Sequence[Statement]) -> list[Statement]:
    """Loops over i and j whose addresses all contain i * extent of j + j become one loop."""
    found: list[Statement] = []
    for statement in body:
        if isinstance(statement, Loop):
            statement = Loop(
                statement.var,
                collapse(statement.body),
                statement.vector,
                statement.origin,
                statement.comment,
            )
            while (merged := _merged(statement)) is not None:
                statement = merged
        found.append(statement)
    return found


def _merged(outer: Loop) -> Loop | None:
    if len(outer.body) != 1 or not isinstance(outer.body[0], Loop) or outer.vector:
        return None
    inner = outer.body[0]
    if any(isinstance(s, Loop | Product) for s in inner.body):
        return None
    for index in _indices(inner.body):
        if index.factor(outer.var) != index.factor(inner.var) * inner.var.extent:
            return None
    both = Var(outer.var.name + inner.var.name, outer.var.extent * inner.var.extent)
    mapping = {outer.var: Affine(), inner.var: Affine(((both, 1),))}
    return Loop(both, [rename(s, mapping) for s in inner.body], inner.vector, outer.origin, outer.comment)


def _indices(body: Iterable[Statement]) -> Iterable[Affine]:
    for statement in body:
        if isinstance(statement, Store):
            yield statement.index
        for expr in own_expressions(statement):
            yield from (part.index for part in subexpressions(expr) if isinstance(part, Load | Index))


# What was just stored is at hand

_Known = dict[tuple[Buffer, Affine], Expr]


def forward(body: Sequence[Statement]) -> list[Statement]:
    """Loads of what the same turn stored before become names."""
    return _forward(body, {}, count(1))


def _forward(body: Sequence[Statement], known: _Known, numbers: count[int]) -> list[Statement]:
    found: list[Statement] = []

    def change(expr: Expr) -> Expr:
        if isinstance(expr, Load) and not expr.gathered:
            return known.get((expr.buffer, expr.index), expr)
        return expr

    for statement in body:
        if isinstance(statement, Loop):
            _forget(known, written([statement]))
            inner = _forward(statement.body, dict(known), numbers)
            found.append(Loop(statement.var, inner, statement.vector, statement.origin, statement.comment))
            continue
        changed = map_statement(statement, change)
        if isinstance(changed, Store):
            _forget(known, [changed.buffer])
            if not changed.add and not changed.gathered:
                value = changed.value
                if not isinstance(value, Name | Const):
                    name = Name(f"x{next(numbers)}", changed.buffer.dtype)
                    found.append(Let(name, value))
                    changed = Store(changed.buffer, changed.index, name)
                known[changed.buffer, changed.index] = changed.value
        elif isinstance(changed, Product):
            _forget(known, [changed.c.buffer])
        found.append(changed)
    return found


def _forget(known: _Known, buffers: Iterable[Buffer]) -> None:
    gone = set(buffers)
    for key in [key for key in known if key[0] in gone]:
        del known[key]


# What nobody reads


def drop(body: Sequence[Statement]) -> list[Statement]:
    """Without stores into temporaries that nobody reads, and names that nobody uses; names used once are put there."""
    read = {load.buffer for load in loads(body)}
    body = _without(body, lambda s: isinstance(s, Store) and s.buffer.kind == "temporary" and s.buffer not in read)
    while True:
        uses: dict[Name, int] = {}
        for statement in walk(body):
            for expr in own_expressions(statement):
                for part in subexpressions(expr):
                    if isinstance(part, Name):
                        uses[part] = uses.get(part, 0) + 1
        shorter = _without(body, lambda s, used=uses: isinstance(s, Let) and s.name not in used)
        if _length(shorter) == _length(body):
            return shorter
        body = shorter


def _without(body: Sequence[Statement], gone: object) -> list[Statement]:
    found: list[Statement] = []
    for statement in body:
        if isinstance(statement, Loop):
            inner = _without(statement.body, gone)
            if inner:
                found.append(Loop(statement.var, inner, statement.vector, statement.origin, statement.comment))
        elif not gone(statement):  # type: ignore[operator]
            found.append(statement)
    return found


def _length(body: Sequence[Statement]) -> int:
    return sum(1 for _ in walk(body))


# What does not change in a loop


def hoist(body: Sequence[Statement], numbers: count[int]) -> list[Statement]:
    """What is the same in every turn of a loop is computed before it."""
    found: list[Statement] = []
    for statement in body:
        if not isinstance(statement, Loop):
            found.append(statement)
            continue
        inner, lets = _hoisted(statement, numbers)
        found += lets
        found.append(Loop(statement.var, hoist(inner, numbers), statement.vector, statement.origin, statement.comment))
    return found


def _hoisted(loop: Loop, numbers: count[int]) -> tuple[list[Statement], list[Statement]]:
    inside = list(walk(loop.body))
    variables = {loop.var, *(s.var for s in inside if isinstance(s, Loop))}
    names = {s.name for s in inside if isinstance(s, Let | Accumulate | Start)}
    changed = set(written(loop.body))
    lets: dict[Expr, Name] = {}

    def own(expr: Expr) -> bool:
        """Whether this part by itself changes in the loop."""
        if isinstance(expr, Load):
            return expr.buffer in changed or any(var in variables for var, _ in expr.index.terms)
        if isinstance(expr, Index):
            return any(var in variables for var, _ in expr.index.terms)
        return isinstance(expr, Name) and expr in names

    def invariant(expr: Expr) -> bool:
        return not any(own(part) for part in subexpressions(expr))

    def lift(expr: Expr) -> Expr:
        """The largest parts that do not change, as names."""
        if isinstance(expr, Const | Name | Index):
            return expr
        if invariant(expr):
            return lets.setdefault(expr, Name(f"y{next(numbers)}", expr.dtype)) if _has_load(expr) else expr
        if isinstance(expr, Op):
            return Op(expr.name, tuple(lift(x) for x in expr.arguments), expr.dtype)
        parts = tuple(type(g)(lift(g.position), g.stride, g.count) for g in expr.gathered)
        return Load(expr.buffer, expr.index, parts)

    def visit(body: Sequence[Statement]) -> list[Statement]:
        result: list[Statement] = []
        for s in body:
            if isinstance(s, Loop):
                result.append(Loop(s.var, visit(s.body), s.vector, s.origin, s.comment))
            elif isinstance(s, Let):
                result.append(Let(s.name, lift(s.value)))
            elif isinstance(s, Accumulate):
                result.append(Accumulate(s.name, s.operation, lift(s.value)))
            elif isinstance(s, Store):
                parts = tuple(type(g)(lift(g.position), g.stride, g.count) for g in s.gathered)
                result.append(Store(s.buffer, s.index, lift(s.value), parts, s.add))
            else:
                result.append(s)
        return result

    inner = visit(loop.body)
    return inner, [Let(name, expr) for expr, name in lets.items()]


def _has_load(expr: Expr) -> bool:
    return any(isinstance(part, Load | Name) for part in subexpressions(expr))

"""Passes over loops, each of which leaves fewer loads and stores.

``collapse`` makes one loop of two where addresses run through; ``forward`` hands on what was just stored; ``drop``
removes what nobody reads; ``inline`` puts names that are used once where they are used; ``hoist`` moves what does not
change in a loop in front of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import replace
from functools import partial
from itertools import count

from glassnet.compiler.loops import (
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
    Product,
    Start,
    Statement,
    Store,
    Var,
    affine,
    loads,
    own_expressions,
    subexpressions,
    walk,
    with_parts,
    written,
)

#: Parts of an expression that still reads well inside of another one.
SHORT = 12


def tidy(body: Sequence[Statement]) -> list[Statement]:
    """All passes, in their order."""
    body = inline(drop(forward(collapse(body))))
    return hoist(body, count(1))


# One loop of two


def collapse(body: Sequence[Statement]) -> list[Statement]:
    """Loops over i and j whose addresses all contain i * extent of j + j become one loop. It is a vector loop if that
    over j was: then turns of i are computed at a time, and must not depend on each other.
    """
    return [_collapsed(statement) if isinstance(statement, Loop) else statement for statement in body]


def _collapsed(loop: Loop) -> Loop:
    loop = replace(loop, body=collapse(loop.body))
    while (merged := _merged(loop)) is not None:
        loop = merged
    return loop


def _merged(outer: Loop) -> Loop | None:
    """A loop and the one in it as one, if it is all that is in it."""
    if len(outer.body) != 1 or not isinstance(inner := outer.body[0], Loop) or outer.vector:
        return None
    simple = [statement for statement in inner.body if not isinstance(statement, Loop | Product)]
    if len(simple) < len(inner.body):
        return None
    if any(index.factor(outer.var) != index.factor(inner.var) * inner.var.extent for index in _indices(simple)):
        return None
    if inner.vector and _turns_meet(simple):
        return None
    both = Var(outer.var.name + inner.var.name, outer.var.extent * inner.var.extent)
    mapping = {outer.var: Affine(), inner.var: affine(both)}
    return Loop(both, [one.renamed(mapping) for one in simple], inner.vector, outer.origin, outer.comment)


def _turns_meet(body: Sequence[Statement]) -> bool:
    """Whether what one turn writes may be read or written by another: it is not all at one address of the buffer."""
    stores = [statement for statement in body if isinstance(statement, Store)]
    places = {store.buffer: store.index for store in stores}
    touched: list[Store | Load] = [*stores, *(load for load in loads(body) if load.buffer in places)]
    return any(one.gathered or one.index != places[one.buffer] for one in touched)


def _indices(body: Iterable[Statement]) -> Iterable[Affine]:
    """Every sum of loop variables in statements."""
    for statement in body:
        if isinstance(statement, Store):
            yield statement.index
        for expr in own_expressions(statement):
            yield from (part.index for part in subexpressions(expr) if isinstance(part, Load | Index))


# What was just stored is at hand

_Known = dict[tuple[Buffer, Affine], Expr]


def forward(body: Sequence[Statement]) -> list[Statement]:
    """Loads of what the same turn stored before become names; but outside of loops only up to the next one. A name that
    reaches further would tie everything in between together, and a step could neither be cut into functions nor shared
    among threads.
    """
    numbers = count(1)
    found: list[Statement] = []
    start = 0
    for i, statement in enumerate(body):
        if isinstance(statement, Loop | Product):
            found += _forward(body[start:i], {}, numbers) + _forward([statement], {}, numbers)
            start = i + 1
    return found + _forward(body[start:], {}, numbers)


def _forward(body: Sequence[Statement], known: _Known, numbers: count[int]) -> list[Statement]:
    found: list[Statement] = []

    def change(expr: Expr) -> Expr:
        if isinstance(expr, Load) and not expr.gathered:
            return known.get((expr.buffer, expr.index), expr)
        return expr

    for statement in body:
        if isinstance(statement, Loop):
            _forget(known, written([statement]))
            found.append(replace(statement, body=_forward(statement.body, dict(known), numbers)))
            continue
        changed = statement.mapped(change)
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
    """Without stores into temporaries that nobody reads, and without names that nobody uses."""
    read = {load.buffer for load in loads(body)}
    left = _without(body, lambda s: isinstance(s, Store) and s.buffer.kind == "temporary" and s.buffer not in read)
    while True:
        shorter = _without(left, partial(_is_unused, _names_in(left)))
        if len(list(walk(shorter))) == len(list(walk(left))):
            return shorter
        left = shorter


def _names_in(body: Sequence[Statement]) -> Counter[Name]:
    """How often each name is used."""
    parts = (part for s in walk(body) for expr in own_expressions(s) for part in subexpressions(expr))
    return Counter(part for part in parts if isinstance(part, Name))


def _is_unused(used: Container[Name], statement: Statement) -> bool:
    return isinstance(statement, Let) and statement.name not in used


def _without(body: Sequence[Statement], gone: Callable[[Statement], bool]) -> list[Statement]:
    """Without some statements, and without loops that are empty then."""
    found: list[Statement] = []
    for statement in body:
        if isinstance(statement, Loop):
            inner = _without(statement.body, gone)
            if inner:
                found.append(replace(statement, body=inner))
        elif not gone(statement):
            found.append(statement)
    return found


# A name that is used once


def inline(body: Sequence[Statement]) -> list[Statement]:
    """Names of short expressions that only the next statement uses, and once, are put there."""
    return _inline(body, _names_in(body))


def _inline(body: Sequence[Statement], uses: Counter[Name]) -> list[Statement]:
    found: list[Statement] = []
    for statement in body:
        last = found[-1] if found else None
        if isinstance(statement, Loop):
            found.append(replace(statement, body=_inline(statement.body, uses)))
        elif isinstance(last, Let) and uses[last.name] == 1 and last.name in _names_in([statement]) and _is_short(last):
            found[-1] = statement.mapped(partial(_value_of, last))
        else:
            found.append(statement)
    return found


def _is_short(let: Let) -> bool:
    return sum(1 for _ in subexpressions(let.value)) <= SHORT


def _value_of(let: Let, expr: Expr) -> Expr:
    return let.value if expr == let.name else expr


# What does not change in a loop


def hoist(body: Sequence[Statement], numbers: count[int]) -> list[Statement]:
    """What is the same in every turn of a loop is computed before it."""
    found: list[Statement] = []
    for statement in body:
        if not isinstance(statement, Loop):
            found.append(statement)
            continue
        lifting = _Lifting(statement, numbers)
        inner = lifting.visit(statement.body)
        found += [Let(name, expr) for expr, name in lifting.lets.items()]
        found.append(replace(statement, body=hoist(inner, numbers)))
    return found


class _Lifting:
    """``lets``: what the body of a loop computes in every turn again, with names for it."""

    def __init__(self, loop: Loop, numbers: count[int]) -> None:
        inside = list(walk(loop.body))
        self.lets: dict[Expr, Name] = {}
        self._numbers = numbers
        self._variables = {loop.var, *(s.var for s in inside if isinstance(s, Loop))}
        self._names = {s.name for s in inside if isinstance(s, Let | Accumulate | Start)}
        self._written = set(written(loop.body))

    def visit(self, body: Sequence[Statement]) -> list[Statement]:
        """The body with names in the places of what does not change."""
        return [replace(s, body=self.visit(s.body)) if isinstance(s, Loop) else s.changed(self._lifted) for s in body]

    def _lifted(self, expr: Expr) -> Expr:
        """An expression with names in the places of its largest parts that are read or computed and do not change."""
        if isinstance(expr, Const | Name | Index):
            return expr
        parts = list(subexpressions(expr))
        if any(map(self._changes, parts)):
            return with_parts(expr, self._lifted)
        if not any(isinstance(part, Load | Name) for part in parts):
            return expr
        return self.lets.setdefault(expr, Name(f"y{next(self._numbers)}", expr.dtype))

    def _changes(self, part: Expr) -> bool:
        """Whether a part by itself changes in the loop."""
        if isinstance(part, Load) and part.buffer in self._written:
            return True
        if isinstance(part, Load | Index):
            return any(var in self._variables for var, _ in part.index.terms)
        return isinstance(part, Name) and part in self._names

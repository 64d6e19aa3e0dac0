"""Which parts of a step threads share: those with much work.

The statements of a step are cut into phases, after each of which the threads meet.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from glassnet.compiler.loops import (
    Accumulate,
    Let,
    Loop,
    Name,
    Product,
    Start,
    Statement,
    Store,
    loads,
    own_expressions,
    subexpressions,
    walk,
)

#: A step with less work than this (multiplications and additions, about) is made by one thread.
STEP_WORK = 80_000_000
#: So is a statement with less than this: to meet costs about a microsecond.
STATEMENT_WORK = 50_000
#: Products that are shared as one, at most: a phase is one function, which should not grow long.
TOGETHER = 4


@dataclass
class Phase:
    """Statements between two meetings of the threads. Several products are shared as one."""

    statements: list[Statement]
    shared: bool


def work(statement: Statement) -> int:
    """About how many operations a statement makes."""
    if isinstance(statement, Product):
        return 2 * statement.m * statement.k * statement.n
    if isinstance(statement, Loop):
        return statement.var.extent * sum(map(work, statement.body))
    return 4


def available_threads() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def is_large(operations: int) -> bool:
    """Whether a step has enough work for several threads."""
    return operations >= STEP_WORK


def is_worth_meeting(statements: Sequence[Statement]) -> bool:
    """Whether they are worth that threads meet after them."""
    return sum(map(work, statements)) >= STATEMENT_WORK


def phases(body: Sequence[Statement], threads: int) -> list[Phase]:
    """The statements of a step as phases; a single one for a single thread."""
    if threads == 1 or not is_large(sum(map(work, body))):
        return [Phase(list(body), False)]
    found: list[Phase] = []
    for unit in units(body):
        shared = is_worth_meeting(unit) and can_share(unit)
        last = found[-1] if found else None
        if last is None or last.shared != shared or (shared and not _belong_together(last.statements, unit)):
            found.append(Phase([], shared))
        found[-1].statements += unit
    return found


def _belong_together(statements: Sequence[Statement], unit: Sequence[Statement]) -> bool:
    """Whether they are products of parts of the same matrices, such as the two halves of a long sum."""
    last, first, *more = statements[-1], *unit
    if more or len(statements) == TOGETHER or not (isinstance(last, Product) and isinstance(first, Product)):
        return False
    same = last.a.buffer is first.a.buffer and last.b.buffer is first.b.buffer
    return same and (last.m, last.k, last.n) == (first.m, first.k, first.n)


def units(body: Sequence[Statement]) -> list[list[Statement]]:
    """Statements in the smallest groups that hand no names on to each other."""
    last: dict[Name, int] = {}
    for i, statement in enumerate(body):
        for inner in walk([statement]):
            for expr in own_expressions(inner):
                last.update({part: i for part in subexpressions(expr) if isinstance(part, Name)})
    found: list[list[Statement]] = []
    open_until = -1
    for i, statement in enumerate(body):
        if open_until < i:
            found.append([])
        found[-1].append(statement)
        if isinstance(statement, Let | Start):
            open_until = max(open_until, last.get(statement.name, -1))
    return found


def can_share(unit: Sequence[Statement]) -> bool:
    """Whether it is a product, or a loop whose turns do not depend on each other: those of a sum do, and those that
    add into memory.
    """
    *before, statement = unit
    if not all(isinstance(s, Let) for s in before):
        return False
    if isinstance(statement, Product):
        return True
    if not isinstance(statement, Loop) or statement.var.extent < 2:
        return False
    inside = list(walk(statement.body))
    started = {s.name for s in inside if isinstance(s, Start)}
    if any(isinstance(s, Accumulate) and s.name not in started for s in inside):
        return False
    stores = [s for s in inside if isinstance(s, Store)]
    if any(store.gathered for store in stores):
        return False
    places = {store.buffer: store.index.offset for store in stores}
    return all(places.get(load.buffer, load.index.offset) == load.index.offset for load in loads(statement.body))

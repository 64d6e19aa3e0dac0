"""Large steps in blocks of rows, so that a thread meets the same rows again and again, in its own cache.

To fetch what another core has written takes as long as to compute with it. The products are shared by rows; but a
normalisation, a loop over columns with sums over the rows in it, is not: its threads would take columns, and most of
what they read and write would have been elsewhere. Here such a loop becomes several: loops over blocks of rows, which
are shared, and short ones over columns between them, where the sums of the blocks are put together:

    for j in columns:                     for b in blocks: for j in columns:
        s = 0                                 s = 0
        for i in rows: s += x[i, j]           for i in rows of b: s += x[i, j]
        m = s / n                             part[b, j] = s
        for i in rows: y[i, j] = x - m    for j in columns: m[j] = (part[0, j] + part[1, j] + ...) / n
                                          for b in blocks: for j in columns: for i in rows of b: y[i, j] = x - m[j]

How many blocks there are does not depend on how many threads, so the bits do not either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import cast

from glassnet.compiler.loops import (
    Accumulate,
    Affine,
    Buffer,
    Expr,
    Let,
    Load,
    Loop,
    Name,
    Op,
    Start,
    Statement,
    Store,
    Var,
    affine,
    loads,
    map_expression,
    own_expressions,
    subexpressions,
    walk,
    written,
)
from glassnet.compiler.phases import can_share, is_large, is_worth_meeting, units, work

#: Blocks of rows, and the least rows of a block.
BLOCKS, ROWS = 4, 16

#: What puts two accumulated numbers together.
_TOGETHER = {"sum": "add", "max": "maximum", "min": "minimum"}


def in_blocks(body: Sequence[Statement]) -> list[Statement]:
    """The statements of a step, if it is large with such loops in blocks."""
    if not is_large(sum(map(work, body))):
        return list(body)
    found: list[Statement] = []
    for unit in units(body):
        found += _spread(unit) or unit
    return found


@dataclass
class _Rows:
    """Loops over rows that stand one after the other, with the accumulators that they fill."""

    loops: list[Loop] = field(default_factory=list)
    starts: list[Start] = field(default_factory=list)


@dataclass
class _Columns:
    """What is computed for a column."""

    statements: list[Statement] = field(default_factory=list)


def _spread(unit: Sequence[Statement]) -> list[Statement] | None:
    """What stands in the place of a loop over columns, or of loops over rows without columns; None where all stays."""
    if not is_worth_meeting(unit):
        return None
    *before, loop = unit
    outside: dict[Name, Expr] = {}
    if isinstance(loop, Loop) and loop.vector and can_share(unit):
        for s in before:
            if isinstance(s, Let):
                outside[s.name] = _with(outside, s.value)
    else:
        loop = Loop(Var("", 1), list(unit))
    outside |= _plain(loop)
    parts = _parts(loop, outside)
    if parts is None or not any(isinstance(part, _Rows) and part.starts for part in parts):
        return None
    return _Spreading(loop, outside, parts).result()


def _with(values: Mapping[Name, Expr], expr: Expr) -> Expr:
    """An expression with values in the places of names."""
    return map_expression(expr, lambda part: values.get(part, part) if isinstance(part, Name) else part)


def _plain(loop: Loop) -> dict[Name, Expr]:
    """Names of elements that nothing in the loop changes: they are read again wherever they are used."""
    changed = set(written([loop]))
    lets = (s for s in loop.body if isinstance(s, Let) and isinstance(s.value, Load) and not s.value.gathered)
    return {s.name: s.value for s in lets if isinstance(s.value, Load) and s.value.buffer not in changed}


def _parts(loop: Loop, outside: Mapping[Name, Expr]) -> list[_Rows | _Columns] | None:
    """The body of a loop over columns in its parts, or None where rows depend on each other in another way."""
    parts: list[_Rows | _Columns] = []
    starts: dict[Name, Start] = {}
    for statement in loop.body:
        if isinstance(statement, Start):
            starts[statement.name] = statement
        elif isinstance(statement, Loop):
            filled = dict.fromkeys(s.name for s in walk([statement]) if isinstance(s, Accumulate) and s.name in starts)
            if not _has_blocks(statement) or not _rows_are_apart(statement):
                return None
            last = parts[-1] if parts else None
            if not isinstance(last, _Rows) or not _same_rows(last.loops, statement) or _reads(statement, last.starts):
                last = _Rows()
                parts.append(last)
            last.loops.append(statement)
            last.starts += [starts.pop(name) for name in filled]
        elif isinstance(statement, Let) and statement.name in outside:
            continue
        elif isinstance(statement, Let | Store):
            last = parts[-1] if parts else None
            if not isinstance(last, _Columns):
                last = _Columns()
                parts.append(last)
            last.statements.append(statement)
        else:
            return None
    return None if starts else parts


def _has_blocks(rows: Loop) -> bool:
    return not rows.vector and rows.var.extent % BLOCKS == 0 and rows.var.extent >= BLOCKS * ROWS


def _rows_are_apart(rows: Loop) -> bool:
    """Whether no turn reads or writes what another one writes, accumulators aside."""
    stores = [s for s in walk([rows]) if isinstance(s, Store)]
    if any(s.gathered or not s.index.factor(rows.var) for s in stores):
        return False
    places = {s.buffer: s.index for s in stores}
    return all(
        places.get(load.buffer, load.index) == load.index and not (load.buffer in places and load.gathered)
        for load in loads([rows])
    )


def _same_rows(loops: Sequence[Loop], loop: Loop) -> bool:
    """Whether a loop may follow others in the same block: it takes from a row what they put there."""
    if loops[0].var.extent != loop.var.extent:
        return False
    before = [(access, one.var) for one in loops for access in _accesses(one)]
    after = [(access, loop.var) for access in _accesses(loop)]
    return all(
        _of_row(a, row) == _of_row(b, other) and not a.gathered and not b.gathered
        for a, row in before
        for b, other in after
        if a.buffer is b.buffer and (isinstance(a, Store) or isinstance(b, Store))
    )


def _accesses(loop: Loop) -> list[Load | Store]:
    return [*loads([loop]), *(s for s in walk([loop]) if isinstance(s, Store))]


def _of_row(access: Load | Store, var: Var) -> tuple[int, Affine]:
    """An index with the row apart: its factor, and the rest."""
    return access.index.factor(var), access.index.replace({var: Affine()})


def _reads(loop: Loop, starts: Sequence[Start]) -> bool:
    names = {start.name for start in starts}
    return not names.isdisjoint(_names([loop]))


def _names(body: Sequence[Statement]) -> set[Name]:
    """The names that are read."""
    found = (part for s in walk(body) for expr in own_expressions(s) for part in subexpressions(expr))
    return {part for part in found if isinstance(part, Name)}


class _Spreading:
    """One loop over columns as several.

    outside: names from before the loop, by what they stand for. kept: a column's names that a later loop reads, by the
    buffer that keeps them.
    """

    def __init__(self, loop: Loop, outside: Mapping[Name, Expr], parts: Sequence[_Rows | _Columns]) -> None:
        self.loop, self.outside = loop, outside
        self.sums: dict[Name, Buffer] = {}
        self.parts = self._with_sums(parts)
        self.kept: dict[Name, Buffer] = {}
        for i, part in enumerate(self.parts):
            if isinstance(part, _Columns):
                later = set[Name]().union(*(_names(_statements(other)) for other in self.parts[i + 1 :]))
                for s in part.statements:
                    if isinstance(s, Let) and s.name in later:
                        self.kept[s.name] = Buffer(f"{s.name.name}_kept", loop.var.extent, s.name.dtype)

    def _with_sums(self, parts: Sequence[_Rows | _Columns]) -> list[_Rows | _Columns]:
        """The parts, in which each column puts the sums of the blocks together after they were made."""
        found: list[_Rows | _Columns] = []
        columns = self.loop.var.extent
        together: list[Statement] = []
        for part in parts:
            if isinstance(part, _Columns):
                found.append(_Columns([*together, *part.statements]))
                together = []
                continue
            if together:
                found.append(_Columns(together))
            together = []
            for start in part.starts:
                self.sums[start.name] = Buffer(f"{start.name.name}_part", BLOCKS * columns, start.name.dtype)
                together.append(Let(start.name, self._together(start)))
            found.append(part)
        return [*found, _Columns(together)] if together else found

    def _together(self, start: Start) -> Expr:
        sums = [Load(self.sums[start.name], self._place(Affine((), block))) for block in range(BLOCKS)]
        operation = _TOGETHER[start.operation]
        return reduce(lambda a, b: Op(operation, (a, b), start.name.dtype), sums[1:], cast(Expr, sums[0]))

    def result(self) -> list[Statement]:
        found: list[Statement] = []
        for part in self.parts:
            found += [self._rows(part)] if isinstance(part, _Rows) else self._columns(part)
        return found

    def _columns(self, part: _Columns) -> list[Statement]:
        own = {s.name for s in part.statements if isinstance(s, Let)}
        body: list[Statement] = []
        for s in part.statements:
            body.append(self._found(s, own))
            if isinstance(s, Let) and s.name in self.kept:
                body.append(Store(self.kept[s.name], affine(self.loop.var), s.name))
        return self._loop(body, self.loop.comment)

    def _rows(self, part: _Rows) -> Loop:
        """A loop over blocks. With sums, a block is gone through column by column; without, row by row."""
        block, rows = Var("b", BLOCKS), part.loops[0].var
        extent = rows.extent // BLOCKS
        own = {start.name for start in part.starts}
        loops = []
        for loop in part.loops:
            var = Var(loop.var.name, extent)
            moved = {loop.var: Affine.sum([(affine(block), extent), (affine(var), 1)])}
            loops.append(replace(loop, var=var, body=[_renamed(self._found(s, own), moved) for s in loop.body]))
        if not part.starts and not any(isinstance(s, Loop) for loop in loops for s in loop.body):
            first = loops[0].var
            merged = [_renamed(s, {loop.var: affine(first)}) for loop in loops for s in loop.body]
            body: list[Statement] = [replace(loops[0], body=self._loop(merged, ""), comment="")]
        else:
            stores = [Store(self.sums[start.name], self._place(affine(block)), start.name) for start in part.starts]
            body = self._loop([*part.starts, *loops, *stores], "")
        comment = "; ".join(dict.fromkeys(one for loop in part.loops for one in loop.comment.split("; ")))
        return Loop(block, body, origin=part.loops[0].origin, comment=comment)

    def _place(self, block: Affine) -> Affine:
        """Where the sum of a block is."""
        return Affine.sum([(block, self.loop.var.extent), (affine(self.loop.var), 1)])

    def _loop(self, body: list[Statement], comment: str) -> list[Statement]:
        """A loop over the columns with a variable of its own; the statements themselves if there are none."""
        if self.loop.var.extent == 1:
            return body
        var = Var(self.loop.var.name, self.loop.var.extent)
        body = [_renamed(s, {self.loop.var: affine(var)}) for s in body]
        return [replace(self.loop, var=var, body=body, comment=comment)]

    def _found(self, statement: Statement, own: set[Name]) -> Statement:
        """A statement that reads names of other loops where they are kept."""

        if isinstance(statement, Loop):
            return replace(statement, body=[self._found(s, own) for s in statement.body])
        kept = {name: Load(buffer, affine(self.loop.var)) for name, buffer in self.kept.items() if name not in own}
        return statement.changed(lambda expr: _with({**self.outside, **kept}, expr))


def _statements(part: _Rows | _Columns) -> Sequence[Statement]:
    return part.loops if isinstance(part, _Rows) else part.statements


def _renamed(statement: Statement, mapping: Mapping[Var, Affine]) -> Statement:
    if isinstance(statement, Loop):
        return replace(statement, body=[_renamed(s, mapping) for s in statement.body])
    return statement.renamed(mapping)

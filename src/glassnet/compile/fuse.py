"""Fusion: nests that can share a loop do, so that what one computes is still at hand when the next one needs it.

Two nests can share a loop if turn k of one needs from the other only what turn k of it computes. That is read off the
addresses: if a variable has the same factor s in both, and everything else in an address stays below s or is a multiple
of s times the extent, then the variable is a digit of the address, and equal addresses mean equal digits.

The same is done again inside of each shared loop. A loop over the elements that lie side by side is a vector loop.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from glassnet.compile.loops import (
    Affine,
    Buffer,
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
    rename,
    subexpressions,
)
from glassnet.compile.lower import Item, Nest


@dataclass(frozen=True)
class Access:
    """An address that a nest reads or writes. after: the write comes after the loops that reduce."""

    buffer: Buffer
    index: Affine
    writes: bool
    gathered: bool
    after: bool = False


@dataclass
class Part:
    """A nest, and which of its loops are still to be placed."""

    nest: Nest
    parallel: list[Var]
    reduce: list[Var]
    lane: Var | None
    accesses: list[Access]

    @property
    def candidates(self) -> list[Var]:
        """The loops that may come next."""
        if self.nest.sequential:
            return self.parallel[:1]
        return self.parallel or self.reduce


def part_of(nest: Nest) -> Part:
    """A nest with all loops to be placed."""
    if nest.accumulate and not nest.reduce:  # over axes of length 1: the element itself
        lets: list[Statement] = [Let(one.name, one.value) for one in nest.accumulate]
        values = {let.name: let.value for let in lets if isinstance(let, Let)}
        stores = [replace(s, value=_substituted(s.value, values)) for s in nest.stores]
        nest = replace(nest, stores=stores, accumulate=[])
    found = list(_accesses(nest))
    return Part(nest, list(nest.parallel), list(nest.reduce), _lane(nest, found), found)


def _substituted(expr: object, values: dict[Name, object]) -> object:
    from glassnet.compile.loops import map_expression

    return map_expression(expr, lambda e: values.get(e, e) if isinstance(e, Name) else e)  # type: ignore[arg-type, return-value]


def _accesses(nest: Nest) -> Iterator[Access]:
    for statement in [*nest.accumulate, *nest.stores]:
        for expr in own_expressions(statement):
            for part in subexpressions(expr):
                if isinstance(part, Load):
                    yield Access(part.buffer, part.index, False, bool(part.gathered))
        if isinstance(statement, Store):
            gathered = bool(statement.gathered)
            yield Access(statement.buffer, statement.index, True, gathered, bool(nest.reduce))


def _lane(nest: Nest, accesses: Sequence[Access]) -> Var | None:
    """The loop whose elements are computed side by side: the one along which most accesses are consecutive."""
    best, most = None, 0
    for var in [*nest.parallel, *nest.reduce]:
        if var in nest.sequential:
            continue
        score = 0
        for access in accesses:
            step = access.index.factor(var)
            if step == 1:
                score += 3 if access.writes else 2
            elif step and access.writes:
                score -= 100
            elif step:
                score -= 2
        if any(access.gathered and _moves_gather(nest, var) for access in accesses):
            score -= 3
        if score >= most and (score or var in nest.parallel):
            best, most = var, score
    return best


def _moves_gather(nest: Nest, var: Var) -> bool:
    """Whether a position that is read from memory changes with the variable."""
    for statement in [*nest.accumulate, *nest.stores]:
        gathers = list(statement.gathered) if isinstance(statement, Store) else []
        for expr in own_expressions(statement):
            gathers += [g for e in subexpressions(expr) if isinstance(e, Load) for g in e.gathered]
        for gather in gathers:
            if any(isinstance(e, Load) and e.index.factor(var) for e in subexpressions(gather.position)):
                return True
    return False


@dataclass
class Choice:
    """One way to give a group its shared loop: for each member the variable, and whether it is a vector loop."""

    vector: bool
    variables: list[Var]


@dataclass
class Group:
    """Parts that share a loop, with all the ways in which they can; or, without choices, a part that stands alone."""

    members: list[Part | Product]
    choices: list[Choice]


def fuse(items: Sequence[Item]) -> list[Statement]:
    """The loops of all items, shared where they can be."""
    return _place([item if isinstance(item, Product) else part_of(item) for item in items])


def _place(parts: Sequence[Part | Product]) -> list[Statement]:
    groups: list[Group] = []
    for part in parts:
        first = max((i for i, group in enumerate(groups) if _depends(group, part)), default=-1)
        if not any(_join(group, part) for group in groups[max(first, 0) :]):
            choices = _choices(part)
            # A few numbers are computed as soon as what they need is there: then no name lives long.
            place = len(groups) if choices or isinstance(part, Product) else first + 1
            groups.insert(place, Group([part], choices))
    return [statement for group in groups for statement in _write(group)]


def _depends(group: Group, part: Part | Product) -> bool:
    """Whether one of the members must come before the part."""
    reads, writes = _touched(part)
    for member in group.members:
        other_reads, other_writes = _touched(member)
        if other_writes & (reads | writes) or other_reads & writes:
            return True
    return False


def _touched(part: Part | Product) -> tuple[set[Buffer], set[Buffer]]:
    if isinstance(part, Product):
        return {load.buffer for load in loads([part])}, {part.c.buffer}
    writes = {access.buffer for access in part.accesses if access.writes}
    return {access.buffer for access in part.accesses if not access.writes}, writes


def _choices(part: Part | Product) -> list[Choice]:
    if isinstance(part, Product):
        return []
    choices = [Choice(var is part.lane, [var]) for var in part.candidates]
    if len(part.parallel) + len(part.reduce) == 1 and part.lane is not None:  # may also run one by one in a shared loop
        choices.append(Choice(False, [part.lane]))
    return choices


def _join(group: Group, part: Part | Product) -> bool:
    """Let a part share the loop of a group, if it can."""
    if isinstance(part, Product) or not group.choices or part.nest.sequential or not part.candidates:
        return False
    if any(isinstance(member, Part) and member.nest.sequential for member in group.members):
        return False
    touched = {buffer for member in group.members for buffers in _touched(member) for buffer in buffers}
    if not any(access.buffer in touched and access.buffer.size > 1 for access in part.accesses):
        return False  # nothing to gain
    found = []
    for choice in group.choices:
        for own in _choices(part):
            if own.vector == choice.vector and _can_share(group, choice, part, own.variables[0]):
                found.append(Choice(choice.vector, [*choice.variables, own.variables[0]]))
    if not found:
        return False
    group.members.append(part)
    group.choices = found
    return True


def _can_share(group: Group, choice: Choice, part: Part, var: Var) -> bool:
    if any(var.extent != other.extent for other in choice.variables):
        return False
    for member, other in zip(group.members, choice.variables, strict=True):
        assert isinstance(member, Part)
        for theirs in member.accesses:
            for ours in part.accesses:
                if (
                    theirs.buffer is ours.buffer
                    and (theirs.writes or ours.writes)
                    and not _aligned(theirs, other, other in member.reduce, ours, var, var in part.reduce)
                ):
                    return False
    return True


def _aligned(a: Access, var_a: Var, reduces_a: bool, b: Access, var_b: Var, reduces_b: bool) -> bool:
    """Whether equal addresses mean equal turns of the two loops."""
    if a.gathered or b.gathered or (a.after and reduces_a) or (b.after and reduces_b):
        return False
    step = a.index.factor(var_a)
    if step <= 0 or step != b.index.factor(var_b):
        return False
    shared = {var for var, times in a.index.terms if b.index.factor(var) == times and var is not var_a}
    return (
        a.index.offset // step == b.index.offset // step
        and _is_digit(a.index, var_a, step, shared)
        and _is_digit(b.index, var_b, step, shared)
    )


def _is_digit(index: Affine, var: Var, step: int, shared: set[Var]) -> bool:
    below = index.offset % step
    for other, times in index.terms:
        if other is var or other in shared:
            continue
        if times < 0:
            return False
        if times < step:
            below += times * (other.extent - 1)
        elif times % (step * var.extent):
            return False
    return below < step


def _write(group: Group) -> list[Statement]:
    """The shared loop of a group, with what comes before and after it."""
    if not group.choices:
        return [statement for member in group.members for statement in _alone(member)]
    choice = group.choices[0]
    first = choice.variables[0]
    before: list[Statement] = []
    after: list[Statement] = []
    inner: list[Part | Product] = []
    for member, var in zip(group.members, choice.variables, strict=True):
        assert isinstance(member, Part)
        if var in member.reduce and member.reduce == member.nest.reduce:  # the outermost of the loops that reduce
            before += [Start(one.name, one.operation) for one in member.nest.accumulate]
            after += member.nest.stores
        inner.append(_renamed(member, var, first))
    comments = list(dict.fromkeys(m.nest.comment for m in group.members if isinstance(m, Part)))
    origin = next(m.nest.origin for m in group.members if isinstance(m, Part))
    loop = Loop(first, _place(inner), choice.vector, origin, "; ".join(comments))
    return [*before, loop, *after]


def _alone(member: Part | Product) -> list[Statement]:
    if isinstance(member, Product):
        return [member]
    return list(member.nest.accumulate) if member.nest.reduce else list(member.nest.stores)


def _renamed(part: Part, var: Var, new: Var) -> Part:
    """A part whose loop is placed: its variable is that of the shared loop."""
    nest = part.nest
    if var is not new:
        mapping = {var: affine(new)}
        nest = replace(
            nest,
            stores=[rename(s, mapping) for s in nest.stores],
            accumulate=[rename(s, mapping) for s in nest.accumulate],
        )
    accesses = part.accesses if var is new else list(_accesses(nest))
    return Part(
        nest,
        [other for other in part.parallel if other is not var],
        [other for other in part.reduce if other is not var],
        part.lane if part.lane is not var else None,
        accesses,
    )

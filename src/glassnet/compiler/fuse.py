"""Fusion: nests that can share a loop do, so that what one computes is still at hand when the next one needs it.

Two nests can share a loop if turn k of one needs from the other only what turn k of it computes. That is read off the
addresses: if a variable has the same factor s in both, and everything else in an address stays below s or is a multiple
of s times the extent, then the variable is a digit of the address, and equal addresses mean equal digits.

The same is done again inside of each shared loop. A loop over the elements that lie side by side is a vector loop.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from glassnet.compiler.loops import (
    Affine,
    Buffer,
    Expr,
    Load,
    Loop,
    Product,
    Start,
    Statement,
    Var,
    affine,
    loads,
    subexpressions,
)
from glassnet.compiler.nests import Item, Nest


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
        values: dict[Expr, Expr] = {one.name: one.value for one in nest.accumulate}
        stores = [store.mapped(lambda expr: values.get(expr, expr)) for store in nest.stores]
        nest = replace(nest, stores=stores, accumulate=[])
    found = list(_accesses(nest))
    return Part(nest, list(nest.parallel), list(nest.reduce), _lane(nest, found), found)


def _accesses(nest: Nest) -> Iterator[Access]:
    for load in loads(nest.statements):
        yield Access(load.buffer, load.index, False, bool(load.gathered))
    for store in nest.stores:
        yield Access(store.buffer, store.index, True, bool(store.gathered), bool(nest.reduce))


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
    gathers = [part for load in loads(nest.statements) for part in load.gathered]
    gathers += [part for store in nest.stores for part in store.gathered]
    inside = (expr for part in gathers for expr in subexpressions(part.position))
    return any(isinstance(expr, Load) and expr.index.factor(var) for expr in inside)


@dataclass
class Choice:
    """One way to give a group its shared loop: for each member the variable, and whether it is a vector loop."""

    vector: bool
    variables: list[Var]


@dataclass
class Group:
    """Parts that share a loop, with all the ways in which they can; or, without choices, one that stands alone."""

    parts: list[Part]
    choices: list[Choice] = field(default_factory=list)
    product: Product | None = None

    @property
    def members(self) -> list[Part | Product]:
        """The parts, or the product."""
        return [self.product] if self.product is not None else list(self.parts)


def fuse(items: Sequence[Item]) -> list[Statement]:
    """The loops of all items, shared where they can be."""
    return _place([item if isinstance(item, Product) else part_of(item) for item in items])


def _place(parts: Sequence[Part | Product]) -> list[Statement]:
    groups: list[Group] = []
    for part in parts:
        first = max((i for i, group in enumerate(groups) if _depends(group, part)), default=-1)
        if isinstance(part, Product):
            groups.append(Group([], product=part))
        elif not any(_join(group, part) for group in groups[max(first, 0) :]):
            choices = _choices(part)
            # A few numbers are computed as soon as what they need is there: then no name lives long.
            groups.insert(len(groups) if choices else first + 1, Group([part], choices))
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


def _choices(part: Part) -> list[Choice]:
    choices = [Choice(var is part.lane, [var]) for var in part.candidates]
    if len(part.parallel) + len(part.reduce) == 1 and part.lane is not None:  # may also run one by one in a shared loop
        choices.append(Choice(False, [part.lane]))
    return choices


def _join(group: Group, part: Part) -> bool:
    """Let a part share the loop of a group, if it can."""
    if not group.choices or not part.candidates:
        return False
    if part.nest.sequential or any(member.nest.sequential for member in group.parts):
        return False
    touched = {access.buffer for member in group.parts for access in member.accesses}
    if not any(access.buffer in touched and access.buffer.size > 1 for access in part.accesses):
        return False  # nothing to gain
    found = [
        Choice(choice.vector, [*choice.variables, own.variables[0]])
        for choice in group.choices
        for own in _choices(part)
        if own.vector == choice.vector and _can_share(group, choice, part, own.variables[0])
    ]
    if found:
        group.parts.append(part)
        group.choices = found
    return bool(found)


def _can_share(group: Group, choice: Choice, part: Part, var: Var) -> bool:
    """Whether a part's loop over a variable can be the group's loop: what meets in memory meets in the same turn."""
    if any(var.extent != other.extent for other in choice.variables):
        return False
    return all(
        _aligned(theirs, other, other in member.reduce, ours, var, var in part.reduce)
        for member, other in zip(group.parts, choice.variables, strict=True)
        for theirs in member.accesses
        for ours in part.accesses
        if theirs.buffer is ours.buffer and (theirs.writes or ours.writes)
    )


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
    if group.product is not None:
        return [group.product]
    if not group.choices:
        return [statement for part in group.parts for statement in part.nest.innermost]
    choice = group.choices[0]
    first = choice.variables[0]
    before: list[Statement] = []
    after: list[Statement] = []
    inner: list[Part | Product] = []
    for part, var in zip(group.parts, choice.variables, strict=True):
        if var in part.reduce and part.reduce == part.nest.reduce:  # the outermost of the loops that reduce
            before += [Start(one.name, one.operation) for one in part.nest.accumulate]
            after += part.nest.stores
        inner.append(_renamed(part, var, first))
    nests = [part.nest for part in group.parts]
    return [*before, Loop(first, _place(inner), choice.vector, nests[0].origin, _comment(nests)), *after]


def _comment(nests: Sequence[Nest]) -> str:
    """What the nests compute, layer by layer: ``2 (Tanh): tanh [32, 200]; 3 (Linear 200 -> 27): add [32, 27]``."""
    found: list[str] = []
    layer = None
    for nest in nests:
        text = nest.comment if nest.origin.layer in ("", layer) else f"{nest.origin.layer}: {nest.comment}"
        layer = nest.origin.layer or layer
        if text not in found:
            found.append(text)
    return "; ".join(found)


def _renamed(part: Part, var: Var, new: Var) -> Part:
    """A part whose loop is placed: its variable is that of the shared loop."""
    nest = part.nest
    if var is not new:
        mapping = {var: affine(new)}
        nest = replace(
            nest,
            stores=[store.renamed(mapping) for store in nest.stores],
            accumulate=[one.renamed(mapping) for one in nest.accumulate],
        )
    accesses = part.accesses if var is new else list(_accesses(nest))
    return Part(
        nest,
        [other for other in part.parallel if other is not var],
        [other for other in part.reduce if other is not var],
        part.lane if part.lane is not var else None,
        accesses,
    )

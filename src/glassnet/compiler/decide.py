"""Which values of a record are kept in memory; all others are computed, or found, where they are used.

An element-wise value is not computed by itself: its expression stands in the loops of whoever uses it, unless several
would compute it again at a cost. Movements only change addresses, if what they move lies in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from glassnet.compiler.contract import can_be_operand
from glassnet.compiler.loops import Buffer
from glassnet.compiler.record import ELEMENTWISE, MOVEMENTS, REDUCTIONS, Record, Value
from glassnet.compiler.view import View, moved, splits_only

#: About how many simple instructions an element costs.
COSTS = {
    **dict.fromkeys(("divide", "sqrt"), 5),
    **dict.fromkeys(("exp", "expm1", "log", "log1p", "sin", "cos", "tanh", "erf", "power", "remainder"), 15),
    "gather": 3,
}
#: What costs at most so much is computed again wherever it is used.
CHEAP = 2

#: An expression that costs more is cut, so that none grows with the length of a program.
LONG = 100

#: Who compares an element exactly, perhaps with itself computed elsewhere: there the last bit must be the same, which
#: depends on what is contracted to a fused multiply-add.
EXACT = frozenset(("equal", "not_equal", "max", "min", "argmax"))

#: What is computed where it is used, element by element.
INLINE = ELEMENTWISE | {"gather", "one_hot"}
#: What is known without being computed.
KNOWN = frozenset(("full", "arange"))

Users = Mapping[int, Sequence[Value]]


def kept_values(record: Record, order: Sequence[Value]) -> set[int]:
    """The numbers of the values that get a buffer."""
    results = {value.number for value in record.results()}
    users: dict[int, list[Value]] = {value.number: [] for value in order}
    for value in order:
        for given in value.values:
            users[given.number].append(value)
    kept = set(results)
    costs: dict[int, int] = {}
    for value in order:
        if value.operation in INLINE:
            cost = COSTS.get(value.operation, 1) + sum(costs.get(given.number, 0) for given in value.values)
            if cost > LONG or (cost > 1 and (value.weak or _is_worth_keeping(value, cost, users))):
                kept.add(value.number)
            costs[value.number] = 0 if value.number in kept else cost
        elif value.operation in MOVEMENTS:
            costs[value.number] = costs.get(value.values[0].number, 0)
        elif value.operation not in KNOWN:
            kept.add(value.number)
        kept.update(given.number for given in _needed_in_memory(value, kept))
    rows = {value.number for value in order if _is_row_gather(value) and _read_by_products(value, users)}
    return kept - (rows - results)


def _is_worth_keeping(value: Value, cost: int, users: Users) -> bool:
    """Whether an element would be computed several times, though it costs much or must have the same bits."""
    found = list(_through_movements(value, users))
    several = len(found) > 1
    if several and any(user.operation in EXACT for user in found):
        return True
    return cost > CHEAP and (several or any(_turns(user) > value.size for user in found))


def _through_movements(value: Value, users: Users) -> Iterator[Value]:
    """Who uses a value, directly or moved."""
    for user in users[value.number]:
        if user.operation in MOVEMENTS:
            yield from _through_movements(user, users)
        else:
            yield user


def _turns(user: Value) -> int:
    """How often an element-wise input of a value is computed, at least."""
    if user.operation in REDUCTIONS or user.operation == "cumsum":
        return user.values[0].size
    return user.size if user.operation in INLINE else 0


def _needed_in_memory(value: Value, kept: set[int]) -> Iterator[Value]:
    """What must be in memory for this value to be computed."""
    count = {"matmul": 2, "gather": 1}.get(value.operation, 0)
    for place, given in enumerate(value.values[:count]):
        view = _view_of(given, kept)
        readable = view is not None and (value.operation == "gather" or can_be_operand(view, place))
        yield _base(given, kept) if readable else given
        if given.operation in KNOWN:
            yield given
    if value.operation == "reshape" and not splits_only(value):
        (given,) = value.values
        base = _base(given, kept)
        strided = base.number in kept or base.operation == "full"
        if not strided or _view_of(value, kept - {value.number}) is None:
            yield given


def _base(value: Value, kept: set[int]) -> Value:
    """What is moved, before all movements."""
    while value.operation in MOVEMENTS and value.number not in kept:
        value = value.values[0]
    return value


def _view_of(value: Value, kept: set[int]) -> View | None:
    """Where its elements will be if its base is in memory, or None where strides cannot say it."""
    chain = []
    while value.operation in MOVEMENTS and value.number not in kept:
        chain.append(value)
        value = value.values[0]
    view: View | None = View.whole(Buffer("", value.size, value.dtype), value.shape)
    for movement in reversed(chain):
        view = None if view is None else moved(view, movement.operation, movement.static)
    return view


#: A product with at least so many columns reads the rows of a batch where they are. Narrower ones wait for memory then:
#: 784-16-16-10 takes 60 us a step with a copy of its rows and 80 without, 784-100-10 279 and 240.
WIDE = 64


def _is_row_gather(value: Value) -> bool:
    """Whether it is rows of a table, chosen by an input: floats in two axes."""
    if value.operation != "gather" or len(value.values) != 2 or value.static["axis"] != 0:
        return False
    sources = {given.operation for given in value.values}
    return sources == {"input"} and len(value.shape) == 2 and value.dtype.kind == "f"


def _read_by_products(rows: Value, users: Users) -> bool:
    """Whether all who use rows are products, which read them where they are, perhaps as a transposed matrix."""

    def reads(user: Value, given: Value) -> bool:
        if user.operation == "permute" and given is rows:
            return all(reads(other, user) for other in users[user.number])
        if user.operation != "matmul" or user.inputs[0] is not given:
            return False
        other = user.inputs[1]
        wide = user.shape[-1] >= WIDE
        return wide and isinstance(other, Value) and other is not given and len(other.shape) == 2

    return bool(list(_through_movements(rows, users))) and all(reads(user, rows) for user in users[rows.number])

"""From a record to loop nests: which values are kept in memory, and the loops that compute each of them.

An element-wise value is not computed by itself: its expression stands in the loops of whoever uses it, unless several
would compute it again at a cost. Movements (``view.py``) only change addresses. What remains is a ``Nest`` for each
value that is kept: parallel loops, loops that reduce, and stores.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from glassnet.compile.loops import (
    Accumulate,
    Affine,
    Buffer,
    Const,
    Expr,
    Gathered,
    Index,
    Load,
    Matrix,
    Name,
    Op,
    Product,
    Store,
    Var,
    affine,
)
from glassnet.compile.record import ELEMENTWISE, MOVEMENTS, REDUCTIONS, Origin, Record, Shape, Value
from glassnet.compile.view import View, contiguous, groups, moved

#: About how many simple instructions an element costs.
COSTS = {
    **dict.fromkeys(("divide", "sqrt"), 5),
    **dict.fromkeys(("exp", "expm1", "log", "log1p", "sin", "cos", "tanh", "erf", "power", "remainder"), 15),
    "gather": 3,
}
#: What costs at most so much is computed again wherever it is used.
CHEAP = 2

COMPARISONS = frozenset(("less", "less_equal", "greater", "greater_equal", "equal", "not_equal"))


@dataclass
class Nest:
    """Loops that compute a value: for all ``parallel`` variables, reduce over the ``reduce`` ones, then store.

    accumulate: what is added up in the innermost loop. sequential: loops whose turns depend on each other.
    """

    parallel: list[Var]
    stores: list[Store]
    reduce: list[Var] = field(default_factory=list)
    accumulate: list[Accumulate] = field(default_factory=list)
    sequential: frozenset[Var] = frozenset()
    origin: Origin = field(default_factory=Origin)
    comment: str = ""


Item = Nest | Product


class Lowering:
    """One record on its way: ``buffers`` of the values that are kept, and ``items`` in the order of computation."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.order = record.in_order()
        self.buffers: dict[int, Buffer] = {}
        self.items: list[Item] = []
        self.kept = _kept(record, self.order)
        self._names = 0
        self._value: Value | None = None
        for value in self.order:
            if value.number in self.kept:
                self._lower(value)

    # Addresses and expressions

    def view(self, value: Value) -> View | None:
        """Where the elements of a value lie, or None if it is not in memory."""
        if value.number in self.buffers:
            return View.whole(self.buffers[value.number], value.shape)
        if value.operation in MOVEMENTS:
            inner = self.view(value.values[0])
            return None if inner is None else moved(inner, value.operation, value.static)
        return None

    def element(self, value: Value, index: Sequence[Affine]) -> Expr:
        """The expression of one element."""
        view = self.view(value)
        if view is not None:
            return Load(view.buffer, view.at(index))
        if value.operation == "full":
            return Const(value.static["fill_value"], value.dtype)
        if value.operation == "arange":
            return Index(index[0], value.dtype)
        if value.operation in MOVEMENTS:
            return self.element(value.values[0], _moved_index(value, index))
        if value.operation == "gather":
            return self._gather(value, index)
        if value.operation == "one_hot":
            position = self.element(value.values[0], index[:-1])
            same = Op("equal", (position, Index(index[-1], position.dtype)), np.dtype(bool))
            return _cast(same, value.dtype)
        return self._operate(value, index)

    def _operate(self, value: Value, index: Sequence[Affine]) -> Expr:
        name, dtype = value.operation, value.dtype
        if name == "astype":
            return _cast(self._operand(value, 0, index), dtype)
        computed = _common(value) if name in COMPARISONS else dtype
        arguments = [self._operand(value, i, index) for i in range(len(value.inputs))]
        if name == "where":
            condition, *rest = arguments
            return Op(name, (_cast(condition, np.dtype(bool)), *(_cast(x, dtype) for x in rest)), dtype)
        return Op(name, tuple(_cast(x, computed) for x in arguments), dtype)

    def _operand(self, value: Value, place: int, index: Sequence[Affine]) -> Expr:
        given = value.inputs[place]
        if not isinstance(given, Value):
            return Const(given, np.asarray(given).dtype)
        own = index[len(index) - len(given.shape) :]
        return self.element(given, [Affine() if n == 1 else i for i, n in zip(own, given.shape, strict=True)])

    def _gather(self, value: Value, index: Sequence[Affine]) -> Expr:
        source, *positions = value.values
        view = self.view(source)
        assert view is not None  # kept
        axis, count = value.static["axis"], len(positions)
        reach = len(np.broadcast_shapes(*(p.shape for p in positions)))
        outer, inner, rest = index[:axis], index[axis : axis + reach], index[axis + reach :]
        found = [(self._position(p, inner), axis + i) for i, p in enumerate(positions)]
        # Positions that are loop variables are no look-up at all.
        known = [(position.index, view.strides[a]) for position, a in found if isinstance(position, Index)]
        gathered = tuple(
            Gathered(position, view.strides[a], source.shape[a]) for position, a in found if not isinstance(position, Index)
        )
        strides = (*view.strides[:axis], *view.strides[axis + count :])
        where = Affine.sum([*zip([*outer, *rest], strides, strict=True), *known], view.offset)
        return Load(view.buffer, where, gathered)

    def _position(self, position: Value, index: Sequence[Affine]) -> Expr:
        own = index[len(index) - len(position.shape) :]
        return self.element(position, [Affine() if n == 1 else i for i, n in zip(own, position.shape, strict=True)])

    # Nests

    def _lower(self, value: Value) -> None:
        """Reserve a buffer for a value, and write the loops that fill it."""
        self._value = value
        if value.operation in ("input", "constant"):
            self.buffers[value.number] = _source(value)
            return
        buffer = Buffer(f"v{value.number}", value.size, value.dtype)
        filled = View.whole(buffer, value.shape)
        if value.size:
            writers = {
                "matmul": self._matmul,
                "cumsum": self._cumsum,
                "concatenate": self._concatenate,
                "pad": self._pad,
                "place": self._place,
                "overlap_add": self._overlap_add,
                "scatter_add": self._scatter_add,
            }
            if value.operation in writers:
                writers[value.operation](value, filled)
            elif value.operation in REDUCTIONS:
                self._reduction(value, filled)
            else:
                index, loops = self._loops(value.shape)
                self._add(Nest(loops, [Store(buffer, filled.at(index), self.element(value, index))]))
        self.buffers[value.number] = buffer

    def _add(self, item: Item) -> None:
        value = self._value
        assert value is not None
        item.origin = value.origin
        item.comment = f"{value.operation} {list(value.shape)}"
        self.items.append(item)

    def _loops(self, shape: Shape, letters: str = "ijklmnop") -> tuple[list[Affine], list[Var]]:
        """A variable for each axis: the index, and the loops."""
        variables = [Var(f"{letters[i % len(letters)]}", n) for i, n in enumerate(shape)]
        return [affine(var) for var in variables], [var for var in variables if var.extent > 1]

    def _fill(self, view: View, number: Any) -> None:
        index, loops = self._loops(view.shape)
        self._add(Nest(loops, [Store(view.buffer, view.at(index), Const(number, view.buffer.dtype))]))

    def _copy(self, part: Value, view: View, add: bool = False) -> None:
        """An array into a view of its shape."""
        if not part.size:
            return
        index, loops = self._loops(part.shape)
        self._add(Nest(loops, [Store(view.buffer, view.at(index), self.element(part, index), add=add)]))

    def _accumulator(self, dtype: np.dtype[Any]) -> Name:
        self._names += 1
        return Name(f"s{self._names}", dtype)

    def _reduction(self, value: Value, filled: View) -> None:
        (given,) = value.values
        if not given.size:  # only a sum is defined
            self._fill(filled, 0)
            return
        axes = value.static["axes"]
        if value.operation == "argmax":
            self._argmax(value, filled)
            return
        index, _ = self._loops(given.shape)
        variables = [term[0][0] if (term := i.terms) else None for i in index]
        kept = [Affine() if i in axes else place for i, place in enumerate(index)]
        if not value.static["keepdims"]:
            kept = [place for i, place in enumerate(kept) if i not in axes]
        name = self._accumulator(value.dtype)
        element = _cast(self.element(given, index), value.dtype)
        self._add(
            Nest(
                [var for i, var in enumerate(variables) if var is not None and i not in axes],
                [Store(filled.buffer, filled.at(kept), name)],
                [var for i, var in enumerate(variables) if var is not None and i in axes],
                [Accumulate(name, value.operation, element)],
            )
        )

    def _argmax(self, value: Value, filled: View) -> None:
        """The smallest position at which the largest element stands."""
        (given,), (axis,) = value.values, value.static["axes"]
        largest = Buffer(f"{filled.buffer.name}_max", value.size, given.dtype)
        index, _ = self._loops(given.shape)
        variables = [term[0][0] if (term := i.terms) else None for i in index]
        parallel = [var for i, var in enumerate(variables) if var is not None and i != axis]
        reduced = [variables[axis]] if variables[axis] is not None else []
        kept = [place for i, place in enumerate(index) if i != axis]
        shape = tuple(n for i, n in enumerate(given.shape) if i != axis)
        where = View.whole(largest, shape).at(kept)
        element = self.element(given, index)
        name = self._accumulator(given.dtype)
        self._add(Nest(parallel, [Store(largest, where, name)], list(reduced), [Accumulate(name, "max", element)]))
        found = Op("equal", (element, Load(largest, where)), np.dtype(bool))
        place = Op(
            "where", (found, Index(index[axis], value.dtype), Const(given.shape[axis] - 1, value.dtype)), value.dtype
        )
        name = self._accumulator(value.dtype)
        at = View.whole(filled.buffer, shape).at(kept)
        self._add(Nest(list(parallel), [Store(filled.buffer, at, name)], list(reduced), [Accumulate(name, "min", place)]))

    def _cumsum(self, value: Value, filled: View) -> None:
        (given,), axis = value.values, value.static["axis"]
        index, loops = self._loops(value.shape)
        first = [Affine() if i == axis else place for i, place in enumerate(index)]
        steps = [var for var in loops if index[axis].factor(var) == 0]
        element = _cast(self.element(given, first), value.dtype)
        self._add(Nest(steps, [Store(filled.buffer, filled.at(first), element)]))
        if value.shape[axis] < 2:
            return
        along = Var("t", value.shape[axis] - 1)
        before = [affine(along) if i == axis else place for i, place in enumerate(index)]
        after = [Affine.sum([(affine(along), 1)], 1) if i == axis else place for i, place in enumerate(index)]
        total = Op(
            "add",
            (Load(filled.buffer, filled.at(before)), _cast(self.element(given, after), value.dtype)),
            value.dtype,
        )
        sequence = [along] if along.extent > 1 else []
        self._add(
            Nest(
                [*sequence, *steps],
                [Store(filled.buffer, filled.at(after), total)],
                sequential=frozenset(sequence),
            )
        )

    def _concatenate(self, value: Value, filled: View) -> None:
        axis, start = value.static["axis"], 0
        for part in value.values:
            starts = tuple(start if i == axis else 0 for i in range(len(value.shape)))
            into = moved(filled, "slice", {"starts": starts, "steps": (1,) * len(starts), "shape": part.shape})
            assert into is not None
            self._copy(part, into)
            start += part.shape[axis]

    def _pad(self, value: Value, filled: View) -> None:
        (given,), widths = value.values, value.static["widths"]
        self._fill(filled, value.static["value"])
        starts = tuple(before for before, _ in widths)
        into = moved(filled, "slice", {"starts": starts, "steps": (1,) * len(starts), "shape": given.shape})
        assert into is not None
        self._copy(given, into)

    def _place(self, value: Value, filled: View) -> None:
        (given,) = value.values
        self._fill(filled, 0)
        into = moved(filled, "slice", {**value.static, "shape": given.shape})
        assert into is not None
        self._copy(given, into)

    def _overlap_add(self, value: Value, filled: View) -> None:
        (parts,) = value.values
        self._fill(filled, 0)
        stride, dilation = value.static["stride"], value.static["dilation"]
        spatial = len(stride)
        kernel = parts.shape[1 + spatial : -1]
        seen = moved(filled, "windows", {"kernel": kernel, "stride": stride, "dilation": dilation})
        assert seen is not None
        index, loops = self._loops(parts.shape)
        inside = index[1 + spatial : -1]
        if not parts.size:
            return
        for offset in np.ndindex(*kernel):  # within one of them, no two parts meet
            at = {term[0][0]: Affine((), n) for place, n in zip(inside, offset, strict=True) if (term := place.terms)}
            where = [place.replace(at) for place in index]
            chosen = [var for var in loops if var not in at]
            self._add(Nest(chosen, [Store(filled.buffer, seen.at(where), self.element(parts, where), add=True)]))

    def _scatter_add(self, value: Value, filled: View) -> None:
        values, *positions = value.values
        self._fill(filled, 0)
        if not values.size:
            return
        axis, count = value.static["axis"], len(positions)
        reach = len(np.broadcast_shapes(*(p.shape for p in positions)))
        index, loops = self._loops(values.shape)
        outer, inner, rest = index[:axis], index[axis : axis + reach], index[axis + reach :]
        gathered = tuple(
            Gathered(self._position(p, inner), filled.strides[axis + i], value.shape[axis + i])
            for i, p in enumerate(positions)
        )
        strides = (*filled.strides[:axis], *filled.strides[axis + count :])
        where = Affine.sum(zip([*outer, *rest], strides, strict=True))
        repeated = frozenset(var for var in loops if any(place.factor(var) for place in inner))
        store = Store(filled.buffer, where, self.element(values, index), gathered, add=True)
        self._add(Nest(loops, [store], sequential=repeated))

    def _matmul(self, value: Value, filled: View) -> None:
        """A product of matrices by a kernel; one with a vector, as loops that add up."""
        a, b = value.values
        if not a.size:
            self._fill(filled, 0)
            return
        if a.operation == "gather" and a.number not in self.kept:
            self._gathered_product(value, filled, a, transposed=False)
            return
        if a.operation == "permute" and a.values[0].operation == "gather" and a.values[0].number not in self.kept:
            self._gathered_product(value, filled, a.values[0], transposed=True)
            return
        left, right = self.view(a), self.view(b)
        assert left is not None
        assert right is not None
        if min(len(a.shape), len(b.shape)) < 2:
            self._vector_product(value, filled)
            return
        outer, loops = self._loops(value.shape[:-2])
        (m, k), n = a.shape[-2:], b.shape[-1]
        product = Product(
            self._matrix(left, outer), self._matrix(right, outer), self._matrix(filled, outer), m, k, n
        )
        if loops:
            self._batched(product, loops)
        else:
            self._add(product)

    def _matrix(self, view: View, outer: Sequence[Affine]) -> Matrix:
        count = len(view.shape) - 2
        own = outer[len(outer) - count :]
        place = [Affine() if n == 1 else i for i, n in zip(own, view.shape[:-2], strict=True)]
        offset = Affine.sum(zip(place, view.strides[:-2], strict=True), view.offset)
        return Matrix(view.buffer, offset, view.strides[-2], view.strides[-1])

    def _batched(self, product: Product, loops: list[Var]) -> None:
        """One product for each matrix of a stack."""
        for place in np.ndindex(*(var.extent for var in loops)):
            at = {var: Affine((), n) for var, n in zip(loops, place, strict=True)}
            a, b, c = (
                Matrix(x.buffer, x.offset.replace(at), x.row_stride, x.column_stride)
                for x in (product.a, product.b, product.c)
            )
            self._add(Product(a, b, c, product.m, product.k, product.n))

    def _gathered_product(self, value: Value, filled: View, rows: Value, *, transposed: bool) -> None:
        """x[rows] @ w, or x[rows].T @ g, that reads the rows of the table x where they are."""
        table, positions = self.view(rows.values[0]), self.element(rows.values[1], [Affine()])
        right = self.view(value.values[1])
        assert table is not None
        assert right is not None
        assert isinstance(positions, Load)
        (m, k), n = value.values[0].shape, value.values[1].shape[1]
        a = Matrix(table.buffer, Affine((), table.offset), table.strides[0], 1, positions, table.shape[0])
        self._add(Product(a, self._matrix(right, []), self._matrix(filled, []), m, k, n, transposed))

    def _vector_product(self, value: Value, filled: View) -> None:
        a, b = value.values
        k = a.shape[-1]
        outer, loops = self._loops(value.shape)
        inner = Var("k", k)
        own = list(outer)
        column = [own.pop()] if len(b.shape) > 1 else []
        row = [own.pop()] if len(a.shape) > 1 else []
        left = [*own[len(own) - max(len(a.shape) - 2, 0) :], *row, affine(inner)]
        right = [*own[len(own) - max(len(b.shape) - 2, 0) :], affine(inner), *column]
        name = self._accumulator(value.dtype)
        both = Op(
            "multiply",
            (_cast(self.element(a, left), value.dtype), _cast(self.element(b, right), value.dtype)),
            value.dtype,
        )
        reduced = [inner] if k > 1 else []
        self._add(Nest(loops, [Store(filled.buffer, filled.at(outer), name)], reduced, [Accumulate(name, "sum", both)]))


def _source(value: Value) -> Buffer:
    if value.operation == "constant":
        array = np.ascontiguousarray(value.static["array"])
        return Buffer(f"c{value.number}", value.size, value.dtype, "constant", array)
    name = value.name
    kinds = {"data": "table", "net": "state", "optimizer": "state", "step": name.split(".")[1]}
    return Buffer(name, value.size, value.dtype, kinds[name.split(".")[0]])


def _moved_index(value: Value, index: Sequence[Affine]) -> list[Affine]:
    """Which element of its input a movement shows at an index."""
    (given,), static = value.values, value.static
    if value.operation == "permute":
        places: list[Affine] = [Affine()] * len(index)
        for place, axis in zip(index, static["axes"], strict=True):
            places[axis] = place
        return places
    if value.operation == "broadcast":
        own = index[len(index) - len(given.shape) :]
        return [Affine() if n == 1 else i for i, n in zip(own, given.shape, strict=True)]
    if value.operation == "slice":
        return [
            Affine.sum([(i, step)], start)
            for i, start, step in zip(index, static["starts"], static["steps"], strict=True)
        ]
    if value.operation == "windows":
        spatial = len(static["kernel"])
        moves = zip(index[1 : 1 + spatial], index[1 + spatial : -1], static["stride"], static["dilation"], strict=True)
        return [index[0], *(Affine.sum([(p, s), (k, d)]) for p, k, s, d in moves), index[-1]]
    places = [Affine()] * len(given.shape)
    for old, new in groups(given.shape, value.shape):
        strides = contiguous(tuple(value.shape[i] for i in new))
        places[old[0]] = Affine.sum((index[i], s) for i, s in zip(new, strides, strict=True))
    return places


def splits_only(value: Value) -> bool:
    """Whether a reshape only splits axes, so that an element's place in the input is a sum of its indices."""
    return all(len(old) == 1 for old, _ in groups(value.values[0].shape, value.shape))


def _cast(expr: Expr, dtype: np.dtype[Any]) -> Expr:
    if expr.dtype == dtype:
        return expr
    if isinstance(expr, Const):
        return Const(dtype.type(expr.value).item(), dtype)
    return Op("astype", (expr,), dtype)


def _common(value: Value) -> np.dtype[Any]:
    """The type in which the inputs of a comparison meet; numbers of Python take that of the arrays."""
    kinds = [np.empty((), x.dtype) if isinstance(x, Value) and not x.weak else x for x in value.inputs]
    numbers = [1.0 if isinstance(x, Value) and x.dtype.kind == "f" else 1 if isinstance(x, Value) else x for x in kinds]
    found = np.result_type(*numbers)
    return np.dtype(np.int64) if found == np.bool_ else found


def _kept(record: Record, order: Sequence[Value]) -> set[int]:
    """The values that get a buffer."""
    kept = {value.number for value in record.results()}
    users: dict[int, list[Value]] = {value.number: [] for value in order}
    for value in order:
        for given in value.values:
            users[given.number].append(value)
    costs: dict[int, int] = {}
    for value in order:
        users_of = [user for user in _through_movements(value, users)]
        if value.operation in ELEMENTWISE or value.operation in ("gather", "one_hot"):
            parts = [costs.get(x.number, 0) for x in value.values]
            cost = COSTS.get(value.operation, 1) + sum(parts)
            again = len(users_of) > 1 or any(_turns(user) > value.size for user in users_of)
            if (again and cost > CHEAP) or (value.weak and cost > 1):
                kept.add(value.number)
            costs[value.number] = 0 if value.number in kept else cost
        elif value.operation in MOVEMENTS:
            costs[value.number] = costs.get(value.values[0].number, 0)
        elif value.operation not in ("full", "arange"):
            kept.add(value.number)
        _keep_inputs(value, kept)
    for value in order:  # rows of a table that only products read are read by them where they are
        if _is_row_gather(value) and value.number not in {v.number for v in record.results()}:
            uses = _through_movements(value, users)
            if uses and all(_reads_rows(value, user, users) for user in users[value.number]):
                kept.discard(value.number)
    return kept


def _through_movements(value: Value, users: dict[int, list[Value]]) -> list[Value]:
    found: list[Value] = []
    for user in users[value.number]:
        found += _through_movements(user, users) if user.operation in MOVEMENTS else [user]
    return found


def _turns(user: Value) -> int:
    """How often an element-wise input of a value is computed, at least."""
    if user.operation in REDUCTIONS or user.operation == "cumsum":
        return user.values[0].size
    return user.size if user.operation in ELEMENTWISE or user.operation in ("gather", "one_hot") else 0


def _keep_inputs(value: Value, kept: set[int]) -> None:
    """Keep what must be in memory for this value to be computed."""

    def base(given: Value) -> Value:
        while given.operation in MOVEMENTS and given.number not in kept:
            given = given.values[0]
        return given

    def is_view(given: Value) -> bool:
        """Whether it is a view if its base is in memory."""
        chain = []
        while given.operation in MOVEMENTS and (given.number not in kept or given is value):
            chain.append(given)
            given = given.values[0]
        view: View | None = View.whole(Buffer("", given.size, given.dtype), given.shape)
        for movement in reversed(chain):
            view = None if view is None else moved(view, movement.operation, movement.static)
        return view is not None

    needed = value.values if value.operation == "matmul" else value.values[:1] if value.operation == "gather" else []
    for given in needed:
        kept.add(base(given).number if is_view(given) else given.number)
        if given.operation in ("full", "arange"):
            kept.add(given.number)
    if value.operation == "reshape" and not splits_only(value):
        (given,) = value.values
        inside = base(given)
        if inside.number in kept or inside.operation in ("full", "arange"):
            if not is_view(value) or (inside.operation == "arange"):
                kept.add(given.number)
        else:
            kept.add(given.number)


def _is_row_gather(value: Value) -> bool:
    source = value.values[0] if value.values else None
    return (
        value.operation == "gather"
        and source is not None
        and source.operation == "input"
        and len(value.values) == 2
        and value.values[1].operation == "input"
        and len(value.shape) == 2
        and value.static["axis"] == 0
        and value.dtype.kind == "f"
    )


def _reads_rows(rows: Value, user: Value, users: dict[int, list[Value]]) -> bool:
    """Whether a value is a product, or the transpose for products, that can read rows where they are."""
    if user.operation == "permute" and rows.operation == "gather":
        return all(_reads_rows(user, other, users) for other in users[user.number])
    return user.operation == "matmul" and user.inputs[0] is rows and user.inputs[1] is not rows



"""Matrix products of known shape, C = A @ B, written as loops of vector code into a function.

How a product is cut into tiles, blocks and panels, and why, is told in ``tiles.py``. What is written here
is, from the outside in: blocks of k; panels of columns of C, for each of which B may be packed; tiles of rows; and, in
a tile, the loop over k with all sums in registers.

Results are deterministic. Every element of C is the sum over k in ascending order, in blocks, each a chain (or a few
chains) of fused multiply-adds; so it does not matter for the bits how the tiles lie or how threads share them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from glassnet.compiler.matrix import Matrix, moved, scaled
from glassnet.compiler.tiles import Plan, odd_vectors, plan_product
from glassnet.compiler.transpose import write_transposed
from glassnet.compiler.writer import INDEX, Type, Writer
from glassnet.engine.errors import ShapeError

Part = tuple[str, str]
ZERO = "zeroinitializer"


def write_product(
    writer: Writer,
    element: str,
    a: Matrix,
    b: Matrix,
    c: Matrix,
    *,
    bias: str | None = None,
    accumulate: bool = False,
    plan: Plan | None = None,
    scratch: str | None = None,
    part: Part | None = None,
) -> None:
    """Write ``C = A @ B``, or with ``accumulate`` ``C += A @ B``, for elements "float" or "double".

    Args:
        writer: where the loops go; they begin and end in the middle of a block.
        element: the type of all elements.
        a: (M, K), any strides; either axis may go through a table.
        b: (K, N) with consecutive elements in its rows, which may go through a table, or in its columns.
        c: (M, N), consecutive elements in its rows; must not overlap the others.
        bias: pointer to N elements that are added to each row of the product.
        plan: ``plan_product(element, a, b, c)``, the default. Of a part of a product, give the plan of the whole.
        scratch: pointer to ``plan.scratch`` elements that nothing else uses meanwhile; may be None if that is 0.
        part: (first, last), two i64: compute only the shares first, first + 1, ..., last - 1 out of ``plan.shares``
            along ``plan.split``. Parts write disjoint elements of C, each the same bits as the whole product has. Each
            thread needs its own scratch.

    Raises:
        ShapeError: the shapes do not fit together, or the strides are such that an operand has to be copied first.
    """
    check(a, b, c)
    plan = plan or plan_product(element, a, b, c)
    if plan.scratch and scratch is None:
        raise ShapeError(f"the product {a.shape} @ {b.shape} needs {plan.scratch} elements of scratch, got none.")
    if bias is not None and accumulate:
        raise ShapeError("a product can add a bias or accumulate, not both.")
    if plan.turned:
        a, b, c = b.T, a.T, c.T
    job = _Product(writer, Type(element, plan.lanes), plan, scratch or "", part)
    whole, rest = divmod(a.columns.extent, plan.depth)
    if whole == 1 and not rest:
        job.block(a, b, c, bias, accumulate)
        return
    if not accumulate:
        job.fill(c, bias)

    def add(k: str, depth: int) -> None:
        (m, n), w = c.shape, writer
        job.block(a.block(w, element, "0", m, k, depth), b.block(w, element, k, depth, "0", n), c, None, True)

    writer.repeat(whole * plan.depth, lambda k: add(k, plan.depth), step=plan.depth)
    if rest:
        add(str(whole * plan.depth), rest)


def check(a: Matrix, b: Matrix, c: Matrix) -> None:
    """Refuse what cannot be written."""
    (m, k), (k_of_b, n) = a.shape, b.shape
    if k != k_of_b or c.shape != (m, n) or min(m, k, n) < 1:
        raise ShapeError(f"cannot write {a.shape} @ {b.shape} into {c.shape}: the product is ({m}, {n}).")
    if not c.has_dense_rows or c.rows.table:
        raise ShapeError("the result of a product must have consecutive elements in its rows: copy it afterwards.")
    if not b.can_be_second:
        raise ShapeError("the second operand of a product must have consecutive rows or columns: copy it first.")


@dataclass(frozen=True)
class _Product:
    """What all parts of one product share."""

    writer: Writer
    vector: Type
    plan: Plan
    scratch: str
    part: Part | None

    def along(self, axis: str, extent: int, body: Callable[[str, int], None]) -> None:
        """body(start, length) for the tiles of "rows" or the panels of "columns"; of them, the shares of our part."""
        w, plan = self.writer, self.plan
        step = plan.rows if axis == "rows" else plan.vectors * plan.lanes
        whole, rest = divmod(extent, step)
        if self.part is None or plan.split != axis:
            w.repeat(whole * step, lambda i: body(i, step), step=step)
            if rest:
                body(str(whole * step), rest)
            return
        first, last = self.part
        if whole:
            end = w.call("llvm.smin.i64", INDEX, (INDEX, last), (INDEX, str(whole)))
            w.between(first, end, lambda share: body(scaled(w, share, step), step))
        if rest:
            begin = w.call("llvm.smax.i64", INDEX, (INDEX, first), (INDEX, str(whole)))
            w.between(begin, last, lambda _: body(str(whole * step), rest))

    def fill(self, c: Matrix, bias: str | None) -> None:
        """Let C begin with the bias, or with zeros."""
        w, element = self.writer, self.vector.element

        def panel(j: str, width: int) -> None:
            start = self.start(bias, j, width)

            def tile(i: str, rows: int) -> None:
                def row(r: str) -> None:
                    pointer = moved(w, element, here.pointer, here.rows.offset(w, r))
                    for v, (value, count) in enumerate(zip(start, self.counts(width), strict=True)):
                        w.store(self.vector, value, moved(w, element, pointer, str(v * self.vector.lanes)), count)

                here = c.block(w, element, i, rows, j, width)
                w.repeat(rows, row)

            self.along("rows", c.rows.extent, tile)

        self.along("columns", c.columns.extent, panel)

    def block(self, a: Matrix, b: Matrix, c: Matrix, bias: str | None, add: bool) -> None:
        """``C = bias + A @ B``, or ``C += A @ B``, for operands of one depth."""
        w, element = self.writer, self.vector.element
        (m, depth), n = a.shape, b.columns.extent
        whole, rest = divmod(m, self.plan.height)

        def rows(i: str, height: int) -> None:
            of_a, of_c = a.block(w, element, i, height, "0", depth), c.block(w, element, i, height, "0", n)
            self.panels(of_a, b, of_c, bias, add)

        w.repeat(whole * self.plan.height, lambda i: rows(i, self.plan.height), step=self.plan.height)
        if rest:  # a piece of a product, with the plan of the whole
            rows(str(whole * self.plan.height), rest)

    def panels(self, a: Matrix, b: Matrix, c: Matrix, bias: str | None, add: bool) -> None:
        """The same for rows of A that fit into the second cache."""
        w, element, plan = self.writer, self.vector.element, self.plan
        (m, depth), n = a.shape, b.columns.extent
        if plan.packs_a:
            a = self.pack_a(a)

        def panel(j: str, width: int) -> None:
            right = b.block(w, element, "0", depth, j, width)
            if plan.packs_b:
                right = self.pack_b(right)
            start = self.start(bias, j, width)

            def tile(i: str, rows: int) -> None:
                left = a.block(w, element, i, rows, "0", depth)
                self.tile(left, right, c.block(w, element, i, rows, j, width), start, add)

            self.along("rows", m, tile)

        self.along("columns", n, panel)

    def start(self, bias: str | None, column: str, width: int) -> list[str]:
        """What the sums of a row begin with: vectors of the bias, or zeros."""
        w, vector = self.writer, self.vector
        if bias is None:
            return [ZERO for _ in self.counts(width)]
        if self.plan.turned:  # the bias of the one column of C, which is the only row here
            return [w.splat(vector, w.load(vector.scalar, bias))] * len(self.counts(width))
        here = moved(w, vector.element, bias, column)
        return [self.load(here, v, count) for v, count in enumerate(self.counts(width))]

    def counts(self, width: int) -> list[int]:
        """How many lanes of each vector of a row are in use."""
        lanes = self.vector.lanes
        return [min(lanes, width - j) for j in range(0, width, lanes)]

    def load(self, row: str, v: int, count: int) -> str:
        """The vector number v of a row."""
        place = moved(self.writer, self.vector.element, row, str(v * self.vector.lanes))
        return self.writer.load(self.vector, place, count)

    # Packing

    def copy(self, source: Matrix, target: Matrix) -> None:
        """Copy rows of consecutive elements; zeros follow where a row of the target is longer, up to a whole vector."""
        w, vector = self.writer, self.vector
        width, lanes = source.columns.extent, vector.lanes
        whole = width // lanes * lanes

        def row(i: str) -> None:
            read = moved(w, vector.element, source.pointer, source.rows.offset(w, i))
            write = moved(w, vector.element, target.pointer, target.rows.offset(w, i))

            def move(j: str, count: int, room: int) -> None:
                value = w.load(vector, moved(w, vector.element, read, j), count)
                w.store(vector, value, moved(w, vector.element, write, j), room)

            w.repeat(whole, lambda j: move(j, lanes, lanes), step=lanes)
            if whole < width:
                move(str(whole), width - whole, min(lanes, target.columns.extent - whole))

        w.repeat(source.rows.extent, row)

    def pack_a(self, a: Matrix) -> Matrix:
        """Copy a block of A, its rows or columns closer together, to the scratch memory behind B's panel."""
        w, element, lanes = self.writer, self.vector.element, self.vector.lanes
        pointer = moved(w, element, self.scratch, str(self.plan.scratch_b))
        if not a.has_dense_rows:
            return self.pack_a(a.T).T
        packed = Matrix.row_major(pointer, *a.shape, odd_vectors(a.columns.extent, lanes))
        self.copy(a, packed)
        return packed

    def pack_b(self, b: Matrix) -> Matrix:
        """Copy a panel of B to the beginning of the scratch memory, its rows filled up to whole vectors."""
        w, vector, lanes = self.writer, self.vector, self.vector.lanes
        depth, width = b.shape
        panel = Matrix.row_major(self.scratch, depth, -(-width // lanes) * lanes, self.plan.vectors * lanes)
        if b.has_dense_rows:
            self.copy(b, panel)
            return panel
        write_transposed(w, vector, b.T, panel)
        return panel

    # The innermost loop

    def tile(self, a: Matrix, b: Matrix, c: Matrix, start: list[str], add: bool) -> None:
        """One tile of C: all of its sums are values of the loop over k, and so stay in registers."""
        w, vector, element = self.writer, self.vector, self.vector.element
        (rows, depth), chains = a.shape, self.plan.chains
        counts = self.counts(c.columns.extent)
        # The rows of A: pointers of their own where they are gathered; else one pointer and constant distances.
        distances = [a.rows.offset(w, str(r)) for r in range(rows)]
        gathered = [moved(w, element, a.pointer, d) for d in distances] if a.rows.table else None

        def multiply(k: str, sums: list[str]) -> list[str]:
            row = moved(w, element, b.pointer, b.rows.offset(w, k))
            vectors = [self.load(row, v, count) for v, count in enumerate(self.counts(b.columns.extent))]
            along = a.columns.offset(w, k)
            column = moved(w, element, a.pointer, along)
            found = []
            for r in range(rows):
                place = moved(w, element, gathered[r], along) if gathered else moved(w, element, column, distances[r])
                number = self.everywhere(place)
                found += [w.fma(vector, number, x, sums[r * len(counts) + v]) for v, x in enumerate(vectors)]
            return found

        size = rows * len(counts)

        def turn(k: str, sums: list[str]) -> list[str]:
            found = []
            for chain in range(chains):
                at = w.let(f"add nuw nsw i64 {k}, {chain}") if chain else k
                found += multiply(at, sums[chain * size : (chain + 1) * size])
            return found

        whole = depth // chains * chains
        sums = (start * rows) + [ZERO] * (size * (chains - 1))
        sums = w.loop(whole, lambda k, values: turn(k, list(values)), [(vector, s) for s in sums], step=chains)
        for chain in range(depth - whole):
            part = slice(chain * size, (chain + 1) * size)
            sums[part] = multiply(str(whole + chain), sums[part])
        while len(sums) > size:
            half = len(sums) // 2
            sums = [w.binary("fadd", vector, x, y) for x, y in zip(sums[:half], sums[half:], strict=True)]
        for r in range(rows):
            row = moved(w, element, c.pointer, c.rows.offset(w, str(r)))
            for v, count in enumerate(counts):
                value = sums[r * len(counts) + v]
                if add:
                    value = w.binary("fadd", vector, self.load(row, v, count), value)
                w.store(vector, value, moved(w, element, row, str(v * vector.lanes)), count)

    def everywhere(self, place: str) -> str:
        """The number at a place in every lane: one instruction of the processor, that loads and spreads."""
        one = f"<1 x {self.vector.element}>"
        value = self.writer.let(f"load {one}, ptr {place}, align {self.vector.scalar.bytes}")
        return self.writer.let(f"shufflevector {one} {value}, {one} poison, <{self.vector.lanes} x i32> {ZERO}")

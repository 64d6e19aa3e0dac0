"""How a product of known shape is cut up: tiles of C that stay in registers, blocks of k that stay in the cache.

**Tiles.** In C = A @ B every element of A meets N numbers and every element of B meets M. Read from memory each time,
they would cost two loads for each multiplication, and a core that multiplies two vectors a cycle also loads only two.
So a tile of C, ``rows`` x ``vectors`` vectors, is kept in registers while k runs: each k loads ``vectors`` vectors
of B and ``rows`` numbers of A, and multiplies every one with every other. With 32 registers of 16 floats, a tile of
8 x 3 takes 11 loads for 24 multiplications. The results of fused multiply-adds come four cycles late: fewer than eight
independent sums leave the core waiting, and where a tile is that small, each sum is split into ``chains``.

**Depth.** A sum of K numbers is cut into blocks of ``depth``, whose sums are added to C. The block of B for one panel
of columns then fits into the first cache, and rounding errors grow with depth + K / depth instead of K.

**Height.** Of a large A, only as many rows meet a panel of B as stay in the second cache until the next panel.

**Packing.** Vectors want consecutive columns of B. Where B is a transposed view, or so large that its rows are far
apart, the panel of a block is first copied, dense and transposed if need be, into scratch memory; of A likewise.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import ceil

from glassnet.compiler.engine import lanes_of, register_count
from glassnet.compiler.matrix import Matrix
from glassnet.compiler.writer import BYTES

LATENCY = 4  # cycles until the result of a fused multiply-add can be added to
LOADS = 2  # vectors that a core loads in a cycle, as many as it multiplies
WAIT = 0.15  # cycles that a load costs even where there is time for it, on average
TILE = 16  # cycles to enter and leave the loop over k
CLOSE = 1.03  # a small product may be estimated slower by this factor, if that saves code
SPLIT = 1.5  # a vector that crosses two lines of the cache costs two loads; every other one does
HIGHEST = 256  # rows of A in a block where B is large: they are to stay in the second cache
FARTHER = 1.5  # how many loads one from the second cache counts for
DEEPEST = 256  # elements of k in a block
DEEPEST_FAR = 128  # the same where B is large: a panel then fills half of the first cache
GATHERED_ROWS = 10  # each row of a gathered A needs a pointer in a register, and there are about a dozen for them
FIRST_CACHE = 32 * 1024  # bytes
FAR = 2048  # bytes from a row of B to the next: beyond, each is on a page of its own, and they evict each other


@dataclass(frozen=True)
class Processor:
    """What the choice depends on: lanes of a vector, and how many vector registers there are."""

    lanes: int
    registers: int

    @classmethod
    def here(cls, element: str) -> Processor:
        """This one, for an element such as "float"."""
        return cls(lanes_of(element), register_count())


@dataclass(frozen=True)
class Plan:
    """The choice for one product.

    Threads share the work along the axis ``split`` ("rows" or "columns"), which has ``shares`` equal pieces, the last
    one perhaps smaller.
    """

    lanes: int
    rows: int  # of a tile
    vectors: int  # of a row of a tile
    depth: int  # of a block of k
    height: int  # rows of A that are gone through with each panel of B; a divisor of M
    chains: int
    packs_a: bool  # whether blocks of A and panels of B are copied to scratch memory
    packs_b: bool
    turned: bool  # whether C.T = B.T @ A.T is computed instead
    split: str
    shares: int

    @property
    def scratch_b(self) -> int:
        """Elements of scratch memory for a panel of B."""
        return self.packs_b * ceil(self.depth / self.lanes) * self.lanes * self.vectors * self.lanes

    @property
    def scratch(self) -> int:
        """Elements of scratch memory that each thread needs."""
        shape = self.height, self.depth
        of_a = max(a * odd_vectors(b, self.lanes) for a, b in (shape, shape[::-1]))
        return self.scratch_b + self.packs_a * of_a


def odd_vectors(extent: int, lanes: int) -> int:
    """At least ``extent`` elements, an odd number of vectors: rows at such distances do not evict each other."""
    return (ceil(extent / lanes) | 1) * lanes


def pieces(extent: int, step: int) -> list[tuple[int, int]]:
    """(length, how often): the whole steps, then the rest."""
    return [(length, count) for length, count in ((step, extent // step), (extent % step, 1)) if length and count]


def chains_of(rows: int, vectors: int, k: int) -> int:
    """Into how many chains the sums of a tile are split: a power of two that makes about eight independent sums."""
    chains = 1
    while chains * 2 <= min(k, 2 * LATENCY // (rows * vectors)):
        chains *= 2
    return chains


def block_of(extent: int, longest: int) -> int | None:
    """The length of equal blocks: everything, if that is half too long at most; else the largest divisor close by."""
    if extent <= longest * 3 // 2:
        return extent
    return next((length for length in range(longest, longest // 2, -1) if extent % length == 0), None)


@dataclass(frozen=True)
class Work:
    """A product of (m, k, n) elements, k of one block, in which a load of A or B counts as so many loads.

    ``cached``: how many vectors of B the first cache can hold besides everything else.
    """

    m: int
    k: int
    n: int
    lanes: int
    a_load: float
    b_load: float
    cached: int

    def kinds(self, tile: tuple[int, int]) -> list[tuple[int, int, int]]:
        """The one to four kinds of tiles that cover C, each with code of its own: rows, vectors, how often."""
        rows, columns = pieces(self.m, tile[0]), pieces(self.n, tile[1] * self.lanes)
        return [(r, ceil(c / self.lanes), down * across) for (r, down), (c, across) in product(rows, columns)]

    def cycles(self, tile: tuple[int, int]) -> float:
        """An estimate, good enough to compare tiles."""
        chains = chains_of(*tile, self.k)
        total = 0.0
        for rows, vectors, count in self.kinds(tile):
            farther = 1 if self.k * vectors <= self.cached else FARTHER
            loads = rows * self.a_load + vectors * self.b_load * farther
            step = max(rows * vectors / 2, loads / LOADS, LATENCY / chains) + WAIT * loads
            total += count * (self.k * step + TILE + rows * vectors)
        return total

    def code(self, tile: tuple[int, int]) -> int:
        """An estimate of how much code the tiles need."""
        return sum((rows + 1) * (vectors + 1) for rows, vectors, _ in self.kinds(tile))

    def best_tile(self, most: int, registers: int, close: float) -> tuple[int, int]:
        """At most ``most`` rows; of those that fit the registers and are ``close`` to the best, the least code."""
        fitting = [
            (rows, vectors)
            for vectors in range(1, min(ceil(self.n / self.lanes), registers) + 1)
            for rows in range(1, min(self.m, most) + 1)
            if rows * vectors * chains_of(rows, vectors, self.k) + vectors + 1 <= registers
        ]
        estimates = {tile: self.cycles(tile) for tile in fitting}
        enough = close * min(estimates.values())
        good = [tile for tile in fitting if estimates[tile] <= enough]
        return min(good, key=lambda tile: (self.code(tile), estimates[tile]))


def plan_product(element: str, a: Matrix, b: Matrix, c: Matrix, *, processor: Processor | None = None) -> Plan:
    """Choose for ``C = A @ B``, by shapes, strides and the processor only (the default: this one)."""
    processor = processor or Processor.here(element)
    turned = c.columns.extent == 1 < c.rows.extent and c.T.has_dense_rows and a.T.can_be_second
    if turned:
        a, b = b.T, a.T
    (m, k), n, lanes = a.shape, b.columns.extent, processor.lanes
    row_bytes = max(b.rows.stride, b.columns.stride) * BYTES[element]
    far = row_bytes >= FAR and k * n * BYTES[element] > FIRST_CACHE and m >= lanes
    deepest = DEEPEST_FAR if far else DEEPEST
    depth = block_of(k, deepest) or deepest  # without a divisor, a shorter block comes last, with code of its own
    height = block_of(m, HIGHEST) or m if far else m
    packs_a = far and (a.has_dense_rows or a.T.has_dense_rows) and height <= 4 * HIGHEST
    packs_b = far or not b.has_dense_rows
    a_load = FARTHER if far else 1  # a large A comes from the second cache
    b_load = 1 if packs_b or b.rows.stride % lanes == 0 else SPLIT
    cached = FIRST_CACHE // (lanes * BYTES[element])
    most = GATHERED_ROWS if a.rows.table and not packs_a else processor.registers
    rows, vectors = Work(height, depth, n, lanes, a_load, b_load, cached).best_tile(
        most, processor.registers, 1 if far else CLOSE
    )
    tiles, panels = ceil(m / rows), ceil(n / (vectors * lanes))
    # More pieces are shared more evenly; but threads that share the rows each pack all of B, unless that is little
    # beside the product: then each takes the rows that it computed before.
    pack = 1 if packs_b and m < n else 0
    split = "columns" if height < m or panels >= (4 if pack else tiles) else "rows"
    chains = chains_of(rows, vectors, depth)
    shares = panels if split == "columns" else tiles
    return Plan(lanes, rows, vectors, depth, height, chains, packs_a, packs_b, turned, split, shares)

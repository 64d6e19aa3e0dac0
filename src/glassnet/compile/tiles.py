"""How a product of known shape is cut up: tiles of C that stay in registers, blocks of k that stay in the cache.

**Tiles.** In C = A @ B every element of A meets N numbers and every element of B meets M. Read from memory each time,
they would cost two loads for each multiplication, and a core that multiplies two vectors a cycle also loads only two.
So a tile of C, ``rows`` x ``vectors`` vectors, is kept in registers while k runs: each k loads ``vectors`` vectors
of B and ``rows`` numbers of A, and multiplies every one with every other. With 32 registers of 16 floats, a tile of
8 x 3 takes 11 loads for 24 multiplications. The results of fused multiply-adds come four cycles late: fewer than eight
independent sums leave the core waiting, and where a tile is that small, each sum is split into ``chains``.

**Depth.** A sum of K numbers is cut into blocks of ``depth``, whose sums are added to C. The block of B for one panel of
columns then fits into the first cache, and rounding errors grow with depth + K / depth instead of K.

**Packing.** Vectors want consecutive columns of B. Where B is a transposed view, or so large that its rows are far
apart, the panel of a block is first copied, dense and transposed if need be, into scratch memory; of A likewise.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import ceil

from glassnet.compile.engine import register_bytes, register_count
from glassnet.compile.matrix import Matrix
from glassnet.compile.writer import BYTES

LATENCY = 4  # cycles until the result of a fused multiply-add can be added to
BODY = 40  # cycles: what one more kind of tile must save, for it has to be compiled and fetched
TILE = 16  # cycles to enter and leave the loop over k
DEEPEST = 384  # elements of k in one block
GATHERED_ROWS = 10  # each row of a gathered A needs a pointer of its own, and there are about a dozen registers for them
FIRST_CACHE = 32 * 1024  # bytes
LARGEST_A = 2**20  # elements of A that are packed at once
FAR = 2048  # bytes between rows: beyond, each row is on a page of its own, and rows evict each other


@dataclass(frozen=True)
class Processor:
    """What the choice depends on."""

    lanes: int
    registers: int

    @classmethod
    def here(cls, element: str) -> Processor:
        """This one, for an element such as "float"."""
        return cls(register_bytes() // BYTES[element], register_count())


@dataclass(frozen=True)
class Plan:
    """The choice for one product. Every element of C is summed up in the same order whatever the tiles are, so that

    products of the same K with the same ``depth`` and ``chains`` give the same bits, whole or in parts.
    """

    lanes: int
    rows: int
    vectors: int
    depth: int
    chains: int
    packs_a: bool
    packs_b: bool
    split: str  # "rows" or "columns": along which axis of C threads should share the work
    shares: int  # how many tiles there are along that axis
    a_by_columns: bool  # a packed A keeps its columns together: it is a transposed view
    a_stride: int  # elements between the rows (or columns) of a packed A
    scratch_b: int  # elements
    scratch_a: int

    @property
    def scratch(self) -> int:
        """Elements of scratch memory that each thread needs."""
        return self.scratch_a + self.scratch_b


def cycles(m: int, k: int, n: int, rows: int, vectors: int, lanes: int, split_loads: bool) -> float:
    """An estimate for all tiles of a product, good enough to compare choices."""
    wide = ceil(n / lanes)
    total = 0.0
    for r, v in product(pieces(m, rows), pieces(wide, vectors)):
        loads = r[0] + v[0] * (1.5 if split_loads else 1)
        step = max(r[0] * v[0] / 2, loads / 2, LATENCY / chains_of(r[0], v[0], k))
        total += r[1] * v[1] * (k * step + TILE + r[0] * v[0]) + BODY
    return total


def pieces(extent: int, step: int) -> list[tuple[int, int]]:
    """(length, how often): the whole steps, then the rest."""
    return [(length, count) for length, count in ((step, extent // step), (extent % step, 1)) if length and count]


def chains_of(rows: int, vectors: int, k: int) -> int:
    """Into how many chains the sums are split: a power of two, so that there are about eight independent sums."""
    chains = 1
    while chains * 2 <= min(k, 2 * LATENCY // (rows * vectors)):
        chains *= 2
    return chains


def depth_of(k: int) -> int:
    """The length of a block of k: all of it, or a divisor of k between half of ``DEEPEST`` and ``DEEPEST``, or 256."""
    if k <= DEEPEST:
        return k
    return next((d for d in range(DEEPEST, DEEPEST // 2, -1) if k % d == 0), 256)


def plan_product(element: str, a: Matrix, b: Matrix, *, processor: Processor | None = None) -> Plan:
    """Choose for ``a @ b``. Depends on shapes, strides and the processor only."""
    processor = processor or Processor.here(element)
    lanes = processor.lanes
    (m, k), n = a.shape, b.columns.extent
    wide = ceil(n / lanes)
    depth = depth_of(k)
    far = b.rows.stride * BYTES[element] >= FAR and depth * b.rows.stride * BYTES[element] > FIRST_CACHE
    packs_b = not b.has_dense_rows or (far and m >= 16)
    split_loads = not packs_b and b.rows.stride % lanes != 0
    most = min(m, GATHERED_ROWS if a.rows.table else m)
    fitting = [
        (r, v)
        for v in range(1, min(wide, 8) + 1)
        for r in range(1, min(most, processor.registers) + 1)
        if r * v * chains_of(r, v, depth) + v + 1 <= processor.registers
    ]
    rows, vectors = min(fitting, key=lambda tile: (cycles(m, depth, n, *tile, lanes, split_loads), -tile[0]))
    tiles, panels = ceil(m / rows), ceil(wide / vectors)
    dense_a = a.has_dense_rows or a.T.has_dense_rows
    packs_a = packs_b and far and dense_a and panels > 1 and m * depth <= LARGEST_A
    a_by_columns = not a.has_dense_rows
    a_stride = rows if a_by_columns else ceil(depth / lanes) * lanes + lanes
    return Plan(
        lanes=lanes,
        rows=rows,
        vectors=vectors,
        depth=depth,
        chains=chains_of(rows, vectors, depth),
        packs_a=packs_a,
        packs_b=packs_b,
        split="columns" if panels >= tiles or (packs_b and panels > 1 and not packs_a) else "rows",
        shares=panels if panels >= tiles or (packs_b and panels > 1 and not packs_a) else tiles,
        a_by_columns=a_by_columns,
        a_stride=a_stride,
        scratch_b=packs_b * ceil(depth / lanes) * lanes * vectors * lanes,
        scratch_a=packs_a * tiles * rows * (depth if a_by_columns else a_stride),
    )

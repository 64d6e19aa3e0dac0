"""Generated matrix products beside NumPy's BLAS on one thread: both in one run, in turns.

    env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE OPENBLAS_NUM_THREADS=1 python benchmarks/products.py

The times are processor times of the thread, the least of many rounds: a busy machine adds to both sides, at random.
Shapes are those of training steps: forward, the gradient of the weights (A transposed, also read through a batch's
indices) and the gradient of the inputs (B transposed), then large ones.
"""

from __future__ import annotations

import ctypes
import os
import sys
import time
from collections.abc import Callable
from statistics import median

import numpy as np

from glassnet.compiler.engine import Code, attributes
from glassnet.compiler.matrix import Matrix
from glassnet.compiler.products import write_product
from glassnet.compiler.tiles import Plan, plan_product
from glassnet.compiler.writer import ELEMENTS, Writer

ROUNDS = 15
TURN = 1e-3  # seconds, about
DATA_SET = 10_000  # rows that the batches of a gathered A are picked from
SHAPES = [
    (32, 30, 200, ""),
    (32, 200, 27, ""),
    (200, 32, 27, "A.T"),
    (30, 32, 200, "A.T"),
    (32, 27, 200, "B.T"),
    (32, 200, 30, "B.T"),
    (100, 784, 16, ""),
    (100, 784, 16, "A[i]"),
    (784, 100, 16, "A.T"),
    (784, 100, 16, "A[i].T"),
    (100, 16, 16, ""),
    (100, 16, 10, ""),
    (16, 100, 10, "A.T"),
    (100, 10, 16, "B.T"),
    (100, 16, 784, "B.T"),
    (128, 48, 128, ""),
    (64, 256, 128, ""),
    (256, 64, 128, "A.T"),
    (64, 128, 256, "B.T"),
    (32, 200, 1, ""),
    (1, 200, 27, ""),
    (100, 1024, 1024, ""),
    (1024, 100, 1024, "A.T"),
    (100, 1024, 1024, "B.T"),
    (512, 512, 512, ""),
    (1024, 1024, 1024, ""),
]


def matrices(m: int, k: int, n: int, variant: str) -> tuple[Matrix, Matrix, Matrix]:
    """A, B and C as the generated code sees them."""
    a = {
        "A.T": lambda: Matrix.row_major("%a", k, m).T,
        "A[i]": lambda: Matrix.row_major("%a", DATA_SET, k).gathered("%i", m),
        "A[i].T": lambda: Matrix.row_major("%a", DATA_SET, m).gathered("%i", k).T,
    }.get(variant, lambda: Matrix.row_major("%a", m, k))()
    b = Matrix.row_major("%b", n, k).T if variant == "B.T" else Matrix.row_major("%b", k, n)
    return a, b, Matrix.row_major("%c", m, n)


def aligned(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Random numbers that begin with a line of the cache."""
    size = int(np.prod(shape))
    room = np.zeros(size + 64, dtype)
    start = -room.ctypes.data % 64 // room.itemsize
    array = room[start : start + size].reshape(shape)
    array[...] = np.random.default_rng(0).uniform(-1, 1, shape)
    return array


def build(m: int, k: int, n: int, variant: str, dtype: str) -> tuple[Callable, Callable, Plan, int, float]:
    """(ours, NumPy's, plan, lines of code, seconds to write and compile); both are checked against each other."""
    element = ELEMENTS[dtype]
    start = time.thread_time()
    a, b, c = matrices(m, k, n, variant)
    plan = plan_product(element, a, b, c)
    writer = Writer()
    write_product(writer, element, a, b, c, plan=plan, scratch="%scratch")
    names = ", ".join(f"ptr noalias %{name}" for name in ("a", "b", "c", "scratch", "i"))
    head = f"define void @product({names}) {attributes()} {{\nentry:"
    code = Code("\n".join([*sorted(writer.declarations), head, *writer.lines, "  ret void\n}"]))
    function = code.function("product", *[ctypes.c_void_p] * 5)
    built = time.thread_time() - start

    rows = DATA_SET if "[i]" in variant else m if variant != "A.T" else k
    x = aligned((rows, m if ".T" in variant and "A" in variant else k), dtype)
    y = aligned((n, k) if variant == "B.T" else (k, n), dtype)
    z, scratch, expected = aligned((m, n), dtype), aligned((plan.scratch + 1,), dtype), np.empty((m, n), dtype)
    index = np.random.default_rng(1).integers(0, DATA_SET, k if variant == "A[i].T" else m)
    pointers = [array.ctypes.data for array in (x, y, z, scratch, index)]

    def ours(_keep: object = (x, y, z, scratch, index)) -> None:
        function(*pointers)

    def theirs() -> None:
        left = x[index] if "[i]" in variant else x
        np.matmul(left.T if left.shape != (m, k) else left, y.T if variant == "B.T" else y, out=expected)

    ours()
    theirs()
    assert np.allclose(z, expected, rtol=1e-4, atol=1e-4 * k**0.5)
    return ours, theirs, plan, len(writer.lines), built


def seconds(function: Callable[[], None], count: int) -> float:
    start = time.thread_time()
    for _ in range(count):
        function()
    return (time.thread_time() - start) / count


def row(m: int, k: int, n: int, variant: str, dtype: str) -> None:
    ours, theirs, plan, lines, built = build(m, k, n, variant, dtype)
    work = 2e-9 * m * k * n  # GFLOP
    count = max(1, int(TURN / (work / 100)))
    times = [(seconds(ours, count), seconds(theirs, count)) for _ in range(ROUNDS)]
    mine, blas = (min(column) for column in zip(*times, strict=True))
    ratio = median(b / a for a, b in times)
    tile = f"{plan.rows} x {plan.vectors}{', packed' if plan.packs_b else ''}"
    print(
        f"| {m} x {k} x {n} {variant} | {tile} | {mine * 1e6:.1f} | {work / mine:.0f} | {blas * 1e6:.1f} | "
        f"{work / blas:.0f} | {ratio:.2f} | {lines} | {built * 1e3:.0f} |",
        flush=True,
    )


def main() -> None:
    chosen = {name: value for name, value in os.environ.items() if name.startswith("OPENBLAS_")}
    if chosen != {"OPENBLAS_NUM_THREADS": "1"}:
        sys.exit("OpenBLAS must have one thread and choose its own kernels: run this as its first lines say.")
    for dtype, shapes in (("float32", SHAPES), ("float64", SHAPES[:9] + SHAPES[-2:-1])):
        row_head = "tile | us | GFLOP/s | NumPy us | GFLOP/s | times as fast (median) | lines of IR | compiled in ms"
        print(f"\n| {dtype}, M x K x N | {row_head} |\n|---|---|---|---|---|---|---|---|---|")
        for shape in shapes:
            row(*shape, dtype)


if __name__ == "__main__":
    main()

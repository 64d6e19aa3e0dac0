"""The eager training step beside PyTorch eager: both in one run, in turns, medians and ratios.

    pip install '.[peers]'
    python benchmarks/eager_step.py

A step is: gather a batch by index, forward, backward, SGD update, read the loss. Before anything is timed, both sides
start from the same weights and must compute the same losses.
"""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Callable
from statistics import median, quantiles

import numpy as np

try:
    import torch
except ImportError:
    sys.exit("this benchmark compares with PyTorch: pip install 'glassnet[peers]'")

from networks import ROWS, Work, copy_weights, our_step, peer_step, works

ROUNDS = 15
STEPS = 200  # in each turn
PAUSE = 0.25  # seconds before each turn: the threads of the side before keep a core busy for a while, waiting for work


def check_same_losses(work: Work) -> None:
    copy_weights(work)
    ours, theirs = our_step(work), peer_step(work)
    for rows in batches(work, 5):
        a, b = ours(rows), theirs(rows)
        if abs(a - b) > 1e-4 * abs(b):
            sys.exit(f"{work.name}: the losses differ: {a} and {b}")


def batches(work: Work, count: int) -> list[np.ndarray]:
    return list(np.random.default_rng(1).integers(0, ROWS, (count, work.batch_size)))


def turn(step: Callable[[np.ndarray], float], rows: list[np.ndarray]) -> float:
    """Microseconds a step."""
    time.sleep(PAUSE)
    start = time.perf_counter()
    for row in rows:
        step(row)
    return (time.perf_counter() - start) / len(rows) * 1e6


def measure(work: Work) -> None:
    rows = batches(work, STEPS)
    ours, theirs = our_step(work), peer_step(work)
    times: dict[str, list[float]] = {"glassnet": [], "torch 1 thread": [], "torch 2 threads": []}
    for _ in range(ROUNDS):
        times["glassnet"].append(turn(ours, rows))
        for threads in (1, 2):
            torch.set_num_threads(threads)
            times[f"torch {threads} thread{'s' if threads > 1 else ''}"].append(turn(theirs, rows))
    best = min(("torch 1 thread", "torch 2 threads"), key=lambda name: median(times[name]))
    ratios = [a / b for a, b in zip(times["glassnet"], times[best], strict=True)]
    low, middle, high = quantiles(ratios, n=4)
    print(
        f"| {work.name} | {median(times['glassnet']):.0f} | {median(times['torch 1 thread']):.0f} | "
        f"{median(times['torch 2 threads']):.0f} | {middle:.2f} ({low:.2f} to {high:.2f}) |",
        flush=True,
    )


def main() -> None:
    print(
        f"{platform.machine()}, NumPy {np.__version__}, PyTorch {torch.__version__}, {ROUNDS} rounds of {STEPS} steps\n"
    )
    print("| microseconds a step, medians | glassnet | PyTorch, 1 thread | 2 threads | ratio to its best (quartiles) |")
    print("|---|---|---|---|---|")
    for work in works_checked():
        measure(work)


def works_checked() -> list[Work]:
    found = works()
    for work in found:
        check_same_losses(work)
    return found


if __name__ == "__main__":
    main()

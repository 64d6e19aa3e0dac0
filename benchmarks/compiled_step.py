"""The compiled training step beside its peers: PyTorch, JAX, scikit-learn, tinygrad, NumPy by hand, and its products.

    pip install '.[peers]'
    python benchmarks/compiled_step.py [--quick] [--sweep] [--plot compiled_step.png]

All sides start from the same weights, gather the same shuffled batches out of the whole of a real data set and must
compute the same losses, or nothing is timed. Each runs in a process of its own with one thread and with two, and the
better counts. They are timed in turns; what counts is the median of the ratios of each round. Only AdamW takes the
number of threads that was better with SGD.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from peers import FLOOR, KINDS, OURS, REFERENCE
from report import (
    EAGER,
    SCAN,
    Result,
    bottlenecks,
    first_table,
    plot,
    ratios_table,
    targets_table,
    times_table,
)
from sides import started, take_turns, tried_threads
from through_fit import fit_table, short_table
from workloads import Workload, main_workloads, sweep_workloads


def main() -> None:
    options = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # takes the processes of the peers with it
    rounds, seconds = (3, 0.02) if options.quick else (options.rounds, 0.06)
    began = time.perf_counter()
    print(
        f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f}, "
        f"NumPy {np.__version__}; {rounds} rounds\n"
    )
    works = [work for work in main_workloads() if options.only in work.title]
    with tempfile.TemporaryDirectory() as folder:
        measure = Measure(Path(folder), options.peers, rounds, seconds, options.quick)
        results = [measure(work) for work in works]
        tables = {
            "Time of a step": times_table(results),
            "Ratios": ratios_table(results),
            "Targets": targets_table(results),
            "First call, and memory": first_table(results),
            "Where the time goes": bottlenecks(results),
        }
        for title, lines in tables.items():
            show(title, lines)
        plain = [work for work in works if work.optimizer == "sgd"]
        scale = 0.2 if options.quick else 1.0
        if not options.steps_only:
            alone = [result.ours.time for result in results if result.work.optimizer == "sgd"]
            show("Through fit", fit_table(plain, alone, scale))
            show("Short runs: compile='auto' in eager's time", short_table(plain[:5], 1 if options.quick else 3, scale))
        sweeps = measure.sweeps() if options.sweep else {}
        for name, lines in sweeps.items():
            show(f"Microseconds a step against {name}", sweep_table(lines))
        if options.plot:
            plot(results, sweeps, options.plot)
    print(f"\n{time.perf_counter() - began:.0f} s; load at the end {os.getloadavg()[0]:.1f}")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few steps and rounds, to see that it works")
    parser.add_argument("--rounds", type=int, default=5, help="more on a busy machine (default 5)")
    parser.add_argument("--steps-only", action="store_true", help="leave out what is measured through fit")
    parser.add_argument("--sweep", action="store_true", help="also batch sizes from 1 to 4096, widths and depths")
    parser.add_argument("--plot", type=Path, help="write a picture to this file")
    parser.add_argument("--only", default="", help="workloads whose title has this in it")
    parser.add_argument("--peers", default=",".join(KINDS), help="which of them, with commas between")
    return parser.parse_args()


class Measure:
    """Times workloads, and remembers how many threads were best for each peer."""

    def __init__(self, folder: Path, peers: str, rounds: int, seconds: float, quick: bool) -> None:
        chosen = {*peers.split(","), OURS, FLOOR, REFERENCE}
        self.kinds = [kind for kind in KINDS if kind in chosen]
        self.folder, self.rounds, self.seconds, self.quick = folder, rounds, seconds, quick
        self.threads: dict[str, dict[str, int]] = {}  # by workload without its optimizer, and peer
        self.count = 0

    def __call__(self, work: Workload, kinds: list[str] | None = None) -> Result:
        if self.quick:
            work = replace(work, chunk=min(work.chunk, max(20, work.chunk // 5)))
        self.count += 1
        began = time.perf_counter()
        key = f"{work.name} {work.batch}"
        tried = tried_threads(kinds or self.kinds, self.threads.get(key))
        with started(work, tried, self.folder / str(self.count), self.folder) as sides:
            timed = [side for side in sides if not side.failure]
            take_turns(timed, self.rounds, self.seconds)
            result = Result(work, sides)
        self.threads[key] = {
            kind: side.threads for kind, side in result.best.items() if len(KINDS[kind].threads) > 1 and kind != FLOOR
        }
        for kind, why in result.missing.items():
            print(f"{work.title}: without {kind}: {why}")
        print(f"({work.title}: {time.perf_counter() - began:.0f} s, load {os.getloadavg()[0]:.1f})", flush=True)
        return result

    def sweeps(self) -> dict[str, dict[str, list[tuple[int, float]]]]:
        """Microseconds a step by what changes, peer and value."""
        found: dict[str, dict[str, list[tuple[int, float]]]] = {}
        for name, works in sweep_workloads().items():
            lines = found.setdefault(name, {})
            for value, work in works:
                result = self(work, [OURS, EAGER, SCAN, REFERENCE, FLOOR])
                for kind, side in result.best.items():
                    lines.setdefault(kind, []).append((value, side.time))
        return found


def sweep_table(lines: dict[str, list[tuple[int, float]]]) -> list[str]:
    values = [str(value) for value, _ in lines[OURS]]
    rows = [f"| {kind} | {' | '.join(f'{time:.1f}' for _, time in points)} |" for kind, points in lines.items()]
    return [f"| | {' | '.join(values)} |", "|---" * (len(values) + 1) + "|", *rows]


def show(title: str, lines: list[str]) -> None:
    print(f"\n## {title}\n", *lines, sep="\n", flush=True)


if __name__ == "__main__":
    main()

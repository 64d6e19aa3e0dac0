"""What was measured as tables in Markdown, and as one plot."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import median

from peers import FLOOR, KINDS, OURS
from sides import Side
from workloads import Workload

EAGER, SCAN = "PyTorch eager", "JAX lax.scan"


@dataclass(frozen=True)
class Target:
    """How many times faster than PyTorch eager and than lax.scan at least, how many times the products at most, and
    how many seconds to compile."""

    eager: float
    scan: float
    floor: float
    compiling: float = 1.5


TARGETS = {
    "names MLP + BatchNorm, batch 32, SGD": Target(15, 3, 0.8, 0.5),
    "digits 784-16-16-10, batch 100, SGD": Target(7, 2, 1.05),
    "WaveNet-like, batch 32, SGD": Target(6, 2, 0.9),
    "WaveNet-like, batch 256, SGD": Target(4, 3, 1.0),
    "784-1024-1024-10, batch 100, SGD": Target(1.4, 1.0, 1.0),
}
#: Of the memory that PyTorch eager takes.
MEMORY = 0.5


class Result:
    """The better number of threads of each peer, and what it is compared with."""

    def __init__(self, work: Workload, sides: list[Side]) -> None:
        self.work = work
        timed = [side for side in sides if side.times]
        self.best = {
            kind: min(found, key=lambda side: side.time)
            for kind in KINDS
            if (found := [side for side in timed if side.kind == kind])
        }
        self.ours = self.best[OURS]
        threads = self.ours.first["threads"]
        self.floor = next((s for s in timed if s.kind == FLOOR and s.threads == threads), self.best[FLOOR])
        self.missing = {side.kind: side.failure for side in sides if side.failure and side.kind not in self.best}
        self.memory = {kind: side.ask("memory") for kind, side in self.best.items()}
        self.explained = self.ours.ask("explain").splitlines()

    def times_ours(self, side: Side) -> float:
        """The median over its rounds of its time in ours."""
        return median(a / b for a, b in zip(side.times, self.ours.times, strict=False))

    def faster_than(self, kind: str) -> float | None:
        side = self.floor if kind == FLOOR else self.best.get(kind)
        return None if side is None else self.times_ours(side)


def row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def head(*names: str) -> list[str]:
    return [row(*names), row(*["---"] * len(names))]


def times_table(results: list[Result]) -> list[str]:
    lines = head("microseconds a step (threads)", *KINDS)
    for result in results:
        cells = []
        for kind in KINDS:
            side = result.floor if kind == FLOOR else result.best.get(kind)
            cells.append("-" if side is None else f"{side.time:.1f} ({side.first['threads']})")
        lines.append(row(result.work.title, *cells))
    return lines


def ratios_table(results: list[Result]) -> list[str]:
    others = [kind for kind in KINDS if kind not in (OURS, FLOOR)]
    lines = head("glassnet is faster than", *others, f"its time in {FLOOR}")
    for result in results:
        ratios = [result.faster_than(kind) for kind in others]
        floor = result.faster_than(FLOOR)
        cells = ["-" if ratio is None else f"{ratio:.1f}x" for ratio in ratios]
        lines.append(row(result.work.title, *cells, f"{1 / floor:.2f}"))
    return lines


def first_table(results: list[Result]) -> list[str]:
    kinds = [kind for kind in KINDS if kind != FLOOR]
    lines = head("seconds to compile, peak MB", *kinds, "memory in PyTorch's")
    for result in results:
        cells = [
            f"{result.best[kind].first['first']:.2f} s, {result.memory[kind]:.0f}" if kind in result.best else "-"
            for kind in kinds
        ]
        share = f"{result.memory[OURS] / result.memory[EAGER]:.2f}" if EAGER in result.best else "-"
        lines.append(row(result.work.title, *cells, share))
    return lines


def targets_table(results: list[Result]) -> list[str]:
    lines = head("target", EAGER, SCAN, "time in bare products", "compile s", "memory in PyTorch's")
    for result in results:
        target = TARGETS.get(result.work.title)
        if target is None:
            continue
        floor = result.faster_than(FLOOR)
        memory = result.memory[OURS] / result.memory[EAGER] if EAGER in result.best else None
        cells = [
            verdict(result.faster_than(EAGER), target.eager, least=True),
            verdict(result.faster_than(SCAN), target.scan, least=True),
            verdict(None if floor is None else 1 / floor, target.floor),
            verdict(result.ours.first["first"], target.compiling),
            verdict(memory, MEMORY),
        ]
        lines.append(row(result.work.title, *cells))
    return lines


def verdict(value: float | None, wanted: float, least: bool = False) -> str:
    """A value, and whether it reaches what is wanted."""
    if value is None:
        return "-"
    reached = value >= wanted if least else value <= wanted
    return f"{value:.2f} ({'reaches' if reached else 'MISSES'} {'>=' if least else '<='} {wanted:g})"


def bottlenecks(results: list[Result], loops: int = 4) -> list[str]:
    """The loops that take the most time, with how far they are above what the core can do."""
    lines: list[str] = []
    for result in results:
        names, *parts, total = result.explained
        lines += [f"{result.work.title}:{total}", names, *parts[:loops], ""]
    return lines


def plot(results: list[Result], sweeps: dict[str, dict[str, list[tuple[int, float]]]], path: Path) -> None:
    """How many times longer each peer takes; below it, where they were measured, the sweeps."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    kinds = list(KINDS)
    colours = {kind: plt.get_cmap("tab20")(2 * i % 19) for i, kind in enumerate(kinds)}
    rows = 1 + -(-len(sweeps) // 2)
    figure = plt.figure(figsize=(11, 4.5 + 3.5 * (rows - 1)), layout="constrained")
    grid = figure.add_gridspec(rows, 2, height_ratios=[1.4, *[1] * (rows - 1)])
    axes = figure.add_subplot(grid[0, :])
    for kind in kinds:
        found = [(1.0 if kind == OURS else result.faster_than(kind), i) for i, result in enumerate(results)]
        points = [(x, y) for x, y in found if x is not None]
        marker = "|" if kind == FLOOR else "o"
        axes.plot(*zip(*points, strict=True), marker, color=colours[kind], label=kind, markersize=8) if points else None
    axes.set_xscale("log")
    axes.set_yticks(range(len(results)), [result.work.title for result in results])
    axes.invert_yaxis()
    axes.set_xlabel("time of a step in glassnet's")
    axes.grid(visible=True, alpha=0.3)
    axes.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5)) if results else None
    for i, (name, lines) in enumerate(sweeps.items()):
        axes = figure.add_subplot(grid[1 + i // 2, i % 2])
        for kind, points in lines.items():
            axes.loglog(*zip(*points, strict=True), "o-", color=colours[kind], label=kind, markersize=4)
        axes.set_xlabel(name)
        axes.set_ylabel("microseconds a step")
        axes.grid(visible=True, alpha=0.3)
    figure.savefig(path, dpi=120)

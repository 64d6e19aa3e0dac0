"""What the doctor costs: the same compiled trainings with and without it, in turns."""

from __future__ import annotations

import time
from statistics import median

from report import TARGETS
from workloads import SPLITS, Setting, setting

import glassnet as gn

#: Steps of each training, and how often it is made each way.
STEPS, ROUNDS = 3000, 5


def seconds(one: Setting, *, doctor: bool) -> float:
    """One training."""
    net = one.network()
    optimizer = one.optimizer_for(net)
    started = time.perf_counter()
    gn.fit(
        net,
        one.train,
        validation=one.val,
        loss=one.loss,
        optimizer=optimizer,
        steps=STEPS,
        batch_size=one.batch_size,
        seed=one.seed,
        compile=True,
        diagnostics=None,
        folder=None,
        progress=False,
        doctor=doctor,
    )
    return time.perf_counter() - started


def measure() -> str:
    """A table: the median over rounds of the share that the doctor adds."""
    lines = ["## Overhead over compiled training", "", "| workload | added | rounds |", "|---|---|---|"]
    medians = []
    split, families = next(iter(SPLITS.items()))
    for workload in families[0].widths:
        one = setting(workload, split, 0)
        seconds(one, doctor=True)  # the first pays for what is loaded
        added = []
        for i in range(ROUNDS):
            first = seconds(one, doctor=bool(i % 2))
            second = seconds(one, doctor=not i % 2)
            with_doctor, without = (first, second) if i % 2 else (second, first)
            added.append(with_doctor / without - 1)
        medians.append(median(added))
        lines.append(f"| {workload} | {median(added):.1%} | {', '.join(f'{one:.1%}' for one in added)} |")
    goal = TARGETS["overhead"]
    lines.append("")
    lines.append(
        f"Median {median(medians):.1%} (at most {goal:.0%}), worst {max(medians):.1%} (at most {2 * goal:.0%})."
    )
    return "\n".join(lines)

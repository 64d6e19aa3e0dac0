"""The benchmark of the doctor: many short trainings, ill and healthy, and what is said of each.

    python benchmarks/doctor/run.py            # development and test split
    python benchmarks/doctor/run.py --quick    # one seed and one workload of each, development split, no overhead

See ``README.md`` beside it for what is counted and how.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # each process has a core, and the products are small

from fault import Fault
from faults import FAULTS
from healthy import HEALTHY, Healthy
from report import table, wrong
from trial import Outcome, train
from workloads import SEEDS, SPLITS, Setting, gain, setting

import glassnet as gn
from glassnet.engine.errors import ConfigError, NonFiniteError

#: The share of the healthy score by which a fault must lower it to count, and beyond which a healthy run is none.
HURTS = 0.1
#: The share of the healthy score below which a run on rows of another kind has failed, and is no healthy one.
FAILED = 0.5
#: The share of what a fault cost that a cure must bring back.
CURED = 0.9


@dataclass(frozen=True)
class Case:
    """One training. severe: None for a healthy one. number: of seed and optimizer within the split."""

    split: str
    name: str
    workload: str
    number: int
    severe: bool | None = None

    def __str__(self) -> str:
        form = {None: "", True: " severe", False: " mild"}[self.severe]
        return f"{self.split} {self.workload} {self.name}{form} #{self.number}"


@dataclass
class Result:
    """What came of a case. wanted: the codes that name the fault; resembles: of a look-alike.

    begins: the step at which an invariant is broken.
    counts: whether a fault hurt or broke an invariant, and whether a healthy run was as good as it should be.
    cured: whether the first remedy brought back what the fault cost; None where there is none to apply by itself, or
    where nothing was lost.
    """

    case: Case
    code: str
    wanted: tuple[str, ...]
    resembles: str
    begins: int | None
    base: float
    score: float
    counts: bool
    codes: list[str]
    first: dict[str, int] = field(default_factory=dict)
    rivals: dict[str, list[str]] = field(default_factory=dict)
    cured: bool | None = None
    treated: str = ""


def cases(split: str, numbers: range, part: str = "", workloads: int | None = None) -> Iterator[Case]:
    """Every fault that fits a workload, mild and severe, and healthy runs. part: only where the name has it in it;
    workloads: at most so many for each.
    """
    there = {name for family in SPLITS[split] for name in family.widths}

    def of(one: Fault | Healthy) -> list[str]:
        return [name for name in one.workloads if name in there][-workloads if workloads else 0 :]

    for fault in FAULTS:
        for workload in of(fault) if part in fault.name + fault.code else []:
            for severe in (False, True) if fault.mild else (True,):
                yield from (Case(split, fault.name, workload, n, severe) for n in numbers)
    for healthy in HEALTHY:
        for workload in of(healthy) if part in healthy.name + healthy.resembles else []:
            # There are fewer kinds of plain runs: further seeds make them as many as the look-alikes.
            more = range(numbers.start, numbers.stop + len(numbers) * (not healthy.resembles))
            yield from (Case(split, healthy.name, workload, n) for n in more)


@cache
def base_score(split: str, workload: str, number: int, fault: str = "", severe: bool = False) -> float:
    """What the healthy setting reaches."""
    plain = setting(workload, split, number)
    made = {one.name: one for one in FAULTS}[fault].base if fault else None
    return train(plain if made is None else made(plain, severe), watched=False).score


def judge(case: Case) -> Result:
    """Train a case and compare."""
    warnings.simplefilter("error")
    try:
        return _judge(case)
    except Exception as error:
        error.add_note(f"in {case}")
        raise


def _judge(case: Case) -> Result:
    plain = setting(case.workload, case.split, case.number)
    if case.severe is None:
        healthy = next(one for one in HEALTHY if one.name == case.name)
        return _judge_healthy(case, healthy, plain)
    fault = next(one for one in FAULTS if one.name == case.name)
    base = base_score(case.split, case.workload, case.number, fault.name if fault.base else "", bool(case.severe))
    ill = fault.make(plain, case.severe)
    outcome = train(ill)
    cost = base - outcome.score
    hurt = cost > HURTS * base
    cured, treated = _treat(ill, outcome, base) if hurt else (None, "")
    return Result(
        case,
        fault.code,
        (fault.code, *fault.also),
        "",
        fault.begins if fault.invariant else None,
        base,
        outcome.score,
        hurt or fault.invariant,
        outcome.codes,
        outcome.first,
        outcome.rivals,
        cured,
        treated,
    )


def _judge_healthy(case: Case, healthy: Healthy, plain: Setting) -> Result:
    outcome = train(healthy.make(plain))
    base = base_score(case.split, case.workload, case.number)
    same = healthy.make(plain).clean is plain.clean  # other rows are another task, which is harder or easier
    counts = outcome.score > (1 - HURTS if same else FAILED) * base
    return Result(
        case,
        "",
        (),
        healthy.resembles,
        None,
        base,
        outcome.score,
        counts,
        outcome.codes,
        outcome.first,
        outcome.rivals,
    )


def _treat(ill: Setting, outcome: Outcome, base: float) -> tuple[bool | None, str]:
    """Whether the treatment brings back what was lost."""
    if outcome.run is None:
        return None, ""
    try:
        treatment = gn.doctor.treat(outcome.run)
    except ConfigError:  # nothing was found, or its remedy is not an option of a training
        return None, ""
    what = f"{treatment.finding.code}: {dict(treatment.change)}"
    if isinstance(treatment.after, NonFiniteError):
        return False, what
    rows = gn.data.Split(*ill.clean)
    if "loss" not in treatment.change:  # where labels were numbers, the rows for the score never were
        rows = treatment.rows(rows)
    score = gain(treatment.after.net, (rows.x, rows.y))
    return score >= outcome.score + CURED * (base - outcome.score), f"{what} -> {score:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one seed and workload of each, development split")
    parser.add_argument("--split", choices=[*SPLITS], help="only this split")
    parser.add_argument("--only", default="", help="only faults and healthy runs with this in their name or code")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--wrong", action="store_true", help="list what was judged wrong, and what a cure did not cure")
    options = parser.parse_args()
    splits = [options.split] if options.split else ["development"] if options.quick else [*SPLITS]
    with ProcessPoolExecutor(options.jobs) as pool:
        for split in splits:
            count = 1 if options.quick else SEEDS * len(SPLITS[split])
            chosen = list(cases(split, range(count), options.only, 1 if options.quick else None))
            # Neighbours share the healthy run that they are compared with.
            results = list(pool.map(judge, sorted(chosen, key=_neighbourhood), chunksize=12))
            print(f"## {split}: {len(results)} runs\n")
            print(table(results))
            if options.wrong:
                print(wrong(results))
            sys.stdout.flush()
    if not options.quick and not options.only:
        from overhead import measure

        print(measure())


def _neighbourhood(case: Case) -> tuple[Any, ...]:
    return case.workload, case.number, case.name, bool(case.severe)


if __name__ == "__main__":
    main()

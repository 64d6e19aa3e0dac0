"""``glassnet.fit`` as a whole: the time of a step in it, and what short runs take with compile="auto" and without.

    python benchmarks/through_fit.py FOLDER COMPILE STEPS DIAGNOSTICS    one training; prints its seconds and its kind

Each training runs in a process of its own, so that each compiles for the first time.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from sides import environment
from workloads import Workload, read, save, with_arrays

#: Seconds of eager work of the short runs.
SHORT = (0.5, 1.0, 2.0, 4.0)
CHOICES = {"auto": "auto", "True": True, "False": False}


def train(folder: Path, choice: str, steps: int, diagnostics: bool) -> dict[str, float | str]:
    """Run it here."""
    from peers.ours import made

    import glassnet as gn

    work = read(folder)
    net, optimizer = made(work)
    compiled = []

    class Watch(gn.Callback):
        def on_fit_end(self, loop: gn.train.loop.Loop) -> None:
            compiled.append(any(program is not None for program in loop.compiled._programs.values()))

    started = time.perf_counter()
    gn.fit(
        net,
        (work.x, work.y),
        loss=gn.nn.CrossEntropyLoss(),
        optimizer=optimizer,
        steps=steps,
        batch_size=work.batch,
        drop_last=True,
        diagnostics=100 if diagnostics else None,
        callbacks=[Watch()],
        folder=None,
        progress=False,
        compile=CHOICES[choice],
    )
    return {"seconds": time.perf_counter() - started, "kind": "compiled" if compiled[0] else "eager"}


class Trainings:
    """Trainings of a workload, each in a process."""

    def __init__(self, work: Workload, folder: Path) -> None:
        self.work, self.folder = work, folder
        save(with_arrays(work), folder)

    def __call__(self, choice: str, steps: int, diagnostics: bool = True) -> tuple[float, str]:
        """Its seconds, and whether it was compiled."""
        command = [sys.executable, __file__, self.folder, choice, steps, int(diagnostics)]
        done = subprocess.run(
            [str(part) for part in command], env=environment(0, self.folder), check=True, capture_output=True, text=True
        )
        told = json.loads(done.stdout)
        return told["seconds"], told["kind"]

    def step_time(self, choice: str, steps: int, diagnostics: bool = True) -> float:
        """Microseconds a step, without what a training takes at its beginning."""
        short, long = self(choice, steps, diagnostics)[0], self(choice, 3 * steps, diagnostics)[0]
        return (long - short) / (2 * steps) * 1e6


def fit_table(works: list[Workload], rounds: int, scale: float) -> list[str]:
    """The time of a step in fit: eager, compiled, and compiled without diagnostics (each 100 steps by default)."""
    lines = ["| microseconds a step in fit | eager | compiled | compiled, diagnostics=None |", "|---|---|---|---|"]
    for work in works:
        with tempfile.TemporaryDirectory() as folder:
            trainings = Trainings(work, Path(folder) / "work")
            chunk = int(work.chunk * scale)
            kinds = [("False", chunk, True), ("True", 8 * chunk, True), ("True", 8 * chunk, False)]
            times = [[trainings.step_time(*kind) for kind in kinds] for _ in range(rounds)]
        cells = [f"{median(column):.1f}" for column in zip(*times, strict=True)]
        lines.append(f"| {work.title} | {' | '.join(cells)} |")
    return lines


def short_table(works: list[Workload], rounds: int, scale: float) -> list[str]:
    """What a short run takes with compile="auto", in its time with compile=False: medians."""
    lines = [f"| eager work | {' | '.join(f'{seconds * scale:g} s' for seconds in SHORT)} |", "|---" * 5 + "|"]
    for work in works:
        with tempfile.TemporaryDirectory() as folder:
            trainings = Trainings(work, Path(folder) / "work")
            eager = trainings.step_time("False", int(work.chunk * scale))
            cells = []
            for seconds in SHORT:
                steps = max(1, int(seconds * scale / eager * 1e6))
                pairs = [(trainings("auto", steps), trainings("False", steps)) for _ in range(rounds)]
                ratio = median(auto / plain for (auto, _), (plain, _) in pairs)
                cells.append(f"{ratio:.2f} ({pairs[0][0][1]})")
        lines.append(f"| {work.title} | {' | '.join(cells)} |")
    return lines


if __name__ == "__main__":
    folder, choice, steps, diagnostics = sys.argv[1:]
    print(json.dumps(train(Path(folder), choice, int(steps), diagnostics == "1")))

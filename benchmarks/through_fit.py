"""``glassnet.fit`` as a whole: the time of a step in it, and what short runs take with compile="auto" and without.

    python benchmarks/through_fit.py FOLDER COMPILE STEPS DIAGNOSTICS    one training; prints what it took

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
from typing import Any

from sides import environment
from workloads import Workload, read, save, with_arrays

#: Seconds of eager work of the short runs.
SHORT = (0.5, 1.0, 2.0)
CHOICES = {"auto": "auto", "True": True, "False": False}


def train(folder: Path, choice: str, steps: int, diagnostics: bool) -> dict[str, Any]:
    """Run it here."""
    from peers.ours import made

    import glassnet as gn

    work = read(folder)
    net, optimizer = made(work)
    seen: list[tuple[int, float]] = []  # when how many steps were made

    class Watch(gn.Callback):
        every_step = False

        def on_step_end(self, loop: gn.train.loop.Loop) -> None:
            seen.append((loop.step, time.perf_counter()))

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
    seconds = time.perf_counter() - started
    (first, began), (last, ended) = seen[0], seen[-1]  # the first call also compiles
    kind = "eager" if len(seen) == steps else "compiled"
    return {"seconds": seconds, "kind": kind, "step": (ended - began) / max(1, last - first) * 1e6}


class Trainings:
    """Trainings of a workload, each in a process."""

    def __init__(self, work: Workload, folder: Path) -> None:
        self.work, self.folder = work, folder
        save(with_arrays(work), folder)

    def __call__(self, choice: str, steps: int, diagnostics: bool = True) -> dict[str, Any]:
        """Its seconds, whether it was compiled, and microseconds a step without what comes before the first."""
        command = [sys.executable, __file__, self.folder, choice, steps, int(diagnostics)]
        done = subprocess.run(
            [str(part) for part in command], env=environment(0, self.folder), check=True, capture_output=True, text=True
        )
        return json.loads(done.stdout)


def fit_table(works: list[Workload], known: list[float], seconds: float) -> list[str]:
    """The time of a step in fit: eager, compiled, and compiled without diagnostics (each 100 steps by default).

    known: the microseconds that a compiled step takes outside of fit. seconds: how long to train.
    """
    lines = ["| microseconds a step | the step alone | fit | diagnostics=None | fit, eager |", "|---" * 5 + "|"]
    for work, alone in zip(works, known, strict=True):
        with tempfile.TemporaryDirectory() as folder:
            trainings = Trainings(work, Path(folder) / "work")
            steps = int(max(50, seconds / alone * 1e6))
            times = [trainings("True", steps, watched)["step"] for watched in (True, False)]
            times.append(trainings("False", max(20, steps // 10))["step"])
        lines.append(f"| {work.title} | {' | '.join(f'{time:.1f}' for time in [alone, *times])} |")
    return lines


def short_table(works: list[Workload], rounds: int, scale: float) -> list[str]:
    """What a short run takes with compile="auto", in its time with compile=False: medians."""
    names = [f"{seconds * scale:g} s" for seconds in SHORT]
    lines = [f"| eager work | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for work in works:
        with tempfile.TemporaryDirectory() as folder:
            trainings = Trainings(work, Path(folder) / "work")
            eager = trainings("False", int(work.chunk * 2 * scale))["step"]
            cells = []
            for seconds in SHORT:
                steps = max(1, int(seconds * scale / eager * 1e6))
                pairs = [(trainings("auto", steps), trainings("False", steps)) for _ in range(rounds)]
                ratio = median(auto["seconds"] / plain["seconds"] for auto, plain in pairs)
                cells.append(f"{ratio:.2f} ({pairs[0][0]['kind']})")
        lines.append(f"| {work.title} | {' | '.join(cells)} |")
    return lines


if __name__ == "__main__":
    folder, choice, steps, diagnostics = sys.argv[1:]
    print(json.dumps(train(Path(folder), choice, int(steps), diagnostics == "1")))

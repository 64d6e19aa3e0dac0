"""Kill trainings with SIGKILL at random moments, resume them, and hold what they end with against one that was not.

    python tests/train/kill_runs.py --runs 100 --seed 0
    python tests/train/kill_runs.py --runs 100 --compile     # the same with compiled steps

A run is killed up to three times. The moment is, in turns, the n-th line of ``glassnet/train`` that is executed (which
is within a write as often as within a step), and a time on the clock. Some runs are made by the command. What is
compared, to the last bit: weights, buffers, state of the optimizer, best weights, history and diagnostics.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import glassnet
from glassnet.train import run_folder
from glassnet.train.checkpoint import latest_checkpoint, read_arrays
from glassnet.train.diagnostics import DIAGNOSTICS, Diagnostics
from glassnet.train.run_folder import CONFIG

WATCHED = str(Path(glassnet.__file__).parent / "train")
MOST_KILLS = 3
TABLE = "table.csv"
COMMAND = ("train", TABLE, "--target", "kind", "--epochs", "60", "--hidden", "16", "--folder")


def count_lines(fatal: int | None) -> list[int]:
    """Count the lines of ``glassnet/train`` from now on; the process kills itself at number ``fatal``."""
    count = [0]

    def trace(frame: Any, event: str, _argument: Any) -> Any:
        if not frame.f_code.co_filename.startswith(WATCHED):
            return None
        if event == "line":
            count[0] += 1
            if count[0] == fatal:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)
    return count


def train_here(folder: Path, fatal: int | None, compile: bool) -> None:
    """Train, or go on training, with a checkpoint after each epoch, and print the number of executed lines."""
    sys.path.insert(0, str(Path(__file__).parent))
    from training import train

    run_folder.INTERVAL = 0.0
    count = count_lines(fatal)
    try:
        train(folder, "adamw", resume=(folder / CONFIG).exists(), diagnostics=2, compile=compile)
    finally:
        sys.settrace(None)
    sys.stdout.write(f"{count[0]}\n")


def uninterrupted(folder: Path, *options: str) -> int:
    """Train without a kill. Returns the number of executed lines."""
    return int(subprocess.check_output([sys.executable, __file__, "--child", str(folder), *options]))


def child(*arguments: str | Path, kill_after: float | None = None, cwd: Path | None = None) -> bool:
    """Run Python with these arguments, and kill it after so many seconds. Returns whether it was killed."""
    with subprocess.Popen([sys.executable, *map(str, arguments)], cwd=cwd, stdout=subprocess.DEVNULL) as process:
        try:
            code = process.wait(kill_after)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
    if code not in (0, -signal.SIGKILL):
        raise SystemExit(f"{arguments} ended with {code}")
    return code != 0


def by_line(folder: Path, draw: random.Random, lines: int, *options: str) -> int:
    """Kill at random lines, and finish. Returns how often it was killed."""
    kills = 0
    for _ in range(draw.randint(1, MOST_KILLS)):
        if not is_finished(folder):
            kills += child(__file__, "--child", folder, "--fatal", str(draw.randint(1, lines)), *options)
    if not is_finished(folder):
        child(__file__, "--child", folder, *options)
    return kills


def by_clock(folder: Path, draw: random.Random, seconds: float, *options: str) -> int:
    """Kill at random times, and finish. Returns how often it was killed."""
    kills = 0
    for _ in range(draw.randint(1, MOST_KILLS)):
        if not is_finished(folder):
            kills += child(__file__, "--child", folder, *options, kill_after=draw.uniform(0.2, 1.0) * seconds)
    if not is_finished(folder):
        child(__file__, "--child", folder, *options)
    return kills


def by_command(folder: Path, draw: random.Random, seconds: float, *options: str) -> int:
    """The same by ``glassnet train`` and ``glassnet resume``."""
    kills = 0
    while True:
        last = kills == MOST_KILLS
        begun = (folder / CONFIG).exists()
        words = ("resume", folder) if begun else (*COMMAND, folder, *options)
        limit = None if last else draw.uniform(0.2, 1.0) * seconds
        if not child("-m", "glassnet", *words, kill_after=limit, cwd=folder.parent):
            return kills
        kills += 1
        if is_finished(folder):
            return kills


def is_finished(folder: Path) -> bool:
    """Whether all steps are made."""
    if not (folder / CONFIG).exists():
        return False
    run = glassnet.Run.load(folder)
    return bool(run.steps == run.config["total_steps"])


def ending(folder: Path) -> dict[str, Any]:
    """All that a run ends with, besides times."""
    arrays, notes = read_arrays(latest_checkpoint(folder))
    history = {name: values for name, values in notes["position"]["history"].items() if name != "seconds"}
    found: dict[str, Any] = {name: (array.dtype, array.shape, array.tobytes()) for name, array in arrays.items()}
    return {
        **found,
        "history": history,
        "step": notes["position"]["step"],
        "best epoch": notes["best"],
        "diagnostics": Diagnostics.read(folder / DIAGNOSTICS).rows(),
    }


def differences(folder: Path, expected: dict[str, Any]) -> list[str]:
    """The names of what is not as expected."""
    found = ending(folder)
    return sorted(name for name in {*found, *expected} if found.get(name) != expected.get(name))


def write_table(place: Path) -> None:
    """A table of two classes for the command."""
    x = np.random.default_rng(0).standard_normal((3000, 3)).round(3)
    rows = [f"{a},{b},{c},{'in' if a * a + b * b < 1 else 'out'}" for a, b, c in x]
    (place / TABLE).write_text("\n".join(["a,b,c,kind", *rows]))


def main(arguments: Sequence[str] | None = None) -> None:
    """The program."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--child", type=Path)
    parser.add_argument("--fatal", type=int)
    parser.add_argument("--compile", action="store_true")
    options = parser.parse_args(arguments)
    if options.child is not None:
        train_here(options.child, options.fatal, options.compile)
        return
    more = ["--compile"] if options.compile else []
    commanded = ["--compile", "on"] if options.compile else []
    draw, kills, wrong = random.Random(options.seed), 0, 0  # noqa: S311  # which moments, no secrets
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        write_table(place)
        started = time.perf_counter()
        lines = uninterrupted(place / "whole", *more)
        seconds = time.perf_counter() - started
        started = time.perf_counter()
        child("-m", "glassnet", *COMMAND, place / "whole by command", *commanded, cwd=place)
        command_seconds = time.perf_counter() - started
        expected, by_the_command = ending(place / "whole"), ending(place / "whole by command")
        for number in range(options.runs):
            folder = place / f"run {number}"
            if number % 10 == 9:
                way, count, wanted = "command", by_command(folder, draw, command_seconds, *commanded), by_the_command
            elif number % 2:
                way, count, wanted = "clock", by_clock(folder, draw, seconds, *more), expected
            else:
                way, count, wanted = "line", by_line(folder, draw, lines, *more), expected
            differing = differences(folder, wanted)
            kills, wrong = kills + count, wrong + bool(differing)
            sys.stdout.write(f"run {number:3} by {way:7} killed {count} times: {differing or 'the same bits'}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{options.runs} runs, {kills} kills, {wrong} ended with other bits\n")
    sys.exit(wrong != 0)


if __name__ == "__main__":
    main()

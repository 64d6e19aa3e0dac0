"""The processes of the peers, seen from the one that compares them: they are asked in turns, and stopped in between."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from peers import KINDS, OURS, REFERENCE
from workloads import Workload, save, with_arrays

HERE = Path(__file__).parent
#: How far the losses of two peers may be apart.
AGREE = 1e-3
#: So many microseconds are very long for a turn; there are then so many rounds.
LONG, ENOUGH = 5e5, 3
#: What takes long to start comes first.
SLOW = {"torch.compile": 0, "tinygrad jit": 1}


def environment(threads: int, folder: Path) -> dict[str, str]:
    """For a process with so many threads; nothing that would keep BLAS from choosing its best kernels."""
    kept = {k: v for k, v in os.environ.items() if k not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")}
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUM_CPU_THREADS")
    caches = {"TORCHINDUCTOR_CACHE_DIR": str(folder / "inductor"), "CACHEDB": str(folder / "tinygrad.db")}
    counts = {name: str(threads) for name in names} if threads else {}
    alone = {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1", "NPROC": "1"}
    return {**kept, **caches, **counts, **(alone if threads == 1 else {}), "TRAINING": "1"}  # the last for tinygrad


class Side:
    """One peer with one number of threads, in a process of its own. ``failure`` says why it takes no part.

    steps: of which it makes at least so many in a turn.
    """

    def __init__(self, kind: str, threads: int, steps: int, folder: Path, caches: Path) -> None:
        self.kind, self.threads = kind, threads
        self.log = folder / f"{kind.replace(' ', '-')}-{threads}.log"
        command = [sys.executable, str(HERE / "worker.py"), kind, str(threads), str(folder)]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment(threads, caches),
            )
        self.steps = steps
        self.times: list[float] = []
        self.failure = ""

    def ask(self, name: str, *arguments: Any) -> Any:
        """The answer to a request; meanwhile, and only then, the process runs."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.send_signal(signal.SIGCONT)
        self.process.stdin.write(json.dumps([name, *arguments]) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise ChildProcessError(self.log.read_text().strip().rpartition("\n")[2] or "its process ended")
        self.process.send_signal(signal.SIGSTOP)  # or threads that wait for work would keep a core busy for a while
        return json.loads(answer)

    def start(self) -> None:
        """Make the first steps."""
        try:
            self.first = self.ask("first")
            self.failure = self.first.get("cannot", "")
        except (ChildProcessError, BrokenPipeError) as error:
            self.failure = str(error)
        if self.failure:
            self.close()

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()

    @property
    def time(self) -> float:
        """Microseconds a step, the median of all turns."""
        return median(self.times)


@contextmanager
def started(work: Workload, kinds: dict[str, Sequence[int]], folder: Path, caches: Path) -> Iterator[list[Side]]:
    """The sides of a workload, ready to be timed, with equal losses; those that cannot take part have a ``failure``.

    kinds: the numbers of threads to try, by the name of the peer.
    """
    save(with_arrays(work), folder)
    with ExitStack() as stack:

        def start(one: tuple[str, int]) -> Side:
            side = Side(*one, work.chunk, folder, caches)
            stack.callback(side.close)
            side.start()
            return side

        todo = [(kind, threads) for kind in kinds for threads in kinds[kind]]
        # Ours alone, for its compile time; of the others two at a time, the slowest first.
        alone = [start(one) for one in todo if one[0] == OURS]
        todo = sorted((one for one in todo if one[0] != OURS), key=lambda one: SLOW.get(one[0], 2))
        with ThreadPoolExecutor(2) as pool:
            sides = alone + list(pool.map(start, todo))
        check(work, [side for side in sides if not side.failure])
        yield sides


def check(work: Workload, sides: list[Side]) -> None:
    """Exit unless all sides compute the same losses."""
    expected = next(side.first["losses"] for side in sides if side.kind == REFERENCE)
    for side in sides:
        losses = side.first["losses"]
        if losses is None:
            continue
        for step, (a, b) in enumerate(zip(losses, expected, strict=True)):
            if not abs(a - b) <= AGREE * abs(b):
                sys.exit(
                    f"{work.title}: {side.kind} does other work: its loss of step {step} is {a:.6f}, {REFERENCE} "
                    f"has {b:.6f}. Nothing is timed."
                )


def take_turns(sides: list[Side], rounds: int, seconds: float) -> None:
    """Time all sides round by round, each for some seconds, beginning with another one each round.

    A side that takes very long is not asked in all of them.
    """
    for r in range(rounds):
        for i in range(len(sides)):
            side = sides[(i + r) % len(sides)]
            if r >= ENOUGH and side.times[0] * side.steps > LONG:
                continue
            side.times.append(side.ask("turn", seconds))


def tried_threads(kinds: list[str], known: dict[str, int] | None) -> dict[str, Sequence[int]]:
    """Which numbers of threads to try: those of the kind, or the one that was found best before."""
    tried: dict[str, Sequence[int]] = {}
    for kind in kinds:
        tried[kind] = (known[kind],) if known and kind in known else KINDS[kind].threads
    return tried

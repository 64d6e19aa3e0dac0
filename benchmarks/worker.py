"""The process of one peer, so that its threads and its memory are its own: it answers requests until there are none.

    python benchmarks/worker.py KIND THREADS FOLDER

A request is a line of JSON on standard input, [name, arguments ...], and so is its answer on standard output.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import peers
import workloads


class Worker:
    """Makes a peer, and makes steps with it."""

    def __init__(self, kind: str, threads: int, folder: Path) -> None:
        started = time.perf_counter()
        self.make = peers.load(kind)
        self.seconds = {"import": time.perf_counter() - started}
        self.threads = threads
        self.work = workloads.read(folder)
        self.rows = self.work.rows()

    def first(self) -> dict[str, Any]:
        """Make the peer and the first chunk of steps: the seconds beyond what they take later, and the losses."""
        started = time.perf_counter()
        try:
            self.peer = self.make(self.work, self.threads)
        except peers.CannotError as error:
            return {"cannot": str(error)}
        losses = self.peer.losses(self.rows)
        first = time.perf_counter() - started
        self.prepared = self.peer.prepare(self.rows)
        self.chunk()  # another form of input may compile again
        self.seconds["first"] = max(0.0, first - self.chunk())
        told = None if losses is None else [float(loss) for loss in losses[:LOSSES]]
        return {"losses": told, "threads": self.peer.threads, **self.seconds}

    def chunk(self) -> float:
        """The seconds that a chunk of steps takes."""
        started = time.perf_counter()
        self.peer.run(self.prepared)
        return time.perf_counter() - started

    def turn(self, seconds: float) -> float:
        """Make chunks for about so many seconds; microseconds a step."""
        spent = [self.chunk()]
        while sum(spent) < seconds:
            spent.append(self.chunk())
        return sum(spent) / len(spent) / len(self.rows) * 1e6

    def memory(self) -> float:
        """The most memory that this process ever had, in MB."""
        return peak_memory()

    def explain(self) -> str:
        """Where the time of our compiled step goes."""
        return self.peer.explain()


#: How many losses must agree.
LOSSES = 20


def peak_memory() -> float:
    """In MB. Not from getrusage where possible: that counts what the parent had when it started this process."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is not an answer
    kind, threads, folder = sys.argv[1:]
    worker = Worker(kind, int(threads), Path(folder))
    np.seterr(all="ignore")
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        print(json.dumps(getattr(worker, name)(*arguments)), file=answers, flush=True)


if __name__ == "__main__":
    main()

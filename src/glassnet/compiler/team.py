"""Threads that make steps together.

They wait for each other within the compiled code, so all of them must begin. A leader takes on one call after the other
and lets the others begin: calls from several threads of Python cannot each get a part of the team, and Ctrl-C, which
interrupts the thread that called, cannot keep some of the team from beginning.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache


class Team:
    """So many threads, which wait for work as long as the process lives."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._leader = ThreadPoolExecutor(1, "glassnet-leader")
        self._others = ThreadPoolExecutor(threads - 1, "glassnet")

    def run(self, part: Callable[[int], None]) -> None:
        """Call ``part(i)`` in each thread i, and return when all are done."""
        done = self._leader.submit(self._together, part)
        try:
            done.result()
        finally:
            wait([done])  # also after a Ctrl-C: the memory that they work on must be left alone till then

    def _together(self, part: Callable[[int], None]) -> None:
        others = [self._others.submit(part, i) for i in range(1, self._threads)]
        part(0)
        for other in others:
            other.result()


def team(threads: int) -> Team:
    """The team of this process; a forked one has none of the threads of its parent."""
    return _team(threads, os.getpid())


@cache
def _team(threads: int, _process: int) -> Team:
    return Team(threads)

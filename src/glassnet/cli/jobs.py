"""Several processes that make the trials of one search, each on one core."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any

from glassnet.cli.search import Search, make_trials, open_study
from glassnet.engine.errors import ConfigError, GlassnetError

if TYPE_CHECKING:
    from glassnet.train.loop import Loop

#: How the libraries behind NumPy are told to use one thread; they read it when they are loaded.
ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
INTERVAL = 0.2  # seconds between two looks at what was finished


def in_processes(search: Search, count: int, look: Callable[[], object]) -> None:
    """Make the trials of a search in so many new processes, and call ``look`` meanwhile.

    Ends all of them when one fails, with its error, and at Ctrl-C.
    """
    context = multiprocessing.get_context("spawn")  # which loads NumPy anew, with one thread
    lock, errors = context.Lock(), context.SimpleQueue()
    workers = [context.Process(target=_work, args=(search, k, lock, errors), daemon=True) for k in range(count)]
    try:
        with _surroundings():
            for worker in workers:
                worker.start()
        while running := [worker.sentinel for worker in workers if worker.is_alive()]:
            wait(running, INTERVAL)
            look()
            if not errors.empty():
                raise ConfigError(errors.get())
            if failed := [worker for worker in workers if worker.exitcode]:
                raise ConfigError(f"a process of the search ended with code {failed[0].exitcode}; see above.")
    finally:
        for worker in workers:
            if worker.is_alive():
                worker.terminate()
        for worker in workers:
            worker.join()


@contextmanager
def _surroundings() -> Iterator[None]:
    """What new processes inherit: one thread, and that Ctrl-C, which a terminal sends to all, is for this process."""
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _work(search: Search, number: int, lock: Any, errors: Any) -> None:
    """What a process does."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[number % len(cores)]})
    parent = multiprocessing.parent_process()

    def goes_on(_loop: Loop | None) -> bool:
        return parent is None or parent.is_alive()

    try:
        make_trials(open_study(search), search, search.base.load_data(), lock=lock, each=goes_on)
    except GlassnetError as error:
        errors.put(str(error))
    except KeyboardInterrupt:  # the search was given up
        sys.exit(0)

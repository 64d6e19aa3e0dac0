"""NumPy's matrix library with one thread, as while compiled steps run.

After a product its threads wait for the next one in a busy loop, for tens of milliseconds, on the cores that compiled
steps share. An eager look every hundred steps kept a training from using its second core at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

_lock = Lock()
_users = 0  # trainings at this time: the first sets the limit, the last one lifts it
_limits: Any = None


def limit_blas() -> None:
    """One thread from now on; ``free_blas`` must follow."""
    global _users, _limits  # noqa: PLW0603  # there is one matrix library in a process
    from threadpoolctl import threadpool_limits

    with _lock:
        if _users == 0:
            _limits = threadpool_limits(1, "blas")
        _users += 1


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """One thread inside: for many small products, and beside a training, whose cores are not to be taken."""
    limit_blas()
    try:
        yield
    finally:
        free_blas()


def free_blas() -> None:
    """As many threads as before, once all who called ``limit_blas`` have called this."""
    global _users, _limits  # noqa: PLW0603
    with _lock:
        _users -= 1
        if _users == 0:
            _limits.restore_original_limits()
            _limits = None

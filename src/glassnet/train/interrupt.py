"""Ctrl-C as a wish: the step at hand is finished first, so that what is saved belongs together."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def on_ctrl_c(ask: Callable[[], None]) -> Iterator[None]:
    """Call ``ask`` at the first Ctrl-C of the block; a second one interrupts at once, as usual.

    Only the main thread can listen to signals; elsewhere nothing changes.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before is None:
        yield
        return

    def handle(_number: int, _frame: Any) -> None:
        signal.signal(signal.SIGINT, before)
        ask()

    signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)

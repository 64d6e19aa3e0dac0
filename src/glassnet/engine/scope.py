"""What surrounds a computation: whether it is recorded, which array namespace computes it, which layer it is in.

Each thread has its own, so that a prediction in one thread does not switch off the gradients of another.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from glassnet.engine.namespace import numpy_namespace


class Scope(threading.local):
    """The surroundings of the current thread."""

    recording: bool = True  # whether operations are recorded for backward()
    xp: Any = numpy_namespace  # the array namespace that computes
    layer: Any = None  # the innermost module whose forward() is running
    moment: tuple[int, int] | None = None  # seed and step of the training that is running
    tracer: Any = None  # where a step is being recorded: who records it
    watchers: tuple[Any, ...] = ()  # functions that backward() tells of its output before it begins


scope = Scope()


@contextmanager
def no_grad() -> Iterator[None]:
    """Compute without recording the graph: faster, and results do not require gradients. Also a decorator.

    >>> w = gn.tensor(3.0, requires_grad=True)
    >>> with gn.no_grad():
    ...     w -= 1.0  # an update, which is no part of the expression
    >>> w
    tensor(2., requires_grad=True)
    """
    before, scope.recording = scope.recording, False
    try:
        yield
    finally:
        scope.recording = before


@contextmanager
def enable_grad() -> Iterator[None]:
    """Record the graph again inside a ``no_grad`` block."""
    before, scope.recording = scope.recording, True
    try:
        yield
    finally:
        scope.recording = before

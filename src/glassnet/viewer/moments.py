"""The moments of a training whose weights are known, and what was computed for a run and may be asked for again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import RLock
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np

from glassnet.engine.errors import CheckpointError
from glassnet.engine.namespace import Array
from glassnet.nn.module import Module
from glassnet.viewer.seen import SeenRun

T = TypeVar("T")


@dataclass(frozen=True)
class Moment:
    """A moment of a training. name: for people. weights: parameters and buffers by path."""

    name: str
    weights: Mapping[str, Array]


def moments(run: SeenRun, net: Module) -> list[Moment]:
    """What is kept of the training in its order, and at the end the network of now, if that is another one.

    Raises CheckpointError for weights of another network.
    """
    now = net.state_dict()
    shapes = {name: array.shape for name, array in now.items()}
    found = [
        Moment("start" if epoch == 0 else f"epoch {epoch}", weights)
        for epoch, weights in sorted(run.snapshots().items())
    ]
    for one in found:
        if {name: array.shape for name, array in one.weights.items()} != shapes:
            raise CheckpointError(f"the weights that were kept of {one.name} belong to another network.")
    if not found or not all(np.array_equal(array, found[-1].weights.get(name, ())) for name, array in now.items()):
        found.append(Moment("now" if run.state() == "running" else "result", now))
    return found


class Kept:
    """What was computed last for each run, by name: a page asks again and again, and in parts."""

    def __init__(self) -> None:
        self._runs: WeakKeyDictionary[SeenRun, dict[str, tuple[str, Any]]] = WeakKeyDictionary()
        self._lock = RLock()

    def get(self, run: SeenRun, name: str, make: Callable[[], T], *, also_older: bool = False) -> T:
        """What ``make`` gives for the run as it is now; also_older: what it gave before will do as well."""
        with self._lock:  # one after the other: two pages that ask for the same wait for one computation
            kept = self._runs.setdefault(run, {})
            version = run.version()
            if name not in kept or (kept[name][0] != version and not also_older):
                kept[name] = version, make()
            found: T = kept[name][1]
            return found

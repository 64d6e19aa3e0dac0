"""Fault: what makes a healthy setting ill in one way, mildly or severely, and how one is declared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from workloads import Setting

Change = Callable[[Setting, bool], Setting]


@dataclass(frozen=True)
class Fault:
    """code: the finding that names it. also: other codes that name the same. invariant: whether it breaks what must
    hold, and so counts even where it cost nothing; begins: the step at which it does so first. mild: whether there is
    a mild form. base: the healthy setting to compare with, if not the one that was changed.
    """

    name: str
    code: str
    workloads: tuple[str, ...]
    make: Change
    also: tuple[str, ...] = ()
    invariant: bool = False
    begins: int = 0
    mild: bool = True
    base: Change | None = None


FAULTS: list[Fault] = []


def fault(code: str, *workloads: str, **options: Any) -> Callable[[Change], Change]:
    """Declare a fault for some workloads."""

    def declare(make: Change) -> Change:
        FAULTS.append(Fault(make.__name__, code, workloads, make, **options))
        return make

    return declare


def rows_of(setting: Setting) -> np.random.Generator:
    """A generator for what happens to the rows of a setting."""
    return np.random.default_rng(setting.seed + 7)


def both(setting: Setting, change: Callable[[np.ndarray], np.ndarray]) -> Setting:
    """The inputs of every split changed alike: the score, too, is about such rows."""
    train, val, clean = ((change(x), y) for x, y in (setting.train, setting.val, setting.clean))
    return setting.but(train=train, val=val, clean=clean)

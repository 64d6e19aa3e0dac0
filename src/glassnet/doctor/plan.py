"""Which steps to look into: from the amount of work and never from a clock, so that the same run is seen alike."""

from __future__ import annotations

import numpy as np

from glassnet.doctor.probes.overfit import ROWS, STEPS
from glassnet.nn.module import Module
from glassnet.train.pays import compiled_step, compiling, eager_step, saved_by_step

#: The share of the work of a training that looking may take.
SHARE = 0.02
#: The fewest and the most looks.
FEWEST, MOST = 4, 48


def looks_worth(net: Module, batch_size: int, steps: int) -> int:
    """How many looks a training is worth."""
    look = 4 * eager_step(net, batch_size)  # a step with the gradients of all layers, and reading what it left
    return int(np.clip(SHARE * work_of(net, batch_size, steps) / look, FEWEST, MOST))


def work_of(net: Module, batch_size: int, steps: int) -> float:
    """What a training takes, in the seconds of ``train/pays.py``, of which only the ratios count."""
    if steps * saved_by_step(net, batch_size) < compiling(net):  # it stays eager
        return steps * eager_step(net, batch_size)
    return steps * compiled_step(net, batch_size) + compiling(net)


def few_take(net: Module) -> float:
    """What the test of a few rows takes."""
    return STEPS * eager_step(net, ROWS)


def planned(looks: int, steps: int, shared: int | None = None) -> list[int]:
    """The numbers of the steps to look into: the first, powers of 2 while there is little between them, and then
    evenly to the last. shared: steps whose number is a multiple of it are looked into anyway.
    """
    if steps <= looks:
        return list(range(steps))
    early = [0, *(2**i for i in range(steps.bit_length() // 2))][: max(1, 2 * looks // 3)]
    start = early[-1]
    late = np.linspace(start, steps - 1, looks - len(early) + 1)[1:]
    if shared is not None and (steps - 1 - start) / max(1, len(late)) >= shared:
        late = np.unique(np.minimum(np.round(late / shared), (steps - 1) // shared) * shared)
    found = {*early, *(int(one) for one in late)}
    return sorted(one for one in found if 0 <= one < steps)

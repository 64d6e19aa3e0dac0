"""Random orders that are functions of their seeds alone."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from glassnet.engine.options import MAX_SEED, integer_option

# One word of the generator's counter tells the uses apart, so that a split and the first epoch of the same
# seed do not draw the same bits.
_STREAMS = {"shuffle": 0, "split": 1}


def permutation(n: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """The order of the ``n`` rows in one epoch, (n,) int64: a function of n, seed and epoch alone.

    Raises ConfigError when a number is negative or not whole.
    """
    return random_order(n, seed, epoch, stream="shuffle")


def random_order(n: int, seed: int, epoch: int, stream: Literal["shuffle", "split"]) -> NDArray[np.int64]:
    """The numbers 0 to n - 1 in random order, drawn from Philox keyed by ``(seed, epoch)``.

    Philox is a counter-based generator (Salmon et al., Parallel random numbers: as easy as 1, 2, 3, 2011).
    NumPy promises the raw bits of a bit generator for all versions, but not what ``Generator.permutation``
    makes of them; so the order comes from sorting the raw bits.
    """
    rows = integer_option("the number of rows", n, 0)
    key = [integer_option("seed", seed, 0, MAX_SEED), integer_option("epoch", epoch, 0, MAX_SEED)]
    generator = np.random.Philox(key=np.array(key, np.uint64), counter=[0, 0, 0, _STREAMS[stream]])
    raw: NDArray[Any] = generator.random_raw(rows)
    # The row's number replaces the low bits of its random key: all keys differ, and sorting
    # them sorts the rows.
    low = np.uint64((1 << rows.bit_length()) - 1)
    keys = (raw & ~low) | np.arange(rows, dtype=np.uint64)
    keys.sort()
    return (keys & low).astype(np.int64)

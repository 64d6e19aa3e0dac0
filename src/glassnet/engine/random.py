"""Random numbers: every one is a function of a seed.

Parameters are drawn from one generator per process. It starts from seed 0, so that a program repeats its results
unless it asks for others with ``manual_seed``.
"""

from __future__ import annotations

import numpy as np

from glassnet.engine.errors import ConfigError


def seeded(*key: int) -> np.random.Generator:
    """A generator that is a function of the key, such as (seed, epoch). Counter-based (Philox), the same everywhere.

    Raises ConfigError for a negative seed.
    """
    if any(part < 0 for part in key):
        raise ConfigError(f"a seed must be 0 or larger, got {key[0] if len(key) == 1 else key}.")
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(key)))


_generator = seeded(0)


def manual_seed(seed: int) -> None:
    """Start the generator that draws initial parameters from ``seed``."""
    global _generator  # noqa: PLW0603  # the one generator of the process
    _generator = seeded(seed)


def generator() -> np.random.Generator:
    """The generator that draws initial parameters."""
    return _generator

"""Random numbers: every one is a function of a seed.

Parameters are drawn from one generator per process. It starts from seed 0, so that a program repeats its results
unless it asks for others with ``manual_seed``.
"""

from __future__ import annotations

import numpy as np

from glassnet.engine.options import integer_option


def seeded(*key: int) -> np.random.Generator:
    """A generator that is a function of the key, such as (seed, epoch). Counter-based (Philox), the same everywhere.

    Raises ConfigError for what is not a whole number of at least 0.
    """
    numbers = [integer_option("seed", part, 0) for part in key]
    # The length goes in too: to SeedSequence, (0,) and (0, 0) are the same entropy.
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([len(numbers), *numbers])))


_generator = seeded(0)


def manual_seed(seed: int) -> None:
    """Start the generator that draws initial parameters from ``seed``."""
    global _generator  # noqa: PLW0603  # the one generator of the process
    _generator = seeded(seed)


def generator() -> np.random.Generator:
    """The generator that draws initial parameters."""
    return _generator

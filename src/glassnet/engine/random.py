"""Random numbers: every one is a function of a seed.

Parameters are drawn from one generator per process. It starts from seed 0, so that a program repeats its results
unless it asks for others with ``manual_seed``. What is drawn in each step of a training (dropout) is a function of the
seed, the step and the layer; outside of ``glassnet.fit`` each draw counts as a step.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import count

import numpy as np

from glassnet.engine.namespace import Array
from glassnet.engine.options import integer_option
from glassnet.engine.scope import scope


def seeded(*key: int) -> np.random.Generator:
    """A generator that is a function of the key, such as (seed, epoch). Counter-based (Philox), the same everywhere.

    Raises ConfigError for what is not a whole number of at least 0.
    """
    numbers = [integer_option("seed", part, 0) for part in key]
    # The length goes in too: to SeedSequence, (0,) and (0, 0) are the same entropy.
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([len(numbers), *numbers])))


_generator = seeded(0)
_seed = 0
_draws = count()


def manual_seed(seed: int) -> None:
    """Start all random numbers from ``seed``: initial parameters, and dropout outside of ``glassnet.fit``."""
    global _generator, _seed, _draws
    _generator, _seed, _draws = seeded(seed), int(seed), count()


def generator() -> np.random.Generator:
    """The generator that draws initial parameters."""
    return _generator


@contextmanager
def undisturbed() -> Iterator[None]:
    """Draw initial parameters inside, from any seed, and go on afterwards as if nothing had been drawn: for a network
    that is made only to be filled with saved weights, or to be looked at.
    """
    global _generator, _seed, _draws
    before = _generator, _generator.bit_generator.state, _seed, _draws
    try:
        yield
    finally:
        _generator, state, _seed, _draws = before
        _generator.bit_generator.state = state


@contextmanager
def training_step(seed: int, step: int) -> Iterator[None]:
    """Let what is drawn inside be a function of the seed and the number of the step."""
    before, scope.moment = scope.moment, (seed, step)
    try:
        yield
    finally:
        scope.moment = before


def moment() -> tuple[int, int]:
    """Seed and step of what is drawn now."""
    return scope.moment if scope.moment is not None else (_seed, next(_draws))


def stream_words(stream: int) -> Array:
    """The two 32-bit words that the random bits of a layer are made from now, (2,) uint32: the second moves with the
    step. ``stream`` tells the layers of a network apart.
    """
    if scope.tracer is not None:  # they are an input of the step
        words: Array = scope.tracer.words(stream)
        return words
    return words_at(*moment(), stream)


def words_at(seed: int, step: int, stream: int) -> Array:
    """What ``stream_words`` gives at a step of a training with this seed."""
    first, second = stream_key(seed, stream)
    return np.array([first, (second + step) % 2**32], np.uint32)


@lru_cache(maxsize=1024)
def stream_key(seed: int, stream: int) -> tuple[int, int]:
    """Two 32-bit numbers for the random bits of a layer; ``stream`` tells the layers of a network apart."""
    first, second = np.random.SeedSequence([seed, stream]).generate_state(2)
    return int(first), int(second)

"""Sampling: new items from a character-level language model."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from glassnet.data.text import BOUNDARY, Vocabulary
from glassnet.engine.errors import ConfigError
from glassnet.engine.options import integer_option
from glassnet.engine.random import seeded
from glassnet.nn.module import Module

LONGEST = 40  # characters: a model that never ends an item is cut off here
MOST_AT_ONCE = 4096  # items that are drawn side by side, to bound the memory


def sample(
    net: Module,
    vocabulary: Vocabulary,
    context: int,
    count: int = 20,
    *,
    seed: int = 0,
    temperature: float = 1.0,
    exclude: Collection[str] = (),
) -> list[str]:
    """``count`` items, drawn character by character from the probabilities that the network gives (N, context) indices.

    temperature: below 1 the likely characters become likelier, above 1 all become more alike.
    exclude: items that are not wanted, such as those of the training data, so that all samples are new.

    Raises ConfigError when hardly any sample is new.
    """
    integer_option("count", count, 1)
    if not temperature > 0:
        raise ConfigError(f"temperature must be above 0, got {temperature!r}.")
    random = seeded(integer_option("seed", seed, 0))
    unwanted, found = set(exclude), []
    at_once = min(2 * count, MOST_AT_ONCE)
    tries = 0
    while tries < 200 * count:
        tries += at_once
        for item in _draw(net, vocabulary, context, at_once, temperature, random):
            if item and item not in unwanted:
                found.append(item)
                unwanted.add(item)
        if len(found) >= count:
            return found[:count]
    raise ConfigError(
        f"only {len(found)} of {count} samples were new after {tries:,} tries. Ask for fewer, or for a higher "
        "temperature."
    )


def _draw(
    net: Module, vocabulary: Vocabulary, context: int, count: int, temperature: float, random: np.random.Generator
) -> list[str]:
    """``count`` items side by side; a finished one goes on unseen until all are finished."""
    windows = np.zeros((count, context), np.int64)
    drawn = np.zeros((count, LONGEST), np.int64)
    for position in range(LONGEST):
        probabilities = net.predict_proba(windows).astype(np.float64) ** (1 / temperature)
        cumulative = probabilities.cumsum(1)
        thresholds = random.random((count, 1)) * cumulative[:, -1:]
        chosen = (cumulative <= thresholds).sum(1).clip(max=len(vocabulary) - 1)
        drawn[:, position] = chosen
        windows = np.concatenate([windows[:, 1:], chosen[:, None]], axis=1)
        if (drawn[:, : position + 1] == 0).any(1).all():  # each has drawn its end
            break
    return [vocabulary.decode(row).split(BOUNDARY)[0] for row in drawn]

"""Sampling: new items from a character-level language model."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from glassnet.data.text import BOUNDARY, Vocabulary
from glassnet.engine.errors import ConfigError
from glassnet.engine.namespace import Array
from glassnet.engine.options import integer_option
from glassnet.engine.random import seeded
from glassnet.nn.module import Module

LONGEST = 40  # characters: a model that never ends an item is cut off here
AT_ONCE = 1024  # items that are drawn side by side, to bound the memory
FIRST = 64  # the first time, as few are wanted often; then as many as before, and so twice as many in all
CHUNK = 64  # items that share a generator
MOST_TRIES = 200  # for each item that is wanted


class Samples(list[str]):
    """The items that were drawn, all different.

    drawn: how often an item was drawn for them. left_out: those that were drawn and not wanted, as often as they were.
    """

    def __init__(self, items: Collection[str] = (), drawn: int = 0, left_out: Collection[str] = ()) -> None:
        super().__init__(items)
        self.drawn = drawn
        self.left_out = list(left_out)


def sample(
    net: Module,
    vocabulary: Vocabulary,
    context: int,
    count: int = 20,
    *,
    seed: int = 0,
    temperature: float = 1.0,
    top_k: int | None = None,
    prompt: str = "",
    exclude: Collection[str] = (),
    longest: int = LONGEST,
    at_once: int = AT_ONCE,
) -> Samples:
    """``count`` items, drawn character by character from the probabilities that the network gives (N, context) indices.

    seed: the n-th item that is drawn is a function of it and of n: asking for more only adds to what fewer gave.
    temperature: below 1 the likely characters become likelier, above 1 all become more alike.
    top_k: draw from so many of the likeliest characters only.
    prompt: what every item begins with.
    exclude: items that are not wanted, such as those of the training data, so that all samples are new.
    longest: where an item that does not end is cut off, in characters.
    at_once: how many items are drawn side by side. It changes how fast that is, and not what is drawn.

    Raises ConfigError when hardly any sample is new, and for options that do not fit.
    """
    integer_option("count", count, 1)
    integer_option("at_once", at_once, 1)
    start = _start(prompt, vocabulary, integer_option("longest", longest, 1))
    draw = _Drawing(net, vocabulary, context, start, longest, temperature, top_k, integer_option("seed", seed, 0))
    unwanted, known = set(exclude), set(exclude)
    found = Samples()
    while found.drawn < MOST_TRIES * count:
        block = min(at_once, max(FIRST, found.drawn), MOST_TRIES * count - found.drawn)
        for item in draw.items(found.drawn, block):
            found.drawn += 1
            if item in known:
                found.left_out.append(item)
            elif item and item not in unwanted:
                found.append(item)
                unwanted.add(item)
                if len(found) == count:
                    return found
    raise ConfigError(
        f"only {len(found)} of {count} samples were new after {found.drawn:,} tries. Ask for fewer, or for a higher "
        "temperature."
    )


class _Drawing:
    """Draws items by their number."""

    def __init__(
        self,
        net: Module,
        vocabulary: Vocabulary,
        context: int,
        start: Array,
        longest: int,
        temperature: float,
        top_k: int | None,
        seed: int,
    ) -> None:
        if not temperature > 0:
            raise ConfigError(f"temperature must be above 0, got {temperature!r}.")
        if top_k is not None:
            integer_option("top-k", top_k, 1, len(vocabulary))
        self.net, self.vocabulary, self.temperature, self.top_k, self.seed = net, vocabulary, temperature, top_k, seed
        self.start = start
        self.window = np.concatenate([np.zeros(context, np.int64), start])[-context:]
        self.longest = longest

    def items(self, first: int, count: int) -> list[str]:
        """The items with the numbers from ``first`` on, side by side; those that have ended are left aside."""
        thresholds = self._thresholds(first, count)  # (count, longest)
        drawn = np.zeros((count, self.longest), np.int64)
        drawn[:, : len(self.start)] = self.start
        going = np.arange(count)  # the items that have not ended
        windows = np.tile(self.window, (count, 1))
        for position in range(len(self.start), self.longest):
            chosen = self._choose(windows, thresholds[going, position])
            drawn[going, position] = chosen
            windows = np.concatenate([windows[:, 1:], chosen[:, None]], axis=1)[chosen > 0]
            going = going[chosen > 0]
            if not len(going):
                break
        return [self.vocabulary.decode(row).split(BOUNDARY)[0] for row in drawn]

    def _choose(self, windows: Array, thresholds: Array) -> Array:
        """The next character of each: windows (N, context), thresholds (N,) from 0 to 1 -> (N,)."""
        probabilities = self.net.predict_proba(windows).astype(np.float64)
        if self.top_k is not None:
            unlikely = np.argsort(-probabilities, 1, kind="stable")[:, self.top_k :]
            np.put_along_axis(probabilities, unlikely, 0.0, 1)
        # Divided by the largest, so that a very low temperature leaves something above 0.
        weights = (probabilities / probabilities.max(1, keepdims=True)) ** (1 / self.temperature)
        cumulative = weights.cumsum(1)
        chosen: Array = (cumulative <= thresholds[:, None] * cumulative[:, -1:]).sum(1)
        return chosen

    def _thresholds(self, first: int, count: int) -> Array:
        """What decides each character, (count, longest): functions of the seed and of the number of the item alone."""
        chunks = range(first // CHUNK, (first + count - 1) // CHUNK + 1)
        drawn = [seeded(self.seed, chunk).random((CHUNK, self.longest)) for chunk in chunks]
        skipped = first - chunks[0] * CHUNK
        return np.concatenate(drawn)[skipped : skipped + count]


def _start(prompt: str, vocabulary: Vocabulary, longest: int) -> Array:
    """The indices of a prompt. Raises ConfigError for one that no item can begin with."""
    unknown = sorted(set(prompt) - set(vocabulary.characters))
    if unknown:
        raise ConfigError(
            f"the prompt {prompt!r:.80} holds {unknown[0]!r}, which the model has never seen; it knows "
            f"{''.join(vocabulary.characters)!r:.200}."
        )
    if len(prompt) >= longest:
        raise ConfigError(
            f"the prompt has {len(prompt)} characters; items are cut off at {longest}. Use a shorter one."
        )
    return vocabulary.encode(prompt)

"""What a language model makes up, and how surprised it is by each character of a text."""

from __future__ import annotations

from typing import Any

from glassnet.data.text import BOUNDARY, Vocabulary
from glassnet.engine.errors import ConfigError
from glassnet.models import character_losses
from glassnet.models.new_items import items_of, new_items, vocabulary_of
from glassnet.nn.module import Module
from glassnet.viewer.query import Query
from glassnet.viewer.seen import SeenRun

#: Items that are drawn, and how adventurous.
COUNT = 16
TEMPERATURES = ("0.5", "0.8", "1", "1.3")
LONGEST = 200  # characters of a typed text


def samples(run: SeenRun, query: Query) -> dict[str, Any]:
    """New items with the loss of each of their characters. query: seed, temperature."""
    net, dataset = run.network(), run.dataset()
    seed = query.whole("seed", 0, 9999, 0)
    temperature = float(query.choice("temperature", TEMPERATURES, "1"))
    found = new_items(net, dataset, COUNT, seed=seed, temperature=temperature)
    vocabulary, context = vocabulary_of(dataset), dataset.train.x.shape[1]
    items = items_of(dataset, "train")  # none are known of a run that only kept some rows
    known = sum(map(items.__contains__, [*found, *found.left_out])) if items else None
    return {
        "items": [_scored(net, vocabulary, context, item) for item in found],
        "temperatures": list(TEMPERATURES),
        "drawn": len(found) + len(found.left_out),
        "known": known,
    }


def score(run: SeenRun, query: Query) -> dict[str, Any]:
    """A typed text with the loss of each of its characters. Raises DataError for characters that are not known."""
    dataset = run.dataset()
    text = query.text("text", longest=LONGEST)
    if not text:
        raise ConfigError("type a text to see how surprised the network is by each of its characters.")
    return _scored(run.network(), vocabulary_of(dataset), dataset.train.x.shape[1], text)


def _scored(net: Module, vocabulary: Vocabulary, context: int, text: str) -> dict[str, Any]:
    losses = character_losses(net, vocabulary, context, text)
    return {"characters": [*text, BOUNDARY], "losses": losses.round(4), "mean": float(losses.mean())}

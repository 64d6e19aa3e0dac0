"""Scoring: how surprised a language model is by each character of a text."""

from __future__ import annotations

import numpy as np

from glassnet.data.text import Vocabulary, contexts
from glassnet.engine.namespace import Array
from glassnet.nn.module import Module
from glassnet.nn.predict import outputs


def character_losses(net: Module, vocabulary: Vocabulary, context: int, text: str) -> Array:
    """The loss of each character of an item and of its ending, (len(text) + 1,), in nats: -log of the probability that
    the network gives it after the ``context`` characters before. Infinite for what it holds for impossible.

    Raises DataError for an empty text and for a character that the vocabulary has not.
    """
    x, y = contexts([text], vocabulary, context)
    return losses(net, x, y)


def losses(net: Module, x: Array, y: Array) -> Array:
    """The loss of each row, (N,), in nats: x (N, context), y (N,)."""
    return losses_of(outputs(net, x, 1024), y)


def losses_of(logits: Array, y: Array) -> Array:
    """The cross-entropy of each row, (N,), in nats: logits (N, K), y (N,)."""
    logits = logits.astype(np.float64)
    shifted = logits - logits.max(1, keepdims=True)
    found: Array = np.log(np.exp(shifted).sum(1)) - shifted[np.arange(len(y)), y]
    return found


def explain_infinite(vocabulary: Vocabulary, x: Array, y: Array, loss: Array) -> str:
    """A sentence that names what never occurred. x (N, context), y (N,), and the loss of each row, some infinite."""
    rows = np.flatnonzero(~np.isfinite(loss))
    first = rows[0]
    sequence = vocabulary.decode([*x[first], y[first]])
    others = f", nor did {len(rows) - 1:,} others like it" if len(rows) > 1 else ""
    return (
        f"the loss is infinite: {sequence!r} never occurred in training{others}, so its probability is 0. "
        "Add fake counts with smoothing, such as 1."
    )

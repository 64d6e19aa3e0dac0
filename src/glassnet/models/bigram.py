"""Language models without hidden layers: counting which character follows which, and the network that learns the same.

A table of counts has an entry for each sequence of ``context`` characters and the next one: a table of bigrams for a
context of 1, of n-grams for n - 1. With 27 characters it has 27 ** n entries, nearly all of them empty: why longer
contexts are left to networks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from glassnet.data.text import Vocabulary, contexts
from glassnet.engine.convert import FLOAT, as_array
from glassnet.engine.errors import ConfigError, DataError
from glassnet.engine.namespace import Array
from glassnet.engine.options import integer_option, number_option
from glassnet.models.sampling import Samples, sample
from glassnet.models.scoring import explain_infinite
from glassnet.nn import Embedding, Flatten, JoinIndices, Linear, OneHot, Sequential

#: Entries of the largest table: 0.5 GB of counts. Sizes are checked before memory is taken.
MOST_ENTRIES = 2**26
ROWS_AT_ONCE = 2**20 // 32  # rows of a table that are turned into logarithms together


@dataclass(frozen=True)
class TableSize:
    """How large a table of n-grams is, and how empty. seen: how many of its entries occur."""

    context: int
    vocabulary_size: int
    seen: int

    @property
    def entries(self) -> int:
        """vocabulary_size ** (context + 1)."""
        entries: int = self.vocabulary_size ** (self.context + 1)
        return entries

    @property
    def empty(self) -> float:
        """The share of entries that never occur."""
        return 1 - self.seen / self.entries

    @property
    def fits(self) -> bool:
        """Whether an ``NGram`` would make it."""
        return self.entries <= MOST_ENTRIES

    def __str__(self) -> str:
        return (
            f"context {self.context}: {self.vocabulary_size}**{self.context + 1} = {self.entries:,} entries, "
            f"{_bytes(8 * self.entries)}{'' if self.fits else ' (too large)'}, "
            f"{self.seen:,} of them occur ({100 * self.seen / self.entries:.3g}%)"
        )


class NGram:
    """Counts of which character follows which ``context`` characters, and the probabilities that they give.

    smoothing: fake counts that are added to each entry, so that nothing is impossible (Laplace). Without any, the
        loss of a text is infinite if something in it never occurred. A context that never occurred gives each
        character the same probability, which is what ever smaller fake counts lead to.

    counts: (vocabulary_size ** context, vocabulary_size) int64, after ``fit``; a row is a context, read as a number in
        base vocabulary_size, a column the next character. For bigrams: counts[first, second].
    Raises ConfigError for a table of more than ``MOST_ENTRIES`` entries, before memory is taken.

    >>> names = data.load("names", context=1)
    >>> bigrams = gn.models.NGram(names.vocabulary, smoothing=1).fit(names.train.x, names.train.y)
    >>> bigrams.counts.shape, round(bigrams.loss(names.val.x, names.val.y), 2)
    ((27, 27), 2.46)
    """

    def __init__(self, vocabulary: Vocabulary, context: int = 1, *, smoothing: float = 1.0) -> None:
        self.vocabulary = vocabulary
        self.context = integer_option("context", context, 1)
        self.smoothing = number_option("smoothing", smoothing, 0, 1e300)
        size = TableSize(self.context, len(vocabulary), 0)
        if not size.fits:
            raise ConfigError(
                f"a table of counts for context {context} has {len(vocabulary)}**{context + 1} entries; at "
                f"most {MOST_ENTRIES:,} are kept. Use a shorter context, or a network, which needs none."
            )

    def fit(self, x: Any, y: Any) -> Self:
        """Count. x (N, context) and y (N,) indices, as in a split of a text."""
        rows, targets = self._rows(x), self._targets(y)
        if len(rows) != len(targets):
            raise DataError(f"x has {len(rows)} rows and y has {len(targets)}; each context needs what follows it.")
        size = len(self.vocabulary)
        counted = np.bincount(rows * size + targets, minlength=size ** (self.context + 1))
        self.counts: Array = counted.reshape(-1, size)
        return self

    @property
    def size(self) -> TableSize:
        """How large the table is, and how empty."""
        return TableSize(self.context, len(self.vocabulary), int(np.count_nonzero(self._fitted())))

    def predict_proba(self, x: Any) -> Array:
        """The probability of each character after each context: x (N, context) -> (N, vocabulary_size)."""
        probabilities: Array = np.exp(self._log_probabilities(self._fitted()[self._rows(x)]))
        return probabilities

    def predict(self, x: Any) -> Array:
        """The likeliest character after each context: x (N, context) -> (N,)."""
        likeliest: Array = self._fitted()[self._rows(x)].argmax(1)
        return likeliest

    def score(self, x: Any, y: Any) -> float:
        """The average log-likelihood, in nats a character: the larger, the better. x (N, context), y (N,).

        Raises DataError that names what never occurred if that makes it infinite.
        """
        rows, targets = self._rows(x), self._targets(y)
        found = self._log_probabilities(self._fitted()[rows])[np.arange(len(rows)), targets]
        if not np.isfinite(found).all():
            raise DataError(explain_infinite(self.vocabulary, as_array(x), targets, -found))
        return float(found.mean())

    def loss(self, x: Any, y: Any) -> float:
        """The average negative log-likelihood, which networks call cross-entropy: -score. Raises DataError as that."""
        return -self.score(x, y)

    def sample(self, count: int = 20, **options: Any) -> Samples:
        """New items; the options are those of ``models.sample``."""
        return sample(self.network(), self.vocabulary, self.context, count, **options)

    def plot(self, path: str | Path | None = None) -> Any:
        """A matplotlib figure of the table of bigrams, with the counts written in; saved if a path is given. Raises
        ConfigError for a longer context.
        """
        from glassnet.plots import bigram, save_figure

        if self.context != 1:
            raise ConfigError(f"only a table with context 1 can be drawn; this one has context {self.context}.")
        return save_figure(bigram(self._fitted(), self.vocabulary.symbols), path)

    def network(self) -> Sequential:
        """A network with the same probabilities, its weights the logarithms: to be saved, evaluated and sampled as any
        other. From (N, context) indices to logits (N, vocabulary_size).
        """
        counts, size = self._fitted(), len(self.vocabulary)
        weight = np.empty(counts.shape, FLOAT)
        for start in range(0, len(counts), ROWS_AT_ONCE):
            weight[start : start + ROWS_AT_ONCE] = self._log_probabilities(counts[start : start + ROWS_AT_ONCE])
        net = Sequential(JoinIndices(size), Embedding.from_pretrained(weight, freeze=False))
        net.task = "classification"
        return net.eval()

    def _log_probabilities(self, counts: Array) -> Array:
        """Of rows of the table, (N, vocabulary_size)."""
        smoothed = counts + self.smoothing
        smoothed[~smoothed.any(1)] = 1.0
        with np.errstate(divide="ignore"):  # what never occurred is infinitely unlikely
            logarithms: Array = np.log(smoothed) - np.log(smoothed.sum(1, keepdims=True))
        return logarithms

    def _fitted(self) -> Array:
        if not hasattr(self, "counts"):
            raise ConfigError("this NGram has counted nothing yet: call fit(x, y) first.")
        return self.counts

    def _rows(self, x: Any) -> Array:
        """The row of the table for each context."""
        array = as_array(x)
        if array.ndim != 2 or array.shape[1] != self.context:
            raise DataError(f"x must be contexts (N, {self.context}), got shape {array.shape}.")
        return self._join(array)

    def _targets(self, y: Any) -> Array:
        array = as_array(y)
        if array.ndim != 1:
            raise DataError(f"y must be indices (N,), got shape {array.shape}.")
        return self._join(array[:, None])

    def _join(self, indices: Array) -> Array:
        """Indices (N, T) as (N,). Raises DataError for one that is no character."""
        joined: Array = JoinIndices(len(self.vocabulary))(indices).numpy()
        return joined


def table_growth(items: Sequence[str], vocabulary: Vocabulary, longest: int = 8) -> list[TableSize]:
    """How tables of n-grams would grow with the context, from 1 to ``longest`` characters, also where they do not fit.

    >>> names = data.load("names")
    >>> for size in gn.models.table_growth(names.train.items, names.vocabulary, 4):
    ...     print(size)
    context 1: 27**2 = 729 entries, 6 kB, 615 of them occur (84.4%)
    context 2: 27**3 = 19,683 entries, 157 kB, 5,808 of them occur (29.5%)
    context 3: 27**4 = 531,441 entries, 4 MB, 22,749 of them occur (4.28%)
    context 4: 27**5 = 14,348,907 entries, 115 MB, 44,582 of them occur (0.311%)
    """
    sizes = []
    for context in range(1, integer_option("longest", longest, 1) + 1):
        x, y = contexts(items, vocabulary, context)
        seen = len(np.unique(np.column_stack([x, y]), axis=0))
        sizes.append(TableSize(context, len(vocabulary), seen))
    return sizes


def bigram_network(vocabulary_size: int) -> Sequential:
    """The network that learns what counting bigrams gives: one-hot, one matrix, softmax. Trained to the end its weights
    are the logarithms of the counts, but for a number that each row may add; pulling weights to 0 does what fake counts
    do: it makes the rows more alike.

    From (N, 1) indices to the logits (N, vocabulary_size).
    """
    return Sequential(OneHot(vocabulary_size), Flatten(), Linear(vocabulary_size, vocabulary_size, bias=False))


def _bytes(number: int) -> str:
    """As people say it: 4 MB."""
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if number < 1000:
            return f"{number} {unit}"
        number = (number + 500) // 1000
    return f"{number:,} PB"

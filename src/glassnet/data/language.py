"""Texts of one item a line as a data set for language models."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from glassnet.data.dataset import Dataset, Split
from glassnet.data.split import split_indices
from glassnet.data.text import Vocabulary, contexts, read_lines
from glassnet.engine.errors import ConfigError, DataError


def read_text(
    path: str | os.PathLike[str],
    *,
    context: int = 3,
    fractions: Sequence[float] = (0.8, 0.1, 0.1),
    seed: int = 0,
) -> Dataset:
    """Read a text file of one item a line, gzipped or not, as a data set of characters and what comes before them.

    context: how many characters to predict from. fractions: of the items in train, val and test; an item that occurs
        several times is in one of them only.

    Raises DataError as ``read_lines`` does, and ConfigError for options that do not fit.
    """
    try:
        return text_dataset(Path(path).name.split(".")[0], read_lines(path), context, fractions, seed)
    except DataError as error:
        message = str(error)
        raise DataError(message if message.startswith(str(path)) else f"{path}: {message}") from None


def text_dataset(name: str, items: Sequence[str], context: int, fractions: Sequence[float], seed: int) -> Dataset:
    """x (n, context) int64 indices of the characters before, y (n,) int64 index of the next one."""
    if len(fractions) != 3:
        raise ConfigError(f"fractions must be three numbers, for train, val and test, got {fractions!r}.")
    vocabulary = Vocabulary.from_items(items)
    repeated = len(set(items)) < len(items)
    rows = split_indices(len(items), fractions, seed=seed, groups=list(items) if repeated else None)

    def split(part: NDArray[np.int64]) -> Split:
        chosen = tuple(items[row] for row in part.tolist())
        x, y = contexts(chosen, vocabulary, context)
        return Split(x, y, chosen)

    train, val, test = map(split, rows)
    return Dataset(name, train, val, test, vocabulary=vocabulary, context=context, split_by="equal lines together")

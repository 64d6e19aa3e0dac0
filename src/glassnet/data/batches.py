"""Mini-batches: the rows of a split in the order of an epoch, a few at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from glassnet.data.dataset import Split
from glassnet.data.permutation import permutation
from glassnet.engine.errors import ConfigError, DataError
from glassnet.engine.options import integer_option
from glassnet.engine.tensor import Tensor


class Batches:
    """The mini-batches of one epoch; made by ``batches``. Iterating again gives the same batches again."""

    def __init__(self, split: Split, order: Any, batch_size: int, drop_last: bool) -> None:
        self._split = split
        self._order = order  # (n,)
        self._batch_size = batch_size
        rows = len(split)
        self._end = rows - rows % batch_size if drop_last else rows

    def __len__(self) -> int:
        """The number of batches."""
        return math.ceil(self._end / self._batch_size)

    def rows(self, number: int) -> Any:
        """The numbers of the rows in a batch, (batch_size,), or fewer in the last."""
        start = number * self._batch_size
        return self._order[start : min(start + self._batch_size, self._end)]

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor]:
        if not 0 <= number < len(self):
            raise IndexError(f"batch {number} of {len(self)}")
        rows = self.rows(number)
        return Tensor(self._split.x.take(rows, axis=0)), Tensor(self._split.y.take(rows, axis=0))

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return (self[number] for number in range(len(self)))


def batches(
    split: Split | tuple[Any, Any],
    batch_size: int,
    *,
    seed: int = 0,
    epoch: int = 0,
    shuffle: bool = True,
    drop_last: bool = False,
) -> Batches:
    """The mini-batches of one epoch: pairs of tensors x (batch_size, ...) and y (batch_size, ...).

    The order of the rows is a function of ``(seed, epoch)``, so pass the number of the epoch in a loop over
    epochs: without it every epoch has the same order. ``shuffle=False`` keeps the rows in the order of the
    split. The last batch is smaller when the rows do not divide evenly, unless ``drop_last`` leaves it out.

    Raises ConfigError for a batch size that is not a positive whole number, or when no batch is left, and
    DataError when a pair (x, y) is not valid as a ``Split``.

    >>> x, y = np.zeros((10, 3)), np.arange(10)
    >>> [xb.shape for xb, yb in data.batches((x, y), 4, seed=0, epoch=1)]
    [(4, 3), (4, 3), (2, 3)]
    """
    size = integer_option("batch_size", batch_size, 1)
    if not isinstance(split, Split):
        if not isinstance(split, (tuple, list)) or len(split) != 2:
            raise DataError(f"batches need a Split or a pair (x, y), got {type(split).__name__}.")
        split = Split(*split)
    if drop_last and size > len(split):
        raise ConfigError(
            f"batch_size {size} with drop_last leaves no batch of {len(split)} rows. "
            "Use a smaller batch_size or drop_last=False."
        )
    order = permutation(len(split), seed, epoch) if shuffle else np.arange(len(split))
    return Batches(split, order, size, drop_last)

"""What ``fit`` and ``evaluate`` accept as data, brought to splits."""

from __future__ import annotations

from typing import Any

from glassnet.data.dataset import Dataset, Split, from_arrays
from glassnet.engine.errors import ConfigError, DataError

#: A data set with splits, a split, or a pair (x, y) of arrays.
Data = Dataset | Split | tuple[Any, Any]


def as_split(data: Any, name: str = "data") -> Split:
    """A split, or a pair (x, y) as one. Raises DataError for anything else."""
    if isinstance(data, Split):
        return data
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise DataError(f"{name} must be a data set, a split or a pair (x, y), got {type(data).__name__}.")
    return Split(*data)


def training_splits(data: Data, validation: Any, seed: int) -> tuple[Split, Split | None]:
    """The rows to train on and those to validate on.

    validation: None, a split or pair, or the fraction of the rows to hold back.
    """
    if isinstance(data, Dataset):
        if validation is None:
            return data.train, data.val
        if data.val is not None:
            raise ConfigError(f"the data set {data.name!r} has a val split already; leave out validation=.")
        data = data.train
    split = as_split(data)
    if validation is None:
        return split, None
    if isinstance(validation, int | float):
        whole = from_arrays(split.x, split.y, validation=validation, seed=seed)
        return whole.train, whole.val
    return split, as_split(validation, "validation")


def held_out_split(data: Data) -> Split:
    """The test split of a data set, a split, or a pair (x, y) as one. Raises DataError if there is no test split."""
    if not isinstance(data, Dataset):
        return as_split(data)
    if data.test is None:
        raise DataError(f"the data set {data.name!r} has no test split. Pass a split, such as data.val.")
    return data.test

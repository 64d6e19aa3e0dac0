"""Arrays with the same number of rows, and the splits of a data set."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassnet.data.encoder import TableEncoder
from glassnet.data.split import split_indices
from glassnet.data.text import Vocabulary
from glassnet.engine.convert import as_array
from glassnet.engine.errors import ConfigError, DataError

#: How most sets are split, for their report.
BY_CLASS = "stratified by class"


@dataclass(frozen=True, repr=False, eq=False)
class Split:
    """Inputs and targets of one split.

    x: inputs (n, ...).
    y: targets (n, ...), such as class numbers (n,).
    items: the texts that the rows were made from, where there are such.

    Tensors and lists become arrays, as in ``gn.tensor``: floats in lists become float32.

    Raises DataError when x and y differ in length, are empty, are not numbers, or hold NaN or infinity.
    """

    x: NDArray[Any]
    y: NDArray[Any]
    items: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for name in ("x", "y"):
            array = _rows(getattr(self, name), name)
            _check_finite(array, name)
            object.__setattr__(self, name, array)
        if len(self.x) != len(self.y):
            raise DataError(f"x has {len(self.x)} rows and y has {len(self.y)}; each row of x needs its target in y.")

    def __len__(self) -> int:
        return len(self.x)

    def __repr__(self) -> str:
        return f"Split({len(self):,} rows, {self.row_summary()})"

    def row_summary(self) -> str:
        """Shapes and dtypes of one row, such as ``x (784,) float32, y int64``."""
        return f"x {_describe_row(self.x)}, y {_describe_row(self.y)}"


@dataclass(frozen=True, repr=False, eq=False)
class Dataset:
    """A named data set: what to train on, and what to validate and test on where there is such a split.

    classes: the name of each class, where y holds class numbers.
    input_shape: the shape to draw a row of x in, such as (28, 28).
    vocabulary, context: for text, what the indices mean and how many of them make a row of x.
    encoder: for a table, how its rows become x and y.
    split_by: how the rows were divided, such as "stratified by class".

    Raises DataError when the rows of the splits differ in shape or dtype, or do not fit input_shape or
    context.
    """

    name: str
    train: Split
    val: Split | None = None
    test: Split | None = None
    classes: tuple[str, ...] | None = None
    input_shape: tuple[int, ...] | None = None
    vocabulary: Vocabulary | None = None
    context: int | None = None
    encoder: TableEncoder | None = None
    split_by: str | None = None

    def __post_init__(self) -> None:
        row = self.train.row_summary()
        for name, split in self.splits.items():
            if split.row_summary() != row:
                raise DataError(f"{self.name}: the rows of {name} are {split.row_summary()}, those of train are {row}.")
        row_shape = self.train.x.shape[1:]
        if self.input_shape is not None and math.prod(self.input_shape) != math.prod(row_shape):
            raise DataError(f"{self.name}: input_shape {self.input_shape} does not fit rows of shape {row_shape}.")
        if self.context is not None and row_shape != (self.context,):
            raise DataError(f"{self.name}: context {self.context} does not fit rows of shape {row_shape}.")
        if self.encoder is not None and row_shape != (len(self.encoder.feature_names),):
            raise DataError(f"{self.name}: the encoder does not fit rows of shape {row_shape}.")

    @property
    def splits(self) -> dict[str, Split]:
        """The splits that exist, by name: train, val, test."""
        named = {"train": self.train, "val": self.val, "test": self.test}
        return {name: split for name, split in named.items() if split is not None}

    def summary(self) -> str:
        """The report in one line: the size of each split, how they were made, a row's shape, what the numbers mean."""
        sizes = ", ".join(f"{name} {len(split):,}" for name, split in self.splits.items())
        parts = [f"{sizes} rows{'' if self.split_by is None else f', {self.split_by}'}", self.train.row_summary()]
        if self.classes is not None:
            parts.append(f"{len(self.classes)} classes")
        if self.vocabulary is not None:
            parts.append(f"vocabulary of {len(self.vocabulary)}")
        return f"{self.name}: {'; '.join(parts)}"

    def __repr__(self) -> str:
        return f"Dataset({self.summary()})"


def from_arrays(x: Any, y: Any, *, validation: float = 0.2, seed: int = 0, name: str = "arrays") -> Dataset:
    """A data set of x (n, ...) and y (n, ...), a seeded part of which is kept for validation; no test split.

    validation: the fraction to keep; 0 keeps nothing and ``val`` is None. The part is stratified when y holds
        class numbers, that is whole numbers of shape (n,).

    Raises DataError as Split does, and ConfigError when the fraction is not at least 0 and less than 1.
    """
    whole = Split(x, y)
    if isinstance(validation, bool) or not isinstance(validation, (int, float)) or not 0 <= validation < 1:
        raise ConfigError(f"validation must be a fraction of at least 0 and less than 1, got {validation!r}.")
    if validation == 0:
        return Dataset(name, whole)
    labels = whole.y if whole.y.ndim == 1 and whole.y.dtype.kind in "biu" else None
    kept, held_out = split_indices(len(whole), (1 - validation, validation), seed=seed, stratify=labels)
    train, val = (Split(whole.x[rows], whole.y[rows]) for rows in (kept, held_out))
    return Dataset(name, train, val, split_by=None if labels is None else BY_CLASS)


def _rows(value: Any, name: str) -> NDArray[Any]:
    """The value as an array of numbers with at least one row."""
    try:
        array = as_array(value)
    except DataError as error:
        raise DataError(f"{name}: {error}") from None
    if array.ndim == 0 or len(array) == 0:
        raise DataError(f"{name} must have at least one row, got shape {array.shape}.")
    return array


def _describe_row(array: NDArray[Any]) -> str:
    shape = array.shape[1:]
    return f"{shape} {array.dtype}" if shape else f"{array.dtype}"


def _check_finite(array: NDArray[Any], name: str) -> None:
    if array.dtype.kind != "f":
        return
    finite = np.isfinite(array)
    if not finite.all():
        place = np.unravel_index(int(np.argmin(finite)), array.shape)
        raise DataError(
            f"{name} must be finite, got {array[place]} in row {place[0]} (counted from 0). "
            "Remove such rows or fill in their values."
        )

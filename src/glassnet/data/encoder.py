"""TableEncoder: the rows of a table as numbers, by what was learned from the training rows alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassnet.engine.errors import DataError

#: The values of a column: numbers, NaN where one is missing, or texts, None where one is missing.
Column = NDArray[np.float64] | list[str | None]
#: What stands for a missing text when it is filled in.
MISSING = "missing"
#: A column with more different texts is a name or a key, not a category.
MOST_CATEGORIES = 1000
#: A number in a file that is larger, or infinite, is no mean and no deviation.
MOST = 1e300
#: Standard deviations that a number may be away from the mean; float32 ends at 3e38.
FARTHEST = 1e30
#: The largest table, in cells, as it is read and as it becomes features.
MOST_CELLS = 2**27


@dataclass(frozen=True)
class NumberColumn:
    """Numbers, standardised to (x - mean) / std; ``fill`` stands for missing ones, or None where none may be."""

    name: str
    mean: float
    std: float
    fill: float | None

    def features(self) -> tuple[str, ...]:
        """The names of the features that the column becomes."""
        return (self.name,)

    def encode(self, column: Column, source: str) -> NDArray[np.float64]:
        """(n, 1) standardised numbers."""
        if isinstance(column, list):
            for row, text in enumerate(column, start=1):
                if text is not None:
                    raise DataError(f"{source} row {row}: column {self.name!r} must hold numbers, got {text!r:.80}.")
            column = np.full(len(column), np.nan)  # a column without any value has no type
        values = column
        if self.fill is not None:
            values = np.where(np.isnan(values), self.fill, values)
        _refuse_missing(self.name, np.isnan(values), source)
        return _standardised(self.name, values, self.mean, self.std, source)


@dataclass(frozen=True)
class CategoryColumn:
    """Texts as a 1 in the place of their category; ``fill`` stands for missing ones and for those that no training row
    had, or None where neither may be.
    """

    name: str
    categories: tuple[str, ...]
    fill: str | None

    def features(self) -> tuple[str, ...]:
        """The names of the features that the column becomes."""
        return tuple(f"{self.name}={category}" for category in self.categories)

    def encode(self, column: Column, source: str) -> NDArray[np.float64]:
        """(n, categories) zeros with a 1 in each row."""
        texts = as_texts(column)
        _refuse_missing(self.name, np.array([text is None and self.fill is None for text in texts]), source)
        filled = [self.fill if text is None else text for text in texts]
        place = {category: i for i, category in enumerate(self.categories)}
        if self.fill is not None:
            filled = [text if text in place else self.fill for text in filled]
        for row, text in enumerate(filled, start=1):
            if text not in place:
                raise DataError(
                    f"{source} row {row}: column {self.name!r} holds {text!r}, which no training row had; known are "
                    f"{', '.join(map(repr, self.categories)):.200}. A training with missing='fill' (--missing fill) "
                    "takes such texts as missing."
                )
        codes = [place[text] for text in filled if text is not None]
        features = np.zeros((len(codes), len(self.categories)))
        features[np.arange(len(codes)), codes] = 1
        return features


@dataclass(frozen=True)
class TableEncoder:
    """How a table becomes inputs and targets.

    columns: what each input column becomes, in order. target: the name of the target column.
    classes: of a classification, in the order of their numbers; None for a regression, whose targets are
        standardised by ``target_mean`` and ``target_std``.
    """

    columns: tuple[NumberColumn | CategoryColumn, ...]
    target: str
    classes: tuple[str, ...] | None
    target_mean: float = 0.0
    target_std: float = 1.0

    @property
    def task(self) -> str:
        """ "classification" or "regression"."""
        return "regression" if self.classes is None else "classification"

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The name of each input, such as ``width`` and ``colour=red``."""
        return tuple(feature for column in self.columns for feature in column.features())

    def encode(self, table: Mapping[str, Column], source: str) -> NDArray[np.float32]:
        """The inputs (n, features). Raises DataError for a missing column, value, or an unknown category."""
        missing = [column.name for column in self.columns if column.name not in table]
        if missing:
            raise DataError(f"{source} has no column {missing[0]!r}; it has {', '.join(map(repr, table))}.")
        rows, width = len(table[self.columns[0].name]), len(self.feature_names)
        if rows * width > MOST_CELLS:
            raise DataError(
                f"{source} would become {rows:,} rows of {width:,} features, with one for each category; at most "
                f"{MOST_CELLS:,} numbers are used. Leave out columns with many categories."
            )
        inputs, end = np.empty((rows, width), np.float32), 0
        for column in self.columns:
            start, end = end, end + len(column.features())
            inputs[:, start:end] = column.encode(table[column.name], source)
        return inputs

    def encode_target(self, column: Column, source: str) -> NDArray[Any]:
        """Class numbers (n,), or standardised numbers (n, 1) in float32."""
        if self.classes is None:
            if isinstance(column, list):
                raise DataError(f"{source}: the target {self.target!r} must hold numbers for a regression.")
            _refuse_missing(self.target, np.isnan(column), source)
            return _standardised(self.target, column, self.target_mean, self.target_std, source).astype(np.float32)
        texts = as_texts(column)
        _refuse_missing(self.target, np.array([text is None for text in texts]), source)
        place = {name: i for i, name in enumerate(self.classes)}
        for row, text in enumerate(texts, start=1):
            if text not in place:
                raise DataError(f"{source} row {row}: the target {text!r} is none of {', '.join(self.classes)}.")
        return np.array([place[text] for text in texts if text is not None], np.int64)

    def decode_target(self, predictions: NDArray[Any]) -> list[str] | NDArray[Any]:
        """Predicted class numbers as names, or predicted numbers in the units of the table (n,)."""
        if self.classes is not None:
            return [self.classes[int(number)] for number in predictions]
        numbers: NDArray[Any] = predictions.reshape(len(predictions)) * self.target_std + self.target_mean
        return numbers

    def decode(self, row: NDArray[Any]) -> dict[str, float | str]:
        """What stood in the columns of the table, by name, for inputs (features,)."""
        found: dict[str, float | str] = {}
        start = 0
        for column in self.columns:
            part = row[start : start + len(column.features())]
            start += len(part)
            if isinstance(column, CategoryColumn):
                found[column.name] = column.categories[int(part.argmax())]
            else:
                found[column.name] = float(part[0]) * column.std + column.mean
        return found

    def to_json(self) -> dict[str, Any]:
        """The encoder as a value for json.dump."""
        return {**asdict(self), "columns": [asdict(column) for column in self.columns]}

    @classmethod
    def from_json(cls, value: Any) -> TableEncoder:
        """The encoder that ``to_json`` described. Raises DataError for anything else."""
        try:
            columns = tuple(_column(column) for column in value["columns"])
            classes = None if value["classes"] is None else _texts(value["classes"])
            encoder = cls(columns, value["target"], classes, value["target_mean"], value["target_std"])
        except (TypeError, KeyError, ValueError) as error:
            raise DataError(f"this is not the encoder of a table: {error}.") from error
        numbers = [encoder.target_mean, encoder.target_std]
        if not all(_is_number(number) for number in numbers) or not encoder.target_std > 0 or not columns:
            raise DataError("this is not the encoder of a table: its target cannot be standardised.")
        return encoder


def as_texts(column: Column) -> list[str | None]:
    """A column as texts: 3.0 becomes "3", and a missing number None."""
    if isinstance(column, list):
        return column
    return [None if math.isnan(v) else str(int(v)) if v.is_integer() else repr(v) for v in column.tolist()]


def fit_column(name: str, column: Column, fill: bool) -> NumberColumn | CategoryColumn:
    """What a column of training rows becomes; ``fill`` lets values be missing, here and later."""
    if isinstance(column, list):
        found = sorted({text for text in column if text is not None} | ({MISSING} if fill else set()))
        if len(found) > MOST_CATEGORIES:
            raise DataError(
                f"column {name!r} has {len(found):,} different texts; at most {MOST_CATEGORIES:,} are categories. "
                "Leave the column out."
            )
        return CategoryColumn(name, tuple(found), MISSING if fill else None)
    known = column[~np.isnan(column)]
    if not known.size:
        raise DataError(f"column {name!r} has no values in the training rows. Leave the column out.")
    median = float(np.median(known))
    values = np.where(np.isnan(column), median, column) if fill else known  # encode() refuses what is missing
    return NumberColumn(name, float(values.mean()), float(values.std()) or 1.0, median if fill else None)


def _standardised(name: str, values: NDArray[np.float64], mean: float, std: float, source: str) -> NDArray[np.float64]:
    """(n, 1) standardised numbers. Raises DataError for one that is too far from the training rows for float32."""
    with np.errstate(over="ignore"):
        standardised: NDArray[np.float64] = (values - mean) / std
    if (wrong := np.abs(standardised) > FARTHEST).any():
        row = int(np.argmax(wrong))
        raise DataError(
            f"{source} row {row + 1}: column {name!r} holds {values[row]:g}, which is more than {FARTHEST:g} standard "
            f"deviations ({std:g}) from the mean ({mean:g}) of the training rows."
        )
    return standardised[:, None]


def _refuse_missing(name: str, missing: NDArray[np.bool_], source: str) -> None:
    if missing.any():
        raise DataError(
            f"{source} row {int(np.argmax(missing)) + 1}: column {name!r} has no value ({int(missing.sum()):,} rows "
            "have none). A training with missing='drop' (--missing drop) leaves such rows out, one with 'fill' fills "
            "them in."
        )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= MOST


def _texts(value: Sequence[Any]) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(text, str) for text in value):
        raise ValueError(f"expected texts, got {value!r:.80}")
    return tuple(value)


def _column(value: Any) -> NumberColumn | CategoryColumn:
    kind = CategoryColumn if "categories" in value else NumberColumn
    if set(value) != {field.name for field in fields(kind)} or not isinstance(value["name"], str):
        raise ValueError(f"expected a column, got {value!r:.80}")
    fill = value["fill"]
    if kind is CategoryColumn:
        if fill is not None and not isinstance(fill, str):
            raise ValueError(f"expected a text, got {fill!r:.80}")
        return CategoryColumn(value["name"], _texts(value["categories"]), fill)
    numbers = [value["mean"], value["std"], 0.0 if fill is None else fill]
    if not all(_is_number(number) for number in numbers) or not value["std"] > 0:
        raise ValueError(f"expected finite numbers and a std above 0, got {value!r:.80}")
    return NumberColumn(value["name"], value["mean"], value["std"], fill)

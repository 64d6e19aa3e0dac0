"""Tables: CSV and Parquet files as data sets (extra ``tables``)."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassnet.data.dataset import Dataset, Split
from glassnet.data.encoder import MOST_CELLS, Column, TableEncoder, as_texts, fit_column
from glassnet.data.files import read_whole
from glassnet.data.parquet import announced_size
from glassnet.data.split import split_indices
from glassnet.engine.errors import ConfigError, DataError
from glassnet.engine.options import integer_option

#: What is read at most: a Parquet file of a few bytes can announce any number of equal rows, or of long texts.
MOST_COLUMNS = 10_000
MOST_CHARACTERS = 2**28  # of one column
LARGEST_NUMBER = 1e100  # so that means and variances are numbers
LARGEST_FILE = 2**30  # bytes
#: Whole numbers with more different values are a quantity and not classes.
MOST_CLASSES = 20
#: What counts as a missing value in a CSV file.
MISSING_WORDS = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?"]
POLICIES = ("error", "drop", "fill")


def read_table(
    path: str | os.PathLike[str],
    *,
    target: str,
    task: str = "auto",
    missing: str = "error",
    group: str | None = None,
    fractions: Sequence[float] = (0.8, 0.1, 0.1),
    seed: int = 0,
) -> Dataset:
    """Read a CSV (or TSV) or Parquet file as a data set with train, val and test splits.

    Columns of numbers are standardised, columns of texts become a 1 in the place of their category; means, deviations
    and categories are those of the training rows alone. ``dataset.encoder`` keeps them for new rows.

    target: the column to predict. task: "classification", "regression" (y (n, 1), standardised), or "auto":
        classification for texts, truth values, and whole numbers with at most 20 different values.
    missing: what to do about missing values: "error", "drop" the row, or "fill" in the median of the training rows
        (numbers) or a category "missing" (texts). Rows without a target are always dropped or an error.
    group: a column of keys: rows with the same key are never in two splits. It is not an input.
    fractions: of the rows in train, val and test. seed: which rows are in which.

    Raises DataError that names the file, row and column, and ConfigError for options that do not fit or if polars is
    missing.
    """
    if missing not in POLICIES:
        raise ConfigError(f"missing must be 'error', 'drop' or 'fill', got {missing!r}.")
    if task not in ("auto", "classification", "regression"):
        raise ConfigError(f"task must be 'auto', 'classification' or 'regression', got {task!r}.")
    if len(fractions) != 3:
        raise ConfigError(f"fractions must be three numbers, for train, val and test, got {fractions!r}.")
    table = read_columns(path)
    for name in (target, *([] if group is None else [group])):
        if name not in table:
            near = get_close_matches(name, table, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"It has {', '.join(map(repr, table))}."
            raise DataError(f"{path} has no column {name!r}. {hint}")
    if group == target or len(table) < (2 if group is None else 3):
        raise DataError(f"{path} has no columns besides the target{'' if group is None else ' and the group'}.")
    if missing != "error":
        dropped = _missing(table[target])
        if missing == "drop":
            dropped = np.logical_or.reduce([_missing(column) for column in table.values()])
        table = _take(table, np.flatnonzero(~dropped))
        if not len(next(iter(table.values()))):
            raise DataError(f"{path} has no row without missing values.")
    classifies = task == "classification" or (task == "auto" and _are_classes(table[target]))
    classes = None
    if classifies:
        known = {text for text in as_texts(table[target]) if text is not None}
        classes = tuple(sorted(known, key=_class_order))
    inputs = [name for name in table if name not in (target, group)]
    rows = _split(table, target if classifies else None, group, fractions, seed, str(path))
    train = _take(table, rows[0])
    try:
        columns = tuple(fit_column(name, train[name], missing == "fill") for name in inputs)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    values = train[target]
    mean, std = 0.0, 1.0
    if classes is None:
        if isinstance(values, list):
            raise DataError(f"{path}: the target {target!r} must hold numbers for a regression.")
        mean, std = float(np.nanmean(values)), float(np.nanstd(values)) or 1.0
    encoder = TableEncoder(columns, target, classes, mean, std)
    whole = Split(encoder.encode(table, str(path)), encoder.encode_target(table[target], str(path)))
    train_split, val, test = (Split(whole.x[part], whole.y[part]) for part in rows)
    return Dataset(Path(path).stem, train_split, val, test, classes=classes, encoder=encoder)


def read_columns(path: str | os.PathLike[str]) -> dict[str, Column]:
    """The columns of a CSV (or TSV) or Parquet file: numbers as float64, anything else as texts.

    Raises DataError for a file that cannot be read or is too large, and for columns of other types.
    """
    frame = _read_frame(Path(path))
    return {name: _as_column(frame[name], name, path) for name in frame.columns}


def _read_frame(path: Path) -> Any:
    try:
        import polars as pl
    except ImportError as error:
        raise ConfigError("reading tables needs polars. Install it with pip install 'glassnet[tables]'.") from error
    ending = path.suffix.lower()
    if ending not in (".csv", ".tsv", ".parquet"):
        raise DataError(f"{path} must end in .csv, .tsv or .parquet.")
    # polars reports damage that it did not foresee as a PanicException, which is no Exception.
    failures: tuple[type[BaseException], ...] = (pl.exceptions.PolarsError, pl.exceptions.PanicException, ValueError)
    try:
        if ending == ".parquet":
            content = read_whole(path, LARGEST_FILE)
            _check_size(path, *announced_size(content))
            frame = pl.read_parquet(io.BytesIO(content))
        else:
            text = read_whole(path, LARGEST_FILE)
            separator = "\t" if ending == ".tsv" else _separator(text)
            _check_size(path, text.count(b"\n") + 1, text.split(b"\n", 1)[0].count(separator.encode()) + 1)
            frame = pl.read_csv(
                text, separator=separator, null_values=MISSING_WORDS, infer_schema_length=None, raise_if_empty=True
            )
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from None
    except DataError:
        raise
    except failures as error:
        reason = str(error).strip().split("\n")[0]
        raise DataError(f"{path} cannot be read as a table: {reason:.200}.") from None
    if not frame.height or not frame.width:
        raise DataError(f"{path} holds no rows; expected a line of column names and rows below it.")
    return frame


def _check_size(path: Path, rows: int, columns: int) -> None:
    if columns > MOST_COLUMNS or rows * max(1, columns) > MOST_CELLS:
        raise DataError(
            f"{path} has {rows:,} rows of {columns:,} columns; at most {MOST_CELLS:,} values in {MOST_COLUMNS:,} "
            "columns are read."
        )


def _separator(text: bytes) -> str:
    """The one of , ; and tab that occurs most in the first line."""
    first = text.split(b"\n", 1)[0]
    return max((",", ";", "\t"), key=lambda separator: first.count(separator.encode()))


def _as_column(series: Any, name: str, path: str | os.PathLike[str]) -> Column:
    import polars as pl

    if series.dtype.is_numeric():
        values: NDArray[np.float64] = series.cast(pl.Float64).fill_null(np.nan).to_numpy()
        if (wrong := np.abs(values) > LARGEST_NUMBER).any():  # also infinity, but not NaN, which is missing
            row = int(np.argmax(wrong)) + 1
            raise DataError(
                f"{path} row {row}: column {name!r} holds {values[row - 1]}; numbers must be finite, and at most "
                f"{LARGEST_NUMBER:g}."
            )
        return values
    if series.dtype in (pl.String, pl.Boolean, pl.Categorical, pl.Null) or isinstance(series.dtype, pl.Enum):
        strings = series.cast(pl.String)
        if int(strings.str.len_bytes().sum()) > MOST_CHARACTERS:
            raise DataError(
                f"{path}: column {name!r} holds more than {MOST_CHARACTERS:,} bytes of text. Leave the column out."
            )
        texts: list[str | None] = strings.to_list()
        return texts
    raise DataError(
        f"{path}: column {name!r} is of type {series.dtype}; numbers, texts and truth values are read. "
        "Leave it out or turn it into numbers."
    )


def _missing(column: Column) -> NDArray[np.bool_]:
    if isinstance(column, list):
        return np.array([text is None for text in column], bool)
    return np.isnan(column)


def _take(table: dict[str, Column], rows: NDArray[np.int64]) -> dict[str, Column]:
    chosen = rows.tolist()
    return {
        name: [column[row] for row in chosen] if isinstance(column, list) else column[rows]
        for name, column in table.items()
    }


def _are_classes(column: Column) -> bool:
    if isinstance(column, list):
        return True
    known = np.unique(column[~np.isnan(column)])
    return len(known) <= MOST_CLASSES and bool((known == np.round(known)).all())


def _class_order(text: str) -> tuple[int, float, str]:
    """Numbers in the order of their size, then texts; NaN has no place among the numbers."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    return (1, 0.0, text) if math.isnan(value) else (0, value, text)


def _split(
    table: dict[str, Column],
    stratify: str | None,
    group: str | None,
    fractions: Sequence[float],
    seed: int,
    source: str,
) -> tuple[NDArray[np.int64], ...]:
    """The rows of each split: whole groups, or stratified by class."""
    count = len(next(iter(table.values())))
    integer_option("seed", seed, 0)
    key = group or stratify
    if key is None:
        return split_indices(count, fractions, seed=seed)
    texts = as_texts(table[key])
    if None in texts:
        raise DataError(
            f"{source} row {texts.index(None) + 1}: column {key!r} has no value. Ask for missing='drop' to leave such "
            "rows out."
        )
    labels = np.array(texts, dtype=str)
    return split_indices(count, fractions, seed=seed, **{"groups" if group else "stratify": labels})

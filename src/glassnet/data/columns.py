"""Columns of CSV and Parquet files (extra ``tables``), read within limits and checked."""

from __future__ import annotations

import io
import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassnet.data.encoder import MOST_CELLS, Column
from glassnet.data.files import read_whole
from glassnet.data.parquet import announced_size
from glassnet.engine.errors import ConfigError, DataError

#: What is read at most: a Parquet file of a few bytes can announce any number of equal rows, or of long texts.
MOST_COLUMNS = 10_000
MOST_CHARACTERS = 2**28  # of one column
LARGEST_NUMBER = 1e100  # so that means and variances are numbers
LARGEST_FILE = 2**30  # bytes
#: What counts as a missing value in a CSV file.
MISSING_WORDS = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?"]


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
            frame = _tidied(frame, path)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from None
    except DataError:
        raise
    except failures as error:
        reason = str(error).strip().split("\n")[0].rstrip(".")
        if ending != ".parquet" and (row := _too_long(text, separator)):
            reason = f"row {row} has more values than there are columns"
        raise DataError(f"{path} cannot be read as a table: {reason:.200}.") from None
    if not frame.height or not frame.width:
        raise DataError(f"{path} holds no rows; expected a line of column names and rows below it.")
    return frame


def _tidied(frame: Any, path: Path) -> Any:
    """Names and texts of a CSV without spaces around them, and columns of numbers with such spaces as numbers.

    Raises DataError for columns without a name, such as the numbers of the rows, and for names that occur twice.
    """
    import polars as pl

    names = [name.strip() for name in frame.columns]
    counts = Counter(names)
    for place, name in enumerate(names, start=1):
        if not name:
            raise DataError(f"{path}: column {place} has no name. Give it one, or leave it out.")
        first = re.sub(r"_duplicated_\d+$", "", name)  # what polars calls the second one
        if counts[name] > 1 or (first != name and first in counts):
            raise DataError(f"{path} has two columns named {first!r}. Name each column once.")
    frame.columns = names
    texts = pl.col(pl.String).str.strip_chars()
    frame = frame.with_columns(pl.when(texts.is_in(MISSING_WORDS)).then(None).otherwise(texts).name.keep())
    numbers = frame.select(pl.col(pl.String).cast(pl.Float64, strict=False))
    alike = [name for name in numbers.columns if numbers[name].null_count() == frame[name].null_count()]
    return frame.with_columns(numbers[name] for name in alike if numbers[name].null_count() < frame.height)


def _too_long(text: bytes, separator: str) -> int | None:
    """The first row of a CSV file with more values than names, counted from 1; None if there is none."""
    import csv

    lines = (line.decode("utf-8", "replace") for line in io.BytesIO(text))
    rows = csv.reader(lines, delimiter=separator)
    try:
        width = len(next(rows, []))
        return next((number for number, row in enumerate(rows, start=1) if len(row) > width), None)
    except csv.Error:  # polars' own reason is the better one
        return None


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

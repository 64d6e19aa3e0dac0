"""Tables: CSV and Parquet files as data sets (extra ``tables``)."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from glassnet.data.columns import read_columns
from glassnet.data.dataset import BY_CLASS, Dataset, Split
from glassnet.data.encoder import Column, TableEncoder, as_texts, fit_column
from glassnet.data.split import split_indices
from glassnet.engine.errors import ConfigError, DataError
from glassnet.engine.options import integer_option

#: Whole numbers with more different values are a quantity and not classes.
MOST_CLASSES = 20
POLICIES = ("error", "drop", "fill")
TASKS = ("auto", "classification", "regression")


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

    >>> from pathlib import Path
    >>> rows = [f"{width},{'red' if width % 2 else 'blue'},{3.5 * width}" for width in range(50)]
    >>> _ = Path("table.csv").write_text("\\n".join(["width,colour,price", *rows]))
    >>> table = data.read_table("table.csv", target="price")
    >>> table.encoder.feature_names, table.train.x.shape, table.encoder.task
    (('width', 'colour=blue', 'colour=red'), (40, 3), 'regression')
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
    for name in table:
        if name != group and not (name == target and task == "classification"):
            _refuse_nearly_numbers(table[name], name, path)
    classifies = task == "classification" or (task == "auto" and _are_classes(table[target]))
    classes = None
    if classifies:
        known = {text for text in as_texts(table[target]) if text is not None}
        if len(known) == 1:
            raise DataError(
                f"{path} has only one class, {known.pop()!r}, in column {target!r}: there is nothing to learn."
            )
        classes = tuple(sorted(known, key=_class_order))
    inputs = [name for name in table if name not in (target, group)]
    try:
        rows = _split(table, target if classifies else None, group, fractions, seed)
        train = _take(table, rows[0])
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
    by = BY_CLASS if classifies else None
    by = by if group is None else f"rows of the same {group} together"
    return Dataset(Path(path).stem, train_split, val, test, classes=classes, encoder=encoder, split_by=by)


def _refuse_nearly_numbers(column: Column, name: str, path: str | os.PathLike[str]) -> None:
    """Raises DataError for texts most of which are numbers: one slip must not turn a quantity into categories."""
    if not isinstance(column, list):
        return
    known = {text for text in column if text is not None}
    slips = {text for text in known if not _reads_as_number(text)}
    commas = {text for text in slips if _reads_as_number(text.replace(",", "."))}
    if len(known) <= MOST_CLASSES or not slips or 2 * len(slips - commas) > len(known):
        return
    row = next(row for row, text in enumerate(column, start=1) if text in slips)
    raise DataError(
        f"{path} row {row}: column {name!r} holds {column[row - 1]!r:.80}, but most of its values are numbers. Write "
        "numbers with a decimal point and without a unit, and leave it empty where there is none."
    )


def _reads_as_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


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
            f"row {texts.index(None) + 1}: column {key!r} has no value. Ask for missing='drop' to leave such rows out."
        )
    labels = np.array(texts, dtype=str)
    return split_indices(count, fractions, seed=seed, **{"groups" if group else "stratify": labels})

"""Splitting rows into parts that never overlap: seeded, and stratified by class where labels are given."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from glassnet.data.permutation import random_order
from glassnet.engine.errors import ConfigError, DataError
from glassnet.engine.options import integer_option


def split_indices(
    n: int,
    fractions: Sequence[float] = (0.8, 0.1, 0.1),
    *,
    seed: int = 0,
    stratify: ArrayLike | None = None,
    groups: ArrayLike | None = None,
) -> tuple[NDArray[np.int64], ...]:
    """Split the rows 0 to n - 1 into one sorted index array for each fraction.

    The arrays never overlap and together hold every row. Their sizes are ``n`` times the fractions, rounded
    up or down. They are a function of the arguments alone, the same bits on every machine.

    stratify: n labels (whole numbers or text). Every split then holds each label's share of its rows to
        within one row.
    groups: n keys (whole numbers or text). Rows with the same key, such as the pictures of one person, are never in
        two splits; sizes are then as close to the fractions as the groups allow.

    Raises ConfigError when the fractions are not positive or do not add up to 1, or for both stratify and groups,
    and DataError when a split would be empty or the labels do not fit.

    >>> train, test = data.split_indices(10, (0.8, 0.2), stratify=["cat"] * 5 + ["dog"] * 5)
    >>> len(train), len(test), (test < 5).sum().item()  # one cat and one dog
    (8, 2, 1)
    """
    rows = integer_option("the number of rows", n, 1)
    weights = _weights(fractions)
    if groups is not None:
        if stratify is not None:
            raise ConfigError("rows can be split by group or by class, not both. Leave out groups or stratify.")
        return _split_groups(_class_codes(groups, rows, "groups"), weights, seed, fractions)
    order = random_order(rows, seed, 0, stream="split")
    counts = [rows]
    if stratify is not None:
        codes = _class_codes(stratify, rows, "stratify")
        counts = np.bincount(codes).tolist()
        order = order[np.argsort(codes[order], kind="stable")]  # class after class, each in random order
    table = _allocate(counts, weights)
    _refuse_empty([sum(column) for column in zip(*table, strict=True)], fractions, _count(rows, "row"))
    # The split that each entry of `order` goes to: a run of every split for every class.
    destination = np.repeat(np.tile(np.arange(len(weights)), len(counts)), np.ravel(table))
    return tuple(np.sort(order[destination == position]) for position in range(len(weights)))


def _refuse_empty(sizes: Sequence[int], fractions: Sequence[float], what: str) -> None:
    for position, size in enumerate(sizes):
        if size == 0:
            raise DataError(
                f"split {position + 1} of {len(sizes)} (fraction {fractions[position]}) would be empty: "
                f"there {what}. Give more of them or a larger fraction."
            )


def _count(number: int, name: str) -> str:
    return f"is only 1 {name}" if number == 1 else f"are only {number} {name}s"


def _split_groups(
    codes: NDArray[Any], weights: list[int], seed: int, fractions: Sequence[float]
) -> tuple[NDArray[np.int64], ...]:
    """Whole groups, in random order but the largest first, each to the split that is furthest below its share."""
    sizes = np.bincount(codes)
    order = random_order(len(sizes), seed, 0, stream="split")
    order = order[np.argsort(-sizes[order], kind="stable")]
    filled, destination = [0] * len(weights), np.empty(len(sizes), np.int64)
    for number, group in enumerate(order.tolist()):
        empty = [i for i, size in enumerate(filled) if not size]
        open_splits = empty if len(empty) >= len(sizes) - number else range(len(weights))  # none may stay empty
        split = min(open_splits, key=lambda i: (filled[i] + int(sizes[group])) / weights[i])
        destination[group] = split
        filled[split] += int(sizes[group])
    _refuse_empty(filled, fractions, _count(len(sizes), "group"))
    return tuple(np.flatnonzero(destination[codes] == position) for position in range(len(weights)))


def _weights(fractions: Sequence[float]) -> list[int]:
    """The fractions as whole numbers in the same proportion, so that 0.29 of 100 rows is 29, not 28.99999."""
    from fractions import Fraction  # here and not above, because it is not needed to import glassnet

    try:
        exact = [Fraction(float(fraction)).limit_denominator(10**6) for fraction in fractions]
    except (TypeError, ValueError, OverflowError):
        raise ConfigError(f"fractions must be positive numbers, such as (0.8, 0.1, 0.1), got {fractions!r}.") from None
    if not exact or min(exact) <= 0:
        raise ConfigError(f"fractions must all be positive, got {fractions!r}. Leave out the split you do not want.")
    total = sum(exact, Fraction(0))
    if abs(total - 1) > Fraction(1, 10**5):
        raise ConfigError(f"fractions must add up to 1, got {fractions!r}, which add up to {float(total):g}.")
    scale = math.lcm(*(fraction.denominator for fraction in exact))
    return [int(fraction * scale) for fraction in exact]


def _class_codes(labels: ArrayLike, rows: int, option: str) -> NDArray[Any]:
    """Labels as class numbers from 0 without gaps, (rows,)."""
    array = np.asarray(labels)
    if array.shape != (rows,):
        raise DataError(f"{option} must hold one label for each of the {rows} rows, got shape {array.shape}.")
    if array.dtype.kind not in "biuU":
        raise DataError(f"{option} needs labels (whole numbers or text), got dtype {array.dtype}.")
    return np.unique(array, return_inverse=True)[1]


def _allocate(counts: list[int], weights: list[int]) -> list[list[int]]:
    """How many rows of each class go to each split, (classes, splits), in exact whole numbers.

    Exact shares are rounded so that the sums stay right in both directions: every row of a class is given
    away, and a split's size is its share of all rows, rounded up or down. Shares are rounded down first. The
    rows that are left go at most one to a split, by Ryser's construction of a matrix of zeros and ones with
    given row and column sums (Combinatorial properties of matrices of zeros and ones, 1957): each class gives
    to the splits that still want most.
    """
    unit = sum(weights)
    table = [[count * weight // unit for weight in weights] for count in counts]
    left = [count - sum(row) for count, row in zip(counts, table, strict=True)]
    remainders = [[count * weight % unit for weight in weights] for count in counts]
    wanted = _round_sizes([sum(column) for column in zip(*remainders, strict=True)], unit, left)
    for row, spare, remainder in zip(table, left, remainders, strict=True):
        by_need = sorted(range(len(weights)), key=lambda split: (-wanted[split], -remainder[split]))
        for split in by_need[:spare]:
            row[split] += 1
            wanted[split] -= 1
    return table


def _round_sizes(shares: list[int], unit: int, left: list[int]) -> list[int]:
    """Round each split's share of the left rows (in units), so that the sum is kept and the sizes can be met.

    Largest remainders are rounded up first. Sizes can be met if no j splits together want more rows than the
    classes can give to j splits, one row a split (the Gale-Ryser theorem). Such sets of roundings are a
    matroid, so the greedy choice always ends with the right sum.
    """
    capacity = [sum(min(spare, j) for spare in left) for j in range(1, len(shares) + 1)]
    wanted = [share // unit for share in shares]
    for split in sorted(range(len(shares)), key=lambda split: -(shares[split] % unit)):
        if sum(wanted) == sum(left):
            break
        wanted[split] += 1
        largest_first = sorted(wanted, reverse=True)
        if any(sum(largest_first[:j]) > most for j, most in enumerate(capacity, start=1)):
            wanted[split] -= 1
    return wanted

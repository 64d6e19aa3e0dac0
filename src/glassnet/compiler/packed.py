"""Tables whose numbers fit into bytes: pictures, classes, characters. Compiled steps read them as bytes.

The rows of a batch lie all over a table, so to fetch them takes longer than what a small network computes from them:
the fewer bytes, the faster. The numbers that come out are the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from glassnet.engine.namespace import Array

#: What bytes are divided by: pixels between 0 and 1, and whole numbers.
DIVISORS = (255, 1)
#: Elements that are looked at first, since most tables of other numbers show it there; and at once, in the cache.
FIRST, BLOCK = 4096, 1 << 16


@dataclass(frozen=True)
class Packed:
    """codes / divisor, in dtype, are the numbers of a table."""

    codes: Array
    divisor: int
    dtype: np.dtype[Any]

    def unpack(self, codes: Any) -> Any:
        """The numbers that some of the codes stand for, as arrays of whichever kind the codes are."""
        numbers = codes.astype(self.dtype)
        return numbers if self.divisor == 1 else numbers / self.divisor


class Packing:
    """``packed``, which looks at each table once: the steps of a training for other sizes of batch have the same."""

    def __init__(self) -> None:
        self._known: list[tuple[Array, Packed | None]] = []

    def __call__(self, table: Array) -> Packed | None:
        """The table as bytes, or None, as it was when it was asked for first."""
        for known, found in self._known:
            if known is table:
                return found
        self._known.append((table, packed(table)))
        return self._known[-1][1]


def packed(table: Array) -> Packed | None:
    """The table as bytes, or None if its numbers are others, or bytes already."""
    if table.dtype.kind not in "iuf" or table.dtype.itemsize == 1:
        return None
    whole = table.dtype.kind != "f"
    for divisor in (1,) if whole else DIVISORS:
        if _codes(table.reshape(-1)[:FIRST], divisor) is None:
            continue
        codes = _codes(table.reshape(-1), divisor)
        if codes is not None:
            return Packed(codes.reshape(table.shape), divisor, table.dtype)
    return None


def _codes(numbers: Array, divisor: int) -> Array | None:
    """The bytes, or None if there are other numbers, of which -0.0 is one."""
    codes = np.empty(len(numbers), np.uint8)
    for start in range(0, len(numbers), BLOCK):
        block = numbers[start : start + BLOCK]
        if not (block.min() >= 0 and block.max() <= 255 / divisor) or np.signbit(block).any():  # NaN fails too
            return None
        scaled = block if divisor == 1 else np.rint(block * divisor)
        found = scaled.astype(np.uint8)
        back = found.astype(block.dtype)
        if not np.array_equal(back if divisor == 1 else back / divisor, block):
            return None
        codes[start : start + BLOCK] = found
    return codes

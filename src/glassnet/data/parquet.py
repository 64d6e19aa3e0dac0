"""What a Parquet file announces, checked before polars takes memory for it.

A damaged number in a header can make polars ask for more memory than there is, which ends the process. So the footer
and the header of each page are read here first, and each size in them is held against the file. The format is
https://parquet.apache.org/docs/file-format in Thrift's compact protocol; only the fields that matter are looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

MAGIC = b"PAR1"
#: Bytes of all pages together once they are inflated.
LARGEST = 2**31
#: Thrift's structs in structs and lists in lists; Parquet's own go 7 deep.
DEEPEST = 20

Struct = dict[int, Any]


def announced_size(content: bytes) -> tuple[int, int]:
    """The numbers of rows and columns of a Parquet file. Raises ValueError if its parts do not belong together."""
    length = int.from_bytes(content[-8:-4], "little")
    end = len(content) - 8 - length
    if content[:4] != MAGIC or content[-4:] != MAGIC or end < 4:
        raise ValueError("it does not begin and end as a Parquet file does")
    footer = _Thrift(content, end, len(content) - 8).struct()
    rows, groups = _count(footer, 3), _structs(footer, 4)
    leaves = [element for element in _structs(footer, 2) if not element.get(5)]
    if sum(_count(group, 3) for group in groups) != rows:
        raise ValueError("its row groups have another number of rows than it announces")
    inflated = 0
    for group in groups:
        columns = _structs(group, 1)
        if len(columns) != len(leaves):
            raise ValueError("a row group has another number of columns than the table")
        for column in columns:
            inflated += _check_chunk(content, end, _struct(column, 3), _count(group, 3))
            if inflated > LARGEST:
                raise ValueError(f"it holds more than {LARGEST:,} bytes once it is inflated")
    return rows, len(leaves)


def _check_chunk(content: bytes, end: int, column: Struct, rows: int) -> int:
    """Walk over the pages of a column in a row group. Returns their inflated size."""
    values, size = _count(column, 5), _count(column, 7)
    start = min(
        _count(column, 9), _count({11: 0, **column}, 11) or len(content)
    )  # some writers say 0 for "no dictionary"
    if values < rows or start < 4 or start + size > end:
        raise ValueError("a column is not where the footer says, or has too few values")
    inflated = found = 0
    place, stop = start, start + size
    while place < stop:
        thrift = _Thrift(content, place, stop)
        page = thrift.struct()
        packed, plain = _count(page, 3), _count(page, 2)
        place = thrift.place + packed
        if place > stop or (_count(column, 4) == 0 and packed != plain):
            raise ValueError("the size of a page is not the one that it announces")
        kind, key = _count(page, 1), {0: 5, 2: 7, 3: 8}.get(_count(page, 1))
        count = 0 if key is None else _count(_struct(page, key), 1)
        if kind == 2 and count > plain:
            raise ValueError("a dictionary announces more words than it can hold")
        if kind == 3 and sum(_count(_struct(page, 8), one) for one in (5, 6)) > packed:
            raise ValueError("the levels of a page are larger than the page")
        found += count if kind in (0, 3) else 0
        inflated += plain
    if found != values:
        raise ValueError(f"a column announces {values:,} values, and its pages {found:,}")
    return inflated


def _count(struct: Struct, key: int) -> int:
    value = struct.get(key)
    if not isinstance(value, int) or value < 0:
        raise ValueError(f"field {key} of a header must be a count, got {value!r:.40}")
    return value


def _struct(struct: Struct, key: int) -> Struct:
    value = struct.get(key)
    if not isinstance(value, dict):
        raise ValueError(f"field {key} of a header is missing")
    return value


def _structs(struct: Struct, key: int) -> list[Struct]:
    value = struct.get(key)
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise ValueError(f"field {key} of the footer is missing")
    return value


class _Thrift:
    """A reader of Thrift's compact protocol from ``place`` on, which goes no further than ``end``."""

    def __init__(self, content: bytes, place: int, end: int) -> None:
        self.content, self.place, self.end = content, place, end

    def struct(self, depth: int = 0) -> Struct:
        """The fields of a struct by their numbers."""
        if depth > DEEPEST:
            raise ValueError("its headers are nested too deeply")
        fields: Struct = {}
        key = 0
        while header := self._bytes(1)[0]:
            key = key + (header >> 4) if header >> 4 else self._signed()
            kind = header & 15
            fields[key] = kind == 1 if kind in (1, 2) else self._value(kind, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        readers: dict[int, Callable[[], Any]] = {
            1: lambda: self._bytes(1)[0] == 1,  # within lists
            2: lambda: self._bytes(1)[0] == 1,
            3: lambda: self._bytes(1)[0],
            4: self._signed,
            5: self._signed,
            6: self._signed,
            7: lambda: self._bytes(8),
            8: lambda: self._bytes(self._unsigned()),
            9: lambda: list(self._items(depth + 1)),
            10: lambda: list(self._items(depth + 1)),
            12: lambda: self.struct(depth + 1),
        }
        if kind not in readers:  # also maps, which Parquet has none of
            raise ValueError(f"its headers hold the unknown type {kind}")
        return readers[kind]()

    def _items(self, depth: int) -> Iterator[Any]:
        if depth > DEEPEST:
            raise ValueError("its headers are nested too deeply")
        header = self._bytes(1)[0]
        for _ in range(header >> 4 if header >> 4 < 15 else self._unsigned()):
            yield self._value(header & 15, depth)  # at least a byte each, so that the end stops a huge count

    def _bytes(self, count: int) -> bytes:
        taken = self.content[self.place : self.place + count]
        self.place += count
        if self.place > self.end:
            raise ValueError("a header ends too early")
        return taken

    def _unsigned(self) -> int:
        value = shift = 0
        while (byte := self._bytes(1)[0]) >= 128:
            value |= (byte & 127) << shift
            shift += 7
            if shift > 63:
                raise ValueError("a number in a header is too long")
        return value | byte << shift

    def _signed(self) -> int:
        value = self._unsigned()
        return value >> 1 ^ -(value & 1)

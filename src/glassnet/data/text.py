"""Text for character-level models: items of one line each, a vocabulary, and the contexts to predict from."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from glassnet.data.files import open_data
from glassnet.engine.errors import DataError
from glassnet.engine.options import integer_option

BOUNDARY = "."  # stands before the first and after the last character of an item; its index is 0

# Control characters except tab and newline: they mean a binary file, and would reach the terminal with the
# samples.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def read_lines(path: str | os.PathLike[str], *, max_bytes: int = 2**26, max_length: int = 1000) -> list[str]:
    """Read a text file, gzipped or not, of one item a line: UTF-8, outer spaces removed, blank lines skipped.

    max_bytes: the largest file to read, in bytes after inflation. Lines of a character or two take 30 times as much
        memory.
    max_length: the longest line to accept, in characters.

    Raises DataError naming the file and the line.
    """
    limit = integer_option("max_bytes", max_bytes, 1)
    longest = integer_option("max_length", max_length, 1)
    with open_data(path) as file:
        content = b"".join(file.chunks(limit + 1))
        source = file.path
    if len(content) > limit:
        raise DataError(f"{source} holds more than {limit} bytes of text. Raise max_bytes or cut the file.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(f"{source} line {line} is not UTF-8 text: {error.reason}.") from None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if control := _CONTROL.search(text):
        line = text.count("\n", 0, control.start()) + 1
        raise DataError(f"{source} line {line} holds the control character {control[0]!r}; expected plain text.")
    items = []
    for number, whole in enumerate(text.split("\n"), start=1):
        item = whole.strip()
        if len(item) > longest:
            raise DataError(f"{source} line {number} has {len(item)} characters; the limit is {longest}.")
        if item:
            items.append(item)
    if not items:
        raise DataError(f"{source} holds no items; expected text with one item a line.")
    return items


@dataclass(frozen=True)
class Vocabulary:
    """The characters of a text: ``characters[i]`` has index i + 1, and the boundary "." has index 0.

    Raises DataError when a character is repeated, is the boundary, or is not exactly one character.
    """

    characters: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "characters", tuple(self.characters))
        if not self.characters:
            raise DataError("a vocabulary needs at least one character besides the boundary, got none.")
        for character in self.characters:
            if not isinstance(character, str) or len(character) != 1:
                raise DataError(f"a vocabulary is made of single characters, got {character!r}.")
            if character == BOUNDARY:
                raise DataError(f"{BOUNDARY!r} marks the boundary of items and cannot be a character of them.")
        if len(set(self.characters)) < len(self.characters):
            raise DataError(f"the characters of a vocabulary must all differ, got {''.join(self.characters)!r}.")

    @classmethod
    def from_items(cls, items: Iterable[str]) -> Vocabulary:
        """The sorted characters of all items. Raises DataError naming an item that holds the boundary "."."""
        items = list(items)
        characters = set().union(*items)
        if BOUNDARY in characters:
            culprit = next(item for item in items if BOUNDARY in item)
            raise DataError(f"item {culprit!r} holds {BOUNDARY!r}, which marks the boundary of items. Remove it.")
        return cls(tuple(sorted(characters)))

    def __len__(self) -> int:
        """The number of indices, the boundary's included."""
        return len(self.characters) + 1

    @property
    def symbols(self) -> tuple[str, ...]:
        """What each index stands for: the boundary "." and then the characters."""
        return (BOUNDARY, *self.characters)

    def encode(self, item: str) -> NDArray[np.int64]:
        """The indices of an item's characters, (len(item),) int64. Raises DataError for an unknown one."""
        return self._encode_all([item])

    def decode(self, indices: Iterable[int] | NDArray[Any]) -> str:
        """The characters of indices; index 0 becomes ".". Raises DataError for an index out of range."""
        symbols = self.symbols
        text = []
        for index in indices:
            if not 0 <= index < len(symbols):
                raise DataError(f"index {index} is not in the vocabulary; its indices are 0 to {len(symbols) - 1}.")
            text.append(symbols[index])
        return "".join(text)

    def to_json(self) -> dict[str, str]:
        """The vocabulary as a value for json.dump."""
        return {"characters": "".join(self.characters)}

    @classmethod
    def from_json(cls, value: object) -> Vocabulary:
        """The vocabulary that ``to_json`` described. Raises DataError when the value is something else."""
        characters = value.get("characters") if isinstance(value, dict) else None
        if not isinstance(characters, str):
            raise DataError(f'a vocabulary in JSON is {{"characters": "abc"}}, got {value!r:.200}.')
        return cls(tuple(characters))

    def _encode_all(self, items: Sequence[str]) -> NDArray[np.int64]:
        """The indices of the characters of all items, one item after the other."""
        points = _code_points("".join(items))
        known = _code_points("".join(self.characters))
        order = np.argsort(known)
        place = np.minimum(np.searchsorted(known, points, sorter=order), len(known) - 1)
        found = order[place]
        unknown = known[found] != points
        if unknown.any():
            character = chr(points[int(np.argmax(unknown))])
            number, item = next((n, item) for n, item in enumerate(items) if character in item)
            where = f"item {item!r}" if len(items) == 1 else f"item {number} ({item!r})"
            raise DataError(
                f"{where} holds the character {character!r}, which is not in the vocabulary; allowed are "
                f"{''.join(self.characters)!r:.200}."
            )
        return (found + 1).astype(np.int64, copy=False)


def contexts(items: Sequence[str], vocabulary: Vocabulary, context: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Every character of every item, and its ending, with the ``context`` characters that stand before it.

    Returns x (n, context) and y (n,), both int64 indices, where n is the number of characters plus the number
    of items. What stands before an item is the boundary: with a context of 3, "ava" gives ``... -> a``,
    ``..a -> v``, ``.av -> a`` and ``ava -> .``
    (Bengio et al., A neural probabilistic language model, 2003).

    Raises ConfigError for a context that is not a positive whole number, and DataError when there are no
    items, or for an item that is empty or holds a character that the vocabulary has not.

    >>> vocabulary = data.Vocabulary.from_items(["ava"])
    >>> x, y = data.contexts(["ava"], vocabulary, 3)
    >>> [f"{vocabulary.decode(row)} -> {vocabulary.decode([target])}" for row, target in zip(x, y)]
    ['... -> a', '..a -> v', '.av -> a', 'ava -> .']
    """
    width = integer_option("context", context, 1)
    lengths = np.fromiter(map(len, items), np.int64, len(items))
    if not lengths.size:
        raise DataError("there are no items to make contexts from.")
    if not lengths.all():
        raise DataError(f"item {int(np.argmin(lengths))} is empty; every item needs at least one character.")
    characters = vocabulary._encode_all(items)
    # One row of indices: `width` boundaries, an item, `width` boundaries, an item, ..., `width` boundaries.
    # The first boundary after an item is its ending; all of them are the padding before the next one.
    item_numbers = np.arange(1, len(items) + 1)
    positions = np.arange(len(characters)) + np.repeat(item_numbers * width, lengths)
    endings = np.cumsum(lengths) + item_numbers * width
    row = np.zeros(len(characters) + (len(items) + 1) * width, np.int64)
    row[positions] = characters
    predicted = row > 0
    predicted[endings] = True
    targets = np.flatnonzero(predicted)  # (n,)
    x = sliding_window_view(row, width)[targets - width]  # (n, context)
    return x, row[targets]


def _code_points(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.dtype("<u4"))

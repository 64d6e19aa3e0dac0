"""What is sent through a network: an example of the data, a drawn digit, a typed text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassnet.data.dataset import Dataset, Split
from glassnet.data.images import SIDE, centred_digit
from glassnet.data.text import contexts
from glassnet.engine.errors import ConfigError
from glassnet.engine.namespace import Array
from glassnet.nn.module import Module
from glassnet.train.loop import cast
from glassnet.viewer.query import Query

#: A drawing comes as this many rows of this many pixels, each a hexadecimal digit from 0 (background) to f (ink).
DRAWN = 56
#: Characters of a typed text.
LONGEST = 60
_PIXELS = re.compile(rf"[0-9a-f]{{{DRAWN * DRAWN}}}")


@dataclass(frozen=True)
class Example:
    """x (1, ...) and, where it is known, y (1, ...). name: what it is, for people. row: its number, where it has one.
    text, place: a typed text, and which of its characters (or, at its end, the boundary) is to be predicted.
    """

    x: Array
    y: Array | None
    name: str
    row: int | None = None
    text: str = ""
    place: int = 0


def held_out(dataset: Dataset) -> tuple[str, Split]:
    """The split that examples are taken from: test, or else val, or else train."""
    name = next(name for name in ("test", "val", "train") if name in dataset.splits)
    return name, dataset.splits[name]


def is_drawable(dataset: Dataset) -> bool:
    """Whether a drawing can be an input: for pictures in the form of MNIST."""
    return dataset.input_shape == (SIDE, SIDE)


def kinds(dataset: Dataset) -> list[str]:
    """Which kinds of example there are: "row", "drawn", "typed"."""
    return ["row", *(["drawn"] if is_drawable(dataset) else []), *(["typed"] if dataset.vocabulary else [])]


def example(net: Module, dataset: Dataset, query: Query) -> Example:
    """What a query asks for: ``drawn`` with the pixels, ``typed`` with a text and ``place`` with what to predict in it,
    or ``row``, the number of a row of the held-out split.

    Raises ConfigError or DataError for what the data has not.
    """
    given = [kind for kind in ("drawn", "typed") if kind in query.values]
    if any(kind not in kinds(dataset) for kind in given) or len(given) > 1:
        raise ConfigError(f"{dataset.name} takes {' or '.join(kinds(dataset))}, one at a time.")
    if given == ["drawn"]:
        return _drawn(net, dataset, query.text("drawn"))
    return _typed(dataset, query) if given == ["typed"] else _row(net, dataset, query)


def _row(net: Module, dataset: Dataset, query: Query) -> Example:
    name, split = held_out(dataset)
    row = query.whole("row", 0, len(split) - 1, default=0)
    one = cast(Split(split.x[row : row + 1], split.y[row : row + 1]), net.dtype)
    return Example(one.x, one.y, f"{name} row {row}", row=row)


def _drawn(net: Module, dataset: Dataset, pixels: str) -> Example:
    if not _PIXELS.fullmatch(pixels):
        raise ConfigError(f"a drawing is {DRAWN * DRAWN} digits from 0 to f, got {len(pixels)} characters.")
    levels = np.frombuffer(bytes.fromhex("".join(f"0{pixel}" for pixel in pixels)), np.uint8)
    digit = centred_digit(levels.reshape(DRAWN, DRAWN).astype(np.float32) / np.float32(15))
    return Example(digit.reshape(1, *dataset.train.x.shape[1:]).astype(net.dtype), None, "your drawing")


def _typed(dataset: Dataset, query: Query) -> Example:
    text = query.text("typed", longest=LONGEST)
    assert dataset.vocabulary is not None  # noqa: S101  # or there is nothing to type
    assert dataset.context is not None  # noqa: S101
    x, y = contexts([text], dataset.vocabulary, dataset.context)
    place = query.whole("place", 0, len(text), default=len(text))
    return Example(x[place : place + 1], y[place : place + 1], f"“{text}”", text=text, place=place)


def class_names(dataset: Dataset, outputs: int) -> list[str] | None:
    """What each output of a classifier stands for; None where that is not known."""
    names: Any = dataset.vocabulary.symbols if dataset.vocabulary is not None else dataset.classes
    return list(names) if names is not None and len(names) == outputs else None

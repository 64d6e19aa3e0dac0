"""Rows of a data set as people see them: a picture, the columns of a table, a text, or numbers."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np

from glassnet.data.dataset import Dataset
from glassnet.engine.namespace import Array
from glassnet.viewer.examples import class_names
from glassnet.viewer.numbers import digit

#: Numbers of a row that are shown at most, and characters of a name.
MOST, LONGEST = 40, 200


def shown(dataset: Dataset, x: Array) -> dict[str, Any]:
    """One input (...) as a picture (grey values 0 to 255, row by row, in base64), as a text, or as named values."""
    shape = tuple(size for size in dataset.input_shape or () if size != 1)
    if len(shape) == 2:
        pixels = (255 * np.clip(x, 0, 1)).astype(np.uint8)
        return {"picture": base64.b64encode(pixels.tobytes()).decode("ascii"), "size": list(shape)}
    if dataset.vocabulary is not None:
        return {"text": dataset.vocabulary.decode(x)[-LONGEST:]}
    if dataset.encoder is not None:
        values: Sequence[tuple[str, Any]] = list(dataset.encoder.decode(x).items())
    else:
        values = [(f"x{i}", float(value)) for i, value in enumerate(x.reshape(-1)[:MOST].tolist())]
    return {
        "values": [
            [name[:LONGEST], value[:LONGEST] if isinstance(value, str) else digit(value, 5)]
            for name, value in values[:MOST]
        ]
    }


def names_of(dataset: Dataset, count: int) -> list[str]:
    """The names of so many classes: those of the data set, its characters, or numbers."""
    return [name[:LONGEST] for name in class_names(dataset, count) or map(str, range(count))]

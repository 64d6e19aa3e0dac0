"""A few rows of the data in the folder of a run, so that it can be looked at without the program that trained it.

``rows.safetensors`` holds up to so many rows of each split, drawn once for all, and what their numbers mean. It is data
like the weights beside it: sealed, about a megabyte at most, never executed. Whoever may not have rows in a folder
says ``keep_rows=0``. A run of the command needs none, for it knows where its data is.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.data.batches import batches
from glassnet.data.dataset import Dataset, Split
from glassnet.data.encoder import TableEncoder
from glassnet.data.text import Vocabulary
from glassnet.engine.errors import CheckpointError, GlassnetError
from glassnet.train.checkpoint import read_arrays, write_arrays
from glassnet.train.storage import remove_leftovers

ROWS = "rows.safetensors"
#: Rows of each split that are kept unless it is said otherwise, and bytes of all of them together.
USUAL, LARGEST = 256, 2**20
#: Bytes of a file that is read, with its head.
LONGEST = 2 * LARGEST
_SPLITS = ("train", "val", "test")


def keep_rows(folder: Path, dataset: Dataset, count: int) -> None:
    """Write up to ``count`` rows of each split into the folder of a run, fewer where they are large; 0 removes what
    was kept. Raises CheckpointError if the file cannot be written.
    """
    splits = dataset.splits
    row = sum(array[0].nbytes for split in splits.values() for array in (split.x, split.y))
    count = min(count, LARGEST // max(row, 1))
    if count == 0 or any(array.dtype.itemsize > 8 for array in (dataset.train.x, dataset.train.y)):
        remove_leftovers(folder, [ROWS])
        return
    chosen = {name: np.sort(batches(split, min(count, len(split)), seed=0).rows(0)) for name, split in splits.items()}
    arrays = {
        f"{name}/{part}": np.ascontiguousarray(array[chosen[name]])
        for name, split in splits.items()
        for part, array in (("x", split.x), ("y", split.y))
    }
    notes = {
        "name": dataset.name,
        "of": {name: len(split) for name, split in splits.items()},
        "classes": dataset.classes,
        "input_shape": dataset.input_shape,
        "vocabulary": None if dataset.vocabulary is None else dataset.vocabulary.to_json(),
        "context": dataset.context,
        "encoder": None if dataset.encoder is None else dataset.encoder.to_json(),
    }
    write_arrays(folder / ROWS, arrays, notes)


def read_rows(folder: Path) -> tuple[Dataset, dict[str, int]] | None:
    """The rows that were kept in the folder of a run, and how many there were of each split; None where none are.

    Raises CheckpointError for a file that is damaged, too long, or holds something else.
    """
    path = folder / ROWS
    if not path.exists():
        return None
    arrays, notes = read_arrays(path, LONGEST)
    try:
        names = [name for name in _SPLITS if f"{name}/x" in arrays]
        found = {name: Split(arrays[f"{name}/x"], arrays[f"{name}/y"]) for name in names}
        train, name = found["train"], str(notes["name"])[:200]
        dataset = Dataset(name, train, found.get("val"), found.get("test"), **_meaning(notes))
        _check_classes(dataset)
        return dataset, {name: max(len(found[name]), int(notes["of"][name])) for name in names}
    except (GlassnetError, LookupError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise CheckpointError(f"{path} holds no rows of a data set: {error}. Remove it to go on without.") from error


def _meaning(notes: Mapping[str, Any]) -> dict[str, Any]:
    """What the numbers mean, from the notes of a file."""
    classes, shape, context = notes["classes"], notes["input_shape"], notes["context"]
    if classes is not None and not all(isinstance(name, str) for name in classes):
        raise TypeError("a name of a class is no text")
    if not all(type(size) is int and size > 0 for size in (*(shape or ()), *(() if context is None else (context,)))):
        raise TypeError("a size is no whole number")
    return {
        "classes": None if classes is None else tuple(classes),
        "input_shape": None if shape is None else tuple(shape),
        "vocabulary": None if notes["vocabulary"] is None else Vocabulary.from_json(notes["vocabulary"]),
        "context": context,
        "encoder": None if notes["encoder"] is None else TableEncoder.from_json(notes["encoder"]),
    }


def _check_classes(dataset: Dataset) -> None:
    """Raise ValueError for numbers that stand for no class and no character."""
    for name, split in dataset.splits.items():
        for array, known in ((split.y, dataset.classes or dataset.vocabulary), (split.x, dataset.vocabulary)):
            if known is not None and array.dtype.kind in "iu" and not ((array >= 0) & (array < len(known))).all():
                raise ValueError(f"a number of {name} is not below {len(known)}")

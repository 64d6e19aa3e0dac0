"""The data sets that can be loaded by name: those that come with the package, and those that are downloaded."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glassnet.data.dataset import BY_CLASS, Dataset, Split
from glassnet.data.embedded_files import embedded_file
from glassnet.data.idx import read_idx
from glassnet.data.language import text_dataset
from glassnet.data.mnist import FAMILIES, load_mnist
from glassnet.data.split import split_indices
from glassnet.data.text import read_lines
from glassnet.engine.errors import ConfigError


@dataclass(frozen=True)
class DatasetInfo:
    """What ``available`` says about a data set; ``rows`` counts images or texts, before contexts are made."""

    name: str
    description: str
    rows: int
    licence: str


_CATALOG = {
    info.name: info
    for info in (
        DatasetInfo("digits", "handwritten digits of MNIST, 28 x 28, 10 classes", 10_000, "CC BY-SA 3.0"),
        DatasetInfo("names", "first names given in the USA in 2017, a to z", 29_910, "public domain"),
        DatasetInfo("mnist", "all handwritten digits of MNIST, downloaded (11 MB)", 70_000, "CC BY-SA 3.0"),
        DatasetInfo("fashion-mnist", "pictures of clothes, 28 x 28, 10 classes, downloaded (30 MB)", 70_000, "MIT"),
    )
}


def available() -> tuple[DatasetInfo, ...]:
    """The data sets that ``load`` knows, with a line of description, the number of rows, and the licence."""
    return tuple(_CATALOG.values())


def load(
    name: str,
    *,
    seed: int = 0,
    fractions: Sequence[float] | None = None,
    context: int | None = None,
    root: str | os.PathLike[str] | None = None,
) -> Dataset:
    """Load a data set with its train, val and test splits.

    ``"digits"``: x (n, 784) float32 pixels from 0 (background) to 1 (ink), y (n,) int64 digits; 7,500, 500
        and 2,000 rows, each with every digit's share.
    ``"names"``: x (n, context) int64 indices of the characters before, y (n,) int64 index of the next one;
        80, 10 and 10 % of the names, which are in the ``items`` of their split; context 3.
    ``"mnist"``, ``"fashion-mnist"``: 70,000 pictures each, in the form of the digits; 55,000, 5,000 and the 10,000
        rows that were published for the test. Downloaded over HTTPS into a cache, or read from a folder.

    seed: which rows are in which split; the same seed gives the same splits on every machine.
    fractions: of the rows (digits) or names in train, val and test, instead of the sizes above; for the downloaded
        sets of the training rows in train and val.
    context: how many characters to predict from; for names only.
    root: a folder with the IDX files of MNIST or Fashion-MNIST, gzipped or not, instead of a download.

    Raises ConfigError for an unknown name or an option that does not fit, and DataError when a file is
    missing or damaged, or cannot be downloaded.

    >>> data.load("digits")
    Dataset(digits: train 7,500, val 500, test 2,000 rows, stratified by class; x (784,) float32, y int64; 10 classes)
    >>> data.load("names", context=8).train.x.shape[1]
    8
    """
    if name not in _CATALOG:
        from difflib import get_close_matches

        near = get_close_matches(str(name), _CATALOG, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"There are {', '.join(map(repr, _CATALOG))}."
        raise ConfigError(f"there is no data set {name!r}. {hint}")
    if name in FAMILIES:
        if context is not None:
            raise ConfigError(f"{name!r} has no option context; it is for texts. Leave it out.")
        return load_mnist(name, root=root, seed=seed, fractions=fractions)
    if root is not None:
        raise ConfigError(f"{name!r} comes with the package and has no option root. Leave it out.")
    if name == "names":
        shares = (0.8, 0.1, 0.1) if fractions is None else fractions
        return _load_names(seed, shares, 3 if context is None else context)
    if context is not None:
        raise ConfigError(f"{name!r} has no option context; it is for texts. Leave it out.")
    return _load_digits(seed, (0.75, 0.05, 0.2) if fractions is None else fractions)


def _load_digits(seed: int, fractions: Sequence[float]) -> Dataset:
    with embedded_file("mnist-10k-images-idx3-ubyte.gz") as path:
        images = read_idx(path)  # (10000, 28, 28) uint8
    with embedded_file("mnist-10k-labels-idx1-ubyte.gz") as path:
        labels = read_idx(path).astype(np.int64)
    pixels = images.reshape(len(images), -1) / np.float32(255)
    if len(fractions) != 3:
        raise ConfigError(f"fractions must be three numbers, for train, val and test, got {fractions!r}.")
    indices = split_indices(len(labels), fractions, seed=seed, stratify=labels)
    train, val, test = (Split(pixels[rows], labels[rows]) for rows in indices)
    return Dataset(
        "digits", train, val, test, classes=tuple("0123456789"), input_shape=images.shape[1:], split_by=BY_CLASS
    )


def _load_names(seed: int, fractions: Sequence[float], context: int) -> Dataset:
    with embedded_file("us-baby-names-2017.txt.gz") as path:
        return text_dataset("names", read_lines(path), context, fractions, seed)

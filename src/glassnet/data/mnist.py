"""MNIST and Fashion-MNIST: 70,000 pictures each, downloaded or read from a folder of IDX files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassnet.data.dataset import BY_CLASS, Dataset, Split
from glassnet.data.download import RemoteFile, cache_folder, fetch
from glassnet.data.idx import read_idx
from glassnet.data.split import split_indices
from glassnet.engine.errors import ConfigError, DataError

#: The names of the four files, and of how many bytes they are when inflated.
_SIZES = {
    "train-images-idx3-ubyte": 47_040_016,
    "train-labels-idx1-ubyte": 60_008,
    "t10k-images-idx3-ubyte": 7_840_016,
    "t10k-labels-idx1-ubyte": 10_008,
}
_SIDE, _CLASSES = 28, 10


@dataclass(frozen=True)
class _Family:
    """A set in the form of MNIST: where it lies, the SHA-256 of its files inflated, and the names of its classes."""

    mirrors: tuple[str, ...]
    sha256: tuple[str, ...]  # in the order of _SIZES
    classes: tuple[str, ...]

    def files(self) -> dict[str, RemoteFile]:
        """What to download, by the name of the inflated file."""
        return {
            name: RemoteFile(f"{name}.gz", sha256, size)
            for (name, size), sha256 in zip(_SIZES.items(), self.sha256, strict=True)
        }


FAMILIES = {
    "mnist": _Family(
        ("https://storage.googleapis.com/cvdf-datasets/mnist/", "https://ossci-datasets.s3.amazonaws.com/mnist/"),
        (
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
        tuple("0123456789"),
    ),
    "fashion-mnist": _Family(
        (
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
            "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
        ),
        (
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
        (
            *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
            *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        ),
    ),
}


def load_mnist(
    name: str, *, root: str | os.PathLike[str] | None, seed: int, fractions: Sequence[float] | None
) -> Dataset:
    """The data set ``name`` of FAMILIES: the published test rows, and the others split by the seed, class by class.

    root: a folder with the four IDX files, gzipped or not; without it they are downloaded.
    fractions: of the training rows in train and val, by default 55,000 and 5,000 of 60,000.

    Raises DataError for a file that is missing or damaged, or for images and labels that do not belong together.
    """
    shares = (11 / 12, 1 / 12) if fractions is None else tuple(fractions)
    if len(shares) != 2:
        raise ConfigError(
            f"fractions of {name} must be two numbers, for train and val, got {fractions!r}: "
            "its test rows are as they were published."
        )
    if root is None:
        folder, remote = cache_folder() / name, FAMILIES[name].files()
        paths = {file: fetch(remote[file], FAMILIES[name].mirrors, folder) for file in _SIZES}
    else:
        paths = {file: _find(Path(root), file) for file in _SIZES}
    x, y = _read(paths["train-images-idx3-ubyte"], paths["train-labels-idx1-ubyte"])
    kept, held_out = split_indices(len(y), shares, seed=seed, stratify=y)
    return Dataset(
        name,
        Split(x[kept], y[kept]),
        Split(x[held_out], y[held_out]),
        Split(*_read(paths["t10k-images-idx3-ubyte"], paths["t10k-labels-idx1-ubyte"])),
        classes=FAMILIES[name].classes,
        input_shape=(_SIDE, _SIDE),
        split_by=f"train and val {BY_CLASS}, test as published",
    )


def _find(root: Path, name: str) -> Path:
    """The file of that name in the folder, under any of its usual spellings."""
    if not root.is_dir():
        raise DataError(f"{root} is not a folder; expected the one with the IDX files {', '.join(_SIZES)}.")
    stem, kind = name.rsplit("-idx", 1)
    for candidate in (f"{name}.gz", name, f"{stem}.idx{kind}", f"{stem}.idx{kind}.gz"):
        if (root / candidate).exists():
            return root / candidate
    raise DataError(f"{root} has no file {name}.gz (or {name}). The four IDX files are {', '.join(_SIZES)}.")


def _read(images: Path, labels: Path) -> tuple[NDArray[np.float32], NDArray[Any]]:
    """Pixels (n, 784) from 0 to 1 and class numbers (n,)."""
    pixels, classes = read_idx(images), read_idx(labels)
    if pixels.ndim != 3 or pixels.shape[1:] != (_SIDE, _SIDE) or pixels.dtype != np.uint8:
        raise DataError(f"{images} must hold images of {_SIDE} x {_SIDE} bytes, got {pixels.dtype} {pixels.shape}.")
    if classes.shape != (len(pixels),) or classes.dtype != np.uint8:
        raise DataError(
            f"{labels} must hold a label for each of the {len(pixels):,} images of {images.name}, got "
            f"{classes.dtype} {classes.shape}."
        )
    if classes.max() >= _CLASSES:
        row = int(np.argmax(classes >= _CLASSES))
        raise DataError(f"{labels} must hold labels from 0 to 9, got {classes[row]} in row {row} (counted from 0).")
    scaled: NDArray[np.float32] = np.divide(pixels.reshape(len(pixels), -1), 255, dtype=np.float32)
    return scaled, classes.astype(np.int64)

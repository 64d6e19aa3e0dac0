"""Snapshots: the weights of some epochs of a training, so that one can see afterwards how it learned.

Most is learned in the beginning, so the epochs are spaced geometrically: 0 (before the first step), 1, 2, 3, 4, 6, 8,
11, 15, 20, ... A thousand epochs have 24 of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from glassnet.engine.errors import CheckpointError
from glassnet.engine.namespace import Array
from glassnet.train.callbacks import Callback
from glassnet.train.checkpoint import SNAPSHOTS, read_arrays, write_arrays

if TYPE_CHECKING:
    from glassnet.train.loop import Loop

GROWTH = 1.35
#: Bytes of all snapshots together: for a larger network there are fewer, those of its first epochs.
LARGEST = 2**25


def is_due(epoch: int) -> bool:
    """Whether the weights after so many epochs are kept: those at the rounded powers of 1.35.

    >>> from glassnet.train.snapshots import is_due
    >>> [epoch for epoch in range(50) if is_due(epoch)]
    [0, 1, 2, 3, 4, 6, 8, 11, 15, 20, 27, 37, 49]
    """
    power = 1.0
    while round(power) < epoch:
        power *= GROWTH
    return epoch == 0 or round(power) == epoch


class Snapshots(Callback):
    """Keeps weights and buffers after some epochs. weights: epoch -> path -> array. No copies: an update makes new
    arrays. ``RunFolder`` writes them.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self.weights: dict[int, dict[str, Array]] = {}
        self._written = 0

    def on_fit_start(self, loop: Loop) -> None:
        """Keep the first weights; of a resumed run, go on with what was kept before its checkpoint."""
        if loop.step == 0:
            self._take(loop)
        elif self.folder is not None:
            found = read_snapshots(self.folder)
            self.weights = {epoch: weights for epoch, weights in found.items() if epoch <= loop.epoch}

    def on_epoch_end(self, loop: Loop) -> None:
        """Keep these weights, if it is time."""
        if is_due(loop.epoch):
            self._take(loop)

    def write(self, folder: Path) -> None:
        """Write all of them, unless that was done. Raises CheckpointError if the file cannot be written."""
        if len(self.weights) != self._written:
            write_snapshots(folder, self.weights)
            self._written = len(self.weights)

    def _take(self, loop: Loop) -> None:
        weights = loop.weights()
        if (len(self.weights) + 1) * sum(array.nbytes for array in weights.values()) <= LARGEST:
            self.weights[loop.epoch] = weights


def write_snapshots(folder: Path, weights: Mapping[int, Mapping[str, Array]]) -> None:
    """Write the weights of some epochs into the folder of a run."""
    arrays = {f"{epoch}/{name}": array for epoch, one in weights.items() for name, array in one.items()}
    write_arrays(folder / SNAPSHOTS, arrays, {})


def read_snapshots(folder: Path) -> dict[int, dict[str, Array]]:
    """The weights of some epochs in the folder of a run, by epoch; none where there is no such file.

    Raises CheckpointError if any byte is not as it was written.
    """
    path = folder / SNAPSHOTS
    if not path.exists():
        return {}
    found: dict[int, dict[str, Array]] = {}
    for key, array in read_arrays(path)[0].items():
        epoch, _, name = key.partition("/")
        if not (epoch.isascii() and epoch.isdigit() and len(epoch) < 16 and name):
            raise CheckpointError(f"{path} holds no snapshots: an array is called {key!r:.80}.")
        found.setdefault(int(epoch), {})[name] = array
    return dict(sorted(found.items()))

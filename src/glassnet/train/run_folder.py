"""The folder of a run, as it is written while the training goes on.

``config.json`` is what is needed to repeat the run; it is written last, so that a folder with one has a checkpoint.
``checkpoint.safetensors`` is all that is needed to go on, and ``previous.safetensors`` the one before it.
``log.jsonl`` is the history for people and other programs; it is written anew each time, and nothing reads it back.
``diagnostics.jsonl`` is what ``Diagnostics`` recorded, ``snapshots.safetensors`` the weights of some epochs, and
``rows.safetensors`` a few rows of the data.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glassnet.data.dataset import Dataset
from glassnet.engine.errors import CheckpointError
from glassnet.train.best import BestWeights
from glassnet.train.callbacks import Callback
from glassnet.train.checkpoint import FORMAT, LATEST, PREVIOUS, SNAPSHOTS, save_checkpoint
from glassnet.train.kept_rows import keep_rows
from glassnet.train.storage import remove_leftovers, sealed_json, write_atomically

if TYPE_CHECKING:
    from glassnet.train.loop import Loop
    from glassnet.train.snapshots import Snapshots

CONFIG, LOG = "config.json", "log.jsonl"

#: Seconds between two checkpoints: epochs can be shorter than a write, and should not wait for the disk.
INTERVAL = 1.0


def new_folder(name: str, parent: Path = Path("runs")) -> Path:
    """A folder that does not exist yet, named by the time and by what is trained."""
    stem = f"{datetime.now():%Y-%m-%d_%H-%M-%S}_{name}"
    paths = (parent / (f"{stem}_{i}" if i else stem) for i in range(1000))
    return next(path for path in paths if not path.exists())


def make_folder(folder: Path) -> None:
    """Make a folder. Raises CheckpointError if that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CheckpointError(f"the folder {folder} cannot be made: {error.strerror}.") from error


def log_text(history: Mapping[str, Sequence[float]]) -> str:
    """The history as JSON lines, one an epoch."""
    rows = zip(*history.values(), strict=True)
    lines = [json.dumps({"epoch": i, **dict(zip(history, row, strict=True))}) for i, row in enumerate(rows, 1)]
    return "".join(line + "\n" for line in lines)


def write_config(folder: Path, config: Mapping[str, Any]) -> None:
    """Write the configuration of a run."""
    write_atomically(folder / CONFIG, sealed_json({"format": FORMAT, **config}, indent=2))


class RunFolder(Callback):
    """Writes a run into its folder: the configuration at the start; log and checkpoint after an epoch, unless the last
    time was less than a second ago, and at the end. rows: a data set, and how many rows of each split are kept.
    """

    def __init__(
        self,
        folder: Path,
        config: dict[str, Any],
        best: BestWeights | None,
        snapshots: Snapshots,
        rows: tuple[Dataset, int],
    ) -> None:
        self.folder, self.config, self.best, self.snapshots, self.rows = folder, config, best, snapshots, rows
        self._next = 0.0

    def on_fit_start(self, loop: Loop) -> None:
        """Make the folder."""
        make_folder(self.folder)
        begun = (self.folder / CONFIG).exists()  # else checkpoints here are of a run that was killed before it began
        remove_leftovers(self.folder, [] if begun else [LATEST, PREVIOUS, SNAPSHOTS])
        self._write(loop)
        keep_rows(self.folder, *self.rows)
        write_config(self.folder, self.config)

    def on_epoch_end(self, loop: Loop) -> None:
        """Write, if it is time."""
        if time.perf_counter() >= self._next:
            self._write(loop)

    def on_fit_end(self, loop: Loop) -> None:
        """Write where the training ended."""
        self._write(loop)

    def _write(self, loop: Loop) -> None:
        write_atomically(self.folder / LOG, log_text(loop.history).encode())
        if loop.step:  # before the checkpoint, so that one never is without the snapshots before it
            self.snapshots.write(self.folder)
        save_checkpoint(self.folder, loop, self.best)
        self._next = time.perf_counter() + INTERVAL

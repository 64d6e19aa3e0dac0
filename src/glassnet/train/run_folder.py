"""The folder of a run, as it is written while the training goes on.

``config.json`` is what is needed to repeat the run; it is written last, so that a folder with one has a checkpoint.
``checkpoint.safetensors`` is all that is needed to go on, and ``previous.safetensors`` the one before it.
``log.jsonl`` is the history for people and other programs; it is written anew each time, and nothing reads it back.
``diagnostics.jsonl`` is what ``Diagnostics`` recorded, ``snapshots.safetensors`` the weights of some epochs, and
``rows.safetensors`` a few rows of the data.

Another program of the same user may ask the training to stop: by an empty file, ``stop``, which ``RunFolder`` looks for
twice a second, removes, and takes for Ctrl-C. Nothing is read from it, and whoever can write it can write all the rest.
"""

from __future__ import annotations

import json
import os
import stat
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

CONFIG, LOG, STOP = "config.json", "log.jsonl", "stop"

#: Seconds between two checkpoints: epochs can be shorter than a write, and should not wait for the disk. The interval
#: grows with a write that takes longer than LONG: the history of a million epochs has a hundred megabytes.
INTERVAL, LONG = 1.0, 0.05
#: Seconds between two looks for a request to stop.
LISTEN = 0.5


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


def is_own(path: Path) -> bool:
    """Whether there is a file or folder, and no link, of the user of this process; where there are no users, of any."""
    try:
        found = path.lstat()
    except OSError:
        return False
    return not stat.S_ISLNK(found.st_mode) and (not hasattr(os, "geteuid") or found.st_uid == os.geteuid())


def ask_to_stop(folder: Path) -> None:
    """Ask the training that writes into a folder of this user to stop; it may have ended, and then nothing happens.

    Raises CheckpointError for the folder of someone else, or where nothing can be written.
    """
    try:
        if not is_own(folder):
            raise CheckpointError(f"{folder} belongs to another user: stop the training where it runs.")
        (folder / STOP).touch(0o600, exist_ok=False)  # never through a link
    except FileExistsError:  # it was asked already
        return
    except OSError as error:
        raise CheckpointError(f"{folder} cannot be written: {error.strerror}. Stop it where it runs.") from error


class RunFolder(Callback):
    """Writes a run into its folder: the configuration at the start; log and checkpoint after an epoch, unless the last
    time was less than a second ago, and at the end. Stops the training where that is asked for there.

    rows: a data set, and how many rows of each split are kept.
    """

    every_step = False

    def __init__(
        self,
        folder: Path,
        config: dict[str, Any],
        best: BestWeights | None,
        snapshots: Snapshots,
        rows: tuple[Dataset, int],
    ) -> None:
        self.folder, self.config, self.best, self.snapshots, self.rows = folder, config, best, snapshots, rows
        self._next = self._listen = 0.0

    def on_fit_start(self, loop: Loop) -> None:
        """Make the folder."""
        make_folder(self.folder)
        begun = (self.folder / CONFIG).exists()  # else checkpoints here are of a run that was killed before it began
        remove_leftovers(self.folder, [STOP, *([] if begun else [LATEST, PREVIOUS, SNAPSHOTS])])
        self._write(loop)
        keep_rows(self.folder, *self.rows)
        write_config(self.folder, self.config)

    def on_step_end(self, loop: Loop) -> None:
        """Stop, if someone has asked for it."""
        now = time.perf_counter()
        if now < self._listen:
            return
        self._listen = now + LISTEN
        request = self.folder / STOP
        if is_own(request) and request.is_file():
            request.unlink(missing_ok=True)
            loop.stop("interrupted")

    def on_epoch_end(self, loop: Loop) -> None:
        """Write, if it is time."""
        if time.perf_counter() >= self._next:
            self._write(loop)

    def on_fit_end(self, loop: Loop) -> None:
        """Write where the training ended."""
        self._write(loop)

    def _write(self, loop: Loop) -> None:
        begun = time.perf_counter()
        write_atomically(self.folder / LOG, log_text(loop.history).encode())
        if loop.step:  # before the checkpoint, so that one never is without the snapshots before it
            self.snapshots.write(self.folder)
        save_checkpoint(self.folder, loop, self.best)
        now = time.perf_counter()
        self._next = now + INTERVAL * max(1.0, (now - begun) / LONG)

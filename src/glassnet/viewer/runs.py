"""The runs that the page shows, by opaque names: what the browser says never becomes a path."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable
from pathlib import Path
from threading import Lock
from typing import Any

from glassnet.engine.errors import CheckpointError, ConfigError
from glassnet.train.run_folder import CONFIG
from glassnet.viewer.saved import SavedRun
from glassnet.viewer.seen import SeenRun

#: Runs of a folder that are shown, the newest first; seconds after which the folder is looked through again.
MOST, AGAIN = 200, 1.0


class Runs:
    """Runs by names that are drawn at random, in the order in which they came; a folder of runs is looked through
    again and again.
    """

    def __init__(self, runs: Iterable[SeenRun] = (), folder: Path | None = None) -> None:
        self.folder = folder
        self._runs: dict[str, SeenRun] = {}
        self._ids: dict[str, str] = {}
        self._next = 0.0
        self._lock = Lock()
        for run in runs:
            self.add(run)

    def add(self, run: SeenRun) -> str:
        """Show a run; returns its name."""
        name = secrets.token_urlsafe(9).replace("-", "a").replace("_", "b")
        self._runs[name] = run
        return name

    def __getitem__(self, name: str) -> SeenRun:
        return self.all()[name]

    def all(self) -> dict[str, SeenRun]:
        """Every run by its name."""
        if self.folder is not None:
            with self._lock:
                self._look_through(self.folder)
        return dict(self._runs)

    def summaries(self) -> list[dict[str, Any]]:
        """Every run in a line."""
        return [{"id": name, **_summary(run)} for name, run in self.all().items()]

    def _look_through(self, folder: Path) -> None:
        now = time.perf_counter()
        if now < self._next:
            return
        self._next = now + AGAIN
        found = {str(path): path for path in run_folders(folder)}
        for gone in self._ids.keys() - found.keys():
            del self._runs[self._ids.pop(gone)]
        for name, path in found.items():
            if name not in self._ids:
                self._ids[name] = self.add(SavedRun(path))


def _summary(run: SeenRun) -> dict[str, Any]:
    try:
        return run.summary()
    except CheckpointError as error:  # its files cannot even be found
        return {"name": run.name, "version": "", "state": "error", "error": str(error), "actions": []}


def run_folders(folder: Path) -> list[Path]:
    """The folders of runs in a folder, the newest of them, in the order of their names; links are left out."""
    try:
        found = [path for path in folder.iterdir() if not path.is_symlink() and (path / CONFIG).exists()]
        newest = sorted(found, key=lambda path: (path / CONFIG).stat().st_mtime_ns)[-MOST:]
    except OSError as error:
        raise ConfigError(f"{folder} cannot be looked through: {error.strerror}.") from error
    return sorted(newest)


def runs_in(place: Path) -> Runs:
    """The run in a folder, or the runs in the folders of a folder. Raises ConfigError where there is none."""
    if (place / CONFIG).exists():
        return Runs([SavedRun(place)])
    if not place.is_dir():
        raise ConfigError(f"there is no folder {place}.")
    if not run_folders(place):
        raise ConfigError(f"{place} holds no run, nor do the folders in it. Train one with `glassnet train`.")
    return Runs(folder=place)

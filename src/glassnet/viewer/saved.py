"""A run in a folder, read anew when its files change; whatever stands in them, the answer is values or an error."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import RLock
from typing import Any

from glassnet.data.dataset import Dataset
from glassnet.doctor.file import DOCTOR
from glassnet.engine.errors import CheckpointError, ConfigError
from glassnet.engine.namespace import Array
from glassnet.engine.random import undisturbed
from glassnet.nn.config import from_config
from glassnet.nn.module import Module
from glassnet.nn.summary import LayerRow, layer_rows
from glassnet.recipe.recipe import data_of
from glassnet.train.checkpoint import LATEST, PREVIOUS, SNAPSHOTS, latest_checkpoint, read_position
from glassnet.train.diagnostics import DIAGNOSTICS, Diagnostics
from glassnet.train.kept_rows import ROWS, read_rows
from glassnet.train.position import Position
from glassnet.train.run import Run, how_to_resume, read_config
from glassnet.train.run_folder import CONFIG, STOP, ask_to_stop, is_own
from glassnet.train.snapshots import read_snapshots
from glassnet.viewer.findings import findings_in
from glassnet.viewer.seen import UNKNOWN_DATA, SeenRun, State
from glassnet.viewer.thin import Grown

#: A training that has not written for so many seconds is taken for interrupted.
PATIENCE = 30.0


def data_in(folder: Path, config: Mapping[str, Any]) -> tuple[Dataset, Mapping[str, int]]:
    """What the run in a folder was trained on, as far as that is known, and the rows of each of its splits. Raises
    ConfigError for a run of a program that kept no rows.
    """
    if "recipe" in config:
        dataset = data_of(config, folder)
        return dataset, {name: len(split) for name, split in dataset.splits.items()}
    found = read_rows(folder)
    if found is None:
        raise ConfigError(UNKNOWN_DATA)
    return found


class SavedRun(SeenRun):
    """The run in a folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder.name or str(folder))
        self.folder = folder
        self._kept: dict[str, tuple[Any, Any]] = {}
        self._recorded: tuple[int | None, Diagnostics] = (None, Diagnostics())
        self._locks: dict[str, RLock] = {}  # for each part its own: who reads a long record keeps nobody waiting

    def version(self) -> str:
        """The stamps of the files."""
        names = (CONFIG, LATEST, PREVIOUS, DIAGNOSTICS, DOCTOR, STOP)
        return str(abs(hash(tuple(self._stamp(name) for name in names))))

    def config(self) -> Mapping[str, Any]:
        """The configuration, whole and sealed."""
        config: Mapping[str, Any] = self._read((CONFIG,), lambda: read_config(self.folder))
        return config

    def position(self) -> Position:
        """From the head of the latest checkpoint."""
        position: Position = self._read((LATEST, PREVIOUS), lambda: read_position(latest_checkpoint(self.folder)))
        return position

    def state(self) -> State:
        """By the steps that are made, and by when the files were written last."""
        position, total = self.position(), self.config().get("total_steps")
        if not isinstance(total, int) or position.step >= total:
            return "done"
        if position.stopped is not None:
            return "stopped"
        written = max((stamp[0] for name in (LATEST, DIAGNOSTICS) if (stamp := self._stamp(name))), default=0)
        return "going on" if time.time() - written / 1e9 < PATIENCE else "stopped"

    def hint(self) -> str | None:
        """That it was asked to stop, or how to go on."""
        state = self.state()
        if state == "going on" and self._stamp(STOP) is not None:
            return "asked to stop; it listens twice a second, between two steps"
        return f"go on with: {how_to_resume(self.folder, self.config())}" if state == "stopped" else None

    def actions(self) -> tuple[str, ...]:
        """To stop what goes on in a folder of this user, once."""
        asks = self.state() == "going on" and self._stamp(STOP) is None and is_own(self.folder)
        return ("stop",) if asks else ()

    def ask(self, action: str) -> None:
        """Ask the process that trains to stop."""
        if action not in self.actions():
            raise ConfigError(f"the training cannot {action} from here now: it is {self.state()}.")
        ask_to_stop(self.folder)

    def diagnostics(self) -> Diagnostics | None:
        """What was recorded so far."""
        if self._stamp(DIAGNOSTICS) is None:
            return None
        found: Diagnostics = self._read((DIAGNOSTICS,), self._record)
        return found

    def _record(self) -> Diagnostics:
        """What was recorded, read on where the file has grown and is the same one: a new sitting begins another."""
        stamp, (known, found) = self._stamp(DIAGNOSTICS), self._recorded
        number = None if stamp is None else stamp[2]
        self._recorded = None, Diagnostics()  # whatever goes wrong, it is read anew
        if number is None or number != known:
            found, self.grown = Diagnostics(), Grown()
        found.read_on(self.folder / DIAGNOSTICS)
        self._recorded = number, found
        return found

    def network(self) -> Module:
        """The network with its best weights, as ``Run.load`` reads it."""
        net: Module = copy.deepcopy(self._read((CONFIG, LATEST, PREVIOUS), self._network, "network"))
        return net

    def _network(self) -> Module:
        with undisturbed():
            return Run.load(self.folder).net

    def snapshots(self) -> Mapping[int, Mapping[str, Array]]:
        """Those in the folder."""
        found: Mapping[int, Mapping[str, Array]] = self._read((SNAPSHOTS,), lambda: read_snapshots(self.folder))
        return found

    def layers(self) -> list[LayerRow]:
        """Those that the configuration describes."""
        found: list[LayerRow] = self._read((CONFIG,), self._layers, "layers")
        return found

    def _layers(self) -> list[LayerRow]:
        config = self.config().get("network")
        with undisturbed():
            return [] if config is None else layer_rows(from_config(config))

    def dataset(self) -> Dataset:
        """The data that the command trained on, read again, or the rows that a program kept."""
        return self._data()[0]

    def sizes(self) -> Mapping[str, int]:
        """The rows of each split that were trained on."""
        return self._data()[1]

    def _data(self) -> tuple[Dataset, Mapping[str, int]]:
        found: tuple[Dataset, Mapping[str, int]] = self._read(
            (CONFIG, ROWS), lambda: data_in(self.folder, self.config()), "data"
        )
        return found

    def findings(self) -> list[dict[str, Any]] | None:
        """What the doctor finds in the evidence in the folder."""
        found: list[dict[str, Any]] | None = self._read((DOCTOR,), lambda: findings_in(self.folder))
        return found

    def _stamp(self, name: str) -> tuple[int, int, int] | None:
        """When a file of the run was written, its size, and its number on the disk; None if there is none.

        Raises CheckpointError for a link: what it leads to is no part of the run.
        """
        path = self.folder / name
        try:
            if path.is_symlink():
                raise CheckpointError(f"{name} of {self.name} is a link to another file. Put the file itself there.")
            found = path.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise CheckpointError(f"{name} of {self.name} cannot be read: {error.strerror}.") from error
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _read(self, names: tuple[str, ...], read: Callable[[], Any], what: str = "") -> Any:
        """What ``read`` gives; read again when one of the files has changed. An error is kept, too."""
        key = what or names[0]
        with self._locks.setdefault(key, RLock()):
            stamps = [self._stamp(name) for name in names]
            if key not in self._kept or self._kept[key][0] != stamps:
                try:
                    self._kept[key] = stamps, read()
                except Exception as error:
                    self._kept[key] = stamps, error
                    raise
            found = self._kept[key][1]
        if isinstance(found, Exception):
            raise found
        return found

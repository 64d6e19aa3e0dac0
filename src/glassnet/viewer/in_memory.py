"""A run that ``fit`` has given back, as the page sees it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from glassnet.data.dataset import Dataset
from glassnet.engine.errors import ConfigError
from glassnet.engine.namespace import Array
from glassnet.nn.module import Module
from glassnet.nn.summary import LayerRow, layer_rows
from glassnet.train.diagnostics import Diagnostics
from glassnet.train.position import Position
from glassnet.train.run import Run
from glassnet.train.snapshots import read_snapshots
from glassnet.viewer.findings import cards, findings_in
from glassnet.viewer.saved import data_in
from glassnet.viewer.seen import UNKNOWN_DATA, SeenRun, State


class FinishedRun(SeenRun):
    """What is in a ``Run``."""

    def __init__(self, run: Run) -> None:
        super().__init__("run" if run.folder is None else run.folder.name)
        self.run = run
        self._known: tuple[Dataset, Mapping[str, int]] | None = None

    def version(self) -> str:
        """It does not change."""
        return "1"

    def config(self) -> Mapping[str, Any]:
        """That of the run."""
        return self.run.config

    def position(self) -> Position:
        """The end."""
        run = self.run
        return Position(run.steps, {}, 0, run.history, run.seconds, run.stopped)

    def state(self) -> State:
        """Whether all steps were made."""
        return "done" if self.run.stopped is None else "stopped"

    def diagnostics(self) -> Diagnostics | None:
        """Those of the run."""
        return self.run.diagnostics

    def network(self) -> Module:
        """A copy of the network."""
        return copy.deepcopy(self.run.net).eval()

    def snapshots(self) -> Mapping[int, Mapping[str, Array]]:
        """Those of the run, or of its folder."""
        return self.run.snapshots or ({} if self.run.folder is None else read_snapshots(self.run.folder))

    def layers(self) -> list[LayerRow]:
        """Those of the network."""
        return layer_rows(self.run.net)

    def dataset(self) -> Dataset:
        """What it was trained on; of a loaded run, what its folder knows of that."""
        return self._data()[0]

    def sizes(self) -> Mapping[str, int]:
        """The rows of each split that were trained on."""
        return self._data()[1]

    def _data(self) -> tuple[Dataset, Mapping[str, int]]:
        if self._known is None:
            run = self.run
            if run.data is not None:
                self._known = run.data, {name: len(split) for name, split in run.data.splits.items()}
            elif run.folder is None:
                raise ConfigError(UNKNOWN_DATA)
            else:
                self._known = data_in(run.folder, run.config)
        return self._known

    def findings(self) -> list[dict[str, Any]] | None:
        """What the doctor found in it; of a loaded or resumed run, what it finds in the folder."""
        run = self.run
        if run.findings or run.again is not None:
            return cards(run.findings)
        return None if run.folder is None else findings_in(run.folder)

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
from glassnet.recipe.recipe import data_of
from glassnet.train.diagnostics import Diagnostics
from glassnet.train.position import Position
from glassnet.train.run import Run
from glassnet.train.snapshots import read_snapshots
from glassnet.viewer.findings import cards
from glassnet.viewer.seen import UNKNOWN_DATA, SeenRun, State


class FinishedRun(SeenRun):
    """What is in a ``Run``."""

    def __init__(self, run: Run) -> None:
        super().__init__("run" if run.folder is None else run.folder.name)
        self.run = run

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
        """What it was trained on, or that of the command. Raises ConfigError for a loaded run of a program."""
        if self.run.data is not None:
            return self.run.data
        if self.run.folder is None or "recipe" not in self.run.config:
            raise ConfigError(UNKNOWN_DATA)
        return data_of(self.run.config, self.run.folder)

    def findings(self) -> list[dict[str, Any]]:
        """What the doctor found in it."""
        return cards(self.run.findings)

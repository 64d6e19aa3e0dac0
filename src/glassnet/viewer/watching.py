"""``glassnet.view``, and what the commands do to show a page."""

from __future__ import annotations

from pathlib import Path

from glassnet.train.run import Run
from glassnet.viewer.in_memory import FinishedRun
from glassnet.viewer.runs import Runs, runs_in
from glassnet.viewer.server import LOOPBACK, Server


def view(run: Run | str | Path, *, host: str = LOOPBACK, port: int = 0) -> Server:
    """Show a run, the run in a folder, or all runs in the folders of a folder, as a page in the browser.

    Returns the server, which shows where the page is, and goes on until ``close()`` or the end of the program. Raises
    ConfigError for a folder that holds no run, or if the packages of the page are missing.
    """
    runs = Runs([FinishedRun(run)]) if isinstance(run, Run) else runs_in(Path(run))
    return Server(runs, host, port)

"""``glassnet.view``: the page of a run or of a folder. What it needs is imported when it is called."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from glassnet.train.run import Run

if TYPE_CHECKING:
    from glassnet.viewer.server import Server


def view(run: Run | str | Path, *, host: str = "127.0.0.1", port: int = 0) -> Server:
    """Show a run, the run in a folder, or all runs in the folders of a folder, as a page in the browser.

    host: the address that the page is reached under; by default only from this machine. port: 0 takes a free one.

    Returns the server, which shows where the page is, and goes on until ``close()`` or the end of the program. The
    address holds a secret token: whoever has it sees the runs. Raises ConfigError for a folder that holds no run, or if
    the packages of the page are missing (extra ``view``).
    """
    from glassnet.viewer.in_memory import FinishedRun
    from glassnet.viewer.runs import Runs, runs_in
    from glassnet.viewer.server import Server

    runs = Runs([FinishedRun(run)]) if isinstance(run, Run) else runs_in(Path(run))
    return Server(runs, host, port)

"""``glassnet view``: the page of a run, or of the runs in a folder."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Annotated

import typer

from glassnet.cli import options
from glassnet.viewer.watching import view as serve


def view(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run, or of several.")] = Path("runs"),
    host: options.Host = None,
    port: options.Port = None,
) -> None:
    """Show a run, or the runs in a folder, as a page in the browser, also while they are being trained."""
    with serve(run, **(options.place_of_page(host, port) or {})) as server:
        typer.echo(f"{server}\nCtrl-C ends it.")
        wait()


def wait() -> None:
    """Wait until Ctrl-C."""
    threading.Event().wait()

"""``glassnet report``: the page of a run as one file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from glassnet.viewer.report import write_report
from glassnet.viewer.runs import runs_in


def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run, or of several.")],
    output: Annotated[Path | None, typer.Option(help="The file; by default report.html in that folder.")] = None,
) -> None:
    """Write what the page shows into one HTML file, to mail, keep or print: it needs no network and no glassnet."""
    path = output or run / "report.html"
    size = write_report(runs_in(run), path)
    typer.echo(f"{path} ({size / 1e6:.1f} MB)")

"""``glassnet data``: which data sets are there?"""

from __future__ import annotations

import typer

from glassnet.data import available

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Data sets.")


@app.callback()
def data() -> None:
    """Data sets."""


@app.command("list")
def list_() -> None:
    """Print the data sets that can be trained on by name."""
    rows = [(info.name, f"{info.rows:,}", info.licence, info.description) for info in available()]
    head = ("name", "rows", "licence", "description")
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(3)]
    for row in [head, *rows]:
        typer.echo(f"{row[0]:<{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]:<{widths[2]}}  {row[3]}")

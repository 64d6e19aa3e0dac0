"""``glassnet plot``: pictures of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from glassnet.api import evaluate
from glassnet.cli import options
from glassnet.cli.recipe import data_of
from glassnet.train.run import Run
from glassnet.train.run_folder import make_folder


def plot(
    run: options.RunArgument,
    output: Annotated[Path | None, typer.Option(help="Where to put the pictures; by default into the run.")] = None,
    ending: Annotated[str, typer.Option("--format", help="png, svg or pdf.")] = "png",
) -> None:
    """Draw the curves of loss and metrics, the health of the layers, and the confusion matrix of the test split."""
    loaded = Run.load(run)
    place = output or run
    make_folder(place)
    loaded.plot(place / f"curves.{ending}")
    typer.echo(place / f"curves.{ending}")
    if loaded.diagnostics is not None and loaded.diagnostics.steps:
        loaded.diagnostics.plot(place / f"health.{ending}")
        typer.echo(place / f"health.{ending}")
    dataset = data_of(loaded.config, run) if "recipe" in loaded.config else None
    if dataset is not None and dataset.classes is not None:
        evaluate(loaded.net, dataset).plot(place / f"confusion.{ending}")
        typer.echo(place / f"confusion.{ending}")

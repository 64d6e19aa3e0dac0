"""``glassnet resume``: go on with an interrupted training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from glassnet.cli.recipe import Recipe
from glassnet.cli.train import train_and_report
from glassnet.train.run import read_config


def resume(
    run: Annotated[Path, typer.Argument(help="The folder of the run.")],
    epochs: Annotated[int | None, typer.Option(help="Train up to this many epochs instead.")] = None,
) -> None:
    """Continue a run to the same weights, bit for bit, as if it had not been interrupted."""
    train_and_report(Recipe.from_config(read_config(run)).with_epochs(epochs), run, resume=True)

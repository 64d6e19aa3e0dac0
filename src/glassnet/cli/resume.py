"""``glassnet resume``: go on with an interrupted training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from glassnet.cli.recipe import Recipe
from glassnet.cli.train import train
from glassnet.train.run import read_config


def resume(
    run: Annotated[Path, typer.Argument(help="The folder of the run.")],
    epochs: Annotated[int | None, typer.Option(help="Train up to this many epochs instead.")] = None,
) -> None:
    """Continue a run to the same weights, bit for bit, as if it had not been interrupted."""
    recipe = Recipe.from_config(read_config(run))
    train(recipe if epochs is None else replace(recipe, epochs=epochs), run, resume=True)

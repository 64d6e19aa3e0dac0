"""``glassnet sample``: new names from a trained language model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from glassnet.cli.recipe import Recipe
from glassnet.cli.report import new_items
from glassnet.train.run import Run


def sample(
    run: Annotated[Path, typer.Argument(help="The folder of a run on names.")],
    count: Annotated[int, typer.Option(help="How many names.")] = 20,
    seed: Annotated[int, typer.Option(help="Other seeds give other names.")] = 0,
    temperature: Annotated[float, typer.Option(help="Below 1: more usual names; above 1: stranger ones.")] = 1.0,
) -> None:
    """Print new names, none of which is in the data, one a line."""
    loaded = Run.load(run)
    dataset = Recipe.from_config(loaded.config).load_data()
    for item in new_items(loaded.net, dataset, count, seed, temperature):
        typer.echo(item)

"""``glassnet sample``: new names from a trained language model."""

from __future__ import annotations

from typing import Annotated

import typer

from glassnet.cli import options
from glassnet.cli.recipe import data_of
from glassnet.cli.report import new_items
from glassnet.train.run import Run


def sample(
    run: options.RunArgument,
    count: Annotated[int, options.number("--count", "How many names.", int)] = 20,
    seed: Annotated[int, options.number("--seed", "Other seeds give other names.", int)] = 0,
    temperature: Annotated[
        float, options.number("--temperature", "Below 1: more usual names; above 1: stranger ones.")
    ] = 1.0,
) -> None:
    """Print new names, none of which is in the data, one a line."""
    loaded = Run.load(run)
    dataset = data_of(loaded.config, run)
    for item in new_items(loaded.net, dataset, count, seed, temperature):
        typer.echo(item)

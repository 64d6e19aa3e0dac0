"""``glassnet resume``: go on with an interrupted training."""

from __future__ import annotations

from typing import Annotated

from glassnet.cli import options
from glassnet.cli.train import train_and_report
from glassnet.recipe.recipe import Recipe, data_of
from glassnet.train.run import read_config


def resume(
    run: options.RunArgument,
    epochs: Annotated[int | None, options.number("--epochs", "Train up to this many epochs instead.", int)] = None,
    view: options.View = False,
    host: options.Host = None,
    port: options.Port = None,
) -> None:
    """Continue a run to the same weights, bit for bit, as if it had not been interrupted."""
    place = options.place_of_page(host, port, view=view)
    config = read_config(run)
    recipe = Recipe.from_config(config).with_epochs(epochs)
    train_and_report(recipe, data_of(config, run), run, resume=True, page=place)

"""``glassnet summary``: what is in a run."""

from __future__ import annotations

import typer

from glassnet.cli import options
from glassnet.data.images import SIDE
from glassnet.recipe.recipe import Recipe, encoder_of, kind_of
from glassnet.train.progress import epoch_line
from glassnet.train.run import Run


def summary(run: options.RunArgument) -> None:
    """The layers with their parameters, how the network was trained, and how the last epoch went."""
    loaded = Run.load(run)
    recipe = Recipe.from_config(loaded.config)
    typer.echo(loaded.net.summary(_input_shape(recipe, loaded)))
    typer.echo(f"\n{recipe.describe()}")
    if loaded.steps:
        goal = f" of {recipe.epochs} epochs" if recipe.steps is None else f" epochs, of {recipe.steps:,} steps"
        typer.echo(f"{loaded.epochs}{goal}, {loaded.steps:,} steps, {loaded.seconds:.1f} s")
    if loaded.history:
        typer.echo(f"last epoch: {epoch_line(loaded.history)}")
    if loaded.best_epoch:
        typer.echo(f"best epoch: {loaded.best_epoch}, validation loss {min(loaded.history['val_loss']):.4f}")


def _input_shape(recipe: Recipe, run: Run) -> tuple[int, ...]:
    """The shape of a row of inputs, known without reading the data."""
    kind = kind_of(recipe.data)
    if kind == "table":
        return (len(encoder_of(run.config, run.folder).feature_names),)
    return (recipe.context,) if kind == "text" else (SIDE * SIDE,)

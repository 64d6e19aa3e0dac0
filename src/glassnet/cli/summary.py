"""``glassnet summary``: what is in a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from glassnet.cli.recipe import Recipe
from glassnet.train.progress import epoch_line
from glassnet.train.run import Run


def summary(run: Annotated[Path, typer.Argument(help="The folder of the run.")]) -> None:
    """The layers with their parameters, how the network was trained, and how the last epoch went."""
    loaded = Run.load(run)
    recipe = Recipe.from_config(loaded.config)
    typer.echo(loaded.net.summary(recipe.load_data().train.x.shape[1:]))
    optimizer = loaded.config["optimizer"]
    options = ", ".join(f"{name} {value}" for name, value in optimizer.items() if name != "name")
    typer.echo(
        f"\n{optimizer['name']} ({options}), {recipe.schedule} schedule, batch {recipe.batch_size}, seed {recipe.seed}"
    )
    typer.echo(f"{loaded.epochs} of {recipe.epochs} epochs, {loaded.steps:,} steps, {loaded.seconds:.1f} s")
    if loaded.history:
        typer.echo(f"last epoch: {epoch_line(loaded.history)}")
    if loaded.best_epoch:
        typer.echo(f"best epoch: {loaded.best_epoch}, validation loss {min(loaded.history['val_loss']):.4f}")

"""``glassnet train digits`` and ``glassnet train names``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from glassnet.cli.recipe import LEARNING_RATES, Recipe, new_folder
from glassnet.cli.report import new_items, test_text
from glassnet.data.dataset import Dataset
from glassnet.engine.errors import ConfigError
from glassnet.train.run import Run

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Train a network on embedded data.")

Hidden = Annotated[str, typer.Option(help="Widths of the hidden layers, separated by commas; 0 for none.")]
Activation = Annotated[str, typer.Option(help="relu, tanh or sigmoid.")]
OptimizerName = Annotated[str, typer.Option("--optimizer", help="sgd (with momentum 0.9), adam or adamw.")]
LearningRate = Annotated[
    float | None, typer.Option("--lr", help="Learning rate; by default 0.1 for sgd, 0.005 for adam and adamw.")
]
ScheduleName = Annotated[str, typer.Option("--schedule", help="constant, step (a tenth after each third) or cosine.")]
Epochs = Annotated[int, typer.Option(help="How often to go through the training rows.")]
BatchSize = Annotated[int, typer.Option(help="Rows in a step.")]
Seed = Annotated[int, typer.Option(help="Decides the first weights and the order of the rows.")]
WeightDecay = Annotated[float, typer.Option(help="Pulls weights towards 0.")]
BatchNorm = Annotated[bool, typer.Option(help="Normalise before each activation.")]
Folder = Annotated[Path | None, typer.Option(help="Where to save the run; by default a new folder in runs/.")]


@app.command()
def digits(
    hidden: Hidden = "16,16",
    activation: Activation = "relu",
    optimizer: OptimizerName = "sgd",
    lr: LearningRate = None,
    schedule: ScheduleName = "cosine",
    epochs: Epochs = 30,
    batch_size: BatchSize = 100,
    seed: Seed = 0,
    weight_decay: WeightDecay = 0.003,
    batch_norm: BatchNorm = False,
    folder: Folder = None,
) -> None:
    """Train a classifier of handwritten digits, 28 x 28, 784-16-16-10 unless told otherwise."""
    recipe = Recipe(
        dataset="digits",
        hidden=parse_hidden(hidden),
        activation=activation,
        optimizer=optimizer,
        lr=default_lr(optimizer, lr),
        schedule=schedule,
        epochs=epochs,
        batch_size=batch_size,
        seed=seed,
        weight_decay=weight_decay,
        batch_norm=batch_norm,
    )
    train(recipe, folder)


@app.command()
def names(
    hidden: Hidden = "200",
    activation: Activation = "tanh",
    optimizer: OptimizerName = "adamw",
    lr: LearningRate = None,
    schedule: ScheduleName = "cosine",
    epochs: Epochs = 10,
    batch_size: BatchSize = 128,
    seed: Seed = 0,
    weight_decay: WeightDecay = 0.01,
    batch_norm: BatchNorm = True,
    context: Annotated[int, typer.Option(help="How many characters to predict from.")] = 3,
    embedding: Annotated[int, typer.Option(help="Numbers that stand for a character.")] = 10,
    folder: Folder = None,
) -> None:
    """Train a character-level language model of first names, and let it invent 20 new ones."""
    recipe = Recipe(
        dataset="names",
        hidden=parse_hidden(hidden),
        activation=activation,
        optimizer=optimizer,
        lr=default_lr(optimizer, lr),
        schedule=schedule,
        epochs=epochs,
        batch_size=batch_size,
        seed=seed,
        weight_decay=weight_decay,
        batch_norm=batch_norm,
        context=context,
        embedding=embedding,
    )
    train(recipe, folder)


def parse_hidden(text: str) -> tuple[int, ...]:
    """ "16,16" as (16, 16); "0" as no hidden layer."""
    try:
        widths = tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise ConfigError(
            f"--hidden expects whole numbers separated by commas, such as 16,16, got {text!r}."
        ) from error
    if widths == (0,):
        return ()
    if min(widths) < 1:
        raise ConfigError(f"--hidden expects widths of at least 1, got {text!r}.")
    return widths


def default_lr(optimizer: str, lr: float | None) -> float:
    """The learning rate that was given, or the one that suits the optimizer."""
    return LEARNING_RATES.get(optimizer, 0.1) if lr is None else lr


def train(recipe: Recipe, folder: Path | None, *, resume: bool = False) -> None:
    """Train, and report how it went."""
    dataset = recipe.load_data()
    typer.echo(dataset.summary())
    place = folder or new_folder(recipe.dataset)
    run = recipe.train(dataset, place, resume=resume)
    report(run, dataset, recipe.seed)


def report(run: Run, dataset: Dataset, seed: int) -> None:
    """The parameter table, the test, new names, and where the run is."""
    typer.echo()
    typer.echo(run.net.summary(dataset.train.x.shape[1:]))
    typer.echo()
    best = f", weights of epoch {run.best_epoch} (smallest validation loss)" if run.best_epoch else ""
    typer.echo(f"trained {run.epochs} epochs, {run.steps:,} steps in {run.seconds:.1f} s{best}")
    typer.echo(test_text(run.net, dataset))
    if dataset.vocabulary is not None:
        typer.echo("\n20 new names: " + ", ".join(new_items(run.net, dataset, 20, seed)))
    typer.echo(f"\nsaved in {run.folder}")
    if run.stopped == "interrupted":
        typer.echo(f"continue with: glassnet resume {run.folder}")

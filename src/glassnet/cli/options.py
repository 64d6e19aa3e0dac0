"""The options that ``train`` and ``lr-find`` share, each with its help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from glassnet.cli.building import OPTIMIZERS, SCHEDULES
from glassnet.cli.recipe import parse_hidden
from glassnet.models.mlp import ACTIVATIONS

Data = Annotated[
    str | None,
    typer.Argument(metavar="DATA", help="digits, names, mnist, fashion-mnist, a table (CSV, Parquet) or a text file."),
]
Config = Annotated[Path | None, typer.Option(help="A TOML file with any of these options; those given here win.")]
Root = Annotated[str | None, typer.Option(help="The folder with the IDX files of mnist or fashion-mnist.")]
Target = Annotated[str | None, typer.Option(help="The column of a table to predict.")]
Task = Annotated[str | None, typer.Option(help="auto, classification or regression, for a table.")]
Missing = Annotated[str | None, typer.Option(help="Missing values in a table: error, drop or fill.")]
Group = Annotated[str | None, typer.Option(help="A column of keys that must not be in two splits.")]
Hidden = Annotated[str | None, typer.Option(help="Widths of the hidden layers, separated by commas; 0 for none.")]
Activation = Annotated[str | None, typer.Option(help=", ".join(ACTIVATIONS) + ".")]
OptimizerName = Annotated[str | None, typer.Option("--optimizer", help=f"{', '.join(OPTIMIZERS)} (sgd: momentum 0.9).")]
LearningRate = Annotated[
    float | None, typer.Option("--lr", help="Learning rate; by default what suits the optimizer, see lr-find.")
]
ScheduleName = Annotated[str | None, typer.Option("--schedule", help=f"{', '.join(SCHEDULES)}.")]
Epochs = Annotated[int | None, typer.Option(help="How often to go through the training rows.")]
BatchSize = Annotated[int | None, typer.Option(help="Rows in a step.")]
Seed = Annotated[int | None, typer.Option(help="Decides the first weights, the order of the rows, and dropout.")]
Dropout = Annotated[float | None, typer.Option(help="Share of hidden units that is dropped in each step.")]
WeightDecay = Annotated[float | None, typer.Option(help="Pulls weights towards 0.")]
BatchNorm = Annotated[bool | None, typer.Option(help="Normalise before each activation.")]
Context = Annotated[int | None, typer.Option(help="How many characters of a text to predict from.")]
Embedding = Annotated[int | None, typer.Option(help="Numbers that stand for a character.")]


def widths(hidden: str | None) -> tuple[int, ...] | None:
    """The widths of the hidden layers, if they were given."""
    return None if hidden is None else parse_hidden(hidden)

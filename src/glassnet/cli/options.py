"""The options that commands share, each with its help."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from glassnet.engine.errors import ConfigError
from glassnet.models.mlp import ACTIVATIONS
from glassnet.recipe.allowed import MODELS, OPTIMIZERS, PRESET_NAMES, SCHEDULES
from glassnet.recipe.recipe import parse_hidden


def number(option: str, help: str, kind: Callable[[str], float] = float) -> Any:  # noqa: A002  # typer's word
    """An option that takes a number, or with ``kind=int`` a whole one; anything else is one sentence."""
    words = "a whole number" if kind is int else "a number"

    def parse(text: Any) -> float:
        try:
            return kind(text)
        except ValueError:
            raise typer.BadParameter(f"expected {words}, got {text!r}", param_hint=f"'{option}'") from None

    return typer.Option(option, help=help, parser=parse, metavar=words.rsplit(maxsplit=1)[-1].upper())


RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="The folder of the run.")]
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
Preset = Annotated[
    str | None, typer.Option("--preset", help=f"Options for a text that belong together: {', '.join(PRESET_NAMES)}.")
]
Model = Annotated[str | None, typer.Option("--model", help=f"For a text: {', '.join(MODELS)}.")]
Hidden = Annotated[str | None, typer.Option(help="Widths of the hidden layers, separated by commas; 0 for none.")]
Activation = Annotated[str | None, typer.Option(help=", ".join(ACTIVATIONS) + ".")]
OptimizerName = Annotated[str | None, typer.Option("--optimizer", help=f"{', '.join(OPTIMIZERS)}.")]
LearningRate = Annotated[
    float | None, number("--lr", "Learning rate; by default what suits the optimizer, see lr-find.")
]
Momentum = Annotated[float | None, number("--momentum", "Of sgd: how much of the last step is kept.")]
ScheduleName = Annotated[str | None, typer.Option("--schedule", help=f"{', '.join(SCHEDULES)}.")]
Epochs = Annotated[int | None, number("--epochs", "How often to go through the training rows.", int)]
Steps = Annotated[int | None, number("--steps", "How many batches to train on, instead of --epochs.", int)]
BatchSize = Annotated[int | None, number("--batch-size", "Rows in a step.", int)]
Seed = Annotated[int | None, number("--seed", "Decides the first weights, the order of the rows, and dropout.", int)]
Dropout = Annotated[float | None, number("--dropout", "Share of hidden units that is dropped in each step.")]
WeightDecay = Annotated[float | None, number("--weight-decay", "Pulls weights towards 0, not biases and gains.")]
L1 = Annotated[float | None, number("--l1", "Adds so many times the sum of all |weights| to the loss.")]
L2 = Annotated[float | None, number("--l2", "Adds so many times the sum of all weights squared to the loss.")]
LabelSmoothing = Annotated[
    float | None, number("--label-smoothing", "Share of the target that is spread over all classes.")
]
Average = Annotated[
    float | None, number("--average", "Keep a moving average of the weights: 0.999 over about the last 1,000 steps.")
]
Patience = Annotated[
    int | None, number("--patience", "Stop when so many epochs in turn have not lowered the validation loss.", int)
]
CompileChoice = Annotated[
    str | None, typer.Option("--compile", help="Native code: auto (where it pays), on, off; xla for JAX's devices.")
]
BatchNorm = Annotated[bool | None, typer.Option(help="Normalise before each activation.")]
Context = Annotated[int | None, number("--context", "How many characters of a text to predict from.", int)]
Embedding = Annotated[int | None, number("--embedding", "Numbers that stand for a character.", int)]
FanIn = Annotated[int | None, number("--fan-in", "How many neighbours each stage of a wavenet fuses.", int)]
Smoothing = Annotated[float | None, number("--smoothing", "Fake counts for each entry of a table of bigram-counts.")]


Host = Annotated[str | None, typer.Option("--host", help="The address to serve the page at; by default this machine.")]
View = Annotated[bool, typer.Option("--view", help="Show the training as a page in the browser, and keep it open.")]
Port = Annotated[int | None, number("--port", "The port of the page; by default a free one.", int)]


def place_of_page(host: str | None, port: int | None, *, view: bool = True) -> dict[str, Any] | None:
    """Where a page is to be served, of what was given; None without --view. Raises ConfigError for a port that is
    none, and for a place without a page.
    """
    if not view:
        if host is not None or port is not None:
            raise ConfigError("--host and --port are for the page: give --view, too.")
        return None
    if port is not None and not 0 <= port < 2**16:
        raise ConfigError(f"--port must be a whole number from 0 to {2**16 - 1:,}, got {port}.")
    return {name: value for name, value in (("host", host), ("port", port)) if value is not None}


def widths(hidden: str | None) -> tuple[int, ...] | None:
    """The widths of the hidden layers, if they were given."""
    return None if hidden is None else parse_hidden(hidden)

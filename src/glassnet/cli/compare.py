"""``glassnet compare``: language models from counting to a WaveNet in one table of losses."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from glassnet.api import evaluate
from glassnet.cli import options
from glassnet.cli.building import train_network
from glassnet.recipe.recipe import Recipe

#: The options of ``glassnet train`` for each row of the table.
ROWS: dict[str, dict[str, Any]] = {
    "bigram, counted": {"model": "bigram-counts"},
    "bigram, as a network": {"model": "bigram"},
    "MLP, context 3": {"preset": "lecture-mlp", "batch_norm": False},
    "MLP, context 3, BatchNorm": {"preset": "lecture-mlp"},
    "MLP, context 8, BatchNorm": {"preset": "lecture-mlp", "context": 8},
    "WaveNet-like, 22 thousand": {"preset": "lecture-wavenet", "embedding": 10, "hidden": (68,)},
    "WaveNet-like, 76 thousand": {"preset": "lecture-wavenet"},
    "best preset": {"preset": "best"},
}


def compare(
    data: Annotated[str, typer.Argument(metavar="DATA", help="names or a text file.")] = "names",
    steps: Annotated[int | None, options.number("--steps", "Train each for so many batches only.", int)] = None,
    seed: options.Seed = None,
) -> None:
    """Train language models from counting to a WaveNet, and print a table of their parameters, how long they took, and
    the loss on the validation split in nats a character. Nothing is saved.
    """
    name = max(map(len, ROWS))
    typer.echo(f"| {'model'.ljust(name)} | parameters | seconds | validation loss |")
    typer.echo(f"|{'-' * (name + 2)}|-----------:|--------:|----------------:|")
    for title, row in ROWS.items():
        given = {**row, "seed": seed, "steps": None if row.get("model") == "bigram-counts" else steps}
        recipe = Recipe.from_options(data, given, None)
        dataset = recipe.load_data()
        run = train_network(recipe, dataset, None, progress=False)
        if run.stopped == "interrupted":
            raise typer.Exit(130)
        parameters = sum(parameter.size for parameter in run.net.parameters())
        loss = evaluate(run.net, dataset.splits["val"])["loss"]
        typer.echo(f"| {title.ljust(name)} | {parameters:10,} | {run.seconds:7.1f} | {loss:15.4f} |")

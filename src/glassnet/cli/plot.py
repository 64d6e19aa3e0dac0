"""``glassnet plot``: pictures of a run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from glassnet import plots
from glassnet.api import evaluate
from glassnet.cli import options
from glassnet.models import NGram
from glassnet.models.new_items import vocabulary_of
from glassnet.recipe.recipe import Recipe, data_of
from glassnet.train.inside import look_inside
from glassnet.train.run import Run
from glassnet.train.run_folder import make_folder
from glassnet.viewer.results.embedding import table_of


def plot(
    run: options.RunArgument,
    output: Annotated[Path | None, typer.Option(help="Where to put the pictures; by default into the run.")] = None,
    ending: Annotated[str, typer.Option("--format", help="png, svg or pdf.")] = "png",
) -> None:
    """Draw the curves of loss and metrics and the health of the layers; of a run of the command also what stands in the
    layers for one batch, and the confusion matrix of the test split, the embedding of the characters, or the table of
    bigrams.
    """
    loaded = Run.load(run)
    place = output or run
    make_folder(place)

    def draw(name: str, plotted: Callable[[Path], Any]) -> None:
        path = place / f"{name}.{ending}"
        plotted(path)
        typer.echo(path)

    if loaded.steps:
        draw("curves", loaded.plot)
    if loaded.diagnostics is not None and loaded.diagnostics.steps:
        draw("health", loaded.diagnostics.plot)
    if "recipe" not in loaded.config:
        return
    recipe, dataset = Recipe.from_config(loaded.config), data_of(loaded.config, run)
    if recipe.model == "bigram-counts":
        table = NGram(vocabulary_of(dataset), recipe.context).fit(dataset.train.x, dataset.train.y)
        draw("bigram", table.plot)
        return
    look = look_inside(loaded.net, dataset)
    draw("histograms", look.plot_histograms)
    if look.flat_parts():
        draw("saturation", look.plot_saturation)
    if dataset.classes is not None:
        draw("confusion", evaluate(loaded.net, dataset).plot)
    embedding = table_of(loaded.net)
    if embedding is not None and dataset.vocabulary is not None:
        figure = plots.embedding(embedding, dataset.vocabulary.symbols)
        draw("embedding", lambda path: plots.save_figure(figure, path))

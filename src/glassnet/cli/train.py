"""``glassnet train``: train a network on a data set or a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from glassnet.cli import options
from glassnet.cli.building import train_network
from glassnet.cli.report import known_text, test_text
from glassnet.data.dataset import Dataset
from glassnet.engine.errors import ConfigError, GlassnetError
from glassnet.models.new_items import new_items
from glassnet.recipe.recipe import Recipe
from glassnet.train.callbacks import Callback
from glassnet.train.run import Run
from glassnet.train.run_folder import CONFIG, new_folder
from glassnet.viewer.live import LiveRun, Watch
from glassnet.viewer.runs import Runs
from glassnet.viewer.server import Server

Folder = Annotated[Path | None, typer.Option(help="Where to save the run; by default a new folder in runs/.")]


def train(
    data: options.Data = None,
    *,
    config: options.Config = None,
    root: options.Root = None,
    target: options.Target = None,
    task: options.Task = None,
    missing: options.Missing = None,
    group: options.Group = None,
    preset: options.Preset = None,
    model: options.Model = None,
    hidden: options.Hidden = None,
    activation: options.Activation = None,
    optimizer: options.OptimizerName = None,
    lr: options.LearningRate = None,
    momentum: options.Momentum = None,
    schedule: options.ScheduleName = None,
    epochs: options.Epochs = None,
    steps: options.Steps = None,
    batch_size: options.BatchSize = None,
    seed: options.Seed = None,
    dropout: options.Dropout = None,
    weight_decay: options.WeightDecay = None,
    l1: options.L1 = None,
    l2: options.L2 = None,
    label_smoothing: options.LabelSmoothing = None,
    average: options.Average = None,
    patience: options.Patience = None,
    batch_norm: options.BatchNorm = None,
    compile: options.CompileChoice = None,  # noqa: A002  # the name of the option
    context: options.Context = None,
    embedding: options.Embedding = None,
    fan_in: options.FanIn = None,
    smoothing: options.Smoothing = None,
    folder: Folder = None,
    view: options.View = False,
    host: options.Host = None,
    port: options.Port = None,
) -> None:
    """Train a network, with defaults that suit the data: digits (784-16-16-10), names (a character-level language
    model that ends with 20 new ones; --model says which), mnist, fashion-mnist, FILE.csv --target COLUMN, or FILE.txt
    with an item a line.
    """
    given = {
        "root": root,
        "target": target,
        "task": task,
        "missing": missing,
        "group": group,
        "preset": preset,
        "model": model,
        "hidden": options.widths(hidden),
        "activation": activation,
        "optimizer": optimizer,
        "lr": lr,
        "momentum": momentum,
        "schedule": schedule,
        "epochs": epochs,
        "steps": steps,
        "batch_size": batch_size,
        "seed": seed,
        "dropout": dropout,
        "weight_decay": weight_decay,
        "l1": l1,
        "l2": l2,
        "label_smoothing": label_smoothing,
        "average": average,
        "patience": patience,
        "batch_norm": batch_norm,
        "compile": compile,
        "context": context,
        "embedding": embedding,
        "fan_in": fan_in,
        "smoothing": smoothing,
    }
    recipe = Recipe.from_options(data, given, config)
    if folder is not None and (folder / CONFIG).exists():
        raise ConfigError(
            f"{folder} holds a run already. Go on with it with `glassnet resume {folder}`, or choose another folder."
        )
    place = options.place_of_page(host, port, view=view)
    if place is not None and recipe.model == "bigram-counts":
        raise ConfigError("--view is for trainings; counts are made at once. Look at them with `glassnet view RUN`.")
    train_and_report(recipe, recipe.load_data(), folder, page=place)


def train_and_report(
    recipe: Recipe,
    dataset: Dataset,
    folder: Path | None,
    *,
    resume: bool = False,
    page: Mapping[str, Any] | None = None,
) -> None:
    """Train, and report how it went. page: where to show the training meanwhile and afterwards, or None."""
    typer.echo(dataset.summary())
    place = folder or new_folder(dataset.name)
    if page is None:
        train_once(recipe, dataset, place, resume=resume)
        return
    live = LiveRun(place.name, place, can_resume=True)
    with Server(Runs([live]), **page) as server:
        typer.echo(server)
        while True:
            try:
                train_once(recipe, dataset, place, resume=resume, watch=Watch(live))
            except GlassnetError as error:  # what went wrong can be looked at before it ends the command
                if not live.has_begun:
                    raise
                live.fail(str(error))
                typer.echo(f"glassnet: {error}", err=True)
            typer.echo(f"{server}\nCtrl-C ends it.")
            live.wait_for_resume()
            resume = True


def train_once(recipe: Recipe, dataset: Dataset, place: Path, *, resume: bool, watch: Callback | None = None) -> None:
    """Train until the end, a stop or Ctrl-C, and report."""
    run = train_network(recipe, dataset, place, resume=resume, callbacks=[] if watch is None else [watch])
    if run.stopped == "interrupted":
        raise typer.Exit(130)
    report(run, dataset, recipe.seed)


def report(run: Run, dataset: Dataset, seed: int) -> None:
    """The parameter table, the test, new items of a text, and where the run is."""
    typer.echo()
    typer.echo(run.net.summary(dataset.train.x.shape[1:]))
    typer.echo()
    best = f", weights of epoch {run.best_epoch} (smallest validation loss)" if run.best_epoch else ""
    if run.steps:  # counts are made at once
        typer.echo(f"trained {run.epochs} epochs, {run.steps:,} steps in {run.seconds:.1f} s{best}")
    typer.echo(test_text(run.net, dataset))
    if dataset.vocabulary is not None:
        kind = "names" if dataset.name == "names" else "items"
        try:
            samples = new_items(run.net, dataset, 20, seed=seed)
            typer.echo(f"\n20 new {kind}: {', '.join(samples)}\n({known_text(samples, dataset)})")
        except ConfigError as error:  # a model that has learned its data by heart was trained all the same
            typer.echo(f"\nno new {kind}: {error}")
    typer.echo(f"\nsaved in {run.folder}")

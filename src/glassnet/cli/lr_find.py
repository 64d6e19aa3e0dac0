"""``glassnet lr-find``: which learning rate suits?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from glassnet.api import lr_find as find
from glassnet.cli import options
from glassnet.recipe.parts import loss_for, network, optimizer_for
from glassnet.recipe.recipe import Recipe

BLOCKS = "▁▂▃▄▅▆▇█"
WIDTH = 64  # characters of the curve


def lr_find(
    data: options.Data = None,
    *,
    config: options.Config = None,
    root: options.Root = None,
    target: options.Target = None,
    task: options.Task = None,
    missing: options.Missing = None,
    preset: options.Preset = None,
    model: options.Model = None,
    hidden: options.Hidden = None,
    activation: options.Activation = None,
    optimizer: options.OptimizerName = None,
    momentum: options.Momentum = None,
    batch_size: options.BatchSize = None,
    seed: options.Seed = None,
    dropout: options.Dropout = None,
    batch_norm: options.BatchNorm = None,
    context: options.Context = None,
    embedding: options.Embedding = None,
    fan_in: options.FanIn = None,
    start: Annotated[float, options.number("--start", "The first learning rate.")] = 1e-6,
    end: Annotated[float, options.number("--end", "The last learning rate.")] = 10.0,
    steps: Annotated[int, options.number("--steps", "How many steps to make.", int)] = 300,
    plot: Annotated[Path | None, typer.Option(help="Draw the sweep into this file, such as sweep.png.")] = None,
) -> None:
    """Raise the learning rate from tiny to huge and suggest the one at which the loss falls fastest."""
    given = {
        "root": root,
        "target": target,
        "task": task,
        "missing": missing,
        "preset": preset,
        "model": model,
        "hidden": options.widths(hidden),
        "activation": activation,
        "optimizer": optimizer,
        "momentum": momentum,
        "batch_size": batch_size,
        "seed": seed,
        "dropout": dropout,
        "batch_norm": batch_norm,
        "context": context,
        "embedding": embedding,
        "fan_in": fan_in,
    }
    recipe = Recipe.from_options(data, given, config)
    dataset = recipe.load_data()
    net = network(recipe, dataset)
    found = find(
        net,
        dataset,
        loss=loss_for(recipe, dataset),
        optimizer=optimizer_for(recipe, net),
        start=start,
        end=end,
        steps=steps,
        batch_size=recipe.batch_size,
        seed=recipe.seed,
    )
    typer.echo(f"smoothed loss from lr {found.lrs[0]:.1e} to {found.lrs[-1]:.1e}, lowest {min(found.smoothed):.4f}")
    typer.echo(curve(found.smoothed, found.lrs.index(found.suggestion)))
    ending = f"diverged at {found.lrs[-1]:.2g}" if found.diverged else "did not diverge: try a larger --end"
    typer.echo(f"suggested learning rate: {found.suggestion:.2g} (the loss {ending})")
    if plot is not None:
        found.plot(plot)
        typer.echo(f"drawn in {plot}")


def curve(values: list[float], marked: int) -> str:
    """Values as a row of blocks, and an arrow below the marked one."""
    low, high = min(values), values[0] + 0.5 * (values[0] - min(values))  # what is higher has diverged
    places = [round(i * (len(values) - 1) / (WIDTH - 1)) for i in range(WIDTH)]
    heights = [(values[place] - low) / (high - low or 1.0) for place in places]
    blocks = "".join(BLOCKS[max(0, min(7, int(height * 8)))] for height in heights)
    return f"{blocks}\n{' ' * round(marked * (WIDTH - 1) / max(1, len(values) - 1))}^"

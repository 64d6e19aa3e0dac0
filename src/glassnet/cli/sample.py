"""``glassnet sample``: new names from a trained language model."""

from __future__ import annotations

from typing import Annotated

import typer

from glassnet.cli import options
from glassnet.cli.report import known_text
from glassnet.models.new_items import new_items
from glassnet.recipe.recipe import data_of
from glassnet.train.run import Run


def sample(
    run: options.RunArgument,
    count: Annotated[int, options.number("--count", "How many names.", int)] = 20,
    seed: Annotated[int, options.number("--seed", "Other seeds give other names.", int)] = 0,
    temperature: Annotated[
        float, options.number("--temperature", "Below 1: more usual names; above 1: stranger ones.")
    ] = 1.0,
    top_k: Annotated[
        int | None, options.number("--top-k", "Draw from so many of the likeliest characters only.", int)
    ] = None,
    prompt: Annotated[str, typer.Option(help="What every name begins with.")] = "",
    allow_known: Annotated[bool, typer.Option("--allow-known", help="Also names that are in the data.")] = False,
) -> None:
    """Print new names, one a line, none of which is in the data unless that is allowed; and on stderr, how many of
    those that were drawn stand in the training data.
    """
    loaded = Run.load(run)
    dataset = data_of(loaded.config, run)
    samples = new_items(
        loaded.net,
        dataset,
        count,
        seed=seed,
        temperature=temperature,
        top_k=top_k,
        prompt=prompt,
        allow_known=allow_known,
    )
    for item in samples:
        typer.echo(item)
    typer.echo(known_text(samples, dataset), err=True)

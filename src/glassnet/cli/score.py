"""``glassnet score``: how surprised is a trained language model by each character of a text?"""

from __future__ import annotations

import math
from typing import Annotated, Any

import typer

from glassnet.cli import options
from glassnet.data.text import BOUNDARY, Vocabulary
from glassnet.engine.errors import ConfigError
from glassnet.engine.namespace import Array
from glassnet.models import character_losses
from glassnet.recipe.recipe import Recipe
from glassnet.train.run import Run

#: The colours of losses up to so many nats: from expected to surprising.
COLOURS = {1.0: "green", 2.0: "yellow", 4.0: "dark_orange", math.inf: "red"}


def score(
    run: options.RunArgument,
    texts: Annotated[list[str], typer.Argument(metavar="TEXT...", help="Names or other items, each as a whole.")],
) -> None:
    """Print the loss of each character, in nats: minus the logarithm of the probability that the model gave it.
    On a terminal the characters are coloured by it; otherwise there is a line for each, its columns separated by tabs.
    "." is the end.
    """
    from rich.console import Console

    loaded = Run.load(run)
    if "vocabulary" not in loaded.config:
        raise ConfigError(f"{run} is not a language model: it scores no texts.")
    vocabulary, context = Vocabulary.from_json(loaded.config["vocabulary"]), Recipe.from_config(loaded.config).context
    found = [(text, character_losses(loaded.net, vocabulary, context, text)) for text in texts]
    console = Console(highlight=False, soft_wrap=True, markup=False)
    if console.is_terminal:
        for text, losses in found:
            console.print(coloured(text, losses))
        console.print(legend())
        return
    typer.echo("text\tcharacter\tloss\tprobability")
    for text, losses in found:
        for character, loss in zip([*text, BOUNDARY], losses, strict=True):
            typer.echo(f"{text}\t{character}\t{loss:.4f}\t{math.exp(-loss):.4f}")


def coloured(text: str, losses: Array) -> Any:
    """A text for rich: each character and its ending in the colour of its loss, then the mean."""
    from rich.text import Text

    line = Text()
    for character, loss in zip([*text, BOUNDARY], losses, strict=True):
        line.append(character, style=f"black on {colour(float(loss))}")
    return line.append(f"  {losses.mean():.3f} nats a character, {losses.sum():.2f} in all")


def legend() -> Any:
    """Which colour means what."""
    from rich.text import Text

    line, low = Text("nats: "), 0.0
    for high, name in COLOURS.items():
        words = f" {low:g} to {high:g} " if math.isfinite(high) else f" above {low:g} "
        line.append(words, style=f"black on {name}")
        low = high
    return line


def colour(loss: float) -> str:
    """The colour of a loss."""
    return next(name for high, name in COLOURS.items() if loss <= high)

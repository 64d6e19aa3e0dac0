"""``glassnet predict``: which digit is this?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from glassnet.cli.recipe import Recipe
from glassnet.cli.report import draw
from glassnet.data.images import read_digit
from glassnet.engine.errors import ConfigError
from glassnet.train.run import Run


def predict(
    run: Annotated[Path, typer.Argument(help="The folder of a run on digits.")],
    images: Annotated[list[Path], typer.Argument(help="Pictures of one digit each, such as PNG files.")],
) -> None:
    """Draw each picture as the network sees it, and print the probability of each digit."""
    loaded = Run.load(run)
    if Recipe.from_config(loaded.config).dataset != "digits":
        raise ConfigError(f"{run} is not a run on digits, so it cannot read pictures.")
    for path in images:
        image = read_digit(path)
        probabilities = loaded.net.predict_proba(image.reshape(1, -1))[0]
        typer.echo("\n".join(draw(image)))
        best = np.argsort(-probabilities, kind="stable")
        rest = ", ".join(f"{digit} {probabilities[digit]:.1%}" for digit in best[1:3])
        typer.echo(f"{path}: {best[0]} ({probabilities[best[0]]:.1%}; then {rest})")

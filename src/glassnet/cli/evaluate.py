"""``glassnet evaluate``: how good is a trained network?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from glassnet.cli.recipe import Recipe
from glassnet.cli.report import test_text
from glassnet.train.run import Run


def evaluate(run: Annotated[Path, typer.Argument(help="The folder of the run.")]) -> None:
    """Loss, accuracy, the confusion matrix and, for pictures, the hardest mistakes on the test split."""
    loaded = Run.load(run)
    typer.echo(test_text(loaded.net, Recipe.from_config(loaded.config).load_data()))

"""``glassnet evaluate``: how good is a trained network?"""

from __future__ import annotations

import typer

from glassnet.cli import options
from glassnet.cli.report import test_text
from glassnet.recipe.recipe import data_of
from glassnet.train.run import Run


def evaluate(run: options.RunArgument) -> None:
    """Loss, accuracy, the confusion matrix and, for pictures, the hardest mistakes on the test split."""
    loaded = Run.load(run)
    typer.echo(test_text(loaded.net, data_of(loaded.config, run)))

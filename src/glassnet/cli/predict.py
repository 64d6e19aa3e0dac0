"""``glassnet predict``: which digit is this, and what do the rows of this table give?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from glassnet.cli.report import draw
from glassnet.data.columns import read_columns
from glassnet.data.images import read_digit
from glassnet.data.mnist import FAMILIES
from glassnet.engine.errors import ConfigError
from glassnet.recipe.recipe import TABLE_ENDINGS, Recipe, encoder_of, kind_of
from glassnet.train.run import Run


def predict(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run on pictures or on a table.")],
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Pictures such as PNG files, or a table of new rows.")
    ],
) -> None:
    """For each picture, draw it as the network sees it and print the probabilities of the classes; for each row of a
    table, print the prediction as CSV.
    """
    loaded = Run.load(run)
    kind = kind_of(Recipe.from_config(loaded.config).data)
    if kind == "text":
        raise ConfigError(f"{run} was trained on a text and reads no files. Sample it with `glassnet sample {run}`.")
    for path in files:
        if (path.suffix.lower() in TABLE_ENDINGS) != (kind == "table"):
            reads = f"tables ({', '.join(TABLE_ENDINGS)})" if kind == "table" else "pictures, such as PNG files"
            raise ConfigError(f"{run} reads {reads}; {path} is none.")
    for path in files:
        (predict_rows if kind == "table" else predict_picture)(loaded, path)


def predict_picture(run: Run, path: Path) -> None:
    """Draw a picture and print what it is."""
    name = Recipe.from_config(run.config).data
    classes = FAMILIES["mnist" if name == "digits" else name].classes
    image = read_digit(path)
    probabilities = run.net.predict_proba(image.reshape(1, -1))[0]
    typer.echo("\n".join(draw(image)))
    best = np.argsort(-probabilities, kind="stable")
    rest = ", ".join(f"{classes[i]} {probabilities[i]:.1%}" for i in best[1:3])
    typer.echo(f"{path}: {classes[best[0]]} ({probabilities[best[0]]:.1%}; then {rest})")


def predict_rows(run: Run, path: Path) -> None:
    """Print the predictions for the rows of a table as CSV, in their order."""
    import csv
    import sys

    encoder = encoder_of(run.config, run.folder)
    x = encoder.encode(read_columns(path), str(path))
    predictions = encoder.decode_target(run.net.predict(x))
    writer = csv.writer(sys.stdout, lineterminator="\n")
    if encoder.classes is None:
        writer.writerow([encoder.target])
        writer.writerows([f"{value:.6g}"] for value in predictions)
        return
    writer.writerow([encoder.target, *(f"probability of {name}" for name in encoder.classes)])
    for name, probabilities in zip(predictions, run.net.predict_proba(x), strict=True):
        writer.writerow([name, *(f"{p:.4f}" for p in probabilities)])

"""``glassnet predict``: which digit is this, and what do the rows of this table give?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from glassnet.cli.recipe import TABLE_ENDINGS, Recipe, kind_of
from glassnet.cli.report import draw
from glassnet.data.encoder import TableEncoder
from glassnet.data.images import read_digit
from glassnet.data.mnist import FAMILIES
from glassnet.data.tables import read_columns
from glassnet.engine.errors import CheckpointError, ConfigError
from glassnet.train.run import Run


def predict(
    run: Annotated[Path, typer.Argument(help="The folder of a run on pictures or on a table.")],
    files: Annotated[list[Path], typer.Argument(help="Pictures such as PNG files, or a table of new rows.")],
) -> None:
    """For each picture, draw it as the network sees it and print the probabilities of the classes; for each row of a
    table, print the prediction as CSV.
    """
    loaded = Run.load(run)
    kind = kind_of(Recipe.from_config(loaded.config).data)
    for path in files:
        is_table = path.suffix.lower() in TABLE_ENDINGS
        if kind == "table" and is_table:
            predict_rows(loaded, path)
        elif kind == "pictures" and not is_table:
            predict_picture(loaded, path)
        else:
            reads = {"table": "tables", "pictures": "pictures"}.get(kind, "no files: sample from it")
            raise ConfigError(f"{run} is a run on {kind}, which reads {reads}; {path} is none.")


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

    if "encoder" not in run.config:
        raise CheckpointError(f"{run.folder} does not say how a table becomes numbers.")
    encoder = TableEncoder.from_json(run.config["encoder"])
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

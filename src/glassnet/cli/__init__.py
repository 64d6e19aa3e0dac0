"""The command ``glassnet``."""

from __future__ import annotations

import sys

import typer

from glassnet.cli.evaluate import evaluate
from glassnet.cli.predict import predict
from glassnet.cli.resume import resume
from glassnet.cli.sample import sample
from glassnet.cli.summary import summary
from glassnet.cli.train import app as train
from glassnet.engine.errors import GlassnetError

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Build, train and see into neural networks.",
)
app.add_typer(train, name="train")
for command in (resume, evaluate, predict, sample, summary):
    app.command()(command)


def main() -> None:
    """Run the command; an error made on purpose is one sentence and exit code 2."""
    try:
        app()
    except GlassnetError as error:
        sys.stderr.write(f"glassnet: {error}\n")
        sys.exit(2)

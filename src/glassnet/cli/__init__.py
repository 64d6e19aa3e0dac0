"""The command ``glassnet``."""

from __future__ import annotations

import sys
from typing import Any

import typer

from glassnet.cli.data import app as data
from glassnet.cli.evaluate import evaluate
from glassnet.cli.lr_find import lr_find
from glassnet.cli.plot import plot
from glassnet.cli.predict import predict
from glassnet.cli.resume import resume
from glassnet.cli.sample import sample
from glassnet.cli.summary import summary
from glassnet.cli.train import train
from glassnet.engine.errors import GlassnetError

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Build, train and see into neural networks.",
)
for command in (train, resume, evaluate, predict, sample, lr_find, summary, plot):
    app.command()(command)
app.add_typer(data, name="data")

#: What typer raises for arguments that it cannot understand, and the base of it.
UsageError: Any = typer.BadParameter.__base__
CommandError: Any = UsageError.__base__


def main() -> None:
    """Run the command; an error made on purpose is one sentence and exit code 2."""
    try:
        code = app(standalone_mode=False)
    except GlassnetError as error:
        message = str(error)
    except CommandError as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # its help was asked for by giving nothing
            sys.stderr.write(f"{error.format_message()}\n")
            sys.exit(2)
        context = getattr(error, "ctx", None)
        hint = f" Try `{context.command_path} --help`." if context is not None else ""
        message = error.format_message() + hint
    except (typer.Abort, KeyboardInterrupt):
        sys.exit(130)
    else:
        sys.exit(code or 0)
    sys.stderr.write(f"glassnet: {message}\n")
    sys.exit(2)

"""The command ``glassnet``."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from glassnet.cli.compare import compare
from glassnet.cli.data import app as data
from glassnet.cli.doctor import doctor
from glassnet.cli.evaluate import evaluate
from glassnet.cli.explain import explain
from glassnet.cli.lr_find import lr_find
from glassnet.cli.plot import plot
from glassnet.cli.predict import predict
from glassnet.cli.report_file import report
from glassnet.cli.resume import resume
from glassnet.cli.sample import sample
from glassnet.cli.score import score
from glassnet.cli.summary import summary
from glassnet.cli.train import train
from glassnet.cli.tune import tune
from glassnet.cli.view import view
from glassnet.engine.errors import GlassnetError

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Build, train and see into neural networks.",
)
for command in (
    train,
    tune,
    resume,
    evaluate,
    predict,
    sample,
    score,
    lr_find,
    summary,
    plot,
    compare,
    doctor,
    explain,
    view,
    report,
):
    app.command()(command)
app.add_typer(data, name="data")

#: What typer raises for arguments that it cannot understand, and the base of it.
UsageError: Any = typer.BadParameter.__base__
CommandError: Any = UsageError.__base__


def _version(wanted: bool) -> None:
    if wanted:
        from glassnet import __version__

        typer.echo(f"glassnet {__version__}")
        raise typer.Exit


@app.callback()
def glassnet(
    version: Annotated[  # acted on by its callback
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Build, train and see into neural networks."""


def main() -> None:
    """Run the command; an error made on purpose is one sentence and exit code 2."""
    try:
        code = app(prog_name="glassnet", standalone_mode=False)
    except GlassnetError as error:
        message = str(error)
    except CommandError as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # its help was asked for by giving nothing
            sys.stderr.write(f"{error.format_message()}\n")
            sys.exit(2)
        context = getattr(error, "ctx", None)
        hint = f" Try `{context.command_path} --help`." if context is not None else ""
        text = error.format_message()
        message = (text if text.endswith(("?", ".")) else f"{text}.") + hint
    except MemoryError as error:
        reason = f": {error}" if str(error) else ""
        message = f"there is not enough memory{reason.rstrip('.')}. Try a smaller network, batch or file."
    except BrokenPipeError:  # whoever read the output, such as `head`, has closed it
        sys.stderr.close()
        sys.exit(1)
    except (typer.Abort, KeyboardInterrupt):
        sys.exit(130)
    else:
        sys.exit(code or 0)
    sys.stderr.write(f"glassnet: {message}\n")
    sys.exit(2)

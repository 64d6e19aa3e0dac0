"""The command, run in this process: a new interpreter for each case would take longer than the cases."""

import contextlib
import io
import sys
from dataclasses import dataclass
from unittest import mock

from glassnet.cli import main


@dataclass
class Done:
    returncode: int
    stdout: str
    stderr: str


def glassnet(*arguments, cwd="."):
    """What the command printed, and its exit code."""
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(cwd),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        mock.patch.object(sys, "argv", ["glassnet", *map(str, arguments)]),
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code
    return Done(code or 0, out.getvalue(), err.getvalue())

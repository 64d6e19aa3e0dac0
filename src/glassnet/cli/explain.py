"""``glassnet explain``: what a finding of the doctor means."""

from __future__ import annotations

from typing import Annotated

import typer

from glassnet.doctor.explain import explain as page
from glassnet.doctor.explain import overview


def explain(
    code: Annotated[str | None, typer.Argument(metavar="[CODE]", help="Such as dead-units; all codes without.")] = None,
) -> None:
    """Explain a finding of the doctor: what it means, how it looks, why it happens, what to do, with an example."""
    from rich.console import Console
    from rich.markdown import Markdown

    text = overview() if code is None else page(code)
    console = Console()
    if console.is_terminal:
        console.print(Markdown(text, code_theme="ansi_dark"))
    else:
        typer.echo(text, nl=False)

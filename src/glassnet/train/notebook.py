"""A progress bar in a notebook: one display that is replaced, and taken away at the end."""

from __future__ import annotations

import time
from typing import Any


def in_notebook() -> bool:
    """Whether output goes to the cells of a Jupyter notebook."""
    from rich.console import Console

    return Console().is_jupyter


class NotebookBar:
    """A bar over ``total`` steps, ``done`` of which were made before; what is printed goes on below it."""

    def __init__(self, total: int, done: int) -> None:
        from IPython.display import HTML, display

        self._html, self._total, self._begin = HTML, total, done
        self._started = time.perf_counter()
        self._handle: Any = display(HTML(self._text(done, "")), display_id=True)

    def update(self, step: int, text: str) -> None:
        """Show how far the training is."""
        self._handle.update(self._html(self._text(step, text)))

    def stop(self) -> None:
        """Take the bar away."""
        self._handle.update(self._html(""))

    def _text(self, step: int, text: str) -> str:
        made = step - self._begin
        left = ""
        if made:
            seconds = round((time.perf_counter() - self._started) / made * (self._total - step))
            left = f", {seconds // 60}:{seconds % 60:02} left"
        return f'<progress value="{step}" max="{self._total}"></progress> {step}/{self._total} steps  {text}{left}'

"""Progress of a training: a live bar on a terminal or in a notebook, and one line an epoch everywhere."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from glassnet.train.callbacks import Callback
from glassnet.train.notebook import NotebookBar, in_notebook

if TYPE_CHECKING:
    from glassnet.train.loop import Loop

INTERVAL = 0.1  # seconds between two updates of the bar


class Progress(Callback):
    """A bar over all steps, at most ten updates a second; without a terminal or notebook only the lines.

    how_to_resume: what to write to go on with the run, for someone who interrupts it.
    """

    every_step = False

    def __init__(self, how_to_resume: str | None = None) -> None:
        self.how_to_resume = how_to_resume
        self._bar: Any = None
        self._print: Any = print
        self._next = 0.0

    def on_fit_start(self, loop: Loop) -> None:
        """Show the bar, if there is where."""
        if in_notebook():
            self._bar = NotebookBar(loop.total_steps, loop.step)
            return
        from rich.console import Console

        console = Console(highlight=False, soft_wrap=True, markup=False)
        self._print = console.print
        if console.is_terminal:
            self._bar = TerminalBar(console, loop.total_steps, loop.step)

    def on_step_end(self, loop: Loop) -> None:
        """Move the bar, unless it was moved less than a tenth of a second ago."""
        now = time.perf_counter()
        if self._bar is not None and now >= self._next:
            self._next = now + INTERVAL
            self._bar.update(loop.step, f"loss {loop.last_loss:.4f}")

    def on_epoch_end(self, loop: Loop) -> None:
        """Print the values of the epoch."""
        epochs = -(-loop.total_steps // loop.steps_per_epoch)
        self._print(f"epoch {loop.epochs_ended:>{len(str(epochs))}}/{epochs}  {epoch_line(loop.history)}")

    def on_fit_end(self, loop: Loop) -> None:
        """Take the bar away, and say why the training ended early and how to go on."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        if loop.stopped is not None:
            self._print(f"stopped at step {loop.step:,}: {loop.stopped}")
        if loop.stopped == "interrupted" and self.how_to_resume is not None:
            self._print(f"continue with: {self.how_to_resume}")


class TerminalBar:
    """rich's bar below the printed lines, with the time that is left; ``what`` is counted."""

    def __init__(self, console: Any, total: int, done: int, what: str = "steps") -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        words = TextColumn(what + "  {task.description} "), TimeRemainingColumn(), TextColumn("left")
        self._bar = Progress(
            BarColumn(), MofNCompleteColumn(), *words, console=console, transient=True, auto_refresh=False
        )
        self._task = self._bar.add_task("", total=total, completed=done)
        self._bar.start()

    def update(self, step: int, text: str) -> None:
        """Show how far the training is."""
        self._bar.update(self._task, completed=step, description=text, refresh=True)

    def stop(self) -> None:
        """Take the bar away."""
        self._bar.stop()


def epoch_line(history: dict[str, list[float]]) -> str:
    """The last values of a history for people: losses to 4 digits, accuracies in per cent."""
    parts = []
    for name, values in history.items():
        words = name.replace("_", " ")
        if name.endswith("accuracy"):
            parts.append(f"{words} {values[-1]:6.2%}")
        elif name.endswith("loss"):
            parts.append(f"{words} {values[-1]:.4f}")
        elif name not in ("lr", "seconds"):
            parts.append(f"{words} {values[-1]:.4g}")
    return "  ".join([*parts, f"lr {history['lr'][-1]:.2g}", f"{history['seconds'][-1]:.1f} s"])

"""Progress of a training: a live bar on a terminal, and one line an epoch everywhere."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from glassnet.train.callbacks import Callback

if TYPE_CHECKING:
    from glassnet.train.loop import Loop

INTERVAL = 0.1  # seconds between two updates of the bar


class Progress(Callback):
    """A rich progress bar over all steps, at most ten updates a second; without a terminal only the lines.

    how_to_resume: what to write to go on with the run, for someone who interrupts it.
    """

    every_step = False

    def __init__(self, how_to_resume: str | None = None) -> None:
        self.how_to_resume = how_to_resume
        self._bar: Any = None
        self._task: Any = None
        self._next = 0.0

    def on_fit_start(self, loop: Loop) -> None:
        """Show the bar, if there is a terminal."""
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        self._console = Console(highlight=False, soft_wrap=True)
        if self._console.is_terminal:
            columns = (
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("steps  {task.description}"),
                TimeRemainingColumn(),
            )
            self._bar = Bar(*columns, console=self._console, transient=True, auto_refresh=False)
            self._task = self._bar.add_task("", total=loop.total_steps, completed=loop.step)
            self._bar.start()

    def on_step_end(self, loop: Loop) -> None:
        """Move the bar, unless it was moved less than a tenth of a second ago."""
        now = time.perf_counter()
        if self._bar is not None and now >= self._next:
            self._next = now + INTERVAL
            self._bar.update(self._task, completed=loop.step, description=f"loss {loop.last_loss:.4f}", refresh=True)

    def on_epoch_end(self, loop: Loop) -> None:
        """Print the values of the epoch."""
        epochs = -(-loop.total_steps // loop.steps_per_epoch)
        self._console.print(f"epoch {loop.epoch:>{len(str(epochs))}}/{epochs}  {epoch_line(loop.history)}")

    def on_fit_end(self, loop: Loop) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        if loop.stopped is not None:
            self._console.print(f"stopped at step {loop.step:,}: {loop.stopped}")
        if loop.stopped == "interrupted" and self.how_to_resume is not None:
            self._console.print(f"continue with: {self.how_to_resume}", markup=False)


def epoch_line(history: dict[str, list[float]]) -> str:
    """The last values of a history for people: losses to 4 digits, accuracies in per cent."""
    parts = []
    for name, values in history.items():
        if name.endswith("accuracy"):
            parts.append(f"{name.replace('_', ' ')} {values[-1]:6.2%}")
        elif name not in ("lr", "seconds"):
            parts.append(f"{name.replace('_', ' ')} {values[-1]:.4f}")
    return "  ".join([*parts, f"lr {history['lr'][-1]:.2g}", f"{history['seconds'][-1]:.1f} s"])

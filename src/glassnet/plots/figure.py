"""Figures: made without pyplot, so that nothing global changes and no window opens."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

from glassnet.engine.errors import ConfigError

#: Okabe and Ito's colours, which the colour-blind can tell apart.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")

#: A legend that hides neither the lines below it nor itself among them.
LEGEND: dict[str, Any] = {"frameon": True, "edgecolor": "none", "framealpha": 0.7}


def new_figure(rows: int, columns: int, width: float = 5.0, height: float = 3.2) -> tuple[Any, list[Any]]:
    """A figure with rows * columns axes, each ``width`` by ``height`` inches.

    Raises ConfigError if matplotlib is missing.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ConfigError("plots need matplotlib. Install it with pip install 'glassnet[plots]'.") from error

    class Picture(Figure):
        """A figure that a notebook shows as it is, without pyplot."""

        def _repr_png_(self) -> bytes:
            content = BytesIO()
            self.savefig(content, format="png", dpi=100)
            return content.getvalue()

    figure = Picture(figsize=(columns * width, rows * height), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(alpha=0.25)
        axis.set_prop_cycle(color=COLOURS)
    return figure, list(axes.flat)


def save_figure(figure: Any, path: str | Path | None) -> Any:
    """Write the figure to a file, whose ending decides the format, if a path is given. Returns the figure.

    Raises ConfigError if it cannot be written.
    """
    if path is not None:
        if not Path(path).suffix.strip("."):
            raise ConfigError(f"{path} needs an ending that says its format, such as .png.")
        try:
            figure.savefig(path, dpi=150)
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"the figure cannot be written to {path}: {getattr(error, 'strerror', None) or error}."
            ) from error
    return figure

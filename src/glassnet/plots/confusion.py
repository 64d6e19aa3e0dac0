"""The confusion matrix as a heat map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from glassnet.engine.namespace import Array
from glassnet.plots.figure import new_figure

#: With more classes the numbers would not be legible.
MOST_NUMBERS = 20


def confusion(matrix: Array, classes: Sequence[str]) -> Any:
    """How often class i (row) was taken for class j (column), as shares of the row, with the counts written in."""
    size = 1.6 + 0.45 * len(classes)
    figure, (axis,) = new_figure(1, 1, size, size)
    shares = matrix / matrix.sum(1, keepdims=True).clip(min=1)
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axis.grid(visible=False)
    axis.set_xticks(range(len(classes)), classes, rotation=45 if max(map(len, classes)) > 3 else 0, ha="center")
    axis.set_yticks(range(len(classes)), classes)
    axis.set_xlabel("predicted")
    axis.set_ylabel("true")
    if len(classes) <= MOST_NUMBERS:
        for i, row in enumerate(matrix):
            for j, number in enumerate(row):
                if number:
                    colour = "white" if shares[i, j] > 0.5 else "black"
                    axis.text(j, i, str(number), ha="center", va="center", color=colour, fontsize=8)
    return figure

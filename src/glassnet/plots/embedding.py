"""What an embedding has learned: its rows as points, those that are alike side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from glassnet.engine.errors import ConfigError
from glassnet.engine.namespace import Array
from glassnet.plots.figure import COLOURS, new_figure

#: Who looks for structure in names looks for the vowels first.
VOWELS = frozenset("aeiouyAEIOUY")


def embedding(table: ArrayLike, labels: Sequence[str]) -> Any:
    """Each row of an embedding as a point with its label; vowels have a colour of their own. A table of two columns is
    drawn as it is, a wider one by ``principal_components``, with the share of the variance that each axis shows.

    table: (K, D) with D of at least 2, such as ``net[0].weight``. labels: K of them, such as ``vocabulary.symbols``.

    Raises ConfigError where the two do not fit, or the table is none.
    """
    rows = np.asarray(table, dtype=np.float64)
    if rows.ndim != 2 or rows.shape[1] < 2 or len(rows) != len(labels):
        raise ConfigError(
            f"an embedding of {len(labels)} labels is drawn from a table ({len(labels)}, at least 2), got {rows.shape}."
        )
    names, width = ["first column", "second column"], rows.shape[1]
    if width > 2:
        rows, shares = principal_components(rows, 2)
        order = ("first", "second")
        names = [f"{order[i]} principal component ({shares[i]:.0%} of the variance)" for i in range(2)]
    elif not np.isfinite(rows).all():
        raise ConfigError("an embedding with NaN or infinity cannot be drawn.")
    figure, (axis,) = new_figure(1, 1, 7.5, 7)
    colours = [COLOURS[1] if label in VOWELS else COLOURS[0] for label in labels]
    axis.scatter(*rows.T, s=250, c=colours, linewidths=0, alpha=0.2)  # light, so that neighbours do not hide each other
    for (x, y), label, colour in zip(rows, labels, colours, strict=True):
        style = {"color": colour, "fontsize": 12, "fontweight": "bold"}
        axis.text(x, y, label, ha="center", va="center", parse_math=False, **style)
    axis.set_axisbelow(True)
    axis.margins(0.08)
    axis.set_aspect("equal", "datalim")  # distances are what there is to see
    axis.set_title(f"embedding: {len(labels)} characters, {width} numbers each", fontsize=10)
    axis.set_xlabel(names[0])
    axis.set_ylabel(names[1])
    return figure


def principal_components(table: ArrayLike, count: int) -> tuple[Array, Array]:
    """The rows of a table (K, D) in the ``count`` directions in which they differ most, (K, count), and which share of
    the variance each direction shows, (count,) (Pearson, 1901). The largest coordinate of a direction is positive.

    Raises ConfigError for fewer than ``count`` columns, and for NaN or infinity.
    """
    rows = np.asarray(table, dtype=np.float64)
    if rows.ndim != 2 or rows.shape[1] < count:
        raise ConfigError(f"{count} principal components need a table (K, at least {count}), got {rows.shape}.")
    if not np.isfinite(rows).all():
        raise ConfigError("the principal components of a table with NaN or infinity do not exist.")
    centred = rows - rows.mean(0)
    _, sizes, directions = np.linalg.svd(centred, full_matrices=False)  # centred = _ * sizes @ directions
    chosen = directions[:count]
    chosen = chosen * np.sign(chosen[np.arange(len(chosen)), np.abs(chosen).argmax(1)])[:, None]
    variance = np.zeros(max(count, len(sizes)))
    variance[: len(sizes)] = sizes**2
    points = np.zeros((len(rows), count))
    points[:, : len(chosen)] = centred @ chosen.T
    return points, variance[:count] / max(variance.sum(), np.finfo(float).tiny)

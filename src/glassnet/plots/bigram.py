"""The table of bigrams as a heat map: which character follows which, and how often."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from glassnet.engine.errors import ConfigError
from glassnet.plots.figure import new_figure

#: With more characters what stands in the cells would not be legible.
MOST_WRITTEN = 40


def bigram(counts: ArrayLike, characters: Sequence[str]) -> Any:
    """How often each character (column) follows each other (row), the darker the more often. In each cell stand the
    pair and its count.

    counts: (K, K), whole numbers from 0, as in ``models.NGram(...).counts``. characters: K of them, the boundary
        included, as in ``vocabulary.symbols``.

    Raises ConfigError where the two do not fit, or the table is none.
    """
    table = np.asarray(counts)
    size = len(characters)
    if table.shape != (size, size) or not size:
        raise ConfigError(f"a table of bigrams for {size} characters has shape {(size, size)}, got {table.shape}.")
    if table.dtype.kind not in "iu" or (table < 0).any():
        raise ConfigError("a table of bigrams holds counts: whole numbers from 0. These are none.")
    side = 2.0 + 0.5 * min(size, MOST_WRITTEN)
    figure, (axis,) = new_figure(1, 1, side, side)
    # The square root lets rare pairs be seen beside frequent ones; the numbers say what the colour cannot.
    shade = np.sqrt(table / max(1, table.max()))
    axis.imshow(shade, cmap="Blues", vmin=0, vmax=1)
    axis.grid(visible=False)
    axis.set_xticks(range(size), characters, parse_math=False)
    axis.set_yticks(range(size), characters, parse_math=False)
    axis.tick_params(length=0, labelsize=min(11.0, 50.0 * side / size))
    axis.set_xlabel("next character", fontsize=12)
    axis.set_ylabel("character", fontsize=12)
    axis.set_title(f"{table.sum():,} pairs, {np.count_nonzero(table):,} of {table.size:,} occur", fontsize=12)
    if size <= MOST_WRITTEN:
        for i, row in enumerate(table.tolist()):
            for j, count in enumerate(row):
                style = {"ha": "center", "color": "white" if shade[i, j] > 0.7 else "black" if count else "#888888"}
                pair = characters[i] + characters[j]
                axis.text(j, i - 0.05, pair, va="bottom", fontsize=8, parse_math=False, **style)
                axis.text(j, i + 0.05, str(count), va="top", fontsize=6.5, **style)
    return figure

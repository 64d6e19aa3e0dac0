"""Inside of one batch: histograms of what each layer gives out and of its gradient, and which units are saturated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from glassnet.engine.errors import ConfigError
from glassnet.engine.namespace import Array
from glassnet.plots.figure import COLOURS, new_figure

BINS = 60
#: What lies farther from the mean, in standard deviations, is counted in the outermost bin: a single gradient would
#: otherwise press all others into one bar.
FARTHEST = 5.0
#: A saturation map shows so many rows of the batch.
MOST_ROWS = 100


def histograms(activations: Mapping[str, ArrayLike], gradients: Mapping[str, ArrayLike]) -> Any:
    """A row of two pictures for each layer: how its outputs are distributed, and the gradient of the loss by them.

    activations, gradients: by the label of the layer; a layer may have no gradient. Values that are not finite are left
    out and counted in the title.

    Raises ConfigError where there is no layer.
    """
    if not activations:
        raise ConfigError("histograms need at least one layer.")
    figure, axes = new_figure(len(activations), 2, 4.6, 1.7)
    for i, (label, values) in enumerate(activations.items()):
        _histogram(axes[2 * i], f"{label}: activations", np.asarray(values), COLOURS[0])
        if label in gradients:
            _histogram(axes[2 * i + 1], f"{label}: gradients", np.asarray(gradients[label]), COLOURS[1])
        else:
            axes[2 * i + 1].set_axis_off()
    return figure


def _histogram(axis: Any, title: str, values: Array, colour: str) -> None:
    """The share of the values in each bin, with their mean and standard deviation in the title."""
    finite = values[np.isfinite(values)].astype(np.float64)
    if finite.size:
        title += f"   mean {finite.mean():.2g}, std {finite.std():.2g}"
        low, high = (finite.mean() + side * FARTHEST * finite.std() for side in (-1, 1))
        shown = finite.clip(low, high)
        edges = np.histogram_bin_edges(shown, BINS)
        shares = np.histogram(shown, edges)[0] / values.size
        axis.stairs(shares, edges, color=colour, fill=True, alpha=0.85)
    if finite.size < values.size:
        title += f", {values.size - finite.size:,} not finite"
    axis.set_title(title, fontsize=8, loc="left")
    axis.set_ylim(bottom=0)
    axis.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.3g}%")
    axis.tick_params(labelsize=7)
    axis.locator_params(axis="y", nbins=3)
    axis.ticklabel_format(axis="x", scilimits=(-3, 4), useMathText=True)
    axis.xaxis.get_offset_text().set_fontsize(7)


def saturation(flat: Mapping[str, ArrayLike]) -> Any:
    """Which units (columns) are saturated for which rows of the batch, as a map for each layer: white where an output
    is in a flat part of the activation, where hardly any gradient passes. A column that is white from top to bottom is
    a unit that learns nothing.

    flat: by the label of the layer, whether an output is in the flat part, (N, units).

    Raises ConfigError where there is no layer, or a map is none.
    """
    if not flat:
        raise ConfigError("a saturation map needs a layer that saturates, such as Tanh, Sigmoid or ReLU.")
    maps = {label: np.asarray(values) for label, values in flat.items()}
    for label, values in maps.items():
        if values.ndim != 2 or not values.size or values.dtype != bool:
            raise ConfigError(
                f"{label}: a saturation map is drawn from booleans (N, units), got {values.dtype}{values.shape}."
            )
    from matplotlib.colors import ListedColormap

    rows = max(min(len(values), MOST_ROWS) for values in maps.values())
    figure, axes = new_figure(len(maps), 1, 9, 1.0 + 0.03 * rows)
    for axis, (label, values) in zip(axes, maps.items(), strict=True):
        axis.imshow(
            values[:MOST_ROWS],
            cmap=ListedColormap([COLOURS[0], "white"]),
            vmin=0,
            vmax=1,
            aspect="auto",
            interpolation="nearest",
        )
        axis.grid(visible=False)
        axis.spines[["top", "right"]].set_visible(True)
        throughout = f"{values.all(0).sum()} of {values.shape[1]} units throughout"
        axis.set_title(f"{label}: {values.mean():.1%} white, {throughout}", fontsize=9, loc="left")
        axis.set_ylabel("row of the batch", fontsize=8)
        axis.tick_params(labelsize=7)
    axes[-1].set_xlabel("unit", fontsize=8)
    figure.suptitle("white: in a flat part of the activation, where hardly any gradient passes", fontsize=9)
    return figure

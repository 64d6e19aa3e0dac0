"""The health of a network over a training: activations, gradients and updates of each layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from glassnet.plots.figure import LEGEND, new_figure

Values = Mapping[str, Mapping[str, Sequence[float | None]]]


def health(steps: Sequence[int], layers: Values, parameters: Values, kinds: Mapping[str, str]) -> Any:
    """Six pictures over the steps, as recorded by ``train.Diagnostics``: std of activations, their mean, std of their
    gradients, saturated and dead shares, gradient-to-data ratio, and log10 of the update-to-data ratio with the
    line at -3 around which it is well.
    """
    figure, axes = new_figure(2, 3)
    labels = {path: f"{path} {kinds.get(path, '')}".strip() for path in layers}
    _lines(axes[0], steps, layers, "std", "std of activations", labels)
    _lines(axes[1], steps, layers, "mean", "mean of activations", labels)
    _lines(axes[2], steps, layers, "grad_std", "std of gradients of activations", labels)
    axes[2].set_yscale("log")
    _lines(axes[3], steps, layers, "saturated", "saturated elements (solid), dead units (dashed)", labels)
    _lines(axes[3], steps, layers, "dead", "saturated elements (solid), dead units (dashed)", labels, style="--")
    axes[3].set_ylim(-0.02, 1.02)
    weights = _weights(parameters)
    named = {path: path for path in weights}
    _lines(axes[4], steps, weights, "grad_to_data", "gradient-to-data ratio of weights", named)
    axes[4].set_yscale("log")
    _update_ratios(axes[5], steps, weights)
    _finish(axes)
    return figure


def update_ratios(steps: Sequence[int], parameters: Values) -> Any:
    """log10 of the update-to-data ratio of each weight over the steps, as recorded by ``train.Diagnostics``, with the
    line at -3 around which it is well: far below it a weight hardly learns, far above it is thrown around.
    """
    figure, axes = new_figure(1, 1, 7, 4)
    _update_ratios(axes[0], steps, _weights(parameters))
    _finish(axes)
    return figure


def _update_ratios(axis: Any, steps: Sequence[int], weights: Values) -> None:
    named = {path: path for path in weights}
    _lines(axis, steps, weights, "update_to_data", "log10 of update-to-data ratio of weights", named)
    axis.axhline(-3, color="black", linestyle=":", linewidth=1, label="1/1000")


def _weights(parameters: Values) -> Values:
    return {path: values for path, values in parameters.items() if path.endswith("weight")}


def _finish(axes: Sequence[Any]) -> None:
    for axis in axes:
        axis.set_xlabel("step")
        if axis.get_legend_handles_labels()[0]:
            axis.legend(**LEGEND, fontsize=7)


def _lines(
    axis: Any,
    steps: Sequence[int],
    table: Values,
    value: str,
    title: str,
    labels: Mapping[str, str],
    style: str = "-",
) -> None:
    """A line for each layer or parameter that has the value."""
    marker = "o" if len(steps) < 30 else None
    for path, values in table.items():
        points = [(step, y) for step, y in zip(steps, values[value], strict=True) if y is not None]
        if points:
            xs, ys = zip(*points, strict=True)
            axis.plot(xs, ys, style, label=labels[path], marker=marker, markersize=3)
    axis.set_title(title, fontsize=10)

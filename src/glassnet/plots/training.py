"""Curves over the epochs, and the sweep of the learning-rate finder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from glassnet.plots.figure import COLOURS, LEGEND, new_figure


def curves(history: Mapping[str, Sequence[float]]) -> Any:
    """Loss, each metric and the learning rate over the epochs, training and validation in one picture each.

    history: a list for each value, as in ``run.history``.
    """
    names = [name for name in history if not name.startswith("val_") and name not in ("seconds", "lr")]
    figure, axes = new_figure(1, len(names) + 1)
    epochs = range(1, len(next(iter(history.values()), [])) + 1)
    marker = "o" if len(epochs) < 40 else None
    for axis, name in zip(axes, names, strict=False):
        axis.plot(epochs, history[name], label="training", marker=marker, markersize=3)
        if f"val_{name}" in history:
            axis.plot(epochs, history[f"val_{name}"], label="validation", marker=marker, markersize=3)
            axis.legend(**LEGEND)
        axis.set_title(name)
    axes[-1].plot(epochs, history.get("lr", [None] * len(epochs)), color=COLOURS[2], marker=marker, markersize=3)
    axes[-1].set_title("learning rate")
    for axis in axes:
        axis.set_xlabel("epoch")
        axis.xaxis.get_major_locator().set_params(integer=True)
    return figure


def sweep(lrs: Sequence[float], losses: Sequence[float], smoothed: Sequence[float], suggestion: float) -> Any:
    """The loss over the learning rate, and the rate that is suggested."""
    figure, (axis,) = new_figure(1, 1, 7, 4)
    axis.plot(lrs, losses, alpha=0.3, label="loss of a step")
    axis.plot(lrs, smoothed, color=COLOURS[0], label="smoothed")
    axis.axvline(suggestion, color=COLOURS[1], linestyle="--", label=f"suggestion {suggestion:.2g}")
    axis.set_xscale("log")
    axis.set_ylim(*sweep_range(smoothed))
    axis.set_xlabel("learning rate")
    axis.set_ylabel("loss")
    axis.legend(**LEGEND)
    return figure


def sweep_range(smoothed: Sequence[float]) -> tuple[float, float]:
    """From where to where the losses of a sweep are shown: single steps near its end are far off everything else."""
    low, high = min(smoothed), max(smoothed[: smoothed.index(min(smoothed)) + 1])
    margin = 0.1 * (high - low)
    return low - margin, high + 4 * margin

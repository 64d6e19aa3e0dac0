"""Evaluation: how good a network is, in all and class by class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.engine.errors import ConfigError
from glassnet.engine.namespace import Array

#: The longest name that stands above a column of the confusion matrix.
LONGEST_HEAD = 6


class Evaluation(dict[str, float]):
    """The loss and the metrics by name, as a dict; for a classifier also the confusion matrix.

    confusion: (K, K), how often class i was taken for class j; None where outputs are no classes.
    classes: the names of the classes.
    """

    def __init__(self, values: Mapping[str, float], confusion: Array | None, classes: Sequence[str]) -> None:
        super().__init__(values)
        self.confusion = confusion
        self.classes = tuple(classes)

    @property
    def per_class(self) -> dict[str, dict[str, float]]:
        """Precision, recall, F1 and support (how many rows) of each class, by its name; NaN where undefined."""
        if self.confusion is None:
            raise ConfigError("per-class scores are for classifiers; these outputs are no classes.")
        right = np.diagonal(self.confusion)
        said, true = self.confusion.sum(0), self.confusion.sum(1)
        with np.errstate(invalid="ignore"):  # a class that does not occur has no recall
            precision, recall, f1 = right / said, right / true, 2 * right / (said + true)
        return {
            name: {
                "precision": float(precision[i]),
                "recall": float(recall[i]),
                "f1": float(f1[i]),
                "support": int(true[i]),
            }
            for i, name in enumerate(self.classes)
        }

    def plot(self, path: str | Path | None = None) -> Any:
        """A matplotlib figure of the confusion matrix; saved if a path is given."""
        from glassnet.plots import confusion, save_figure

        if self.confusion is None:
            raise ConfigError("a confusion matrix is for classifiers; these outputs are no classes.")
        return save_figure(confusion(self.confusion, self.classes), path)

    def report(self) -> str:
        """The confusion matrix and the scores of each class as text."""
        if self.confusion is None:
            return ", ".join(f"{name} {value:.4f}" for name, value in self.items())
        rows = columns = self.classes
        if max(map(len, columns)) > LONGEST_HEAD:  # numbers instead, or the table would not fit into a terminal
            columns = tuple(str(i) for i in range(len(columns)))
            rows = tuple(f"{name} {i}" for i, name in zip(columns, self.classes, strict=True))
        width = max(5, *(len(name) + 1 for name in columns), len(str(self.confusion.max())) + 1)
        first = max(16, *(len(name) for name in rows))
        scores = ("precision", "recall", "f1")
        head = "true \\ predicted".ljust(first + 1) + "".join(name.rjust(width) for name in columns)
        lines = [head + "  " + "".join(name.rjust(10) for name in scores)]
        for name, title, row in zip(self.classes, rows, self.confusion, strict=True):
            cells = "".join((str(count) if count else ".").rjust(width) for count in row)
            values = "".join(_percent(self.per_class[name][score]).rjust(10) for score in scores)
            lines.append(title.rjust(first) + " " + cells + "  " + values)
        return "\n".join(lines)


def _percent(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.1%}"


def confusion_matrix(targets: Array, predictions: Array, classes: int) -> Array:
    """How often class i was taken for class j, (classes, classes). targets and predictions: whole numbers (...)."""
    counts = np.bincount(targets.reshape(-1) * classes + predictions.reshape(-1), minlength=classes * classes)
    return counts.reshape(classes, classes)


def mistakes(probabilities: Array, targets: Array) -> Array:
    """The rows whose likeliest class is not that of the target, those with the largest loss first.

    probabilities (N, K), targets (N,).
    """
    wrong = np.flatnonzero(probabilities.argmax(1) != targets)
    order: Array = np.argsort(probabilities[wrong, targets[wrong]], kind="stable")
    found: Array = wrong[order]
    return found

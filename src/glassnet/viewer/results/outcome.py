"""What a network gives for the rows of a split: scores, the confusion matrix with its examples, the worst rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from glassnet.api import evaluate
from glassnet.data.batches import batches
from glassnet.data.dataset import Dataset, Split
from glassnet.engine.errors import ConfigError
from glassnet.engine.namespace import Array
from glassnet.models.scoring import losses_of
from glassnet.nn.module import Module
from glassnet.nn.predict import outputs, probabilities_of
from glassnet.train.evaluation import Evaluation, confusion_matrix, mistakes
from glassnet.train.loop import cast
from glassnet.viewer.numbers import digit, digits
from glassnet.viewer.results.examples import names_of, shown

#: Examples of a cell, rows among the worst, points of a scatter.
CELL, WORST, POINTS = 24, 12, 1_500
#: Classes that a confusion matrix has at most: of more, those with the most mistakes.
MOST_CLASSES = 40


def outcome(net: Module, dataset: Dataset, name: str, most: int) -> Outcome:
    """What a network gives for a split of a data set, or for ``most`` of its rows, always the same.

    Raises ConfigError for a network whose outputs have no known meaning.
    """
    whole = cast(dataset.splits[name], net.dtype)
    rows = np.arange(len(whole)) if len(whole) <= most else np.sort(batches(whole, most, seed=0).rows(0))
    kind = Regression if net.task == "regression" else Classification
    return kind(net, dataset, name, Split(whole.x[rows], whole.y[rows]), rows)


class Outcome:
    """What a network gives for some rows of a split; ``rows`` are their numbers in it."""

    def __init__(self, net: Module, dataset: Dataset, name: str, split: Split, rows: Array) -> None:
        self.dataset, self.name, self.split, self.rows = dataset, name, split, rows
        self.scores = evaluate(net, replace(dataset, test=split))
        self.outputs = outputs(net, split.x, 1024)

    def overview(self) -> dict[str, Any]:
        """Scores, and the worst rows."""
        return {
            "split": self.name,
            "splits": list(self.dataset.splits),
            "rows": len(self.rows),
            "scores": dict(self.scores),
            "worst": self.examples(self.worst()[:WORST]),
        }

    def worst(self) -> Array:
        """The places of the rows that it is worst at, the worst first."""
        raise NotImplementedError

    def cell(self, true: int, predicted: int) -> dict[str, Any]:
        """Rows of a cell of the confusion matrix. Raises ConfigError where there is no such matrix."""
        raise ConfigError(f"outputs of a {type(self).__name__.lower()} have no confusion matrix.")

    def examples(self, places: Array) -> list[dict[str, Any]]:
        """Rows as people see them, and what is said of them."""
        return [
            {"row": int(self.rows[place]), **shown(self.dataset, self.split.x[place]), **self.said(place)}
            for place in places.tolist()
        ]

    def said(self, place: int) -> dict[str, Any]:
        """What is true of a row, and what the network says."""
        raise NotImplementedError


class Classification(Outcome):
    """Outputs that mean classes, one for each row."""

    def __init__(self, net: Module, dataset: Dataset, name: str, split: Split, rows: Array) -> None:
        super().__init__(net, dataset, name, split, rows)
        logits = self.outputs
        probabilities = probabilities_of(net, logits)
        if net.task == "binary":  # the logit of yes, beside that of no, which is 0
            logits = np.stack([np.zeros(logits.size), logits.reshape(-1)], 1)
            probabilities = np.stack([1 - probabilities.reshape(-1), probabilities.reshape(-1)], 1)
        kinds = "iubf" if net.task == "binary" else "iub"
        if split.y.size != len(split) or logits.shape[:-1] != (len(split),) or split.y.dtype.kind not in kinds:
            raise ConfigError(
                f"results are shown of one class for each row; this network gives {self.outputs.shape} for targets "
                f"{split.y.shape}."
            )
        self.targets = split.y.reshape(-1).astype(np.int64)
        self.probabilities, self.losses = probabilities, losses_of(logits, self.targets)
        self.predicted = probabilities.argmax(1)
        self.classes = names_of(dataset, probabilities.shape[1])
        self.confusion = confusion_matrix(self.targets, self.predicted, len(self.classes))

    def overview(self) -> dict[str, Any]:
        """Also the confusion matrix and the scores of each class, of which those with the most mistakes are shown."""
        mistaken = self.confusion.sum(0) + self.confusion.sum(1) - 2 * np.diagonal(self.confusion)
        chosen = np.sort(np.argsort(-mistaken, kind="stable")[:MOST_CLASSES])
        numbers = [str(i) for i in range(len(self.classes))]  # names could occur twice
        per_class = Evaluation({}, self.confusion, numbers).per_class
        return {
            **super().overview(),
            "kind": "classification",
            "classes": [self.classes[i] for i in chosen],
            "numbers": chosen,
            "all_classes": len(self.classes),
            "confusion": self.confusion[np.ix_(chosen, chosen)],
            "per_class": [per_class[str(i)] for i in chosen],
            "mistakes": int((self.predicted != self.targets).sum()),
        }

    def worst(self) -> Array:
        """The mistakes with the largest loss: where it was surest of something else."""
        return mistakes(self.probabilities, self.targets)

    def cell(self, true: int, predicted: int) -> dict[str, Any]:
        """Rows of the class ``true`` that were taken for ``predicted``, those with the largest loss first.

        Raises ConfigError for classes that there are not.
        """
        if not (0 <= true < len(self.classes) and 0 <= predicted < len(self.classes)):
            raise ConfigError(f"classes are numbers from 0 to {len(self.classes) - 1}, got {true} and {predicted}.")
        places = np.flatnonzero((self.targets == true) & (self.predicted == predicted))
        order = np.argsort(-self.losses[places], kind="stable")[:CELL]
        return {
            "true": self.classes[true],
            "predicted": self.classes[predicted],
            "right": true == predicted,
            "count": len(places),
            "examples": self.examples(places[order]),
        }

    def said(self, place: int) -> dict[str, Any]:
        """The class, what it was taken for, and the probabilities of both."""
        true, predicted = self.targets[place], self.predicted[place]
        return {
            "true": self.classes[true],
            "predicted": self.classes[predicted],
            "p_true": float(self.probabilities[place, true]),
            "p_predicted": float(self.probabilities[place, predicted]),
            "loss": float(self.losses[place]),
        }


class Regression(Outcome):
    """Outputs that mean quantities; of a table, in its units."""

    def __init__(self, net: Module, dataset: Dataset, name: str, split: Split, rows: Array) -> None:
        super().__init__(net, dataset, name, split, rows)
        encoder = dataset.encoder
        self.unit, self.target = (1.0, "target") if encoder is None else (encoder.target_std, encoder.target)
        self.true, self.predicted = (
            self._in_units(array).astype(np.float64).reshape(len(rows), -1) for array in (split.y, self.outputs)
        )

    def _in_units(self, array: Array) -> Array:
        found: Array = array if self.dataset.encoder is None else np.asarray(self.dataset.encoder.decode_target(array))
        return found

    def overview(self) -> dict[str, Any]:
        """Also what is predicted over what is true."""
        true, predicted = self.true.reshape(-1), self.predicted.reshape(-1)
        some = np.linspace(0, len(true) - 1, min(POINTS, len(true))).astype(np.int64)
        found = super().overview()
        scores = found["scores"]
        scores["root mean squared error"] = float(np.sqrt(scores["loss"])) * self.unit
        scores["mae"] *= self.unit
        return {
            **found,
            "kind": "regression",
            "target": self.target[:80],
            "true": digits(true[some]),
            "predicted": digits(predicted[some]),
        }

    def worst(self) -> Array:
        """The largest errors."""
        return np.argsort(-((self.true - self.predicted) ** 2).sum(1), kind="stable")

    def said(self, place: int) -> dict[str, Any]:
        """What is true and what is predicted."""
        true, predicted = (array[place, 0] for array in (self.true, self.predicted))
        return {"true": digit(true, 5), "predicted": digit(predicted, 5)}

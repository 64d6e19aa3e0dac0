"""A compiled evaluation of a network on a split, for trainings that evaluate again and again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from glassnet.compiler.step import Bound, CompiledStep
from glassnet.data.dataset import Split
from glassnet.engine.namespace import Array
from glassnet.engine.tensor import Tensor
from glassnet.nn.module import Module
from glassnet.nn.predict import evaluating
from glassnet.nn.state import named_tensors
from glassnet.train.evaluate import Loss, Means, evaluate_split, modules_of
from glassnet.train.metrics import Metric, columns, measure


class CompiledEvaluation:
    """The values of ``evaluate_split``, with the weights that the network has at the time.

    step_of: (bound, split, rows of the first batch) -> the compiled step. The rows that do not fill a batch are
    evaluated eagerly.
    """

    def __init__(
        self,
        net: Module,
        split: Split,
        loss: Loss,
        metrics: Mapping[str, Metric],
        step_of: Callable[[Bound, Split, Array], CompiledStep],
        batch_size: int = 1024,
    ) -> None:
        self._net, self._split, self._loss, self._metrics = net, split, loss, metrics
        self._size = min(batch_size, len(split))
        bound = Bound(self._evaluate, dict(named_tensors(net)), None, net)
        self._step = step_of(bound, split, np.arange(self._size))

    def __call__(self) -> dict[str, float]:
        """{"loss": ..., metric: ...} over all rows."""
        count = len(self._split) // self._size
        done = count * self._size
        means = Means()
        self._step.push()
        for rows in np.arange(done).reshape(count, 1, self._size):
            words = np.zeros((1, len(self._step.streams), 2), np.uint32)
            values = self._step.run(rows, np.zeros((1, 0)), 0, words)
            if not values.pop("holds", np.ones(1, bool)).all():
                return evaluate_split(self._net, self._split, self._loss, self._metrics)  # says what is wrong
            found = columns(values, self._metrics, self._split.y, rows)
            means.add({name: column[0] for name, column in found.items()}, self._size)
        if done < len(self._split):
            rest = Split(self._split.x[done:], self._split.y[done:])
            means.add(evaluate_split(self._net, rest, self._loss, self._metrics), len(rest))
        return means.means()

    def _evaluate(self, x: Tensor, y: Tensor) -> dict[str, Any]:
        with evaluating(*modules_of(self._net, self._loss)):
            outputs = self._net(x)
            return {"loss": self._loss(outputs, y).data, **measure(self._metrics, outputs.data, y.data)}

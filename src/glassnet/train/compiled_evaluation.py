"""A compiled evaluation of a network on a split, for trainings that evaluate again and again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from glassnet.compile.step import Bound, CompiledStep
from glassnet.data.dataset import Split
from glassnet.engine.tensor import Tensor
from glassnet.nn.module import Module
from glassnet.nn.predict import evaluating
from glassnet.nn.state import named_tensors
from glassnet.train.evaluate import Loss, Means, evaluate_split, modules_of
from glassnet.train.metrics import Metric


class CompiledEvaluation:
    """The values of ``evaluate_split``, with the weights that the network has at the time.

    compile: makes the step: (bound, tables, rows of a batch) -> the compiled step. The rows that do not fill a batch
    are evaluated eagerly.
    """

    def __init__(
        self,
        net: Module,
        split: Split,
        loss: Loss,
        metrics: Mapping[str, Metric],
        compile: Callable[[Bound, Mapping[str, Any], int], CompiledStep],  # noqa: A002
        batch_size: int = 1024,
    ) -> None:
        self._net, self._split, self._loss, self._metrics = net, split, loss, metrics
        self._size = min(batch_size, len(split))
        bound = Bound(self._evaluate, dict(named_tensors(net)), None)
        self._step = compile(bound, {"data.x": split.x, "data.y": split.y}, self._size)

    def __call__(self) -> dict[str, float]:
        """{"loss": ..., metric: ...} over all rows."""
        count = len(self._split) // self._size
        rows = np.arange(count * self._size).reshape(count, self._size)
        self._step.push()
        words = np.zeros((count, len(self._step.streams), 2), np.uint32)
        values = self._step.run(rows, np.zeros((count, 0)), 0, words)
        holds = values.pop("holds", np.ones(count, bool))
        if not holds.all():
            return evaluate_split(self._net, self._split, self._loss, self._metrics)  # raises, and says what is wrong
        means = Means()
        for k in range(count):
            means.add({name: float(value[k]) for name, value in values.items()}, self._size)
        done = count * self._size
        if done < len(self._split):
            rest = Split(self._split.x[done:], self._split.y[done:])
            means.add(evaluate_split(self._net, rest, self._loss, self._metrics), len(rest))
        return means.means()

    def _evaluate(self, x: Tensor, y: Tensor) -> dict[str, Any]:
        with evaluating(*modules_of(self._net, self._loss)):
            outputs = self._net(x)
            values: dict[str, Any] = {"loss": self._loss(outputs, y).data}
            values.update({name: metric(outputs.data, y.data) for name, metric in self._metrics.items()})
        return values

"""Evaluation: the loss and the metrics of a network on a split."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from glassnet.data.batches import batches
from glassnet.data.dataset import Split
from glassnet.engine.tensor import Tensor
from glassnet.nn.module import Module
from glassnet.nn.predict import evaluating
from glassnet.train.metrics import Metric, measure

#: loss(outputs, targets) -> a number; a loss module or a function.
Loss = Callable[[Tensor, Tensor], Tensor]


class Means:
    """Means over rows that arrive in batches, each batch weighted with its number of rows."""

    def __init__(self, sums: Mapping[str, float] | None = None, rows: int = 0) -> None:
        self.sums = dict(sums or {})
        self.rows = rows

    def add(self, values: Mapping[str, float], rows: int) -> None:
        """Add the means of a batch of so many rows."""
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + value * rows
        self.rows += rows

    def means(self) -> dict[str, float]:
        """The mean of each value over all rows so far."""
        return {name: total / self.rows for name, total in self.sums.items()}


def modules_of(net: Module, loss: Loss) -> list[Module]:
    """What has a mode, training or evaluation: the network, and a loss that is a module."""
    return [net, loss] if isinstance(loss, Module) else [net]


def evaluate_split(
    net: Module, split: Split, loss: Loss, metrics: Mapping[str, Metric], batch_size: int = 1024
) -> dict[str, float]:
    """{"loss": ..., metric: ...} over all rows, in evaluation mode and without a graph."""
    means = Means()
    with evaluating(*modules_of(net, loss)):
        for x, y in batches(split, batch_size, shuffle=False):
            outputs = net(x)
            values = {"loss": loss(outputs, y).item()}
            means.add({**values, **measure(metrics, outputs.data, y.data)}, len(y))
    return means.means()

"""What is done with one batch: forward, loss, backward, clipping, update. The same lines run eagerly, are recorded and
compiled, and are run once more to look inside.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from glassnet.engine.checks import require
from glassnet.engine.errors import ConfigError, NonFiniteError
from glassnet.engine.scope import scope
from glassnet.engine.tensor import Tensor
from glassnet.nn.module import Module
from glassnet.nn.state import named_tensors
from glassnet.optim import Optimizer, clip_grad_norm_, clip_grad_value_
from glassnet.train.average import WeightAverage
from glassnet.train.evaluate import Loss
from glassnet.train.metrics import Metric, checked_metrics, measure
from glassnet.train.nonfinite import nonfinite_error

#: penalty(net) -> a number that is added to the loss, such as nn.L2Penalty(1e-4).
Penalty = Callable[[Module], Tensor]


class BatchStep:
    """A step of a training: call it with a batch (x, y)."""

    def __init__(
        self,
        net: Module,
        loss: Loss,
        optimizer: Optimizer,
        *,
        penalty: Penalty | None = None,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        metrics: Mapping[str, Metric] | None = None,
        average: WeightAverage | None = None,
    ) -> None:
        self.net = net
        self.loss = loss
        self.optimizer = optimizer
        self.penalty = penalty
        self.clip_norm = clip_norm
        self.clip_value = clip_value
        self.metrics = checked_metrics(metrics)
        self.average = average

    def __call__(self, x: Tensor, y: Tensor) -> dict[str, Any]:
        """Make a step and return its values, each an array with one number: "total", the loss that was minimised;
        loss, penalty and grad_norm where there are; the metrics.

        Raises NonFiniteError, before anything is changed, if the loss is not a finite number, and ConfigError if it is
        no tensor with one number.
        """
        outputs = self.net(x)
        loss = total = _one_number("the loss", self.loss(outputs, y))
        values: dict[str, Any] = {"loss": loss.data}
        if self.penalty is not None:
            penalty = _one_number("the penalty", self.penalty(self.net))
            values["penalty"] = penalty.data
            total = loss + penalty
        values["total"] = total.data
        require(abs(total.data) < math.inf, lambda: self._nonfinite(total))
        self.optimizer.zero_grad()
        total.backward()
        if self.clip_value is not None:
            clip_grad_value_(self.optimizer.parameters, self.clip_value)
        if self.clip_norm is not None:
            values["grad_norm"] = clip_grad_norm_(self.optimizer.parameters, self.clip_norm)
        self.optimizer.step()
        if self.average is not None:
            self.average.update(self.optimizer.steps)
        values.update(measure(self.metrics, outputs.data, y.data))
        return values

    def tensors(self) -> dict[str, Tensor]:
        """What a step changes besides the state of the optimizer, by name."""
        found = dict(named_tensors(self.net))
        for owner, one in {"the loss": self.loss, "the penalty": self.penalty}.items():
            if isinstance(one, Module) and one is not self.net:
                found.update({f"{owner}.{name}": tensor for name, tensor in named_tensors(one)})
        return found if self.average is None else {**found, **self.average.tensors()}

    def _nonfinite(self, total: Tensor) -> NonFiniteError:
        made = self.optimizer.steps if scope.moment is None else scope.moment[1]
        return nonfinite_error(self.net, total, total.item(), made + 1, self.optimizer.lr)


def _one_number(name: str, value: Any) -> Tensor:
    if not isinstance(value, Tensor):
        raise ConfigError(f"{name} must be a tensor, which can be differentiated, got {value!r:.80}.")
    if value.size != 1:
        raise ConfigError(f"{name} must be one number, got a tensor of shape {value.shape}. Take its mean().")
    return value.sum() if value.shape else value

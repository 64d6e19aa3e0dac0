"""The learning-rate finder: raise the learning rate from tiny to huge, and look where the loss falls fastest
(Smith, 2017, https://arxiv.org/abs/1506.01186).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import chain, count, islice
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.data.batches import batches
from glassnet.data.dataset import Split
from glassnet.engine.errors import ConfigError, DataError
from glassnet.engine.options import integer_option
from glassnet.engine.random import training_step
from glassnet.nn.dropout import name_streams
from glassnet.nn.module import Module
from glassnet.nn.state import named_tensors
from glassnet.optim import Optimizer
from glassnet.train.evaluate import Loss

#: How much of the running mean of the loss is kept from step to step.
SMOOTHING = 0.9
#: The sweep ends when the smoothed loss is so many times its smallest value.
DIVERGED = 4.0


@dataclass(frozen=True, eq=False)
class LRFinder:
    """The result of a sweep.

    lrs: the learning rate of each step, rising exponentially. losses: of each step, as they came.
    smoothed: their bias-corrected running mean. suggestion: the learning rate at which it fell fastest.
    diverged: whether the loss grew beyond all bounds before the end, which shows that the range was wide enough.
    """

    lrs: list[float]
    losses: list[float]
    smoothed: list[float]
    suggestion: float
    diverged: bool

    def plot(self, path: str | Path | None = None) -> Any:
        """A matplotlib figure of the loss over the learning rate; saved if a path is given."""
        from glassnet.plots import save_figure, sweep

        return save_figure(sweep(self.lrs, self.losses, self.smoothed, self.suggestion), path)


def sweep_learning_rates(
    net: Module,
    split: Split,
    *,
    loss: Loss,
    optimizer: Optimizer,
    start: float,
    end: float,
    steps: int,
    batch_size: int,
    seed: int,
) -> LRFinder:
    """Train for a few hundred steps from the network's weights, and put everything back as it was."""
    if not 0 < start < end < math.inf:
        raise ConfigError(f"lr_find needs 0 < start < end, got {start!r} and {end!r}.")
    total = integer_option("steps", steps, 10)
    tensors = [(tensor, tensor.data, tensor.grad) for _, tensor in named_tensors(net)]
    modes = [(module, module.training) for module in net.modules()]
    state, groups = optimizer.state_dict(), [dict(group) for group in optimizer.param_groups]
    name_streams(net)
    epochs = (batches(split, batch_size, seed=seed, epoch=epoch) for epoch in count())
    lrs: list[float] = []
    losses: list[float] = []
    smoothed: list[float] = []
    running, diverged = 0.0, False
    try:
        net.train()
        with np.errstate(all="ignore"):  # the sweep ends where the loss is no longer finite
            for step, (x, y) in enumerate(islice(chain.from_iterable(epochs), total)):
                optimizer.lr = start * (end / start) ** (step / (total - 1))
                with training_step(seed, step):
                    value = loss(net(x), y)
                running = SMOOTHING * running + (1 - SMOOTHING) * value.item()
                mean = running / (1 - SMOOTHING ** (step + 1))
                diverged = not math.isfinite(mean) or mean > DIVERGED * min([mean, *smoothed])
                if diverged:
                    break
                lrs.append(optimizer.lr)
                losses.append(value.item())
                smoothed.append(mean)
                optimizer.zero_grad()
                value.backward()
                optimizer.step()
    finally:
        for tensor, data, grad in tensors:
            tensor.data, tensor.grad = data, grad
        for module, mode in modes:
            module.training = mode
        optimizer.load_state_dict(state)
        for group, before in zip(optimizer.param_groups, groups, strict=True):
            group.update(before)
    return LRFinder(lrs, losses, smoothed, _suggest(lrs, smoothed), diverged)


def _suggest(lrs: list[float], smoothed: list[float]) -> float:
    """Where the smoothed loss falls fastest over the logarithm of the learning rate, before its smallest value.

    The fall is measured over a twentieth of the sweep to either side: from step to step, and most of all in the first
    ones, it is batches that differ. The rates are equally far apart in their logarithm.
    """
    lowest = int(np.argmin(smoothed)) if smoothed else 0
    if lowest < 3:
        raise DataError(
            "the loss did not fall at any learning rate of the sweep. Start from a smaller one, or check the data "
            "and the network."
        )
    reach = max(1, min(len(lrs) // 20, lowest // 2))
    before, after = np.array(smoothed[: lowest + 1 - 2 * reach]), np.array(smoothed[2 * reach : lowest + 1])
    return float(lrs[int(np.argmin(after - before)) + reach])

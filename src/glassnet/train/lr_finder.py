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
from numpy.lib.stride_tricks import sliding_window_view

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
#: Steps that the smoothed loss needs to become one: it is not looked at before.
WARM_UP = 10
#: The slope of the loss is that of a line through so large a part of the sweep.
WINDOW = 1 / 8
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
    """Where the smoothed loss falls fastest over the logarithm of the learning rate, before its smallest value: the
    middle of the window of steps through which the steepest line (of least squares) goes. From one step to the next
    the noise of the batches would decide.
    """
    lowest = int(np.argmin(smoothed)) if smoothed else 0
    width = max(3, round(WINDOW * len(smoothed)))
    begin = min(WARM_UP, len(smoothed) // 4)
    if lowest + 1 - begin < width:
        raise DataError(
            "the loss did not fall at any learning rate of the sweep. Start from a smaller one, or check the data "
            "and the network."
        )
    windows = sliding_window_view(np.array(smoothed[begin : lowest + 1]), width)  # (windows, width)
    slopes = windows @ (np.arange(width) - (width - 1) / 2)  # of the lines, but for a positive factor
    return lrs[begin + int(np.argmin(slopes)) + width // 2]

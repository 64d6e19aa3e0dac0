"""Normalisation layers."""

from __future__ import annotations

import numpy as np

from glassnet.engine import ops
from glassnet.engine.convert import FLOAT
from glassnet.engine.errors import ShapeError
from glassnet.engine.options import integer_option, number_option
from glassnet.engine.tensor import Tensor, apply_keeping
from glassnet.nn.module import Buffer, Module, Parameter


class BatchNorm1d(Module):
    """(x - mean) / sqrt(variance + eps) * weight + bias for each channel, the last axis of x (..., C).

    In training, mean and (biased) variance are those of the batch, and the running statistics move towards them by
    ``momentum``: running = (1 - momentum) * running + momentum * batch, with the unbiased variance, as in PyTorch.
    In evaluation the running statistics are used (Ioffe and Szegedy, 2015, https://arxiv.org/abs/1502.03167).

    weight: the gain (C,), ones; bias: (C,), zeros; running_mean: (C,), zeros; running_var: (C,), ones.
    Raises ShapeError in training for a batch with one value a channel: its variance is 0 whatever the value.

    >>> norm = nn.BatchNorm1d(1)
    >>> norm([[1.0], [3.0]]).numpy().round(3).tolist()
    [[-1.0], [1.0]]
    >>> norm.running_mean, norm.eval()([[2.0]]).item() > 1  # one step towards the mean 2: not there yet
    (tensor([0.2]), True)
    """

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        self.num_features = integer_option(f"{type(self).__name__} num_features", num_features, 1)
        self.eps = number_option(f"{type(self).__name__} eps", eps, above=0)
        self.momentum = number_option(f"{type(self).__name__} momentum", momentum, 0, 1)
        self.weight = Parameter(np.ones(num_features, FLOAT))
        self.bias = Parameter(np.zeros(num_features, FLOAT))
        self.running_mean = Buffer(np.zeros(num_features, FLOAT))
        self.running_var = Buffer(np.ones(num_features, FLOAT))

    def forward(self, x: Tensor) -> Tensor:
        """(..., C) -> (..., C)."""
        if x.ndim < 2 or x.shape[-1] != self.num_features:
            raise ShapeError(
                f"expected inputs with {self.num_features} channels in the last axis, got shape {x.shape}. "
                f"Use {type(self).__name__}({x.shape[-1] if x.ndim > 1 else '...'}) on batches of rows."
            )
        if not self.training:
            scale = self.weight / (self.running_var + self.eps).sqrt()
            return (x - self.running_mean) * scale + self.bias
        values = x.size // self.num_features
        if values < 2:
            raise ShapeError(
                f"expected more than one value a channel in training, got shape {x.shape}. "
                "Use another batch size, drop_last=True, or eval() to use the running statistics."
            )
        out, (mean, variance, *_) = apply_keeping(ops.batch_norm, x, self.weight, self.bias, eps=self.eps)
        self._move(self.running_mean, mean)
        self._move(self.running_var, variance * (values / (values - 1)))
        return out

    def _move(self, running: Buffer, batch: np.ndarray) -> None:
        running.data = (1 - self.momentum) * running.data + self.momentum * batch

    def extra_repr(self) -> str:
        """The number of channels."""
        return f"{self.num_features}"


class BatchNorm2d(BatchNorm1d):
    """BatchNorm1d over images: (N, H, W, C) -> (N, H, W, C), the statistics of a channel over N, H and W."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, H, W, C) -> (N, H, W, C)."""
        if x.ndim != 4:
            raise ShapeError(f"expected inputs (N, H, W, {self.num_features}), got shape {x.shape}.")
        return super().forward(x)

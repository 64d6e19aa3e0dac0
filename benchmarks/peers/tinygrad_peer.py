"""tinygrad with its jit. It compiles with clang; the variable CC may give its name.

Its search for better loops (BEAM=2) was tried: after 99 s of compiling for the names MLP it was no faster.
"""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np
from tinygrad import Tensor, TinyJit, nn
from workloads import BETAS, DECAY, EPS, MOMENTUM, NORM_EPS, Workload


class Jitted:
    """One jitted call a step."""

    def __init__(self, work: Workload, threads: int) -> None:
        self.work, self.threads = work, threads
        self.weights = [[Tensor(array) for array in arrays] for arrays in work.weights()]
        self.running = [
            [Tensor.zeros(layer.out).contiguous().realize(), Tensor.ones(layer.out).contiguous().realize()]
            for layer in work.layers
            if layer.kind == "batchnorm"
        ]
        self.x, self.y = Tensor(self.small(work.x)).realize(), Tensor(self.small(work.y)).realize()
        weights = list(chain.from_iterable(self.weights))
        for weight in weights:
            weight.realize()
        if work.optimizer == "sgd":
            self.optimizer = nn.optim.SGD(weights, lr=work.rate)
        else:
            self.optimizer = nn.optim.AdamW(weights, work.rate, *BETAS, EPS, DECAY)
        self.jitted = TinyJit(self.step)

    def small(self, array: np.ndarray) -> np.ndarray:
        return array.astype(np.int32) if array.dtype == np.int64 else array

    def logits(self, h: Any) -> Any:
        left = list(self.running)
        for layer, arrays in zip(self.work.layers, self.weights, strict=True):
            match layer.kind:
                case "embedding":
                    h = arrays[0][h]
                case "linear":
                    h = h @ arrays[0] + (arrays[1] if layer.bias else 0)
                case "conv":
                    n, t, _ = h.shape
                    padded = h.pad(((0, 0), (layer.dilation * (layer.kernel - 1), 0), (0, 0)))
                    taps = [padded[:, k * layer.dilation : k * layer.dilation + t] for k in range(layer.kernel)]
                    h = taps[0].cat(*taps[1:], dim=2) @ arrays[0].reshape(-1, layer.out) + arrays[1]
                case "batchnorm":
                    h = self.norm(h, *arrays, *left.pop(0))
                case "tanh":
                    h = h.tanh()
                case "relu":
                    h = h.relu()
                case "flatten":
                    h = h.flatten(1)
                case "pairs":
                    n, t, c = h.shape
                    h = h.reshape(n, t // 2, 2 * c) if t > 2 else h.reshape(n, 2 * c)
        return h

    def norm(self, h: Any, gain: Any, shift: Any, mean: Any, var: Any) -> Any:
        axes, n = tuple(range(h.ndim - 1)), h.numel() // h.shape[-1]
        batch_mean = h.mean(axes)
        batch_var = ((h - batch_mean) ** 2).mean(axes)
        mean.assign(mean + MOMENTUM * (batch_mean.detach() - mean))
        var.assign(var + MOMENTUM * (batch_var.detach() * (n / (n - 1)) - var))
        return (h - batch_mean) * (batch_var + NORM_EPS).rsqrt() * gain + shift

    def step(self, row: Any) -> Any:
        self.optimizer.zero_grad()
        loss = self.logits(self.x[row]).sparse_categorical_crossentropy(self.y[row])
        loss.backward()
        running = chain.from_iterable(self.running)
        return loss.realize(*self.optimizer.schedule_step(), *running)

    def prepare(self, rows: np.ndarray) -> list[Any]:
        return [Tensor(row).realize() for row in self.small(rows)]

    def run(self, prepared: list[Any]) -> None:
        """Reads the last loss only: to read each would take twice the time."""
        for row in prepared:
            loss = self.jitted(row)
        loss.item()

    def losses(self, rows: np.ndarray) -> np.ndarray:
        return np.array([self.jitted(row).item() for row in self.prepare(rows)])

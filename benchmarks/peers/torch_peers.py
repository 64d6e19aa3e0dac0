"""PyTorch: eager, and the whole step as one graph of torch.compile.

Eager with SGD updates the weights in a plain loop, which is faster for few tensors than ``optim.SGD`` in any of its
forms; AdamW is the fused one, the fastest of the three. The compiled step is functional: torch.compile around the
forward pass and around the optimizer, the usual way, takes about twice as long for small networks.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.func import functional_call, grad_and_value
from workloads import BETAS, DECAY, EPS, MOMENTUM, NORM_EPS, Layer, Workload


class Pairs(nn.Module):
    def forward(self, x: Any) -> Any:
        n, t, c = x.shape
        return x.reshape(n, t // 2, 2 * c) if t > 2 else x.reshape(n, 2 * c)


class BatchNorm(nn.BatchNorm1d):
    """Over the last axis: faster as rows than with the axes transposed, as nn.BatchNorm1d has them."""

    def forward(self, x: Any) -> Any:
        return super().forward(x.flatten(0, -2)).view(x.shape)


class Conv(nn.Module):
    """Causal, over (N, T, C), as a product with the taps side by side: nearly twice as fast here as nn.Conv1d."""

    def __init__(self, one: Layer) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(one.kernel, one.inputs, one.out))
        self.bias = nn.Parameter(torch.empty(one.out))
        self.dilation = one.dilation

    def forward(self, x: Any) -> Any:
        n, t, _ = x.shape
        kernel, _, out = self.weight.shape
        padded = nn.functional.pad(x, (0, 0, (kernel - 1) * self.dilation, 0))
        taps = torch.cat([padded[:, k * self.dilation : k * self.dilation + t] for k in range(kernel)], 2)
        return torch.addmm(self.bias, taps.view(n * t, -1), self.weight.view(-1, out)).view(n, t, out)


def build(one: Layer) -> nn.Module:
    match one.kind:
        case "embedding":
            return nn.Embedding(one.inputs, one.out)
        case "linear":
            return nn.Linear(one.inputs, one.out, bias=one.bias)
        case "batchnorm":
            norm = BatchNorm(one.out, NORM_EPS, MOMENTUM)
            norm.num_batches_tracked = None  # counts for nothing with a fixed momentum
            return norm
        case "conv":
            return Conv(one)
    return {"tanh": nn.Tanh, "relu": nn.ReLU, "flatten": nn.Flatten, "pairs": Pairs}[one.kind]()


def network(work: Workload) -> nn.Sequential:
    """With the first weights; PyTorch's linear layers have theirs transposed."""
    net = nn.Sequential(*map(build, work.layers))
    with torch.no_grad():
        for layer, module, weights in zip(work.layers, net, work.weights(), strict=True):
            for parameter, array in zip(module.parameters(), weights, strict=True):
                turned = array.T if layer.kind == "linear" else array
                parameter.copy_(torch.from_numpy(turned.copy()))
    return net


class Eager:
    """The usual step."""

    def __init__(self, work: Workload, threads: int) -> None:
        torch.set_num_threads(threads)
        self.threads, self.rate = threads, work.rate
        self.x, self.y = torch.from_numpy(work.x), torch.from_numpy(work.y)
        self.net = network(work)
        self.parameters = list(self.net.parameters())
        self.data = [parameter.data for parameter in self.parameters]
        self.optimizer = None
        if work.optimizer == "adamw":
            self.optimizer = torch.optim.AdamW(
                self.parameters, lr=work.rate, betas=BETAS, eps=EPS, weight_decay=DECAY, fused=True
            )

    def prepare(self, rows: np.ndarray) -> list[torch.Tensor]:
        return list(torch.from_numpy(rows))

    def run(self, prepared: list[torch.Tensor]) -> np.ndarray:
        return torch.stack([self.step(row) for row in prepared]).numpy()

    def losses(self, rows: np.ndarray) -> np.ndarray:
        return self.run(self.prepare(rows))

    def step(self, row: torch.Tensor) -> torch.Tensor:
        loss = nn.functional.cross_entropy(self.net(self.x[row]), self.y[row])
        for parameter in self.parameters:
            parameter.grad = None
        loss.backward()
        if self.optimizer is not None:
            self.optimizer.step()
        else:
            for data, parameter in zip(self.data, self.parameters, strict=True):
                data.add_(parameter.grad, alpha=-self.rate)
        return loss.detach()


class Compiled(Eager):
    """One graph for gathering, forward, backward and update."""

    def __init__(self, work: Workload, threads: int) -> None:
        super().__init__(work, threads)
        net, rate, adam = self.net, work.rate, work.optimizer == "adamw"
        beta1, beta2 = BETAS
        weights = {name: parameter.detach() for name, parameter in net.named_parameters()}
        buffers = dict(net.named_buffers())
        moments = {name: (torch.zeros_like(w), torch.zeros_like(w)) for name, w in weights.items()}

        def loss_of(weights: Any, buffers: Any, x: Any, y: Any) -> Any:
            return nn.functional.cross_entropy(functional_call(net, (weights, buffers), (x,)), y)

        def step(weights: Any, buffers: Any, moments: Any, corrections: Any, x: Any, y: Any, row: Any) -> Any:
            gradients, loss = grad_and_value(loss_of)(weights, buffers, x[row], y[row])
            for name, w in weights.items():
                g = gradients[name]
                if adam:
                    mean, square = moments[name]
                    mean.mul_(beta1).add_(g, alpha=1 - beta1)
                    square.mul_(beta2).addcmul_(g, g, value=1 - beta2)
                    size = square.sqrt() * corrections[1] + EPS
                    w.mul_(1 - rate * DECAY).sub_(corrections[0] * mean / size)
                else:
                    w.sub_(rate * g)
            return loss

        self.compiled = torch.compile(step)
        self.given = (weights, buffers, moments)
        self.adam, self.steps = adam, 0
        self.corrections = torch.zeros(2)

    def run(self, prepared: list[torch.Tensor]) -> np.ndarray:
        with torch.no_grad():
            return super().run(prepared)

    def step(self, row: torch.Tensor) -> torch.Tensor:
        self.steps += 1
        if self.adam:
            beta1, beta2 = BETAS
            self.corrections = torch.tensor(
                [self.rate / (1 - beta1**self.steps), (1 - beta2**self.steps) ** -0.5], dtype=torch.float32
            )
        return self.compiled(*self.given, self.corrections, self.x, self.y, row)

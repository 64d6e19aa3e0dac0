"""The three networks of the benchmarks, in glassnet and in PyTorch, and one training step of each with plain SGD."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn as tnn

from glassnet import Tensor, nn, optim

LR = 0.1
ROWS = 20_000


class FlattenConsecutive(nn.Module):
    """Pairs of neighbours joined: (N, T, C) -> (N, T / 2, 2 C), and (N, 2 C) when one is left."""

    def forward(self, x: Tensor) -> Tensor:
        n, t, c = x.shape
        return x.reshape(n, t // 2, 2 * c) if t > 2 else x.reshape(n, 2 * c)


class TorchFlattenConsecutive(tnn.Module):
    def forward(self, x: Any) -> Any:
        n, t, c = x.shape
        return x.reshape(n, t // 2, 2 * c) if t > 2 else x.reshape(n, 2 * c)


class TorchBatchNorm(tnn.BatchNorm1d):
    """PyTorch has the channels in the second axis."""

    def forward(self, x: Any) -> Any:
        return super().forward(x.transpose(1, 2)).transpose(1, 2) if x.ndim == 3 else super().forward(x)


@dataclass
class Work:
    """A network in both libraries, its data, and the size of a batch."""

    name: str
    net: nn.Module
    peer: tnn.Module
    x: np.ndarray
    y: np.ndarray
    batch_size: int


def works() -> list[Work]:
    random = np.random.default_rng(0)
    names_x, names_y = random.integers(0, 27, (ROWS, 3)), random.integers(0, 27, ROWS)
    long_x = random.integers(0, 27, (ROWS, 8))
    images, labels = random.random((ROWS, 784), np.float32), random.integers(0, 10, ROWS)
    digits = nn.Sequential(nn.Linear(784, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 10))
    digits_peer = tnn.Sequential(tnn.Linear(784, 16), tnn.ReLU(), tnn.Linear(16, 16), tnn.ReLU(), tnn.Linear(16, 10))
    head = [nn.Embedding(27, 10), nn.Flatten(), nn.Linear(30, 200, bias=False), nn.BatchNorm1d(200), nn.Tanh()]
    names = nn.Sequential(*head, nn.Linear(200, 27))
    peer_head = [
        tnn.Embedding(27, 10),
        tnn.Flatten(),
        tnn.Linear(30, 200, bias=False),
        tnn.BatchNorm1d(200),
        tnn.Tanh(),
    ]
    names_peer = tnn.Sequential(*peer_head, tnn.Linear(200, 27))
    layers: list[nn.Module] = [nn.Embedding(27, 24)]
    peers: list[tnn.Module] = [tnn.Embedding(27, 24)]
    for width in (48, 256, 256):
        layers += [FlattenConsecutive(), nn.Linear(width, 128, bias=False), nn.BatchNorm1d(128), nn.Tanh()]
        peers += [TorchFlattenConsecutive(), tnn.Linear(width, 128, bias=False), TorchBatchNorm(128), tnn.Tanh()]
    wavenet = nn.Sequential(*layers, nn.Linear(128, 27))
    wavenet_peer = tnn.Sequential(*peers, tnn.Linear(128, 27))
    return [
        Work("digits 784-16-16-10, batch 100", digits, digits_peer, images, labels, 100),
        Work("names MLP + BatchNorm, batch 32", names, names_peer, names_x, names_y, 32),
        Work("WaveNet-like, batch 32", wavenet, wavenet_peer, long_x, names_y, 32),
    ]


def copy_weights(work: Work) -> None:
    """Give the peer the weights of the network; PyTorch's matrices are transposed."""
    with torch.no_grad():
        for ours, theirs in zip(work.net.parameters(), work.peer.parameters(), strict=True):
            embedding = ours.shape == tuple(theirs.shape) and ours.shape[0] == 27
            array = ours.data if ours.ndim == 1 or embedding else ours.data.T
            theirs.copy_(torch.from_numpy(array.copy()))


def our_step(work: Work) -> Callable[[np.ndarray], float]:
    """A step of glassnet on the rows with the given numbers; returns the loss."""
    net, x, y = work.net, work.x, work.y
    optimizer = optim.SGD(net.parameters(), lr=LR)

    def step(rows: np.ndarray) -> float:
        loss = nn.functional.cross_entropy(net(Tensor(x[rows])), Tensor(y[rows]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def peer_step(work: Work) -> Callable[[np.ndarray], float]:
    """The same step of PyTorch, with the update that is fastest there for small networks."""
    net, x, y = work.peer, torch.from_numpy(work.x), torch.from_numpy(work.y)
    parameters = list(net.parameters())

    def step(rows: np.ndarray) -> float:
        index = torch.from_numpy(rows)
        loss = tnn.functional.cross_entropy(net(x[index]), y[index])
        for parameter in parameters:
            parameter.grad = None
        loss.backward()
        with torch.no_grad():
            for parameter in parameters:
                parameter.data += -LR * parameter.grad
        return loss.item()

    return step

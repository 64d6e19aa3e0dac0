"""Small trainings with one fault each, and healthy ones that look alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import glassnet as gn
from glassnet import models, nn, optim
from glassnet.doctor import Findings

Rows = tuple[np.ndarray, np.ndarray]


def classes(rows: int = 600, width: int = 10, count: int = 4, apart: float = 2.0, seed: int = 0) -> Rows:
    """Clouds of points, one for each class."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((count, width)) * apart / np.sqrt(2)
    y = rng.integers(0, count, rows)
    return (centres[y] + rng.standard_normal((rows, width))).astype(np.float32), y


def quantities(rows: int = 600, width: int = 8, noise: float = 0.1, seed: int = 0) -> Rows:
    """A nearly linear function of standard normal features, with mean 0 and standard deviation 1; y is (rows, 1)."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, width)).astype(np.float32)
    y = x @ rng.standard_normal(width) + 0.5 * np.sin(2 * x[:, 0]) * x[:, 1] + noise * rng.standard_normal(rows)
    return x, ((y - y.mean()) / y.std())[:, None].astype(np.float32)


def net(
    inputs: int, hidden: list[int], outputs: int, activation: Any = nn.ReLU, *, norm: bool = False
) -> nn.Sequential:
    gn.manual_seed(0)
    layers: list[nn.Module] = []
    for width in hidden:
        layers += [nn.Linear(inputs, width), *([nn.BatchNorm1d(width)] if norm else []), activation()]
        inputs = width
    return nn.Sequential(*layers, nn.Linear(inputs, outputs))


def linears(network: nn.Module) -> list[nn.Linear]:
    return [one for one in network.modules() if isinstance(one, nn.Linear)]


def scaled(network: nn.Module, factor: float, which: slice = slice(None)) -> Any:
    """The network with its weights multiplied."""
    for one in linears(network)[which]:
        one.weight.data = one.weight.data * np.float32(factor)
    return network


def filled(network: nn.Module, value: float, which: slice = slice(None)) -> Any:
    for one in linears(network)[which]:
        one.weight.data = np.full_like(one.weight.data, value)
    return network


def biased(network: nn.Module, value: float) -> Any:
    for one in linears(network)[:-1]:
        one.bias.data = np.full_like(one.bias.data, value)
    return network


def train(
    network: nn.Module, rows: Any, *, loss: Any = None, lr: float = 0.01, optimizer: Any = None, **options: Any
) -> Findings:
    """The findings of a training, also of one that fails."""
    loss = loss or (nn.CrossEntropyLoss() if rows[1].dtype.kind == "i" else nn.MSELoss())
    how = {"epochs": 10, "batch_size": 32, "validation": 0.2, "folder": None, "progress": False, **options}
    chosen = optimizer or optim.Adam(network.parameters(), lr=lr)
    try:
        return gn.fit(network, rows, loss=loss, optimizer=chosen, **how).findings
    except gn.NonFiniteError as error:
        return Findings(error.findings)


def sgd(network: nn.Module, lr: float, **options: Any) -> Any:
    return {"optimizer": optim.SGD(network.parameters(), lr=lr, **options)}


def names(count: int = 4000) -> tuple[Rows, Rows]:
    """Contexts of three characters."""
    data = gn.data.load("names", context=3)
    return (data.train.x[:count], data.train.y[:count]), (data.val.x[:2000], data.val.y[:2000])


def character_net(**options: Any) -> nn.Module:
    gn.manual_seed(0)
    return models.character_mlp(27, 3, hidden=[32], **options)


class OwnCode(nn.Module):
    """A network with operations in its code, and a head that is not used."""

    def __init__(self, *, linear: bool = False, detached: bool = False) -> None:
        gn.manual_seed(0)
        self.first, self.second, self.last = nn.Linear(10, 16), nn.Linear(16, 16), nn.Linear(16, 4)
        self.head = nn.Linear(16, 2)
        self.linear, self.detached = linear, detached

    def forward(self, x: Any) -> Any:
        h = self.first(x)
        h = h if self.linear else h.relu()
        h = gn.tensor(h.data) if self.detached else h
        return self.last(self.second(h).tanh())


Case = Callable[[], Findings]


def every(findings: Findings) -> list[str]:
    """All codes, also those that were folded."""
    return [*(one.code for one in findings), *(other.code for one in findings for other in one.explains)]

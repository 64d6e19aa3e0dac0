"""Loops of PyTorch with what they may forget."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import glassnet as gn
from glassnet.doctor import Findings

from .sick import classes, quantities

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional
X, Y = (torch.as_tensor(one) for one in classes())
QX, QY = (torch.as_tensor(one) for one in quantities())
Net = Any


def net(inputs: int, hidden: list[int], outputs: int, activation: Any = nn.ReLU, *, norm: bool = False) -> Net:
    torch.manual_seed(0)
    layers: list[Any] = []
    for width in hidden:
        layers += [nn.Linear(inputs, width), *([nn.BatchNorm1d(width)] if norm else []), activation()]
        inputs = width
    return nn.Sequential(*layers, nn.Linear(inputs, outputs))


class OwnCode(nn.Module):
    """A network with operations in its code, and a head that is not used."""

    def __init__(self, *, linear: bool = False, detached: bool = False, bias: float = 0.0) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second, self.last = nn.Linear(10, 16), nn.Linear(16, 16), nn.Linear(16, 4)
        self.head = nn.Linear(16, 2)
        self.linear, self.detached = linear, detached
        nn.init.constant_(self.first.bias, bias)

    def forward(self, x: Any) -> Any:
        h = self.first(x)
        h = h if self.linear else F.relu(h)
        return self.last(torch.tanh(self.second(h.detach() if self.detached else h)))


def train(
    model: Net,
    x: Any = X,
    y: Any = Y,
    *,
    loss_fn: Any = None,
    optimizer: Any = None,
    epochs: int = 10,
    batch: int = 32,
    shuffle: bool = True,
    validation: Any = None,
    scheduler: Callable[[Any], Any] | None = None,
    zero: bool = True,
    step: bool = True,
    sign: float = 1.0,
    evaluating: bool = True,
    training: bool = True,
) -> Findings:
    """An ordinary loop under watch, with what it may forget."""
    loss_fn = loss_fn or (nn.MSELoss() if y.dtype.is_floating_point else nn.CrossEntropyLoss())
    optimizer = optimizer or torch.optim.Adam(model.parameters(), lr=0.01)
    schedule = scheduler(optimizer) if scheduler else None
    watched = gn.doctor.torch.watch(model, optimizer, loss_fn, speak=False)
    for _ in range(epochs):
        model.train(training)
        for rows in (torch.randperm(len(x)) if shuffle else torch.arange(len(x))).split(batch):
            loss = loss_fn(model(x[rows]), y[rows])
            if zero:
                optimizer.zero_grad()
            (sign * loss).backward()
            if step:
                optimizer.step()
            if schedule is not None:
                schedule.step()
        if validation is not None:
            model.train(not evaluating)
            with torch.no_grad():
                loss_fn(model(validation[0]), validation[1])
    return watched.close()


def sgd(model: Net, lr: float, **options: Any) -> Any:
    return torch.optim.SGD(model.parameters(), lr=lr, **options)


def changed(model: Net, change: Callable[[Any], Any], which: slice = slice(None)) -> Net:
    """The model after a change of the weights of its linear layers."""
    with torch.no_grad():
        for one in [one for one in model if isinstance(one, nn.Linear)][which]:
            change(one.weight)
    return model

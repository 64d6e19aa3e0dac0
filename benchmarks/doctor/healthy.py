"""Healthy settings: plain ones, and look-alikes, of which each resembles an illness and is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from workloads import WORKLOADS, Rows, Setting, cosine, linears

from glassnet import nn, optim
from glassnet.engine.tensor import Tensor

Change = Callable[[Setting], Setting]


@dataclass(frozen=True)
class Healthy:
    """resembles: the code of the illness that it looks like; empty for a plain run."""

    name: str
    resembles: str
    workloads: tuple[str, ...]
    make: Change


HEALTHY: list[Healthy] = []


def alike(resembles: str, *workloads: str) -> Callable[[Change], Change]:
    """Declare a look-alike."""

    def declare(make: Change) -> Change:
        HEALTHY.append(Healthy(make.__name__, resembles, workloads, make))
        return make

    return declare


def plain(name: str, *workloads: str, **changes: object) -> None:
    """Declare a plain healthy run."""
    HEALTHY.append(Healthy(name, "", workloads or WORKLOADS, lambda s: s.but(**changes)))


plain("as it is")
plain("tanh", "waves", "digits", "blobs", activation="tanh")
plain("GELU", "waves", "digits", "table", "blobs", activation="gelu")
plain("BatchNorm", "waves", "digits", "blobs", "table", batch_norm=True)
plain("dropout", "waves", "digits", "blobs", dropout=0.1)
plain("one layer more", "waves", "digits", "blobs", "table", hidden=(32, 32, 32))
plain("wide", "waves", "digits", "blobs", hidden=(100,))
plain("large batches", "waves", "digits", "blobs", batch_size=100, epochs=20)
plain("clipped", "waves", "digits", "names", "table", clip_norm=1.0)
plain(
    "AdamW", "waves", "digits", "names", "table", "blobs", optimizer="AdamW", options={"weight_decay": 0.01}, lr=0.005
)
plain(
    "one cycle", "waves", "digits", "blobs", schedule=lambda o, n: optim.OneCycleLR(o, max_lr=2 * o.lr, total_steps=n)
)
plain("Huber", "table", loss=nn.HuberLoss())


def scaled(s: Setting, factor: float, *, only_last: bool) -> Setting:
    def change(net: nn.Module) -> None:
        for layer in linears(net)[-1:] if only_last else linears(net)[:-1]:
            layer.weight.data = layer.weight.data * np.float32(factor)

    return s.touched(change)


@alike("exploding-gradients", "waves", "digits", "table")
def one_spike(s: Setting) -> Setting:
    x, y = s.train
    x = x.copy()
    x[len(x) // 2] *= 15
    return s.but(train=(x, y), clip_norm=1.0)


@alike("vanishing-gradients", "blobs")
def converged(s: Setting) -> Setting:
    return s.but(epochs=60)


@alike("saturated-activations", "waves", "digits", "blobs")
def trained_tanh(s: Setting) -> Setting:
    return s.but(activation="tanh", epochs=25)


@alike("saturated-activations", "table")
def output_sigmoid(s: Setting) -> Setting:
    def to_shares(rows: Rows) -> Rows:
        return rows[0], (1 / (1 + np.exp(-2 * rows[1]))).astype(np.float32)

    train, val, clean = map(to_shares, (s.train, s.val, s.clean))
    wrap = lambda net: nn.Sequential(*net, nn.Sigmoid())  # noqa: E731
    return s.but(train=train, val=val, clean=clean, wrap=wrap, lr=s.lr * (10 if s.optimizer == "SGD" else 2))


@alike("dead-units", "waves", "digits", "blobs")
def sparse(s: Setting) -> Setting:
    def change(net: nn.Module) -> None:
        for layer in linears(net)[:-1]:
            layer.bias.data = layer.bias.data - np.float32(0.3)

    return s.but(hidden=(64,)).touched(change)


@alike("bad-initial-scale", "waves", "digits", "names", "blobs")
def hidden_by_norm(s: Setting) -> Setting:
    return scaled(s.but(batch_norm=True), 4, only_last=False)


@alike("symmetric-initialization", "waves", "digits", "blobs", "names")
def zero_last_layer(s: Setting) -> Setting:
    return scaled(s, 0.0, only_last=True)


@alike("learning-rate-too-high", "table", "waves", "digits")
def zero_biases(s: Setting) -> Setting:
    def change(net: nn.Module) -> None:
        for layer in linears(net):
            layer.bias.data = np.zeros_like(layer.bias.data)

    return s.touched(change)


@alike("high-initial-loss", "waves", "digits", "blobs")
def class_weights(s: Setting) -> Setting:
    weight = np.linspace(0.5, 4.0, s.classes).astype(np.float32)
    return s.but(loss=nn.CrossEntropyLoss(weight=weight))


@alike("learning-rate-too-low", "waves", "digits", "names", "table")
def warm_up(s: Setting) -> Setting:
    def schedule(optimizer: optim.Optimizer, steps: int) -> optim.Schedule:
        warm = steps // 5
        first = optim.LinearLR(optimizer, start_factor=1e-3, total_iters=warm)
        return optim.SequentialLR(optimizer, [first, optim.CosineAnnealingLR(optimizer, steps - warm)], [warm])

    return s.but(schedule=schedule, epochs=s.epochs + s.epochs // 4)


@alike("parameters-not-updated", "waves", "digits", "blobs")
def warm_up_from_zero(s: Setting) -> Setting:
    return s.but(schedule=lambda optimizer, steps: optim.LinearLR(optimizer, 0.0, 1.0, steps // 5))


@alike("oscillating-loss", "waves", "digits", "blobs")
def small_batches(s: Setting) -> Setting:
    return s.but(batch_size=4, epochs=max(1, s.epochs // 4), lr=s.lr / 5)


@alike("schedule-ends-early", "waves", "digits", "table", "blobs")
def planned_end(s: Setting) -> Setting:
    return s.but(schedule=lambda optimizer, steps: optim.StepLR(optimizer, int(0.9 * steps), gamma=1e-3))


@alike("stale-gradients", "waves", "digits", "blobs")
def accumulated(s: Setting) -> Setting:
    return s.but(loop="accumulation")


@alike("trained-in-eval-mode", "waves", "digits", "blobs")
def frozen_norm(s: Setting) -> Setting:
    return s.but(loop="frozen BatchNorm", batch_norm=True)


@alike("evaluated-in-train-mode", "waves", "digits", "blobs")
def monte_carlo(s: Setting) -> Setting:
    return s.but(loop="Monte Carlo dropout", dropout=0.1)


@alike("parameter-not-in-optimizer", "waves", "digits", "names")
def frozen_layer(s: Setting) -> Setting:
    def change(net: nn.Module) -> None:
        for parameter in linears(net)[0].parameters():
            parameter.requires_grad = False

    def trained(net: nn.Module) -> list[Tensor]:
        return [parameter for parameter in net.parameters() if parameter.requires_grad]

    return s.but(held=trained, hidden=(64, 32)).touched(change)


class TwoHeads(nn.Module):
    """A second head, for another task, that this training does not use."""

    def __init__(self, net: nn.Module) -> None:
        self.net, self.other = net, nn.Linear(7, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


@alike("detached-parameter", "waves", "digits", "blobs")
def unused_head(s: Setting) -> Setting:
    return s.but(wrap=TwoHeads)


@alike("batchnorm-mismatch", "waves", "digits", "blobs")
def first_steps(s: Setting) -> Setting:
    return s.but(batch_norm=True, batch_size=128, epochs=4, schedule=cosine, lr=2 * s.lr)


@alike("batchnorm-tiny-batch", "wavenet")
def positions_count(s: Setting) -> Setting:
    return s.but(batch_size=16, epochs=1)


@alike("wrong-loss", "waves", "digits", "blobs")
def soft_labels(s: Setting) -> Setting:
    def soften(rows: Rows) -> Rows:
        return rows[0], (0.9 * np.eye(s.classes)[rows[1]] + 0.1 / s.classes).astype(np.float32)

    return s.but(train=soften(s.train), val=soften(s.val))


@alike("high-initial-loss", "waves", "digits", "names")
def smoothed_labels(s: Setting) -> Setting:
    return s.but(loss=nn.CrossEntropyLoss(label_smoothing=0.1))


@alike("missing-nonlinearity", "digits")
def low_rank(s: Setting) -> Setting:
    def factored(net: nn.Module) -> nn.Module:
        first, *rest = net
        width_in, width = first.weight.shape
        return nn.Sequential(nn.Linear(width_in, 12, bias=False), nn.Linear(12, width), *rest)

    return s.but(hidden=(40, *s.hidden[1:]), wrap=factored)


@alike("unnormalised-inputs", "blobs", "table")
def counts_and_flags(s: Setting) -> Setting:
    """Some features are counts, others flags."""

    def change(rows: Rows) -> Rows:
        x = rows[0].copy()
        x[:, 0] = np.clip(np.rint(2 * x[:, 0] + 4), 0, 12)
        x[:, 1] = x[:, 1] > 1
        return x, rows[1]

    train, val, clean = map(change, (s.train, s.val, s.clean))
    return s.but(train=train, val=val, clean=clean)


@alike("unscaled-targets", "table")
def moderate_targets(s: Setting) -> Setting:
    train, val, clean = ((x, 2 * y + np.float32(3)) for x, y in (s.train, s.val, s.clean))
    return s.but(train=train, val=val, clean=clean, epochs=2 * s.epochs)


@alike("unshuffled-data", "table")
def in_order_of_time(s: Setting) -> Setting:
    x, y = s.train
    order = np.argsort(x[:, -1])  # a feature that the target does not depend on grows with time
    return s.but(train=(x[order], y[order]), shuffle=False)


@alike("class-imbalance", "blobs")
def easy_imbalance(s: Setting) -> Setting:
    def drop(rows: Rows, share: float) -> Rows:
        x, y = rows
        rare = np.flatnonzero(y == 0)
        kept = np.concatenate([np.flatnonzero(y != 0), rare[: max(6, int(share * len(rare)))]])
        apart = np.where((y[kept] == 0)[:, None], x[kept] + np.float32(3.0), x[kept])
        return apart, y[kept]

    train, val, clean = (drop(rows, 0.08) for rows in (s.train, s.val, s.clean))
    return s.but(train=train, val=val, clean=clean)


@alike("label-noise", "blobs")
def hard_examples(s: Setting) -> Setting:
    """Classes that overlap at their borders."""
    rng = np.random.default_rng(s.seed)
    train, val, clean = (
        ((x + 0.35 * rng.standard_normal(x.shape)).astype(np.float32), y) for x, y in (s.train, s.val, s.clean)
    )
    return s.but(train=train, val=val, clean=clean)


@alike("overfitting", "waves", "digits", "blobs")
def few_to_validate(s: Setting) -> Setting:
    return s.but(val=(s.val[0][:40], s.val[1][:40]))


@alike("underfitting", "waves", "digits", "names")
def with_dropout(s: Setting) -> Setting:
    return s.but(hidden=(64,), dropout=0.4, epochs=s.epochs + 4)


@alike("over-regularised", "blobs", "waves", "digits")
def near_convergence(s: Setting) -> Setting:
    return s.but(epochs=3 * s.epochs, penalty=nn.L2Penalty(1e-4))


@alike("split-shift", "table")
def split_by_time(s: Setting) -> Setting:
    """The features drift a little."""
    return s.but(val=(s.val[0] + np.float32(0.15), s.val[1]))


@alike("target-leak", "table")
def strong_feature(s: Setting) -> Setting:
    """One feature says much, and not all."""

    def change(rows: Rows, seed: int) -> Rows:
        noise = 0.5 * np.random.default_rng(seed).standard_normal(len(rows[0]))
        return np.concatenate([rows[0], rows[1] + noise[:, None]], 1).astype(np.float32), rows[1]

    train, val, clean = (change(rows, s.seed + i) for i, rows in enumerate((s.train, s.val, s.clean)))
    return s.but(train=train, val=val, clean=clean)


@alike("split-leak", "blobs")
def repeating_rows(s: Setting) -> Setting:
    """Few different rows, as in counts: the same come in every split, with the same label."""

    def change(rows: Rows) -> Rows:
        return np.rint(rows[0][:, :4]).astype(np.float32), (np.rint(rows[0][:, 0]) > 0).astype(np.int64)

    train, val, clean = map(change, (s.train, s.val, s.clean))
    return s.but(train=train, val=val, clean=clean)

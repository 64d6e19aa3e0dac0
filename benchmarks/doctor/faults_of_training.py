"""Faults of the set-up, the first weights, the optimisation, the layers and the loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from fault import fault, rows_of
from trial import EVALUATION
from workloads import Rows, Setting, linears

from glassnet import nn, optim
from glassnet.engine.tensor import Tensor

# Set-up


@fault("parameters-not-updated", "waves", "digits", "names", invariant=True, mild=False)
def rate_of_zero(s: Setting, _severe: bool) -> Setting:
    return s.but(lr=0.0, schedule=None)


@fault("parameters-not-updated", "waves", "digits", "blobs", invariant=True, mild=False)
def no_step(s: Setting, _severe: bool) -> Setting:
    return s.but(loop="no step")


@fault("parameter-not-in-optimizer", "waves", "digits", "names", "blobs", invariant=True)
def not_held(s: Setting, severe: bool) -> Setting:
    def held(net: nn.Module) -> list[Any]:
        found = list(net.parameters())
        return found[-2:] if severe else found[:-1]

    return s.but(held=held)


class Detached(nn.Module):
    """The first layers run, and their numbers are taken out of the graph."""

    def __init__(self, net: nn.Sequential, count: int) -> None:
        self.first, self.rest = nn.Sequential(*list(net)[:count]), nn.Sequential(*list(net)[count:])

    def forward(self, x: Tensor) -> Tensor:
        return self.rest(Tensor(self.first(x).data))


@fault("detached-parameter", "waves", "digits", "names", invariant=True)
def detached(s: Setting, severe: bool) -> Setting:
    return s.but(wrap=lambda net: Detached(net, len(list(net)) - 1 if severe else 1))


@fault("stale-gradients", "waves", "digits", "blobs", invariant=True, mild=False)
def no_zero_grad(s: Setting, _severe: bool) -> Setting:
    return s.but(loop="no zero_grad")


@fault("trained-in-eval-mode", "waves", "digits", "names", invariant=True, mild=False)
def eval_mode(s: Setting, _severe: bool) -> Setting:
    return s.but(loop="eval mode", batch_norm=True)


@fault("evaluated-in-train-mode", "waves", "digits", "blobs", invariant=True, mild=False, begins=EVALUATION)
def train_mode(s: Setting, _severe: bool) -> Setting:
    return s.but(loop="train mode", dropout=0.3)


@fault("missing-nonlinearity", "waves", "digits", "blobs", "table", invariant=True, mild=False)
def no_activation(s: Setting, _severe: bool) -> Setting:
    kinds = (nn.ReLU, nn.Tanh)
    return s.but(wrap=lambda net: nn.Sequential(*(layer for layer in net if not isinstance(layer, kinds))))


# Initialisation


def _scaled(s: Setting, factor: float, *, only_last: bool = False) -> Setting:
    def change(net: nn.Module) -> None:
        for layer in linears(net)[-1:] if only_last else linears(net)[:-1]:
            layer.weight.data = layer.weight.data * np.float32(factor)

    return s.touched(change)


def deep(s: Setting, _severe: bool) -> Setting:
    return s.but(hidden=(24, 24, 24), activation="relu")


def with_relu(s: Setting, _severe: bool) -> Setting:
    return s.but(activation="relu")


@fault("bad-initial-scale", "waves", "digits", "blobs", "table", also=("exploding-gradients",), base=deep)
def weights_too_large(s: Setting, severe: bool) -> Setting:
    return _scaled(deep(s, severe), 12 if severe else 5)


@fault("bad-initial-scale", "waves", "digits", "blobs", "table", also=("vanishing-gradients",), base=deep)
def weights_too_small(s: Setting, severe: bool) -> Setting:
    return _scaled(deep(s, severe), 0.01 if severe else 0.1)


@fault("symmetric-initialization", "waves", "digits", "table", invariant=True)
def all_alike(s: Setting, severe: bool) -> Setting:
    def change(net: nn.Module) -> None:
        for layer in linears(net):
            layer.weight.data = np.full_like(layer.weight.data, 0.05 if severe else 1 / layer.weight.shape[0])

    return s.touched(change)


@fault("high-initial-loss", "waves", "digits", "names", "blobs")
def sure_and_wrong(s: Setting, severe: bool) -> Setting:
    return _scaled(s, 100 if severe else 25, only_last=True)


# Optimisation


@fault("nonfinite-loss", "table", mild=False)
def logarithm_of_negatives(s: Setting, _severe: bool) -> Setting:
    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        return ((outputs.log() - (targets + 4.0).log()) ** 2).mean()

    return s.but(loss=loss)


@fault("exploding-gradients", "waves", "digits", "table", also=("unnormalised-inputs",), base=with_relu)
def outliers(s: Setting, severe: bool) -> Setting:
    x, y = s.train
    rng = rows_of(s)
    x = x.copy()
    x[rng.permutation(len(x))[: len(x) // 200]] *= 500 if severe else 50
    return with_relu(s, severe).but(train=(x, y))


@fault("vanishing-gradients", "waves", "digits", "blobs", "table")
def deep_sigmoids(s: Setting, severe: bool) -> Setting:
    return s.but(hidden=(24,) * (8 if severe else 5), activation="sigmoid")


@fault("learning-rate-too-low", "waves", "digits", "names", "wavenet", "table", "blobs")
def slow(s: Setting, severe: bool) -> Setting:
    return s.but(lr=s.lr / (3000 if severe else 100))


@fault("learning-rate-too-high", "waves", "digits", "names", "wavenet", "table", "blobs", also=("oscillating-loss",))
def fast(s: Setting, severe: bool) -> Setting:
    return s.but(lr=s.lr * (100 if severe else 25))


@fault("oscillating-loss", "waves", "digits", "blobs", also=("learning-rate-too-high",))
def swinging(s: Setting, severe: bool) -> Setting:
    return s.but(lr=s.lr * (20 if severe else 10), schedule=None)


@fault("schedule-ends-early", "waves", "digits", "names", "table", "blobs")
def soon_over(s: Setting, severe: bool) -> Setting:
    share = 0.02 if severe else 0.06
    return s.but(schedule=lambda optimizer, steps: optim.StepLR(optimizer, max(1, int(share * steps)), gamma=1e-3))


@fault("ascending", "waves", "digits", "table", invariant=True, mild=False)
def sign_of_loss(s: Setting, _severe: bool) -> Setting:
    plain = s.loss
    return s.but(loss=lambda outputs, targets: -plain(outputs, targets))


@fault("ascending", "blobs", "waves", "digits", invariant=True, mild=False)
def sign_in_loop(s: Setting, _severe: bool) -> Setting:
    return s.but(loop="ascending")


@fault("over-regularised", "waves", "digits", "table", "blobs", "names")
def decayed(s: Setting, severe: bool) -> Setting:
    return s.but(penalty=nn.L2Penalty(1.0 if severe else 0.1))


@fault("over-regularised", "waves", "digits", "blobs")
def dropped(s: Setting, severe: bool) -> Setting:
    return s.but(dropout=0.97 if severe else 0.9)


@fault("stopped-early", "waves", "digits", "table", "blobs")
def cut_short(s: Setting, severe: bool) -> Setting:
    return s.but(epochs=max(1, s.epochs // (8 if severe else 4)), schedule=None)


@fault("underfitting", "waves", "digits", "names", "blobs")
def too_narrow(s: Setting, severe: bool) -> Setting:
    return s.but(hidden=(1,) * len(s.hidden) if severe else (2,) * len(s.hidden))


# Activations


def with_tanh(s: Setting, _severe: bool) -> Setting:
    return s.but(activation="tanh", batch_norm=False)


@fault("saturated-activations", "waves", "digits", "names", "blobs", also=("bad-initial-scale",), base=with_tanh)
def flat_ends(s: Setting, severe: bool) -> Setting:
    return _scaled(with_tanh(s, severe), 40 if severe else 12)


@fault("dead-units", "waves", "digits", "blobs", "table", base=with_relu)
def never_on(s: Setting, severe: bool) -> Setting:
    def change(net: nn.Module) -> None:
        for layer in linears(net)[:-1]:
            layer.bias.data = layer.bias.data - np.float32(20 if severe else 4)

    return with_relu(s, severe).touched(change)


# Normalisation


def with_batch_norm(s: Setting, _severe: bool) -> Setting:
    return s.but(batch_norm=True)


@fault("batchnorm-mismatch", "waves", "digits", "table", "blobs", base=with_batch_norm)
def slow_statistics(s: Setting, severe: bool) -> Setting:
    def change(net: nn.Module) -> None:
        for layer in net.modules():
            if isinstance(layer, nn.BatchNorm1d):
                layer.momentum = 1e-5 if severe else 1e-3

    return s.but(batch_norm=True).touched(change)


def two_epochs(s: Setting, _severe: bool) -> Setting:
    return s.but(batch_norm=True, epochs=2)


@fault("batchnorm-tiny-batch", "digits", "blobs", invariant=True, base=two_epochs)
def tiny_batches(s: Setting, severe: bool) -> Setting:
    size = 2 if severe else 3
    whole = len(s.train[0]) // size * size  # no batch of a single row, which is an error
    return s.but(train=(s.train[0][:whole], s.train[1][:whole]), batch_norm=True, batch_size=size, epochs=2)


# Generalisation


def few_rows(s: Setting, severe: bool) -> Setting:
    """So few and noisy rows that a wide network learns their noise."""
    x, y = s.train
    count = 60 if severe else 150
    noisy = y[:count] + np.float32(0.8) * rows_of(s).standard_normal((count, 1)).astype(np.float32)
    return s.but(train=(x[:count], noisy), hidden=(128,), epochs=150, schedule=None, keep_best=True)


@fault("overfitting", "table", base=few_rows)
def by_heart(s: Setting, severe: bool) -> Setting:
    return few_rows(s, severe).but(keep_best=False)


# Loss and head


def ending_with(layer: nn.Module) -> Callable[[nn.Module], nn.Module]:
    """A network with one more layer."""
    return lambda net: nn.Sequential(*net, layer)


@fault("probabilities-as-logits", "waves", "digits", "names", "wavenet", "blobs", invariant=True, mild=False)
def softmax_twice(s: Setting, _severe: bool) -> Setting:
    return s.but(wrap=ending_with(nn.Softmax()))


@fault("wrong-loss", "waves", "digits", "blobs", invariant=True, mild=False)
def labels_as_numbers(s: Setting, _severe: bool) -> Setting:
    def as_numbers(rows: Rows) -> Rows:
        return rows[0], rows[1].astype(np.float32)[:, None]

    def one_output(net: nn.Module) -> nn.Module:
        *first, last = net
        return nn.Sequential(*first, nn.Linear(last.weight.shape[0], 1))

    return s.but(train=as_numbers(s.train), val=as_numbers(s.val), wrap=one_output, loss=nn.MSELoss())


@fault("wrong-loss", "table", invariant=True)
def out_of_reach(s: Setting, severe: bool) -> Setting:
    return s.but(wrap=ending_with(nn.Sigmoid() if severe else nn.Tanh()))


@fault("wrong-loss", "waves", "digits", "names", "blobs", invariant=True, mild=False)
def logits_as_logarithms(s: Setting, _severe: bool) -> Setting:
    return s.but(loss=nn.NLLLoss())

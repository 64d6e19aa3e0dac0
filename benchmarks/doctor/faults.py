"""Faults: each makes a healthy setting ill in one way, mildly or severely."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from trial import EVALUATION
from workloads import Rows, Setting, linears

from glassnet import nn, optim
from glassnet.engine.tensor import Tensor

Change = Callable[[Setting, bool], Setting]


@dataclass(frozen=True)
class Fault:
    """code: the finding that names it. also: other codes that name the same. invariant: whether it breaks what must
    hold, and so counts even where it cost nothing; begins: the step at which it does so first. mild: whether there is
    a mild form. base: the healthy setting to compare with, if not the one that was changed.
    """

    name: str
    code: str
    workloads: tuple[str, ...]
    make: Change
    also: tuple[str, ...] = ()
    invariant: bool = False
    begins: int = 0
    mild: bool = True
    base: Change | None = None


FAULTS: list[Fault] = []


def fault(code: str, *workloads: str, **options: Any) -> Callable[[Change], Change]:
    """Declare a fault for some workloads."""

    def declare(make: Change) -> Change:
        FAULTS.append(Fault(make.__name__, code, workloads, make, **options))
        return make

    return declare


def rows_of(setting: Setting) -> np.random.Generator:
    """A generator for what happens to the rows of a setting."""
    return np.random.default_rng(setting.seed + 7)


def both(setting: Setting, change: Callable[[np.ndarray], np.ndarray]) -> Setting:
    """The inputs of every split changed alike: the score, too, is about such rows."""
    train, val, clean = ((change(x), y) for x, y in (setting.train, setting.val, setting.clean))
    return setting.but(train=train, val=val, clean=clean)


# Data


@fault("nonfinite-input", "digits", "table", invariant=True)
def holes(s: Setting, severe: bool) -> Setting:
    x = s.train[0].copy()
    x[rows_of(s).integers(0, len(x), 40 if severe else 1), 3] = np.nan
    return s.but(train=(x, s.train[1]), loop="examine")


@fault("unnormalised-inputs", "digits", "blobs", "table")
def far_from_zero(s: Setting, severe: bool) -> Setting:
    size, offset = (200, 500) if severe else (30, 60)
    return both(s, lambda x: (size * x + offset).astype(np.float32))


@fault("unnormalised-inputs", "table", "blobs")
def units_apart(s: Setting, severe: bool) -> Setting:
    powers = np.linspace(0, 4.5 if severe else 3, s.train[0].shape[1])
    return both(s, lambda x: (x * 10.0**powers).astype(np.float32))


@fault("unscaled-targets", "table", also=("high-initial-loss",))
def large_targets(s: Setting, severe: bool) -> Setting:
    size, offset = (300, 2000) if severe else (20, 80)
    train, val, clean = ((x, size * y + np.float32(offset)) for x, y in (s.train, s.val, s.clean))
    return s.but(train=train, val=val, clean=clean)


@fault("unshuffled-data", "digits", "blobs", invariant=True)
def sorted_rows(s: Setting, severe: bool) -> Setting:
    x, y = s.train
    part = np.arange(len(y)) * (1 if severe else 2) // len(y)
    order = np.lexsort((y, part))
    return s.but(train=(x[order], y[order]), shuffle=False)


@fault("class-imbalance", "digits", "blobs")
def rare_class(s: Setting, severe: bool) -> Setting:
    rare = [0, 1] if s.classes < 8 else [3, 5, 8, 9]

    def thinned(rows: Rows) -> Rows:
        x, y = rows
        left = max(4, round((0.03 if severe else 0.08) * (y == 2).sum()))
        kept = [np.flatnonzero(~np.isin(y, rare)), *(np.flatnonzero(y == label)[:left] for label in rare)]
        return x[np.concatenate(kept)], y[np.concatenate(kept)]

    return s.but(train=thinned(s.train), val=thinned(s.val), epochs=s.epochs * 3 // 2)


@fault("label-noise", "digits", "blobs")
def wrong_labels(s: Setting, severe: bool) -> Setting:
    rng = rows_of(s)
    train, val = (_mislabelled(rng, rows, s.classes, 0.4 if severe else 0.25) for rows in (s.train, s.val))
    return s.but(train=train, val=val)


def _mislabelled(rng: np.random.Generator, rows: Rows, classes: int, share: float) -> Rows:
    x, y = rows
    wrong = rng.random(len(y)) < share
    return x, np.where(wrong, (y + rng.integers(1, classes, len(y))) % classes, y)


@fault("labels-unrelated", "digits", "blobs", "table", mild=False)
def mixed_up_labels(s: Setting, _severe: bool) -> Setting:
    rng = rows_of(s)
    train, val = ((x, rng.permutation(y)) for x, y in (s.train, s.val))
    return s.but(train=train, val=val)


@fault("conflicting-labels", "digits", "blobs", invariant=True)
def contradictions(s: Setting, severe: bool) -> Setting:
    x, y = s.train
    again = rows_of(s).permutation(len(y))[: int((0.4 if severe else 0.08) * len(y))]
    return s.but(train=(np.concatenate([x, x[again]]), np.concatenate([y, (y[again] + 1) % s.classes])))


@fault("split-leak", "digits", "table", "blobs", invariant=True)
def same_rows(s: Setting, severe: bool) -> Setting:
    count = int((0.7 if severe else 0.15) * len(s.val[0]))
    chosen = rows_of(s).permutation(len(s.train[0]))[:count]
    val = tuple(np.concatenate([a[count:], b[chosen]]) for a, b in zip(s.val, s.train, strict=True))
    return s.but(val=val)


@fault("target-leak", "table", "blobs", invariant=True)
def answer_inside(s: Setting, severe: bool) -> Setting:
    rng = rows_of(s)

    def with_answer(rows: Rows, known: bool) -> Rows:
        x, y = rows
        leak = y.reshape(-1) + (0.0 if severe else 0.05) * rng.standard_normal(len(y))
        leak = leak if known else rng.permutation(leak)  # where it is used, the answer is not there
        return np.concatenate([x, leak[:, None]], 1).astype(np.float32), y

    return s.but(train=with_answer(s.train, True), val=with_answer(s.val, True), clean=with_answer(s.clean, False))


@fault("split-shift", "digits", "table", "blobs", invariant=True)
def other_rows(s: Setting, severe: bool) -> Setting:
    x, y = s.val
    if s.classes:
        kept = y < s.classes * (0.4 if severe else 0.7)
        return s.but(val=(x[kept], y[kept]))
    return s.but(val=(x + np.float32(2.5 if severe else 1.0), y))


# Set-up


@fault("parameters-not-updated", "digits", "names", invariant=True, mild=False)
def rate_of_zero(s: Setting, _severe: bool) -> Setting:
    return s.but(lr=0.0, schedule=None)


@fault("parameters-not-updated", "digits", "blobs", invariant=True, mild=False)
def no_step(s: Setting, _severe: bool) -> Setting:
    return s.but(loop="no step")


@fault("parameter-not-in-optimizer", "digits", "names", "blobs", invariant=True)
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


@fault("detached-parameter", "digits", "names", invariant=True)
def detached(s: Setting, severe: bool) -> Setting:
    return s.but(wrap=lambda net: Detached(net, len(list(net)) - 1 if severe else 1))


@fault("stale-gradients", "digits", "blobs", invariant=True, mild=False)
def no_zero_grad(s: Setting, _severe: bool) -> Setting:
    return s.but(loop="no zero_grad")


@fault("trained-in-eval-mode", "digits", "names", invariant=True, mild=False)
def eval_mode(s: Setting, _severe: bool) -> Setting:
    return s.but(loop="eval mode", batch_norm=True)


@fault("evaluated-in-train-mode", "digits", "blobs", invariant=True, mild=False, begins=EVALUATION)
def train_mode(s: Setting, _severe: bool) -> Setting:
    return s.but(loop="train mode", dropout=0.3)


@fault("missing-nonlinearity", "digits", "blobs", "table", invariant=True, mild=False)
def no_activation(s: Setting, _severe: bool) -> Setting:
    kinds = (nn.ReLU, nn.Tanh)
    return s.but(wrap=lambda net: nn.Sequential(*(layer for layer in net if not isinstance(layer, kinds))))


# Initialisation


def _scaled(s: Setting, factor: float, *, only_last: bool = False) -> Setting:
    def change(net: nn.Module) -> None:
        for layer in linears(net)[-1:] if only_last else linears(net)[:-1]:
            layer.weight.data = layer.weight.data * np.float32(factor)

    return s.touched(change)


@fault("bad-initial-scale", "digits", "blobs", "table", also=("exploding-gradients",))
def weights_too_large(s: Setting, severe: bool) -> Setting:
    return _scaled(s.but(hidden=(24, 24, 24), activation="relu"), 12 if severe else 5)


@fault("bad-initial-scale", "digits", "blobs", "table", also=("vanishing-gradients",))
def weights_too_small(s: Setting, severe: bool) -> Setting:
    return _scaled(s.but(hidden=(24, 24, 24)), 0.01 if severe else 0.1)


@fault("symmetric-initialization", "digits", "table", invariant=True)
def all_alike(s: Setting, severe: bool) -> Setting:
    def change(net: nn.Module) -> None:
        for layer in linears(net):
            layer.weight.data = np.full_like(layer.weight.data, 0.05 if severe else 1 / layer.weight.shape[0])

    return s.touched(change)


@fault("high-initial-loss", "digits", "names", "blobs")
def sure_and_wrong(s: Setting, severe: bool) -> Setting:
    return _scaled(s, 100 if severe else 25, only_last=True)


# Optimisation


@fault("nonfinite-loss", "table", mild=False)
def logarithm_of_negatives(s: Setting, _severe: bool) -> Setting:
    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        return ((outputs.log() - (targets + 4.0).log()) ** 2).mean()

    return s.but(loss=loss)


@fault("exploding-gradients", "digits", "table", also=("unnormalised-inputs",))
def outliers(s: Setting, severe: bool) -> Setting:
    x, y = s.train
    rng = rows_of(s)
    x = x.copy()
    x[rng.random(len(x)) < 0.02] *= 1000 if severe else 50
    return s.but(train=(x, y), activation="relu")


@fault("vanishing-gradients", "digits", "blobs", "table")
def deep_sigmoids(s: Setting, severe: bool) -> Setting:
    return s.but(hidden=(24,) * (8 if severe else 5), activation="sigmoid")


@fault("learning-rate-too-low", "digits", "names", "wavenet", "table", "blobs")
def slow(s: Setting, severe: bool) -> Setting:
    return s.but(lr=s.lr / (3000 if severe else 100))


@fault("learning-rate-too-high", "digits", "names", "wavenet", "table", "blobs", also=("oscillating-loss",))
def fast(s: Setting, severe: bool) -> Setting:
    return s.but(lr=s.lr * (100 if severe else 25))


@fault("oscillating-loss", "digits", "blobs", also=("learning-rate-too-high",))
def swinging(s: Setting, severe: bool) -> Setting:
    return s.but(lr=s.lr * (20 if severe else 10), schedule=None)


@fault("schedule-ends-early", "digits", "names", "table", "blobs")
def soon_over(s: Setting, severe: bool) -> Setting:
    share = 0.02 if severe else 0.06
    return s.but(schedule=lambda optimizer, steps: optim.StepLR(optimizer, max(1, int(share * steps)), gamma=1e-3))


@fault("ascending", "digits", "table", invariant=True, mild=False)
def sign_of_loss(s: Setting, _severe: bool) -> Setting:
    plain = s.loss
    return s.but(loss=lambda outputs, targets: -plain(outputs, targets))


@fault("ascending", "blobs", "digits", invariant=True, mild=False)
def sign_in_loop(s: Setting, _severe: bool) -> Setting:
    return s.but(loop="ascending")


@fault("over-regularised", "digits", "table", "blobs", "names")
def decayed(s: Setting, severe: bool) -> Setting:
    return s.but(penalty=nn.L2Penalty(1.0 if severe else 0.1))


@fault("over-regularised", "digits", "blobs")
def dropped(s: Setting, severe: bool) -> Setting:
    return s.but(dropout=0.97 if severe else 0.9)


@fault("stopped-early", "digits", "table", "blobs")
def cut_short(s: Setting, severe: bool) -> Setting:
    return s.but(epochs=max(1, s.epochs // (8 if severe else 4)), schedule=None)


@fault("underfitting", "digits", "names", "blobs")
def too_narrow(s: Setting, severe: bool) -> Setting:
    return s.but(hidden=(1,) * len(s.hidden) if severe else (2,) * len(s.hidden))


# Activations


def with_tanh(s: Setting, _severe: bool) -> Setting:
    return s.but(activation="tanh", batch_norm=False)


@fault("saturated-activations", "digits", "names", "blobs", also=("bad-initial-scale",), base=with_tanh)
def flat_ends(s: Setting, severe: bool) -> Setting:
    return _scaled(with_tanh(s, severe), 40 if severe else 12)


@fault("dead-units", "digits", "blobs", "table")
def never_on(s: Setting, severe: bool) -> Setting:
    def change(net: nn.Module) -> None:
        for layer in linears(net)[:-1]:
            layer.bias.data = layer.bias.data - np.float32(20 if severe else 4)

    return s.but(activation="relu").touched(change)


# Normalisation


def with_batch_norm(s: Setting, _severe: bool) -> Setting:
    return s.but(batch_norm=True)


@fault("batchnorm-mismatch", "digits", "table", "blobs", base=with_batch_norm)
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


@fault("probabilities-as-logits", "digits", "names", "wavenet", "blobs", invariant=True, mild=False)
def softmax_twice(s: Setting, _severe: bool) -> Setting:
    return s.but(wrap=ending_with(nn.Softmax()))


@fault("wrong-loss", "digits", "blobs", invariant=True, mild=False)
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


@fault("wrong-loss", "digits", "names", "blobs", invariant=True, mild=False)
def logits_as_logarithms(s: Setting, _severe: bool) -> Setting:
    return s.but(loss=nn.NLLLoss())

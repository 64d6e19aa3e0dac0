"""What is trained: small parts of the digits and of names, made-up tables of quantities and of classes, and waves.

A ``Setting`` is all that a training begins with. Faults and look-alikes are functions that change one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Any

import numpy as np

import glassnet as gn
from glassnet import data, nn, optim

Rows = tuple[np.ndarray, np.ndarray]  # x (n, ...), y (n, ...)


@dataclass
class Setting:
    """train, val: what the training sees. clean: rows that no fault touches, for the score.

    make: from this setting to a network. touch: changes to its first weights, in order. wrap: the network in another
    one, which may have other first or last layers. held: the parameters that the optimizer gets. loop: what is odd
    about a loop of one's own; without one, ``gn.fit`` trains.
    """

    workload: str
    seed: int
    train: Rows
    val: Rows
    clean: Rows
    make: Callable[[Setting], nn.Module]
    loss: Callable[..., Any]
    hidden: tuple[int, ...]
    activation: str = "relu"
    batch_norm: bool = False
    dropout: float = 0.0
    optimizer: str = "SGD"
    lr: float = 0.1
    options: dict[str, Any] = field(default_factory=dict)
    schedule: Callable[[optim.Optimizer, int], optim.Schedule] | None = None
    epochs: int = 12
    batch_size: int = 32
    shuffle: bool = True
    penalty: Any = None
    clip_norm: float | None = None
    touch: tuple[Callable[[nn.Module], None], ...] = ()
    wrap: Callable[[nn.Module], nn.Module] | None = None
    held: Callable[[nn.Module], list[Any]] = nn.Module.parameters
    keep_best: bool = True
    loop: str | None = None

    def but(self, **changes: Any) -> Setting:
        """The same with some changes."""
        return replace(self, **changes)

    def touched(self, change: Callable[[nn.Module], None]) -> Setting:
        """The same with one more change to the first weights."""
        return replace(self, touch=(*self.touch, change))

    @property
    def steps(self) -> int:
        return self.epochs * math.ceil(len(self.train[0]) / self.batch_size)

    @property
    def classes(self) -> int:
        """0 for quantities."""
        return int(self.clean[1].max()) + 1 if self.clean[1].dtype.kind in "iu" else 0

    def network(self) -> nn.Module:
        gn.manual_seed(self.seed)
        net = self.make(self)
        for change in self.touch:
            change(net)
        return net if self.wrap is None else self.wrap(net)

    def optimizer_for(self, net: nn.Module) -> optim.Optimizer:
        return getattr(optim, self.optimizer)(self.held(net), lr=self.lr, **self.options)


def gain(net: nn.Module, rows: Rows) -> float:
    """The share of a constant's error that the network takes away on these rows: wrong classes, or squares. 1 is
    perfect, 0 no better than a constant; less counts as 0.
    """
    x, y = rows
    with np.errstate(all="ignore"):  # of a training that failed
        out = gn.nn.predict.outputs(net, x.astype(net.dtype) if x.dtype.kind == "f" else x, 1024).astype(np.float64)
    if y.dtype.kind in "iu":
        chosen = np.rint(out[:, 0]) if out.shape[-1] == 1 else out.argmax(-1)
        wrong, constant = (chosen != y).mean(), 1 - np.bincount(y).max() / len(y)
    else:
        wrong, constant = ((out.reshape(y.shape) - y) ** 2).mean(), y.var()
    found = 1 - float(wrong) / float(constant)
    return found if found > 0 else 0.0  # also for what is not a number


def mlp(setting: Setting) -> nn.Module:
    """A multi-layer perceptron as wide as the rows."""
    outputs = setting.classes or 1
    options = {"activation": setting.activation, "batch_norm": setting.batch_norm, "dropout": setting.dropout}
    return gn.models.mlp(setting.train[0].shape[1], setting.hidden, outputs, **options)


def character_mlp(setting: Setting) -> nn.Module:
    """The character model of names."""
    options = {"activation": setting.activation, "batch_norm": setting.batch_norm, "dropout": setting.dropout}
    return gn.models.character_mlp(27, setting.train[0].shape[1], hidden=setting.hidden, **options)


def wavenet(setting: Setting) -> nn.Module:
    """The tree-shaped character model of names."""
    return gn.models.wavenet(27, 8, hidden=setting.hidden, embedding_dim=8)


def convolutions(setting: Setting) -> nn.Module:
    """Convolutions along a wave, at every other place, and a linear layer on what is left of it."""
    layers: list[nn.Module] = []
    channels, length = 1, setting.train[0].shape[1]
    activation = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "gelu": nn.GELU}[setting.activation]
    for i, width in enumerate(setting.hidden):
        stride = 2 if i < 3 else 1
        layers.append(nn.Conv1d(channels, width, 5, stride=stride, padding=2))
        layers += [nn.BatchNorm1d(width)] if setting.batch_norm else []
        layers += [activation(), *([nn.Dropout(setting.dropout)] if setting.dropout else [])]
        channels, length = width, -(-length // stride)
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(length * channels, setting.classes))


@cache
def _digits() -> data.Dataset:
    return data.load("digits")


@cache
def _names(context: int) -> data.Dataset:
    return data.load("names", context=context)


def _part(rows: Any, count: int, seed: int) -> Rows:
    chosen = np.random.default_rng(seed).permutation(len(rows.x))[:count]
    return rows.x[chosen], rows.y[chosen]


def _cut(x: np.ndarray, y: np.ndarray, *counts: int) -> list[Rows]:
    ends = np.cumsum(counts)
    return [(x[end - n : end], y[end - n : end]) for n, end in zip(counts, ends, strict=True)]


def table(seed: int, rows: int, features: int) -> Rows:
    """Standardised features, and a quantity that depends on them in a curved way, with some noise."""
    rng = np.random.default_rng(seed + 1000)
    x = rng.standard_normal((rows, features))
    y = np.sin(1.5 * x[:, 0]) + 0.5 * x[:, 1] * x[:, 2] + 0.6 * x[:, 3] + 0.1 * rng.standard_normal(rows)
    return x.astype(np.float32), ((y - y.mean()) / y.std()).astype(np.float32)[:, None]


def blobs(seed: int, rows: int, features: int, classes: int) -> Rows:
    """Classes of two clusters each, which a line cannot divide."""
    rng = np.random.default_rng(seed + 2000)
    centres = 2.2 * rng.standard_normal((2 * classes, features)) / math.sqrt(features / 4)
    which = rng.integers(0, 2 * classes, rows)
    x = centres[which] + 1.1 * rng.standard_normal((rows, features))
    return ((x - x.mean(0)) / x.std(0)).astype(np.float32), which % classes


def bumps(seed: int, rows: int, features: int) -> Rows:
    """Features that depend on each other, and a quantity with a bump, a kink and a step."""
    rng = np.random.default_rng(seed + 3000)
    x = rng.standard_normal((rows, features)) @ (np.eye(features) + 0.25 * rng.standard_normal((features, features)))
    x = (x - x.mean(0)) / x.std(0)
    y = 2 * np.exp(-(x[:, 0] ** 2)) + np.abs(x[:, 1]) + x[:, 2] * (x[:, 3] > 0) + 0.2 * rng.standard_normal(rows)
    return x.astype(np.float32), ((y - y.mean()) / y.std()).astype(np.float32)[:, None]


def sectors(seed: int, rows: int, features: int, classes: int) -> Rows:
    """Classes that are sectors of a plane in a space, turned in its middle; the other directions say nothing. Some
    features are uniform, the others nearly normal.
    """
    rng = np.random.default_rng(seed + 4000)
    plane = rng.uniform(-1.7, 1.7, (rows, 2))
    angle = np.arctan2(plane[:, 1], plane[:, 0]) + np.pi / 2 * ((plane**2).sum(1) < 1)
    y = np.floor(classes * (angle + np.pi) / (2 * np.pi)).astype(np.int64) % classes
    turned = np.linalg.qr(rng.standard_normal((features - 2, features - 2)))[0]
    rest = 0.7 * rng.standard_normal((rows, features - 4))
    x = np.concatenate([plane[:, :1], np.concatenate([plane[:, 1:], rest], 1) @ turned[: features - 3]], 1)
    return ((x - x.mean(0)) / x.std(0)).astype(np.float32), y


def waves(seed: int, rows: int, length: int = 32) -> Rows:
    """Waves of five forms with any phase, height and pitch, with noise: (rows, length, 1)."""
    rng = np.random.default_rng(seed + 5000)
    y = rng.integers(0, 5, rows)
    turn = rng.uniform(1.5, 3, (rows, 1)) * np.linspace(0, 1, length) + rng.uniform(0, 1, (rows, 1))
    saw = 2 * (turn % 1) - 1
    sine = np.sin(2 * np.pi * turn)
    forms = np.stack([sine, np.sign(sine), saw, sine * np.sin(4 * np.pi * turn), sine * np.linspace(0, 1.6, length)])
    x = rng.uniform(0.7, 1.3, (rows, 1)) * forms[y, np.arange(rows)] + 0.25 * rng.standard_normal((rows, length))
    return ((x - x.mean()) / x.std()).astype(np.float32)[:, :, None], y


@dataclass(frozen=True)
class Family:
    """Settings that are like each other: seeds; optimizers with a learning rate that suits each workload; widths,
    without which a workload is left out; the rows of "table" and "blobs", from seed and number of rows.
    """

    seeds: Sequence[int]
    optimizers: Sequence[tuple[str, dict[str, Any], float]]
    widths: dict[str, tuple[int, ...]]
    quantities: Callable[[int, int], Rows]
    classes: Callable[[int, int], Rows]


SPLITS: dict[str, tuple[Family, ...]] = {
    "development": (
        Family(
            (0, 1, 2),
            (("SGD", {"momentum": 0.9}, 0.03), ("Adam", {}, 0.004), ("RMSprop", {}, 0.002)),
            {"digits": (16, 16), "names": (64,), "wavenet": (24,), "table": (32, 16), "blobs": (24,)},
            partial(table, features=8),
            partial(blobs, features=8, classes=4),
        ),
        Family(
            (41, 42, 43),
            (("AdamW", {}, 0.006), ("SGD", {"momentum": 0.8, "nesterov": True}, 0.04), ("SGD", {}, 0.15)),
            {"digits": (28, 18), "names": (90,), "wavenet": (20,), "table": (48,), "blobs": (22, 18)},
            partial(table, features=10),
            partial(blobs, features=10, classes=5),
        ),
    ),
    "test": (
        Family(
            (71, 72, 73),
            (("Adam", {"betas": (0.8, 0.99)}, 0.005), ("SGD", {"momentum": 0.95}, 0.012), ("SGD", {}, 0.1)),
            {"digits": (40,), "names": (76,), "wavenet": (28,), "table": (20, 20), "blobs": (40, 20), "waves": (8, 12)},
            partial(bumps, features=7),
            partial(sectors, features=6, classes=6),
        ),
    ),
}
#: Seeds of a family.
SEEDS = 3
WORKLOADS = ("waves", "digits", "names", "wavenet", "table", "blobs")


def cosine(optimizer: optim.Optimizer, steps: int) -> optim.Schedule:
    """What a healthy training does with its learning rate."""
    return optim.CosineAnnealingLR(optimizer, T_max=steps)


def setting(workload: str, split: str, number: int) -> Setting:
    """A healthy setting. number: which of the seeds and optimizers of the families of the split, one family after the
    other; those after the last begin again with further seeds.
    """
    families = SPLITS[split]
    again, number = divmod(number, SEEDS * len(families))
    family, number = families[number // SEEDS], number % SEEDS
    seed = family.seeds[number] + 100 * again
    optimizer, options, lr = family.optimizers[number]
    common: dict[str, Any] = {
        "workload": workload,
        "seed": seed,
        "hidden": family.widths[workload],
        "optimizer": optimizer,
        "options": options,
        "lr": lr,
        "schedule": cosine,
        "loss": nn.MSELoss() if workload == "table" else nn.CrossEntropyLoss(),
    }
    if workload == "digits":
        digits = _digits()
        parts = _part(digits.train, 1600, seed), (digits.val.x, digits.val.y), _part(digits.test, 1000, seed)
        return Setting(**common, train=parts[0], val=parts[1], clean=parts[2], make=mlp, epochs=8)
    if workload in ("names", "wavenet"):
        names = _names(3 if workload == "names" else 8)
        counts = (8000, 1500, 4000) if workload == "names" else (5000, 1000, 4000)
        train, val, clean = (_part(one, n, seed) for one, n in zip(names.splits.values(), counts, strict=True))
        if workload == "wavenet":
            common["lr"] = lr if optimizer != "SGD" else 1.5 * lr
            return Setting(**common, train=train, val=val, clean=clean, make=wavenet, epochs=2, batch_size=32)
        return Setting(
            **common,
            train=train,
            val=val,
            clean=clean,
            make=character_mlp,
            activation="tanh",
            batch_norm=True,
            epochs=3,
        )
    rows = (1000, 300, 600)
    if workload == "table":
        train, val, clean = _cut(*family.quantities(seed, sum(rows)), *rows)
        common["lr"] = {"SGD": lr if options else lr / 2}.get(optimizer, lr)
        return Setting(**common, train=train, val=val, clean=clean, make=mlp, activation="tanh", epochs=25)
    if workload == "waves":
        train, val, clean = _cut(*waves(seed, sum(rows)), *rows)
        return Setting(**common, train=train, val=val, clean=clean, make=convolutions, epochs=12)
    train, val, clean = _cut(*family.classes(seed, sum(rows)), *rows)
    return Setting(**common, train=train, val=val, clean=clean, make=mlp, epochs=12)


def linears(net: nn.Module) -> Sequence[nn.Linear | nn.Conv1d]:
    """The layers with a matrix of weights, in order."""
    return [one for one in net.modules() if isinstance(one, nn.Linear | nn.Conv1d)]

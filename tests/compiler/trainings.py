"""Trainings that every way to run a step must agree on: networks, losses, optimizers and what stands between them."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

import glassnet as gn
from glassnet import models, nn, optim
from glassnet.compiler.step import Bound
from glassnet.engine.random import training_step, words_at
from glassnet.nn.dropout import name_streams
from glassnet.nn.state import named_tensors
from glassnet.optim import clip_grad_norm_, clip_grad_value_

RANDOM = np.random.default_rng(0)
ROWS, BATCH, STEPS = 40, 8, 20
VALUES = RANDOM.standard_normal((ROWS, 6)).astype(np.float32)
IMAGES = RANDOM.standard_normal((ROWS, 8, 8, 2)).astype(np.float32)
LETTERS = RANDOM.integers(0, 27, (ROWS, 3))
SEQUENCES = RANDOM.standard_normal((ROWS, 9, 2)).astype(np.float32)
CLASSES = RANDOM.integers(0, 4, ROWS)
TARGETS = RANDOM.standard_normal((ROWS, 4)).astype(np.float32)


def small():
    return nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 4))


@dataclass(frozen=True)
class Training:
    """``before_update(net)`` stands between ``backward()`` and ``step()``; ``schedule`` gives the learning rates."""

    label: str
    net: Callable[[], nn.Module] = small
    x: np.ndarray = field(default_factory=lambda: VALUES)
    y: np.ndarray = field(default_factory=lambda: CLASSES)
    loss: Callable[..., gn.Tensor] = field(default_factory=nn.CrossEntropyLoss)
    optimizer: Callable[[nn.Module], optim.Optimizer] = lambda net: optim.SGD(net.parameters(), lr=0.1)
    penalty: Callable[[nn.Module], gn.Tensor] | None = None
    before_update: Callable[[nn.Module], object] = lambda net: None
    schedule: Callable[[optim.Optimizer], optim.Schedule] = optim.ConstantLR


def convolutional():
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1, bias=False),  # its gradient would be rounding alone, which RMSprop makes large
        nn.BatchNorm2d(4),
        nn.GELU(),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 4, 3, groups=2),
        nn.GroupNorm(2, 4),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.25),
        nn.Linear(4, 4),
    )


def causal():
    return nn.Sequential(
        nn.Conv1d(2, 4, 2, causal=True),
        nn.ReLU(),
        nn.Conv1d(4, 4, 2, dilation=2, causal=True),
        nn.LayerNorm(4),
        nn.Flatten(),
        nn.Linear(36, 4),
    )


def two_groups(net):
    first, *others = net.parameters()
    return optim.SGD([{"params": [first]}, {"params": others, "lr": 0.02}], lr=0.1, momentum=0.9)


def some_ignored():
    return np.where(np.arange(ROWS) % 3 == 0, -100, CLASSES)


def probabilities():
    e = np.exp(TARGETS)
    return e / e.sum(1, keepdims=True)


def yes_or_no():
    return (TARGETS > 0).astype(np.float32)


NETWORKS = [
    Training(
        "perceptron with dropout, clipped norm",
        lambda: models.mlp(6, [16, 16], 4, dropout=0.3),
        optimizer=lambda net: optim.SGD(net.parameters(), lr=0.1, momentum=0.9, nesterov=True),
        before_update=lambda net: clip_grad_norm_(net.parameters(), 0.5),
        schedule=lambda optimizer: optim.OneCycleLR(optimizer, max_lr=0.3, total_steps=STEPS),
    ),
    Training(
        "names with batch norm, AdamW",
        lambda: models.character_mlp(27, 3, embedding_dim=4, hidden=(16,)),
        LETTERS,
        optimizer=lambda net: optim.AdamW(net.parameters(), lr=0.01),
        schedule=lambda optimizer: optim.CosineAnnealingLR(optimizer, T_max=STEPS),
    ),
    Training(
        "convolutions and pooling, RMSprop, clipped values",
        convolutional,
        IMAGES,
        optimizer=lambda net: optim.RMSprop(net.parameters(), lr=1e-3, momentum=0.9),
        before_update=lambda net: clip_grad_value_(net.parameters(), 0.1),
        schedule=lambda optimizer: optim.StepLR(optimizer, 5),
    ),
    Training("causal convolutions, two penalties", causal, SEQUENCES, penalty=lambda net: both_penalties(net)),
]


def both_penalties(net):
    return nn.L1Penalty(1e-3)(net) + nn.L2Penalty(1e-3, weights_only=False)(net)


OPTIMIZERS = [
    Training("sgd", optimizer=lambda net: optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=0.01)),
    Training("rmsprop", optimizer=lambda net: optim.RMSprop(net.parameters(), lr=0.01, weight_decay=0.01)),
    Training("adam", optimizer=lambda net: optim.Adam(net.parameters(), lr=0.01, weight_decay=0.01)),
    Training("two groups of parameters", optimizer=two_groups),
]

LOSSES = [
    Training("ignored targets", y=some_ignored(), loss=nn.CrossEntropyLoss()),
    Training(
        "ignored targets in another shape",
        y=some_ignored()[:, None],
        loss=lambda outputs, y: nn.functional.cross_entropy(outputs, y.reshape(-1)),
    ),
    Training("ignored class", loss=nn.CrossEntropyLoss(ignore_index=2)),
    Training("class weights", loss=nn.CrossEntropyLoss(weight=[1.0, 2.0, 0.5, 1.5])),
    Training("label smoothing", y=some_ignored(), loss=nn.CrossEntropyLoss([1.0, 2.0, 0.5, 1.5], label_smoothing=0.1)),
    Training("probabilities", y=probabilities(), loss=nn.CrossEntropyLoss(label_smoothing=0.1)),
    Training("nll", y=some_ignored(), loss=lambda out, y: nn.NLLLoss([1.0, 2.0, 0.5, 1.5])(out.log_softmax(), y)),
    Training("binary", y=yes_or_no(), loss=nn.BCEWithLogitsLoss(pos_weight=2.0)),
    Training("squares", y=TARGETS, loss=nn.MSELoss("sum"), optimizer=lambda net: optim.SGD(net.parameters(), lr=0.005)),
    Training("distances", y=TARGETS, loss=nn.L1Loss()),
    Training("huber", y=TARGETS, loss=nn.HuberLoss(delta=0.5)),
]


class Made:
    """A training in a floating type, from the same start each time: ``bound`` is its step."""

    def __init__(self, training: Training, dtype: str) -> None:
        gn.manual_seed(0)
        self.net = training.net().to(dtype)
        name_streams(self.net)
        self.optimizer = training.optimizer(self.net)
        self.schedule = training.schedule(self.optimizer)
        self.training = training
        self.tables = {
            name: table.astype(dtype) if table.dtype.kind == "f" else table
            for name, table in (("data.x", training.x), ("data.y", training.y))
        }
        self.bound = Bound(self.step, dict(named_tensors(self.net)), self.optimizer)
        self.rows = np.random.default_rng(1).integers(0, ROWS, (STEPS, BATCH))
        self.rates = np.array([self._rates_at(step) for step in range(STEPS)])
        self.schedule.move_to(0)

    def _rates_at(self, step):
        self.schedule.move_to(step)
        return self.bound.rates()

    def step(self, x, y):
        outputs = self.net(x)
        total = loss = self.training.loss(outputs, y)
        if self.training.penalty is not None:
            total = loss + self.training.penalty(self.net)
        self.optimizer.zero_grad()
        total.backward()
        told = self.training.before_update(self.net)
        self.optimizer.step()
        return {"loss": loss, "outputs": outputs, **({} if told is None else {"norm": told})}

    def words(self, streams, seed=7):
        """What the random bits of each step are made from, (STEPS, S, 2)."""
        words = [words_at(seed, step, stream) for step in range(STEPS) for stream in streams]
        return np.array(words, np.uint32).reshape(STEPS, len(streams), 2)

    def eagerly(self, seed=7):
        """What the steps tell, and the state after them."""
        told = []
        for step in range(STEPS):
            self.schedule.move_to(step)
            with training_step(seed, step):
                values = self.step(*(gn.tensor(table[self.rows[step]]) for table in self.tables.values()))
            told.append({name: np.asarray(value) for name, value in values.items()})
        return {name: np.array([one[name] for one in told]) for name in told[0]}, self.bound.state()


#: How far two ways to compute the same may be apart.
RELATIVE = {np.dtype(np.float32): 1e-5, np.dtype(np.float64): 1e-12}


def assert_close(found, expected):
    """Up to RELATIVE times the largest number, or times 1: what is smaller is often the difference of such numbers."""
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    relative = RELATIVE.get(expected.dtype, 0.0)
    scale = max(1.0, np.abs(expected).max(initial=0))
    np.testing.assert_allclose(found, expected, rtol=relative, atol=relative * scale)

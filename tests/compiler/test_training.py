"""Layers, losses, optimizers and clipping compiled: 20 steps of a small network, beside the eager ones."""

from dataclasses import replace

import numpy as np
import pytest

import glassnet as gn
from glassnet import nn, optim
from glassnet.compiler import arithmetic
from glassnet.compiler.native import NativeStep
from glassnet.compiler.step import Bound
from glassnet.nn.state import named_tensors

from ..nn.layer_info import LAYERS, draw_parameters
from .agreement import Work, assert_agrees

RANDOM = np.random.default_rng(0)
X = RANDOM.standard_normal((30, 4))
LABELS = RANDOM.integers(0, 3, 30)
MARKED = np.where(RANDOM.random(30) < 0.3, -100, LABELS)
PROBABILITIES = RANDOM.dirichlet(np.ones(3), 30)
NUMBERS = RANDOM.standard_normal((30, 3))
YES = RANDOM.random((30, 3)) < 0.5
WEIGHT = [0.5, 2.0, 1.5]


def in_turn(cases):
    """Every case in float32, and every third in float64 too."""
    return [
        pytest.param(*case, dtype, id=f"{case[0]}-{dtype}")
        for i, case in enumerate(cases)
        for dtype in (["float32", "float64"] if i % 3 == 0 else ["float32"])
    ]


def mlp(last=None):
    gn.manual_seed(1)
    return nn.Sequential(nn.Linear(4, 7), nn.Tanh(), nn.Linear(7, 3), *([last] if last else []))


class Weighed(nn.Module):
    """A layer behind a parameter, so that something can be trained whatever the layer."""

    def __init__(self, layer, x):
        self.layer = layer
        self.gain = nn.Parameter(np.full(x.shape[1:] if x.dtype.kind == "f" else 1, 0.7))

    def forward(self, x):
        return self.layer(x * self.gain) if x.dtype.kind == "f" else self.layer(x) * self.gain


@pytest.mark.parametrize(("label", "info", "dtype"), in_turn([(info.label, info) for info in LAYERS]))
def test_layers(label, info, dtype):
    """The table has layers in training and, where that differs, in evaluation."""

    def make():
        return Weighed(draw_parameters(info.make()), info.x)

    shape = make()(gn.tensor(info.x)).shape
    x = np.concatenate([info.x] * 3)
    y = np.random.default_rng(0).standard_normal((len(x), *shape[1:]))
    work = Work(make, x, y, nn.MSELoss(), lambda p: optim.SGD(p, lr=0.05), dtype=dtype, batch=len(info.x), steps=3)
    assert_agrees(work)


CROSS_ENTROPY = {
    "plain": {},
    "weight": {"weight": WEIGHT},
    "smoothing": {"label_smoothing": 0.1},
    "both": {"weight": WEIGHT, "label_smoothing": 0.2},
    "sum": {"reduction": "sum"},
}
LOSSES = [
    *((f"cross entropy, {k}", nn.CrossEntropyLoss(**v), LABELS) for k, v in CROSS_ENTROPY.items()),
    *((f"cross entropy, {k}, ignored", nn.CrossEntropyLoss(**v), MARKED) for k, v in CROSS_ENTROPY.items()),
    *(
        (f"cross entropy, {k}, probabilities", nn.CrossEntropyLoss(**v), PROBABILITIES)
        for k, v in CROSS_ENTROPY.items()
    ),
    ("cross entropy, a class ignored", nn.CrossEntropyLoss(ignore_index=2), LABELS),
    ("cross entropy, all options", nn.CrossEntropyLoss(WEIGHT, 2, label_smoothing=0.1), LABELS),
    ("nll", nn.NLLLoss(), LABELS),
    ("nll, weight", nn.NLLLoss(WEIGHT), LABELS),
    ("nll, ignored", nn.NLLLoss(reduction="sum"), MARKED),
    ("nll, all options", nn.NLLLoss(WEIGHT, ignore_index=1), LABELS),
    ("mse", nn.MSELoss(), NUMBERS),
    ("mse, sum", nn.MSELoss("sum"), NUMBERS),
    ("l1", nn.L1Loss(), NUMBERS),
    ("l1, sum", nn.L1Loss("sum"), NUMBERS),
    ("huber", nn.HuberLoss(delta=0.5), NUMBERS),
    ("huber, sum", nn.HuberLoss("sum"), NUMBERS),
    ("bce", nn.BCEWithLogitsLoss(), YES.astype(float)),
    ("bce of booleans", nn.BCEWithLogitsLoss("sum"), YES),
    ("bce of integers", nn.BCEWithLogitsLoss(pos_weight=2.5), YES.astype(int)),
    ("bce, weights", nn.BCEWithLogitsLoss(pos_weight=WEIGHT), YES.astype(float)),
]


@pytest.mark.parametrize(("label", "loss", "y", "dtype"), in_turn(LOSSES))
def test_losses(label, loss, y, dtype):
    last = nn.LogSoftmax() if isinstance(loss, nn.NLLLoss) else None
    assert_agrees(Work(lambda: mlp(last), X, y, loss, lambda p: optim.SGD(p, lr=0.02), dtype=dtype, batch=9))


OPTIMIZERS = [
    ("momentum", lambda p: optim.SGD(p, lr=0.1, momentum=0.9)),
    ("weight decay", lambda p: optim.SGD(p, lr=0.1, weight_decay=0.01)),
    ("nesterov", lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01)),
    ("rmsprop", lambda p: optim.RMSprop(p, lr=0.01)),
    ("rmsprop, all", lambda p: optim.RMSprop(p, 0.01, alpha=0.9, eps=1e-4, momentum=0.5, weight_decay=0.1)),
    ("adam", lambda p: optim.Adam(p, lr=0.01)),
    ("adam, all", lambda p: optim.Adam(p, lr=0.01, betas=(0.8, 0.9), eps=1e-4, weight_decay=0.1)),
    ("adamw", lambda p: optim.AdamW(p, lr=0.01)),
    ("adamw, decay", lambda p: optim.AdamW(p, lr=0.01, weight_decay=0.5)),
    ("groups", lambda p: optim.Adam([{"params": p[:2], "lr": 0.003}, {"params": p[2:], "weight_decay": 0.1}], lr=0.02)),
    ("mixed", lambda p: optim.SGD([{"params": p[:2], "lr": 0.003}, {"params": p[2:], "momentum": 0.5}], lr=0.02)),
]


@pytest.mark.parametrize(("label", "optimizer", "dtype"), in_turn(OPTIMIZERS))
def test_optimizers(label, optimizer, dtype):
    assert_agrees(Work(mlp, X, LABELS, optimizer=optimizer, dtype=dtype))


def by_value(parameters):
    optim.clip_grad_value_(parameters, 0.01)
    return {}


BETWEEN = [
    ("norm", lambda p: {"norm": optim.clip_grad_norm_(p, 0.1)}),
    ("norm that is never reached", lambda p: {"norm": optim.clip_grad_norm_(p, 100.0)}),
    ("value", by_value),
]


@pytest.mark.parametrize(("label", "between", "dtype"), in_turn(BETWEEN))
def test_clipping(label, between, dtype):
    assert_agrees(Work(mlp, X, LABELS, between=between, dtype=dtype))


PENALTIES = [("l1", nn.L1Penalty(0.01)), ("l2", nn.L2Penalty(0.01)), ("all", nn.L2Penalty(0.01, weights_only=False))]


@pytest.mark.parametrize(("label", "penalty", "dtype"), in_turn(PENALTIES))
def test_penalties(label, penalty, dtype):
    assert_agrees(Work(mlp, X, LABELS, penalty=penalty, dtype=dtype))


@pytest.mark.parametrize(("x", "y"), [(">f4", "i8"), (">f8", ">i2"), ("f4", "u1"), ("f8", "i4")])
def test_tables_of_any_type_and_byte_order(x, y):
    as_given = X.astype(x)[:, ::-1], LABELS.astype(y)
    float32, int64 = as_given[0].astype(np.float32), as_given[1].astype(np.int64)
    for found, wanted in zip(Given(mlp, *as_given).native()[:2], Work(mlp, float32, int64).native()[:2], strict=True):
        for name, value in wanted.items():
            np.testing.assert_allclose(found[name], value, rtol=1e-5, atol=1e-6)


class Given(Work):
    """Work whose data is not cast."""

    def compiled(self):
        net, optimizer, step = self.begin()
        return NativeStep(Bound(step, dict(named_tensors(net)), optimizer), {"data.x": self.x, "data.y": self.y}, 5)


WORK = Work(mlp, X, LABELS, dtype="float64")


def test_the_learning_rate_of_each_step_is_an_input():
    work = replace(WORK, rates=[0.1 * 0.9**i for i in range(20)])
    assert_agrees(work)
    constant, falling = WORK.native()[1], work.native()[1]
    assert np.abs(constant["net.0.weight"] - falling["net.0.weight"]).max() > 1e-3


def test_the_same_steps_in_one_call_or_in_many_are_the_same_bits():
    one, many = WORK.native(calls=1), WORK.native(calls=20)
    for name, value in one[0].items():
        np.testing.assert_array_equal(value, many[0][name])
    for name, value in one[1].items():
        np.testing.assert_array_equal(value, many[1][name])


@pytest.mark.parametrize(
    ("table", "name", "wrong"),
    [("_FLOAT", "subtract", "fadd"), ("_FLOAT", "divide", "fmul"), ("_PREDICATES", "equal", ("one", "ne", "ne"))],
)
def test_the_comparison_finds_a_wrong_rule_of_the_emitter(table, name, wrong, monkeypatch):
    monkeypatch.setitem(getattr(arithmetic, table), name, wrong)
    with pytest.raises(AssertionError, match="away"):
        assert_agrees(WORK)


def test_the_comparison_finds_a_wrong_function_of_the_emitter(monkeypatch):
    monkeypatch.setitem(arithmetic.FUNCTIONS, "tanh", arithmetic.FUNCTIONS["sin"])
    with pytest.raises(AssertionError, match="away"):
        assert_agrees(WORK)

"""Compiled training beside eager training: whatever fit() is asked for, it tells the same and ends in one place."""

import numpy as np
import pytest

import glassnet as gn
from glassnet import nn, optim
from glassnet.train import accuracy
from glassnet.train.metrics import COMPILED, mean_absolute_error

from .both import assert_close, assert_same_bits, both, train
from .training import X, Y, classifier

RANDOM = np.random.default_rng(1)
NUMBERS = RANDOM.standard_normal((90, 3))
YES = (NUMBERS > 0).astype(np.float32)
LABELS_IGNORED = np.where(np.arange(90) % 4 == 1, -100, Y)
STEPS = 15  # three epochs of five batches


def plateau(optimizer):
    return optim.ReduceLROnPlateau(optimizer, patience=0, threshold=0.5)


SCHEDULES = {
    "step": lambda optimizer: optim.StepLR(optimizer, 5, 0.5),
    "cosine": lambda optimizer: optim.CosineAnnealingLR(optimizer, STEPS),
    "one cycle": lambda optimizer: optim.OneCycleLR(optimizer, 0.3, STEPS),
    "warm-up": lambda optimizer: optim.SequentialLR(
        optimizer, [optim.LinearLR(optimizer, 0.1, 1.0, 7), optim.ExponentialLR(optimizer, 0.9)], [7]
    ),
    "function": lambda optimizer: optim.LambdaLR(optimizer, lambda step: 1 / (1 + step)),
}


def groups(net):
    first, *others = net.parameters()
    return optim.AdamW([{"params": [first], "lr": 0.003}, {"params": others, "weight_decay": 0.1}], lr=0.02)


def frozen_group(net):
    """The first group has no gradients: nobody reads its learning rate."""
    first, *others = net.parameters()
    optimizer = optim.SGD([{"params": [first], "lr": 0.5}, {"params": others, "lr": 0.05}], lr=0.1)
    first.requires_grad = False
    return optimizer


class Own(nn.Module):
    """Two branches, of which the second is scaled by a number that is trained."""

    def __init__(self):
        gn.manual_seed(3)
        self.left = nn.Linear(4, 6)
        self.right = nn.Linear(4, 6, bias=False)
        self.gain = nn.Parameter([0.5])
        self.out = nn.Linear(6, 3)

    def forward(self, x):
        both = self.left(x).tanh() + self.gain * gn.maximum(self.right(x), 0.0)
        return self.out(both / (1.0 + (both * both).mean(-1, keepdims=True)).sqrt())


class Sign(optim.Optimizer):
    """A step of the same length for each weight (signSGD), with a momentum."""

    def __init__(self, parameters, lr=0.01, beta=0.9):
        super().__init__(parameters, lr=lr, beta=beta)

    def check(self, options):
        self.check_number(options, "beta", below=1)

    def state_names(self, options):
        return ("mean",)

    def update(self, xp, parameter, gradient, state, lr, step, options):
        mean = options["beta"] * state[0] + (1 - options["beta"]) * gradient
        return parameter - lr * xp.sign(mean) / (1 + 0.01 * step), (mean,)


class Weighted(nn.Module):
    """A loss with a number of its own that is trained."""

    def __init__(self):
        self.scale = nn.Parameter([0.5])

    def forward(self, outputs, targets):
        return nn.functional.cross_entropy(outputs * self.scale, targets) + 0.01 * (self.scale * self.scale).sum()


def squares(outputs, targets):
    """Brier score."""
    wanted = nn.functional.one_hot(targets, 3)
    return ((outputs.softmax(-1) - wanted) ** 2).mean()


def dropping():
    gn.manual_seed(2)
    return nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.3), nn.ReLU(), nn.Linear(8, 8), nn.Dropout(0.5), nn.Linear(8, 3))


CASES = {
    "validation": {"validation": 0.2},
    "parameter groups": {"optimizer": groups, "schedule": SCHEDULES["cosine"]},
    "a frozen group": {"optimizer": frozen_group},
    "dropout": {"make": dropping, "seed": 7},
    "BatchNorm": {"make": lambda: classifier(batch_norm=True), "validation": 0.2},
    "a smaller last batch": {"batch_size": 16, "schedule": SCHEDULES["cosine"], "validation": 0.3},
    "drop_last": {"batch_size": 16, "drop_last": True},
    "full batch": {"batch_size": None},
    "one batch larger than the data": {"batch_size": 1000},
    "steps": {"steps": 10, "shuffle": False},
    "float64": {"make": lambda: classifier().to("float64"), "validation": 0.2},
    "regression": {"loss": nn.MSELoss, "rows": (X, NUMBERS), "validation": 0.2},
    "yes or no": {"loss": nn.BCEWithLogitsLoss, "rows": (X, YES), "validation": 0.2},
    "label smoothing": {"loss": lambda: nn.CrossEntropyLoss(label_smoothing=0.1)},
    "ignored": {"rows": (X, LABELS_IGNORED)},
    "penalty, clip_norm": {"penalty": nn.L2Penalty(0.01), "clip_norm": 0.3},
    "clip_value": {"clip_value": 0.01, "penalty": nn.L1Penalty(0.01)},
    "a network of one's own": {"make": Own},
    "an optimizer of one's own": {"optimizer": lambda net: Sign(net.parameters())},
    "a loss of one's own": {"loss": lambda: squares, "metrics": {"accuracy": accuracy}},
    "metrics of one's own": {
        "validation": 0.2,
        "metrics": {"accuracy": accuracy, "size": lambda o, y: np.sqrt(np.mean(o**2)), "error": lambda o, y: 0.5},
    },
    "a plateau": {"validation": 0.2, "schedule": plateau, "epochs": 6},
    "integers": {"rows": ((X * 2).astype(np.int8), Y.astype(np.uint8))},
    "other layouts": {"rows": (np.asfortranarray(X)[:, ::-1], np.repeat(Y, 2)[::2].astype(">i8"))},
    **{f"schedule: {name}": {"schedule": schedule} for name, schedule in SCHEDULES.items()},
}


@pytest.mark.parametrize("case", CASES)
def test_it_trains_as_eager_steps_do(case):
    options = CASES[case]
    eager, compiled = both(**options)
    double = compiled.run.net.dtype == np.float64
    assert_close(compiled, eager, 1e-12 if double else 1e-5)
    assert all(program is not None for program in compiled.loop.compiled._programs.values())


def test_a_loss_with_parameters_of_its_own_is_trained():
    scales = []
    for compile in (False, True):
        net, one = classifier(), Weighted()
        optimizer = optim.SGD([*net.parameters(), *one.parameters()], lr=0.1, momentum=0.9)
        train(lambda net=net: net, optimizer=lambda _, made=optimizer: made, loss=lambda one=one: one, compile=compile)
        scales.append(one.scale.data)
        assert isinstance(one.scale.data, np.ndarray)
    np.testing.assert_allclose(*scales, rtol=1e-5)
    assert abs(scales[0][0] - 0.5) > 0.1


def test_the_comparison_sees_a_step_too_many():
    with pytest.raises(AssertionError):
        assert_close(train(steps=9, compile=True), train(steps=8, compile=False))
    with pytest.raises(AssertionError):
        assert_same_bits(train(compile=True), train(compile=False))


def test_metrics_that_are_compiled_do_not_see_numpy_arrays():
    assert mean_absolute_error in COMPILED
    seen = []

    def own(outputs, targets):
        seen.append((type(outputs), outputs.shape, targets.shape))
        return float(outputs.argmax(-1)[0] == targets[0])

    train(metrics={"own": own}, compile=True, epochs=1)
    assert seen == [(np.ndarray, (18, 3), (18,))] * 5


@pytest.mark.parametrize("compile", [False, True])
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"metrics": {"all": lambda o, y: o}}, "'all' must give one number"),
        ({"metrics": {"total": accuracy}}, "cannot be called 'total'"),
        ({"metrics": {"right": "accuracy"}}, "'right' must be a function"),
        (
            {"loss": lambda: lambda o, y: (o * o).mean(-1)},
            r"the loss must be one number, got .* \(18,\). Take its mean",
        ),
        ({"loss": lambda: lambda o, y: 1.0}, "the loss must be a tensor"),
        ({"penalty": lambda net: net[0].weight}, "the penalty must be one number"),
    ],
)
def test_values_that_are_no_numbers_are_refused(options, words, compile):
    with pytest.raises(gn.ConfigError, match=words):
        train(**options, compile=compile)


def test_a_loss_with_one_element_is_a_number():
    eager, compiled = both(loss=lambda: lambda o, y: nn.functional.cross_entropy(o, y).reshape(1))
    assert_close(compiled, eager)


def test_the_last_batch_may_have_one_row():
    eager, compiled = both(rows=(X[:37], Y[:37]))
    assert_close(compiled, eager)


def test_xla():
    pytest.importorskip("jax")
    options = {"validation": 0.2, "metrics": {"size": lambda o, y: np.abs(o).mean(), "accuracy": accuracy}}
    eager, xla = train(compile=False, **options), train(compile="xla", **options)
    assert_close(xla, eager)


def test_gradients_of_earlier_steps_do_not_stay():
    """They would be taken for those of the last step."""
    seen = []

    class Look(gn.Callback):
        def on_step_end(self, loop):
            seen.extend(parameter.grad for parameter in loop.net.parameters())

    def make():
        net = classifier()
        for parameter in net.parameters():
            parameter.grad = np.ones_like(parameter.data)
        return net

    train(make, callbacks=[Look], compile=True)
    assert set(map(type, seen)) == {type(None)}

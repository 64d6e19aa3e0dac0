"""Learning-rate schedules: by hand, beside PyTorch, and what they refuse."""

import math

import numpy as np
import pytest

import glassnet as gn
from glassnet import nn, optim

W0 = np.ones((3, 2))

SCHEDULES = [
    (lambda o: optim.ConstantLR(o), lambda t, o: t.ConstantLR(o, factor=1.0)),
    (lambda o: optim.ConstantLR(o, 0.25, 3), lambda t, o: t.ConstantLR(o, 0.25, 3)),
    (lambda o: optim.StepLR(o, 7, gamma=0.5), lambda t, o: t.StepLR(o, 7, gamma=0.5)),
    (lambda o: optim.CosineAnnealingLR(o, 50, 0.01), lambda t, o: t.CosineAnnealingLR(o, 50, 0.01)),
    (lambda o: optim.ExponentialLR(o, 0.9), lambda t, o: t.ExponentialLR(o, 0.9)),
    (lambda o: optim.LinearLR(o, 0.1, 0.8, 7), lambda t, o: t.LinearLR(o, 0.1, 0.8, 7)),
    (
        lambda o: optim.OneCycleLR(o, 0.5, 51, pct_start=0.25, div_factor=10, final_div_factor=100),
        lambda t, o: t.OneCycleLR(
            o, 0.5, 51, pct_start=0.25, div_factor=10, final_div_factor=100, cycle_momentum=False
        ),
    ),
    (lambda o: optim.LambdaLR(o, lambda step: 1 / (1 + step)), lambda t, o: t.LambdaLR(o, lambda step: 1 / (1 + step))),
    (
        lambda o: optim.SequentialLR(o, [optim.LinearLR(o, 0.1, 1.0, 6), optim.StepLR(o, 4)], [6]),
        lambda t, o: t.SequentialLR(o, [t.LinearLR(o, 0.1, 1.0, 6), t.StepLR(o, 4)], [6]),
    ),
]


#: The learning rate of each step, from 1.0, worked out by hand.
BY_HAND = [
    (lambda o: optim.ConstantLR(o), [1, 1, 1]),
    (lambda o: optim.ConstantLR(o, 0.5, 2), [0.5, 0.5, 1, 1]),
    (lambda o: optim.StepLR(o, 2, 0.5), [1, 1, 0.5, 0.5, 0.25]),
    (lambda o: optim.ExponentialLR(o, 0.5), [1, 0.5, 0.25, 0.125]),
    (lambda o: optim.CosineAnnealingLR(o, 4), [1, (2 + math.sqrt(2)) / 4, 0.5, (2 - math.sqrt(2)) / 4, 0, 0]),
    (lambda o: optim.CosineAnnealingLR(o, 2, 0.5), [1, 0.75, 0.5, 0.5]),
    (lambda o: optim.LinearLR(o, 0.0, 1.0, 4), [0, 0.25, 0.5, 0.75, 1, 1]),
    (
        lambda o: optim.OneCycleLR(o, 2.0, 5, pct_start=0.4, div_factor=4, final_div_factor=10),
        [0.5, 2, 0.05 + 1.95 * 0.75, 0.05 + 1.95 * 0.25, 0.05],
    ),
    (lambda o: optim.LambdaLR(o, lambda step: 1 / (1 + step)), [1, 1 / 2, 1 / 3]),
    (
        lambda o: optim.SequentialLR(o, [optim.LinearLR(o, 0.5, 1.0, 2), optim.ExponentialLR(o, 0.5)], [2]),
        [0.5, 0.75, 1, 0.5, 0.25],
    ),
]
#: A function of values instead of the step: it has tests of its own.
OF_VALUES = {optim.ReduceLROnPlateau}


def test_the_tables_cover_every_schedule():
    public = {value for value in vars(optim).values() if isinstance(value, type) and issubclass(value, optim.Schedule)}
    wanted = public - {optim.Schedule} - OF_VALUES
    for table in (SCHEDULES, BY_HAND):
        assert {type(make(optim.SGD([nn.Parameter(W0)], lr=1.0))) for make, _ in table} == wanted


@pytest.mark.parametrize(("make", "rates"), BY_HAND)
def test_rates_by_hand(make, rates):
    optimizer = optim.SGD([nn.Parameter(W0)], lr=1.0)
    schedule, found = make(optimizer), []
    for _ in rates:
        found.append(optimizer.lr)
        optimizer.step()
        schedule.step()
    assert found == pytest.approx(rates)


@pytest.mark.parametrize(("ours", "theirs"), SCHEDULES)
def test_schedules_equal_those_of_pytorch(ours, theirs):
    torch = pytest.importorskip("torch")
    optimizer, peer = optim.SGD([nn.Parameter(W0)], lr=0.3), torch.optim.SGD([torch.ones(1)], lr=0.3)
    schedule, peer_schedule = ours(optimizer), theirs(torch.optim.lr_scheduler, peer)
    for _ in range(50):
        assert optimizer.lr == pytest.approx(peer.param_groups[0]["lr"], rel=1e-9)
        peer.step()
        schedule.step()
        peer_schedule.step()


def test_schedules_are_functions_of_the_step():
    optimizer = optim.SGD([nn.Parameter(W0)], lr=0.3)
    schedule = optim.CosineAnnealingLR(optimizer, T_max=10)
    assert [schedule.lr_at(step) for step in (0, 5, 10, 15)] == pytest.approx([0.3, 0.15, 0.0, 0.0])
    schedule.move_to(5)
    assert optimizer.lr == pytest.approx(0.15)
    schedule.step()
    assert optimizer.lr == pytest.approx(0.15 * (1 + math.cos(math.pi * 0.6)))


@pytest.mark.parametrize(
    "make",
    [
        lambda o: optim.StepLR(o, 0),
        lambda o: optim.StepLR(o, 5, gamma="0.1"),
        lambda o: optim.ConstantLR(o, 2.0),
        lambda o: optim.StepLR(o, 5, gamma=2.0),
        lambda o: optim.CosineAnnealingLR(o, 5, 9.0),
        lambda o: optim.ExponentialLR(o, 0.0),
        lambda o: optim.LinearLR(o, -0.1),
        lambda o: optim.OneCycleLR(o, 0.0, 10),
        lambda o: optim.LambdaLR(o, 0.5),
        lambda o: optim.LambdaLR(o, lambda step: -1.0),
        lambda o: optim.SequentialLR(o, [optim.ConstantLR(o)], [5]),
        lambda o: optim.SequentialLR(o, [1, 2], [5]),
        lambda o: optim.SequentialLR(o, [optim.ConstantLR(o)] * 3, [5, 5]),
        lambda o: optim.ReduceLROnPlateau(o, factor=1.0),
        lambda o: optim.ReduceLROnPlateau(o, mode="low"),
        lambda o: optim.ReduceLROnPlateau(o).step(),
    ],
)
def test_schedules_that_make_no_sense_are_refused(make):
    with pytest.raises(gn.ConfigError):
        make(optim.SGD([nn.Parameter(W0)], lr=0.3))


def test_a_plateau_by_hand():
    optimizer = optim.SGD([nn.Parameter(W0)], lr=1.0)
    schedule = optim.ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
    rates = []
    for value in (3.0, 2.0, 2.0, 2.0, 2.0, 2.0, 1.0):  # the second epoch without an improvement halves the rate
        schedule.step(value)
        rates.append(optimizer.lr)
    assert rates == [1, 1, 1, 0.5, 0.5, 0.25, 0.25]


VALUES = [1.0, 0.9, 0.9, 0.91, 0.95, 0.5, 0.5, 0.5, 0.5, 0.5, 0.49999, 0.6, 0.7, 0.1]


@pytest.mark.parametrize("mode", ["min", "max"])
def test_a_plateau_reduces_as_in_pytorch_and_is_a_function_of_the_values(mode):
    torch = pytest.importorskip("torch")
    optimizer, peer = optim.SGD([nn.Parameter(W0)], lr=0.3), torch.optim.SGD([torch.ones(1)], lr=0.3)
    options = {"mode": mode, "factor": 0.5, "patience": 1, "min_lr": 0.02}
    schedule = optim.ReduceLROnPlateau(optimizer, **options)
    twin = torch.optim.lr_scheduler.ReduceLROnPlateau(peer, **options)
    for i, value in enumerate(VALUES, start=1):
        schedule.step(value)
        twin.step(value)
        assert optimizer.lr == pytest.approx(peer.param_groups[0]["lr"])
        again = optim.SGD([nn.Parameter(W0)], lr=0.3)
        optim.ReduceLROnPlateau(again, **options).observe(VALUES[:i])
        assert again.lr == optimizer.lr


def test_a_second_schedule_starts_from_the_learning_rate_before_the_first():
    optimizer = optim.SGD([nn.Parameter(W0)], lr=0.3)
    optim.CosineAnnealingLR(optimizer, 10).move_to(10)
    assert optimizer.lr == 0
    assert optim.StepLR(optimizer, 5).lr_at(0) == 0.3
    optimizer.lr = 0.2
    assert optim.StepLR(optimizer, 5).lr_at(0) == 0.2

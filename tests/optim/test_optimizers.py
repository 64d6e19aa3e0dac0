"""Optimizers and schedules against their formulas and PyTorch."""

import math
from itertools import pairwise

import numpy as np
import pytest

import glassnet as gn
from glassnet import nn, optim

RANDOM = np.random.default_rng(0)
W0, GRADIENTS = RANDOM.standard_normal((3, 2)), RANDOM.standard_normal((50, 3, 2))
CASES = [
    (optim.SGD, "SGD", {"lr": 0.1}),
    (optim.SGD, "SGD", {"lr": 0.1, "momentum": 0.9}),
    (optim.SGD, "SGD", {"lr": 0.1, "momentum": 0.5, "weight_decay": 0.01}),
    (optim.SGD, "SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01, "nesterov": True}),
    (optim.RMSprop, "RMSprop", {}),
    (optim.RMSprop, "RMSprop", {"lr": 0.02, "alpha": 0.9, "eps": 1e-4, "weight_decay": 0.1, "momentum": 0.5}),
    (optim.Adam, "Adam", {}),
    (optim.Adam, "Adam", {"lr": 0.05, "betas": (0.8, 0.9), "eps": 1e-4, "weight_decay": 0.1}),
    (optim.AdamW, "AdamW", {}),
    (optim.AdamW, "AdamW", {"lr": 0.05, "weight_decay": 0.5}),
]


def path(kind, options, gradients=GRADIENTS, dtype=np.float64):
    """The parameter after each step."""
    w = nn.Parameter(W0.astype(dtype))
    optimizer = kind([w], **{"lr": 1e-3, **options})
    found = []
    for gradient in gradients:
        w.grad = gradient.astype(dtype)
        optimizer.step()
        found.append(w.data)
    return found


@pytest.mark.parametrize(("kind", "name", "options"), CASES)
def test_steps_equal_those_of_pytorch(kind, name, options):
    torch = pytest.importorskip("torch")
    w = torch.tensor(W0, requires_grad=True)
    optimizer = getattr(torch.optim, name)([w], **{"lr": 1e-3, **options})
    for gradient, ours in zip(GRADIENTS, path(kind, options), strict=True):
        w.grad = torch.tensor(gradient)
        optimizer.step()
        np.testing.assert_allclose(ours, w.detach().numpy(), rtol=1e-11, atol=1e-13)


def test_sgd_with_momentum_by_its_formula():
    w, v = W0, 0.0
    for gradient, ours in zip(GRADIENTS, path(optim.SGD, {"lr": 0.1, "momentum": 0.9}), strict=True):
        v = 0.9 * v + gradient
        w = w - 0.1 * v
        np.testing.assert_allclose(ours, w, rtol=1e-12)


def test_adamw_by_its_formula():
    w, m, s = W0, 0.0, 0.0
    for t, (gradient, ours) in enumerate(zip(GRADIENTS, path(optim.AdamW, {"lr": 0.01}), strict=True), start=1):
        m, s = 0.9 * m + 0.1 * gradient, 0.999 * s + 0.001 * gradient**2
        w = w * (1 - 0.01 * 0.01) - 0.01 * (m / (1 - 0.9**t)) / (np.sqrt(s / (1 - 0.999**t)) + 1e-8)
        np.testing.assert_allclose(ours, w, rtol=1e-10)


@pytest.mark.smoke
@pytest.mark.parametrize(("kind", "name", "options"), CASES)
def test_float32_stays_and_old_arrays_keep_their_values(kind, name, options):
    found = path(kind, options, dtype=np.float32)
    assert {array.dtype for array in found} == {np.dtype(np.float32)}
    assert not any(np.shares_memory(a, b) for a, b in pairwise(found))


@pytest.mark.parametrize(("kind", "name", "options"), CASES)
def test_a_state_continues_to_the_same_bits(kind, name, options):
    expected = path(kind, options)[-1]
    w = nn.Parameter(W0)
    first = kind([w], **{"lr": 1e-3, **options})
    for gradient in GRADIENTS[:7]:
        w.grad = gradient
        first.step()
    second = kind([w], **{"lr": 0.5, **{k: v for k, v in options.items() if k != "lr"}})
    second.load_state_dict(first.state_dict())
    for gradient in GRADIENTS[7:]:
        w.grad = gradient
        second.step()
    np.testing.assert_array_equal(w.data, expected)


def test_a_state_of_another_optimizer_is_refused():
    w = nn.Parameter(W0)
    with pytest.raises(gn.CheckpointError, match=r"0\.mean.*0\.momentum"):
        optim.SGD([w], lr=0.1, momentum=0.9).load_state_dict(optim.Adam([w]).state_dict())


def test_parameters_without_a_gradient_stay():
    a, b = nn.Parameter(W0), nn.Parameter(W0)
    a.grad = W0
    optimizer = optim.SGD([a, b], lr=1.0)
    optimizer.step()
    np.testing.assert_array_equal(a.data, 0)
    np.testing.assert_array_equal(b.data, W0)
    optimizer.zero_grad()
    assert a.grad is None


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda w: optim.SGD([w], lr=-1), "SGD lr must be a number of at least 0"),
        (lambda w: optim.SGD([w], lr="fast"), "SGD lr"),
        (lambda w: optim.SGD([w], lr=0.1, momentum=1.0), "momentum must be .* less than 1"),
        (lambda w: optim.Adam([w], betas=(0.9, 1.0)), "Adam betas"),
        (lambda w: optim.AdamW([w], eps=0.0), "AdamW eps must be above 0"),
        (lambda w: optim.RMSprop([w], alpha=1.0), "RMSprop alpha"),
        (lambda w: optim.RMSprop([w], eps=0), "RMSprop eps must be above 0"),
        (lambda w: optim.SGD([w], lr=0.1, nesterov=True), "nesterov needs momentum"),
        (lambda w: optim.SGD([{"params": [w], "lrr": 1}], lr=0.1), "SGD has no option 'lrr'"),
        (lambda w: optim.SGD([{"params": [w], "lr": -1}], lr=0.1), "SGD lr must be"),
        (lambda w: optim.SGD([{"lr": 1}], lr=0.1), 'needs the key "params"'),
        (lambda w: optim.SGD([w, {"params": []}], lr=0.1), "parameters or groups of them, not both"),
        (lambda w: optim.clip_grad_norm_([w], 0), "max_norm must be a number above 0"),
        (lambda w: optim.clip_grad_value_([w], -1), "clip_value must be"),
        (lambda w: optim.SGD([], lr=0.1), "no parameters"),
        (lambda w: optim.SGD([w, w], lr=0.1), "same parameter twice"),
        (lambda w: optim.SGD([gn.tensor(1.0)], lr=0.1), "require gradients"),
        (lambda w: optim.SGD([w * 2], lr=0.1), "no results of operations"),
        (lambda w: optim.SGD(w, lr=0.1), r"takes a list of parameters, got a tensor\. Pass \[tensor\]"),
        (lambda w: optim.SGD(nn.Linear(2, 2), lr=0.1), r"takes a list of parameters, .*Pass net\.parameters\(\)"),
    ],
)
def test_options_that_make_no_sense_are_refused(make, words):
    with pytest.raises(gn.ConfigError, match=words):
        make(nn.Parameter(W0))


SCHEDULES = [
    (lambda o: optim.ConstantLR(o), lambda t, o: t.ConstantLR(o, factor=1.0)),
    (lambda o: optim.StepLR(o, 7, gamma=0.5), lambda t, o: t.StepLR(o, 7, gamma=0.5)),
    (lambda o: optim.CosineAnnealingLR(o, 20, 0.01), lambda t, o: t.CosineAnnealingLR(o, 20, 0.01)),
    (lambda o: optim.ExponentialLR(o, 0.9), lambda t, o: t.ExponentialLR(o, 0.9)),
    (lambda o: optim.LinearLR(o, 0.1, 0.8, 7), lambda t, o: t.LinearLR(o, 0.1, 0.8, 7)),
    (
        lambda o: optim.OneCycleLR(o, 0.5, 20, pct_start=0.25, div_factor=10, final_div_factor=100),
        lambda t, o: t.OneCycleLR(
            o, 0.5, 20, pct_start=0.25, div_factor=10, final_div_factor=100, cycle_momentum=False
        ),
    ),
    (lambda o: optim.LambdaLR(o, lambda step: 1 / (1 + step)), lambda t, o: t.LambdaLR(o, lambda step: 1 / (1 + step))),
    (
        lambda o: optim.SequentialLR(o, [optim.LinearLR(o, 0.1, 1.0, 6), optim.StepLR(o, 4)], [6]),
        lambda t, o: t.SequentialLR(o, [t.LinearLR(o, 0.1, 1.0, 6), t.StepLR(o, 4)], [6]),
    ),
]


@pytest.mark.parametrize(("ours", "theirs"), SCHEDULES)
def test_schedules_equal_those_of_pytorch(ours, theirs):
    torch = pytest.importorskip("torch")
    optimizer, peer = optim.SGD([nn.Parameter(W0)], lr=0.3), torch.optim.SGD([torch.ones(1)], lr=0.3)
    schedule, peer_schedule = ours(optimizer), theirs(torch.optim.lr_scheduler, peer)
    for _ in range(19):
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
        lambda o: optim.StepLR(o, 5, gamma=2.0),
        lambda o: optim.CosineAnnealingLR(o, 5, 9.0),
        lambda o: optim.ExponentialLR(o, 0.0),
        lambda o: optim.LinearLR(o, -0.1),
        lambda o: optim.OneCycleLR(o, 0.0, 10),
        lambda o: optim.LambdaLR(o, 0.5),
        lambda o: optim.LambdaLR(o, lambda step: -1.0),
        lambda o: optim.SequentialLR(o, [optim.ConstantLR(o)], [5]),
        lambda o: optim.SequentialLR(o, [optim.ConstantLR(o)] * 3, [5, 5]),
        lambda o: optim.ReduceLROnPlateau(o, factor=1.0),
        lambda o: optim.ReduceLROnPlateau(o, mode="low"),
        lambda o: optim.ReduceLROnPlateau(o).step(),
    ],
)
def test_schedules_that_make_no_sense_are_refused(make):
    with pytest.raises(gn.ConfigError):
        make(optim.SGD([nn.Parameter(W0)], lr=0.3))


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


def test_groups_have_their_own_options_and_schedules_move_each():
    a, b = nn.Parameter(W0), nn.Parameter(W0)
    optimizer = optim.SGD([{"params": [a]}, {"params": [b], "lr": 0.01, "weight_decay": 0.5}], lr=0.1)
    a.grad = b.grad = np.ones_like(W0)
    optimizer.step()
    np.testing.assert_allclose(a.data, W0 - 0.1)
    np.testing.assert_allclose(b.data, W0 - 0.01 * (1 + 0.5 * W0))
    schedule = optim.StepLR(optimizer, 1, gamma=0.1)
    schedule.step()
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([0.01, 0.001])
    twin = optim.SGD([{"params": [a]}, {"params": [b]}], lr=0.1)
    twin.load_state_dict(optimizer.state_dict())
    assert [group["lr"] for group in twin.param_groups] == pytest.approx([0.01, 0.001])
    assert optimizer.config()["groups"][1]["weight_decay"] == 0.5
    optimizer.lr = 0.5
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 0.5]


def test_groups_equal_those_of_pytorch():
    torch = pytest.importorskip("torch")
    ours = [nn.Parameter(W0), nn.Parameter(W0)]
    theirs = [torch.tensor(W0, requires_grad=True) for _ in range(2)]

    def groups(pair):
        return [{"params": [pair[0]], "betas": (0.5, 0.9)}, {"params": [pair[1]], "lr": 0.1}]

    optimizer, peer = optim.Adam(groups(ours), lr=0.01), torch.optim.Adam(groups(theirs), lr=0.01)
    for gradient in GRADIENTS:
        for w, v in zip(ours, theirs, strict=True):
            w.grad, v.grad = gradient, torch.tensor(gradient)
        optimizer.step()
        peer.step()
    for w, v in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(w.data, v.detach().numpy(), rtol=1e-11)


def test_clipping_by_norm_keeps_the_direction_and_by_value_bounds_each_element():
    a, b, unused = nn.Parameter(W0), nn.Parameter(W0), nn.Parameter(W0)
    a.grad, b.grad = np.full((3, 2), 2.0, np.float32), np.full((3, 2), -1.0, np.float32)
    norm = math.sqrt(6 * 4 + 6)
    assert optim.clip_grad_norm_([a, b, unused], 100) == pytest.approx(norm)
    assert (a.grad == 2).all()
    assert optim.clip_grad_norm_([a, b, unused], 1.0) == pytest.approx(norm)
    assert math.sqrt((a.grad**2).sum() + (b.grad**2).sum()) == pytest.approx(1)
    np.testing.assert_allclose(a.grad / b.grad, -2, rtol=1e-6)
    assert a.grad.dtype == np.float32
    optim.clip_grad_value_([a, b, unused], 0.3)
    np.testing.assert_allclose(a.grad, 0.3, rtol=1e-6)
    assert unused.grad is None


def test_a_second_schedule_starts_from_the_learning_rate_before_the_first():
    optimizer = optim.SGD([nn.Parameter(W0)], lr=0.3)
    optim.CosineAnnealingLR(optimizer, 10).move_to(10)
    assert optimizer.lr == 0
    assert optim.StepLR(optimizer, 5).lr_at(0) == 0.3
    optimizer.lr = 0.2
    assert optim.StepLR(optimizer, 5).lr_at(0) == 0.2

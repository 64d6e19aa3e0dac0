"""Optimizers and schedules against their formulas and PyTorch."""

import math
from itertools import pairwise

import numpy as np
import pytest

import glassnet as gn
from glassnet import nn, optim

RANDOM = np.random.default_rng(0)
W0, GRADIENTS = RANDOM.standard_normal((3, 2)), RANDOM.standard_normal((20, 3, 2))
CASES = [
    (optim.SGD, "SGD", {"lr": 0.1}),
    (optim.SGD, "SGD", {"lr": 0.1, "momentum": 0.9}),
    (optim.SGD, "SGD", {"lr": 0.1, "momentum": 0.5, "weight_decay": 0.01}),
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
        (lambda w: optim.SGD([], lr=0.1), "no parameters"),
        (lambda w: optim.SGD([w, w], lr=0.1), "same parameter twice"),
        (lambda w: optim.SGD([gn.tensor(1.0)], lr=0.1), "require gradients"),
    ],
)
def test_options_that_make_no_sense_are_refused(make, words):
    with pytest.raises(gn.ConfigError, match=words):
        make(nn.Parameter(W0))


SCHEDULES = [
    (lambda o: optim.ConstantLR(o), lambda t, o: t.ConstantLR(o, factor=1.0)),
    (lambda o: optim.StepLR(o, 7, gamma=0.5), lambda t, o: t.StepLR(o, 7, gamma=0.5)),
    (lambda o: optim.CosineAnnealingLR(o, 20, 0.01), lambda t, o: t.CosineAnnealingLR(o, 20, 0.01)),
]


@pytest.mark.parametrize(("ours", "theirs"), SCHEDULES)
def test_schedules_equal_those_of_pytorch(ours, theirs):
    torch = pytest.importorskip("torch")
    optimizer, peer = optim.SGD([nn.Parameter(W0)], lr=0.3), torch.optim.SGD([torch.ones(1)], lr=0.3)
    schedule, peer_schedule = ours(optimizer), theirs(torch.optim.lr_scheduler, peer)
    for _ in range(20):
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
    ],
)
def test_schedules_that_make_no_sense_are_refused(make):
    with pytest.raises(gn.ConfigError):
        make(optim.SGD([nn.Parameter(W0)], lr=0.3))

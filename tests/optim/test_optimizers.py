"""Optimizers and gradient clipping against their formulas and PyTorch."""

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


def sgd(w, g, state, t, lr, momentum=0.0, weight_decay=0.0, nesterov=False):
    g = g + weight_decay * w
    v = state["v"] = momentum * state.get("v", 0.0) + g
    return w - lr * (g + momentum * v if nesterov else v)


def rmsprop(w, g, state, t, lr=0.01, alpha=0.99, eps=1e-8, weight_decay=0.0, momentum=0.0):
    g = g + weight_decay * w
    s = state["s"] = alpha * state.get("s", 0.0) + (1 - alpha) * g**2
    v = state["v"] = momentum * state.get("v", 0.0) + g / (np.sqrt(s) + eps)
    return w - lr * v


def adam(w, g, state, t, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
    g = g + weight_decay * w
    m = state["m"] = betas[0] * state.get("m", 0.0) + (1 - betas[0]) * g
    s = state["s"] = betas[1] * state.get("s", 0.0) + (1 - betas[1]) * g**2
    return w - lr * (m / (1 - betas[0] ** t)) / (np.sqrt(s / (1 - betas[1] ** t)) + eps)


def adamw(w, g, state, t, lr=1e-3, weight_decay=0.01, **options):
    return adam(w - lr * weight_decay * w, g, state, t, lr, **options)


FORMULAS = {optim.SGD: sgd, optim.RMSprop: rmsprop, optim.Adam: adam, optim.AdamW: adamw}


def test_the_table_covers_every_optimizer():
    public = {value for value in vars(optim).values() if isinstance(value, type) and issubclass(value, optim.Optimizer)}
    assert {kind for kind, _, _ in CASES} == set(FORMULAS) == public - {optim.Optimizer}


@pytest.mark.parametrize(("kind", "name", "options"), CASES)
def test_steps_equal_the_formula(kind, name, options):
    w, state = W0, {}
    for t, (gradient, ours) in enumerate(zip(GRADIENTS, path(kind, options), strict=True), start=1):
        w = FORMULAS[kind](w, gradient, state, t, **{"lr": 1e-3, **options})
        np.testing.assert_allclose(ours, w, rtol=1e-10)


def test_first_steps_by_hand():
    """w = 1, gradient 2 and then -1; each number can be checked with pencil and paper."""

    def steps(kind, **options):
        w = nn.Parameter(np.array([1.0]))
        optimizer, found = kind([w], **options), []
        for gradient in (2.0, -1.0):
            w.grad = np.array([gradient])
            optimizer.step()
            found.append(w.data.item())
        return found

    assert steps(optim.SGD, lr=0.1) == pytest.approx([0.8, 0.9])
    assert steps(optim.SGD, lr=0.1, momentum=0.5) == pytest.approx([0.8, 0.8])  # velocity 2, then 0
    assert steps(optim.SGD, lr=0.1, momentum=0.5, nesterov=True) == pytest.approx([0.7, 0.8])
    assert steps(optim.SGD, lr=0.1, weight_decay=0.5) == pytest.approx([0.75, 0.8125])
    assert steps(optim.RMSprop, lr=0.1, alpha=0.75, eps=1e-12) == pytest.approx([0.8, 0.9])  # sizes 1 and 1
    assert steps(optim.Adam, lr=0.1, betas=(0.5, 0.75), eps=1e-12)[0] == pytest.approx(0.9)  # the sign times lr
    assert steps(optim.Adam, lr=0.1, betas=(0.5, 0.75), eps=1e-12)[1] == pytest.approx(0.9)  # mean 0
    assert steps(optim.AdamW, lr=0.1, weight_decay=0.5, eps=1e-12)[0] == pytest.approx(0.95 - 0.1)


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
        (lambda w: optim.AdamW([w], eps=0.0), "AdamW eps must be a number above 0"),
        (lambda w: optim.RMSprop([w], alpha=1.0), "RMSprop alpha"),
        (lambda w: optim.RMSprop([w], eps=0), "RMSprop eps must be a number above 0"),
        (lambda w: optim.SGD([w], lr=0.1, nesterov=True), "nesterov needs momentum"),
        (lambda w: optim.SGD([{"params": [w], "lrr": 1}], lr=0.1), "SGD has no option 'lrr'"),
        (lambda w: optim.SGD([{"params": [w], "lr": -1}], lr=0.1), "SGD lr must be"),
        (lambda w: optim.SGD([{"lr": 1}], lr=0.1), 'needs the key "params"'),
        (lambda w: optim.SGD([w, {"params": []}], lr=0.1), "parameters or groups of them, not both"),
        (lambda w: optim.clip_grad_norm_([w], 0), "max_norm must be a number above 0"),
        (lambda w: optim.clip_grad_value_([w], -1), "clip_value must be"),
        (lambda w: optim.SGD([], lr=0.1), "no parameters"),
        (lambda w: optim.SGD([w, w], lr=0.1), "same parameter twice"),
        (lambda w: optim.SGD([gn.tensor(1.0)], lr=0.1), r"require gradients, got one of shape \(\).* what is frozen"),
        (lambda w: optim.SGD(w, lr=0.1), r"takes a list of parameters, got a tensor\. Pass \[tensor\]"),
        (lambda w: optim.SGD(nn.Linear(2, 2), lr=0.1), r"takes a list of parameters, .*Pass net\.parameters\(\)"),
        (lambda w: optim.SGD([w * 2], lr=0.1), r"trains leaves, got what multiply computed .* of shape \(3, 2\)"),
        (lambda w: optim.SGD([3], lr=0.1), "SGD trains tensors, got 3"),
        (lambda w: optim.Adam([w], betas=0.9), "Adam betas must be two numbers, got 0.9"),
    ],
)
def test_options_that_make_no_sense_are_refused(make, words):
    with pytest.raises(gn.ConfigError, match=words):
        make(nn.Parameter(W0))


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


GROUPS = [
    ("SGD", {"lr": 0.1, "momentum": 0.9}, {"weight_decay": 0.1}, {"lr": 0.01, "nesterov": True}),
    ("RMSprop", {"lr": 0.01}, {"alpha": 0.5}, {"lr": 0.02, "momentum": 0.9}),
    ("Adam", {"lr": 0.01}, {"betas": (0.5, 0.9)}, {"lr": 0.1}),
    ("AdamW", {"lr": 0.01}, {"weight_decay": 0.0}, {"weight_decay": 0.3, "eps": 1e-3}),
]


@pytest.mark.parametrize(("name", "options", "first", "second"), GROUPS)
@pytest.mark.parametrize("clip", [None, "norm", "value"])
def test_clipped_steps_of_groups_under_a_schedule_equal_those_of_pytorch(name, options, first, second, clip):
    torch = pytest.importorskip("torch")
    ours = [nn.Parameter(W0), nn.Parameter(2 * W0)]
    theirs = [torch.tensor(w.data, requires_grad=True) for w in ours]

    def groups(pair):
        return [{"params": [pair[0]], **first}, {"params": [pair[1]], **second}]

    optimizer, peer = (
        getattr(optim, name)(groups(ours), **options),
        getattr(torch.optim, name)(groups(theirs), **options),
    )
    schedule, peer_schedule = optim.StepLR(optimizer, 20, 0.5), torch.optim.lr_scheduler.StepLR(peer, 20, 0.5)
    for gradient in GRADIENTS:
        for w, v in zip(ours, theirs, strict=True):
            w.grad, v.grad = gradient, torch.tensor(gradient)
        if clip == "norm":
            norm = optim.clip_grad_norm_(ours, 1.5)
            assert norm == pytest.approx(torch.nn.utils.clip_grad_norm_(theirs, 1.5).item(), rel=1e-12)
        elif clip == "value":
            optim.clip_grad_value_(ours, 0.5)
            torch.nn.utils.clip_grad_value_(theirs, 0.5)
        optimizer.step()
        peer.step()
        schedule.step()
        peer_schedule.step()
        for w, v in zip(ours, theirs, strict=True):
            # PyTorch divides by norm + 1e-6
            np.testing.assert_allclose(w.data, v.detach().numpy(), rtol=1e-4 if clip == "norm" else 1e-10)


def test_one_tensor_is_clipped_like_a_list_of_one():
    w = nn.Parameter(W0)
    w.grad = np.full((3, 2), 3.0)
    optim.clip_grad_value_(w, 1.0)
    assert (w.grad == 1).all()
    assert optim.clip_grad_norm_(w, 0.5) == pytest.approx(math.sqrt(6))


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

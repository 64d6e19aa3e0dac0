"""Losses with all their options: by NumPy, PyTorch, finite differences, at extreme logits, and what they refuse."""

import math

import numpy as np
import pytest

import glassnet as gn
from glassnet import nn
from glassnet.nn import functional as F

from .loss_info import ANSWERS, LABELS, LOGITS, LOSSES, SOFT, WEIGHT, N, X, Y

EVERY_LOSS = pytest.mark.parametrize("info", LOSSES, ids=lambda info: f"{info.name} {sorted(info.options)}")
REDUCTIONS = pytest.mark.parametrize("reduction", ["mean", "sum", "none"])


def test_the_table_covers_every_loss():
    losses = {name for name in nn.__all__ if name.endswith("Loss")}
    assert {info.name for info in LOSSES} == losses
    assert losses == {name for name in nn.__all__ if getattr(getattr(nn, name), "task", None)}


@EVERY_LOSS
def test_each_element_and_their_sum_equal_numpys(info):
    expected = info.reference(info.x, info.targets, **info.options)
    for reduction, wanted in (("none", expected), ("sum", expected.sum())):
        found = getattr(nn, info.name)(**info.options, reduction=reduction)(gn.tensor(info.x), info.targets)
        np.testing.assert_allclose(found.data, wanted, rtol=1e-10, atol=1e-12)


@REDUCTIONS
@EVERY_LOSS
def test_values_and_gradients_equal_pytorchs(info, reduction):
    torch = pytest.importorskip("torch")
    x, twin = gn.tensor(info.x, requires_grad=True), torch.tensor(info.x, requires_grad=True)
    options = {k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in info.options.items()}
    out = getattr(nn, info.name)(**info.options, reduction=reduction)(x, info.targets)
    expected = getattr(torch.nn, info.name)(**options, reduction=reduction)(twin, torch.tensor(info.targets))
    out.sum().backward()
    expected.sum().backward()
    np.testing.assert_allclose(out.data, expected.detach().numpy(), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(x.grad, twin.grad.numpy(), rtol=1e-9, atol=1e-12)


@REDUCTIONS
@EVERY_LOSS
def test_gradients_against_finite_differences(info, reduction):
    loss = getattr(nn, info.name)(**info.options, reduction=reduction)
    assert gn.gradcheck(lambda x: loss(x, info.targets), info.x)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1.0, 1e4])
@EVERY_LOSS
def test_extreme_outputs_have_right_values_finite_gradients_and_keep_the_type(info, scale, dtype):
    x = gn.tensor((info.x * scale).astype(dtype), requires_grad=True)
    out = getattr(nn, info.name)(**info.options, reduction="sum")(x, info.targets)
    out.backward()
    assert out.dtype == x.grad.dtype == dtype
    expected = info.reference(x.data.astype(np.float64), info.targets, **info.options).sum()
    assert out.item() == pytest.approx(expected, rel=1e-5 if dtype == np.float32 else 1e-12)
    assert np.isfinite(x.grad).all()


@EVERY_LOSS
def test_targets_of_another_shape_are_refused(info):
    loss = getattr(nn, info.name)(**info.options)
    for targets in (info.targets[:-1], info.targets[:, None], info.targets[0]):
        with pytest.raises(gn.ShapeError, match=f"{info.name} expected targets of"):
            loss(gn.tensor(info.x), targets)


@EVERY_LOSS
def test_the_mean_of_nothing_is_refused(info):
    with pytest.raises(gn.DataError, match="needs at least one target"):
        getattr(nn, info.name)(**info.options)(gn.tensor(info.x[:0]), info.targets[:0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_binary_cross_entropy_is_exact_far_out(dtype):
    logits = gn.tensor(np.array([-20.0, 20.0, 1e4, -1e4], dtype), requires_grad=True)
    losses = F.binary_cross_entropy_with_logits(logits, np.array([0, 1, 0, 1]), "none")
    np.testing.assert_allclose(losses.data, [math.log1p(math.exp(-20))] * 2 + [1e4] * 2, rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: F.cross_entropy(gn.tensor(LOGITS), np.full(N, -100)), gn.DataError, "all 7 targets are -100"),
        (lambda: F.nll_loss(gn.tensor(LOGITS), np.full(N, -100)), gn.DataError, "all 7 targets are -100"),
        (lambda: F.cross_entropy(gn.tensor(LOGITS), SOFT * 2), gn.DataError, "must be probabilities"),
        (lambda: F.cross_entropy(gn.tensor(LOGITS), SOFT - 0.5), gn.DataError, "must be probabilities"),
        (lambda: F.cross_entropy(gn.tensor(LOGITS), SOFT[:, :3]), gn.ShapeError, r"shape \(7,\) for logits"),
        (lambda: F.cross_entropy(gn.tensor(LOGITS), LABELS, weight=[1.0, 2.0]), gn.ConfigError, "must be 4 numbers"),
        (lambda: F.cross_entropy(gn.tensor(LOGITS), LABELS, weight=[1, 1, 1, -1]), gn.ConfigError, "at least 0"),
        (
            lambda: F.cross_entropy(gn.tensor(LOGITS), np.full(N, 3), weight=WEIGHT),
            gn.DataError,
            "classes with weight 0",
        ),
        (
            lambda: F.cross_entropy(gn.tensor(LOGITS), LABELS, label_smoothing=1.5),
            gn.ConfigError,
            "of at least 0 and at most 1",
        ),
        (lambda: F.cross_entropy(gn.tensor(LOGITS), LABELS, "avg"), gn.ConfigError, "'mean', 'sum' or 'none'"),
        (lambda: F.cross_entropy(gn.tensor(1.0), 0), gn.ShapeError, r"expected logits \(..., K\)"),
        (lambda: F.l1_loss(gn.tensor(X), Y[:, 0]), gn.ShapeError, r"\(5, 3\), got \(5,\)"),
        (lambda: F.huber_loss(gn.tensor(X), Y, delta=0), gn.ConfigError, "delta must be a number above 0"),
        (lambda: nn.BCEWithLogitsLoss()(gn.tensor(X), Y), gn.DataError, "targets must be from 0 to 1"),
        (lambda: nn.BCEWithLogitsLoss()(gn.tensor(X), ANSWERS[:, :1]), gn.ShapeError, r"got \(5, 1\)"),
        (
            lambda: nn.BCEWithLogitsLoss(pos_weight=[1.0, 2.0])(gn.tensor(X), ANSWERS),
            gn.ShapeError,
            r"pos_weight must be a number or \(3,\), got shape \(2,\)",
        ),
        (lambda: nn.L1Penalty(-1), gn.ConfigError, "L1Penalty strength must be a number of at least 0"),
        (lambda: nn.L2Penalty(1)(nn.ReLU()), gn.ConfigError, "ReLU has no weights"),
    ],
)
def test_what_does_not_fit_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_penalties_are_limited_to_weights_unless_asked():
    net = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2), nn.Sequential(nn.LayerNorm((1, 2))))
    net[0].bias.data = np.array([3.0, -4.0], np.float32)
    w = net[0].weight.data
    assert nn.L1Penalty(0.1)(net).item() == pytest.approx(0.1 * np.abs(w).sum(), rel=1e-6)
    assert nn.L2Penalty(0.1)(net).item() == pytest.approx(0.1 * (w**2).sum(), rel=1e-6)
    everything = nn.L2Penalty(0.1, weights_only=False)(net).item()
    assert everything == pytest.approx(0.1 * ((w**2).sum() + 25 + 2 + 2), rel=1e-6)
    both = nn.L1Penalty(0.1) + nn.L2Penalty(0.2)
    assert both(net).item() == pytest.approx(0.1 * np.abs(w).sum() + 0.2 * (w**2).sum(), rel=1e-6)
    assert repr(both) == "L1Penalty(0.1) + L2Penalty(0.2)"


def test_an_l2_penalty_is_weight_decay():
    nets = [nn.Sequential(nn.Linear(3, 2, bias=False)) for _ in range(2)]
    nets[1].load_state_dict(nets[0].state_dict())
    plain = gn.optim.SGD(nets[0].parameters(), lr=0.1)
    (nets[0](gn.tensor(X)).sum() + nn.L2Penalty(0.05)(nets[0])).backward()
    plain.step()
    decaying = gn.optim.SGD(nets[1].parameters(), lr=0.1, weight_decay=0.1)
    nets[1](gn.tensor(X)).sum().backward()
    decaying.step()
    np.testing.assert_allclose(nets[0][0].weight.data, nets[1][0].weight.data, rtol=1e-5)


@pytest.mark.parametrize("kind", ["i1", "u1", "<i4", ">i4", "<i8", ">i8", ">u2"])
def test_labels_of_any_whole_type_are_read_and_checked(kind):
    logits = gn.tensor(LOGITS)
    expected = F.cross_entropy(logits, LABELS).item()
    assert F.cross_entropy(logits, LABELS.astype(kind)).item() == expected
    assert F.cross_entropy(logits, np.repeat(LABELS.astype(kind), 2)[::2]).item() == expected
    wrong = LABELS.astype(kind)
    for label in (4, 127, *([-1, -128] if "i" in kind else [])):
        wrong[3] = label
        with pytest.raises(gn.DataError, match=f"targets must be from 0 to 3, got {label}"):
            F.cross_entropy(logits, wrong)

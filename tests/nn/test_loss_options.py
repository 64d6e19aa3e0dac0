"""Losses with all their options: against PyTorch, finite differences, extreme logits, and what they refuse."""

import itertools
import math

import numpy as np
import pytest

import glassnet as gn
from glassnet import nn
from glassnet.nn import functional as F

RANDOM = np.random.default_rng(0)
N, K = 7, 4
LOGITS = RANDOM.standard_normal((N, K))
LABELS = RANDOM.integers(0, K, N)
IGNORED = np.where(np.arange(N) % 3 == 0, -100, LABELS)
SOFT = RANDOM.dirichlet(np.ones(K), N)
WEIGHT = np.array([0.5, 2.0, 1.0, 0.0])
REDUCTIONS = ["mean", "sum", "none"]
OPTIONS = [
    {"weight": weight, "label_smoothing": smoothing}
    for weight, smoothing in itertools.product([None, WEIGHT], [0.0, 0.2])
]
X, Y = RANDOM.standard_normal((5, 3)), RANDOM.standard_normal((5, 3))
ANSWERS = (RANDOM.random((5, 3)) < 0.5).astype(float)


def torch_value(name, inputs, options):
    """Value and gradient of PyTorch's loss of that name."""
    torch = pytest.importorskip("torch")
    x = torch.tensor(inputs[0], requires_grad=True)
    options = {k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
    out = getattr(torch.nn.functional, name)(x, torch.tensor(inputs[1]), **options)
    out.sum().backward()
    return out.detach().numpy(), x.grad.numpy()


def agrees_with_torch(name, inputs, **options):
    x = gn.tensor(inputs[0], requires_grad=True)
    out = getattr(F, name)(x, inputs[1], **options)
    out.sum().backward()
    value, gradient = torch_value(name, inputs, options)
    np.testing.assert_allclose(out.data, value, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(x.grad, gradient, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("targets", [LABELS, IGNORED, SOFT], ids=["labels", "ignored", "soft"])
def test_cross_entropy_equals_pytorchs(targets, options, reduction):
    agrees_with_torch("cross_entropy", (LOGITS, targets), reduction=reduction, **options)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weight", [None, WEIGHT])
@pytest.mark.parametrize("targets", [LABELS, IGNORED])
def test_nll_equals_pytorchs(targets, weight, reduction):
    logs = F.log_softmax(LOGITS).data
    agrees_with_torch("nll_loss", (logs, targets), reduction=reduction, weight=weight)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_distances_equal_pytorchs(reduction):
    agrees_with_torch("mse_loss", (X, Y), reduction=reduction)
    agrees_with_torch("l1_loss", (X, Y), reduction=reduction)
    agrees_with_torch("huber_loss", (X, Y), reduction=reduction, delta=0.7)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("pos_weight", [None, np.array([1.0, 3.0, 0.5])])
def test_binary_cross_entropy_equals_pytorchs(reduction, pos_weight):
    agrees_with_torch("binary_cross_entropy_with_logits", (X, ANSWERS), reduction=reduction, pos_weight=pos_weight)


@pytest.mark.parametrize(
    "loss",
    [
        *(lambda x, o=o, t=t: F.cross_entropy(x, t, **o) for o in OPTIONS for t in (LABELS, IGNORED, SOFT)),
        lambda x: F.nll_loss(F.log_softmax(x), IGNORED, weight=WEIGHT),
        lambda x: F.binary_cross_entropy_with_logits(x, SOFT, pos_weight=2.0),
        lambda x: F.huber_loss(x, SOFT * 3, delta=0.5),
        lambda x: F.l1_loss(x, SOFT * 3),
    ],
)
def test_gradients_against_finite_differences(loss):
    assert gn.gradcheck(loss, LOGITS)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1.0, 1e4])
@pytest.mark.parametrize(
    "loss",
    [
        *(lambda x, o=o, t=t: F.cross_entropy(x, t, **o) for o in OPTIONS for t in (LABELS, IGNORED, SOFT)),
        lambda x: F.nll_loss(F.log_softmax(x), IGNORED),
        lambda x: F.binary_cross_entropy_with_logits(x, SOFT),
        lambda x: F.mse_loss(x, SOFT),
        lambda x: F.l1_loss(x, SOFT),
        lambda x: F.huber_loss(x, SOFT),
    ],
)
def test_values_and_gradients_are_finite_and_keep_the_type(loss, scale, dtype):
    logits = gn.tensor((LOGITS * scale).astype(dtype), requires_grad=True)
    out = loss(logits)
    out.backward()
    assert out.dtype == logits.grad.dtype == dtype
    assert math.isfinite(out.item())
    assert np.isfinite(logits.grad).all()


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
        (lambda: F.cross_entropy(gn.tensor(LOGITS), LABELS, label_smoothing=1.5), gn.ConfigError, "from 0 to 1"),
        (lambda: F.cross_entropy(gn.tensor(LOGITS), LABELS, "avg"), gn.ConfigError, "'mean', 'sum' or 'none'"),
        (lambda: F.cross_entropy(gn.tensor(1.0), 0), gn.ShapeError, r"expected logits \(..., K\)"),
        (lambda: F.l1_loss(gn.tensor(X), Y[:, 0]), gn.ShapeError, r"\(5, 3\), got \(5,\)"),
        (lambda: F.huber_loss(gn.tensor(X), Y, delta=0), gn.ConfigError, "delta must be above 0"),
        (lambda: nn.BCEWithLogitsLoss()(gn.tensor(X), Y), gn.DataError, "targets must be from 0 to 1"),
        (lambda: nn.BCEWithLogitsLoss()(gn.tensor(X), ANSWERS[:, :1]), gn.ShapeError, r"got \(5, 1\)"),
        (lambda: nn.L1Penalty(-1), gn.ConfigError, "L1Penalty strength must be a number of at least 0"),
        (lambda: nn.L2Penalty(1)(nn.ReLU()), gn.ConfigError, "ReLU has no weights"),
    ],
)
def test_what_does_not_fit_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_penalties_are_limited_to_weights_unless_asked():
    net = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    net[0].bias.data = np.array([3.0, -4.0], np.float32)
    w = net[0].weight.data
    assert nn.L1Penalty(0.1)(net).item() == pytest.approx(0.1 * np.abs(w).sum(), rel=1e-6)
    assert nn.L2Penalty(0.1)(net).item() == pytest.approx(0.1 * (w**2).sum(), rel=1e-6)
    everything = nn.L2Penalty(0.1, weights_only=False)(net).item()
    assert everything == pytest.approx(0.1 * ((w**2).sum() + 25 + 2), rel=1e-6)


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

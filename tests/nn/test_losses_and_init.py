"""Losses and initialisation."""

import math

import numpy as np
import pytest

import glassnet as gn
from glassnet import nn
from glassnet.nn import functional as F
from glassnet.nn import init

RANDOM = np.random.default_rng(0)
LOGITS, LABELS = RANDOM.standard_normal((6, 4)), np.array([0, 3, 1, 1, 2, 0])


def test_cross_entropy_is_the_mean_surprise():
    probabilities = np.exp(LOGITS) / np.exp(LOGITS).sum(1, keepdims=True)
    expected = -np.log(probabilities[np.arange(6), LABELS])
    np.testing.assert_allclose(F.cross_entropy(gn.tensor(LOGITS), LABELS).item(), expected.mean(), rtol=1e-12)
    np.testing.assert_allclose(F.cross_entropy(gn.tensor(LOGITS), LABELS, "none").data, expected, rtol=1e-12)
    np.testing.assert_allclose(F.cross_entropy(gn.tensor(LOGITS), LABELS, "sum").item(), expected.sum(), rtol=1e-12)
    folded = F.cross_entropy(gn.tensor(LOGITS.reshape(2, 3, 4)), LABELS.reshape(2, 3), "none")
    np.testing.assert_allclose(folded.data, expected.reshape(2, 3), rtol=1e-12)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_gradients(reduction):
    assert gn.gradcheck(lambda x: F.cross_entropy(x, LABELS, reduction), LOGITS)
    assert gn.gradcheck(lambda a, b: F.mse_loss(a, b, reduction), LOGITS, LOGITS[::-1].copy())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_logits_stay_finite(dtype):
    logits = gn.tensor(np.array([[1e4, -1e4], [-1e4, 1e4]], dtype), requires_grad=True)
    loss = nn.CrossEntropyLoss()(logits, [0, 0])
    loss.backward()
    assert loss.item() == pytest.approx(1e4)
    np.testing.assert_array_equal(logits.grad, [[0, 0], [-0.5, 0.5]])
    assert logits.grad.dtype == dtype


@pytest.mark.parametrize(
    ("targets", "error", "words"),
    [
        (LABELS.reshape(6, 1), gn.ShapeError, r"shape \(6,\).*got \(6, 1\). Write targets.reshape\(-1\)"),
        (LABELS[:5], gn.ShapeError, r"got \(5,\)"),
        ([0, 1, 2, 3, 4, 0], gn.DataError, "from 0 to 3, got 4"),
        ([0, 1, 2, 3, -1, 0], gn.DataError, "from 0 to 3, got -1"),
        ([0.0] * 6, gn.DataError, "whole numbers"),
    ],
)
def test_labels_that_do_not_fit_are_refused(targets, error, words):
    with pytest.raises(error, match=words):
        F.cross_entropy(gn.tensor(LOGITS), targets)


def test_mse_refuses_shapes_that_would_broadcast():
    with pytest.raises(gn.ShapeError, match=r"got \(5,\). Write targets.reshape\(5, 1\)"):
        nn.MSELoss()(gn.tensor(np.ones((5, 1))), np.ones(5))
    assert nn.MSELoss()(gn.tensor([1.0, 3.0]), [0.0, 0.0]).item() == 5.0


def test_an_unknown_reduction_is_refused():
    with pytest.raises(gn.ConfigError, match="'mean', 'sum' or 'none'"):
        nn.MSELoss(reduction="average")
    with pytest.raises(gn.ConfigError, match="'mean', 'sum' or 'none'"):
        F.mse_loss(gn.tensor([1.0]), [0.0], "average")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda x, y: nn.CrossEntropyLoss(x, y),
            r"weight .* shape \(1, 2\)\. .*CrossEntropyLoss\(\)\(",
        ),
        (lambda x, y: nn.NLLLoss(x, y), r"NLLLoss weight must be a number for each class"),
        (lambda x, y: nn.HuberLoss(x, x), r"HuberLoss reduction .*HuberLoss\(\)\(outputs, targets\)"),
        (lambda x, y: nn.BCEWithLogitsLoss(x, x), "BCEWithLogitsLoss reduction"),
    ],
)
def test_a_loss_is_made_before_it_is_called(make, words):
    with pytest.raises(gn.ConfigError, match=words):
        make(gn.tensor([[1.0, 2.0]]), gn.tensor([1]))


@pytest.mark.parametrize("loss", [F.mse_loss, F.l1_loss, F.huber_loss, F.binary_cross_entropy_with_logits])
def test_losses_take_lists(loss):
    assert loss([0.5, 1.0], [0.5, 1.0]).item() == loss(gn.tensor([0.5, 1.0]), gn.tensor([0.5, 1.0])).item()
    assert F.cross_entropy([[0.0, 0.0]], [1]).item() == pytest.approx(math.log(2))
    assert F.nll_loss([[-1.0, -2.0]], [1]).item() == 2.0


#: Name, options as in PyTorch, standard deviation, mean.
DRAWN = [
    ("normal_", {"mean": 0.5, "std": 2.0}, 2.0, 0.5),
    ("uniform_", {"a": -1.0, "b": 3.0}, 4 / math.sqrt(12), 1.0),
    ("xavier_normal_", {"gain": 2.0}, 2.0 * math.sqrt(2 / 500), 0.0),
    ("xavier_uniform_", {}, math.sqrt(2 / 500), 0.0),
    ("kaiming_normal_", {}, math.sqrt(2 / 300), 0.0),
    ("kaiming_normal_", {"mode": "fan_out", "nonlinearity": "tanh"}, 5 / 3 / math.sqrt(200), 0.0),
    ("kaiming_uniform_", {"a": 0.5}, math.sqrt(2 / 1.25 / 300), 0.0),
    ("kaiming_uniform_", {"mode": "fan_out", "nonlinearity": "linear"}, 1 / math.sqrt(200), 0.0),
    ("orthogonal_", {"gain": 3.0}, 3 / math.sqrt(300), 0.0),
    ("constant_", {"val": 0.25}, 0.0, 0.25),
    ("zeros_", {}, 0.0, 0.0),
    ("ones_", {}, 0.0, 1.0),
]


def test_the_table_covers_every_initialisation():
    assert {name for name, *_ in DRAWN} == {name for name in vars(init) if name.endswith("_") and name[0] != "_"}


@pytest.mark.parametrize(("name", "options", "std", "mean"), DRAWN)
def test_initialisations_have_their_mean_and_standard_deviation(name, options, std, mean):
    weight = nn.Parameter(np.zeros((300, 200), np.float32))
    assert getattr(init, name)(weight, **options) is weight
    assert weight.data.std() == pytest.approx(std, rel=0.02)
    assert weight.data.mean() == pytest.approx(mean, abs=4 * std / math.sqrt(60000))
    assert weight.dtype == np.float32


@pytest.mark.parametrize(("name", "options", "std", "mean"), DRAWN)
def test_initialisations_are_distributed_as_pytorchs(name, options, std, mean):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    ours = getattr(init, name)(nn.Parameter(np.zeros((300, 200), np.float32)), **options).data
    theirs = getattr(torch.nn.init, name)(torch.empty(200, 300), **options).numpy()
    shares = np.linspace(0, 1, 21)
    np.testing.assert_allclose(np.quantile(ours, shares)[1:-1], np.quantile(theirs, shares)[1:-1], atol=0.05 * std)
    assert np.abs(ours).max() == pytest.approx(np.abs(theirs).max(), rel=0.2)


@pytest.mark.parametrize("name", ["linear", "sigmoid", "tanh", "relu", "leaky_relu"])
def test_gains_equal_pytorchs(name):
    torch = pytest.importorskip("torch")
    assert init.calculate_gain(name) == pytest.approx(torch.nn.init.calculate_gain(name))
    assert init.calculate_gain("leaky_relu", 0.3) == pytest.approx(torch.nn.init.calculate_gain("leaky_relu", 0.3))


def test_uniform_initialisations_keep_their_bounds():
    weight = nn.Parameter(np.zeros((300, 200), np.float32))
    init.xavier_uniform_(weight)
    bound = math.sqrt(6 / 500)
    assert 0.99 * bound < np.abs(weight.data).max() <= bound


def test_the_seed_decides_the_weights():
    def weights(seed):
        gn.manual_seed(seed)
        return nn.Linear(5, 5).weight.data

    np.testing.assert_array_equal(weights(1), weights(1))
    assert not np.array_equal(weights(1), weights(2))


def test_a_named_activation_decides_the_gain():
    gn.manual_seed(0)
    relu, linear = nn.Linear(400, 300, nonlinearity="relu"), nn.Linear(400, 300)
    assert relu.weight.data.std() / linear.weight.data.std() == pytest.approx(math.sqrt(2), rel=0.02)
    with pytest.raises(gn.ConfigError, match="there is no gain for 'relv'"):
        nn.Linear(2, 2, nonlinearity="relv")


def test_the_activation_that_follows_decides_the_gain():
    gn.manual_seed(1)
    net = nn.Sequential(
        nn.Linear(200, 300, bias=False),
        nn.BatchNorm1d(300),
        nn.Dropout(0.1),
        nn.Tanh(),
        nn.Sequential(nn.Linear(300, 400)),
        nn.LeakyReLU(0.5),
        nn.Linear(400, 10),
    )
    assert net[0].weight.data.std() == pytest.approx(5 / 3 / math.sqrt(200), rel=0.02)
    assert net[4][0].weight.data.std() == pytest.approx(math.sqrt(2 / 1.25 / 300), rel=0.02)
    assert net[6].weight.data.std() == pytest.approx(1 / math.sqrt(400), rel=0.05)
    table = net.summary()
    assert "normal, std 0.118 (tanh, gain 1.67)" in table
    assert "(leaky_relu, gain 1.26)" in table
    assert "(linear, gain 1)" in table


def test_weights_that_are_no_longer_fresh_are_left_alone():
    loaded, written, fresh, named = (nn.Linear(3, 4) for _ in range(4))
    loaded.load_state_dict(loaded.state_dict())
    written.weight.data[0, 0] = 7.0
    named = nn.Linear(3, 4, nonlinearity="linear")
    before = [layer.weight.data.copy() for layer in (loaded, written, fresh, named)]
    nets = [nn.Sequential(layer, nn.ReLU()) for layer in (loaded, written, fresh, named)]
    after = [net[0].weight.data for net in nets]
    for i in (0, 1, 3):
        np.testing.assert_array_equal(before[i], after[i])
    np.testing.assert_allclose(after[2], before[2] * math.sqrt(2), rtol=1e-6)
    np.testing.assert_array_equal(nets[2][:2][0].weight.data, after[2])  # not a second time


@pytest.mark.parametrize("name", ["relu", "elu", "gelu", "silu", "softplus"])
def test_gains_keep_the_size_of_activations(name):
    z = np.random.default_rng(0).standard_normal(1_000_000)
    out = getattr(F, name)(gn.tensor(z)).data
    assert init.calculate_gain(name) == pytest.approx(1 / math.sqrt((out**2).mean()), rel=0.01)


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4), (2, 3, 4)])
def test_orthogonal_weights_keep_lengths(shape):
    w = init.orthogonal_(nn.Parameter(np.zeros(shape)), gain=2.0).data.reshape(-1, shape[-1])
    gram = w.T @ w if w.shape[0] >= w.shape[1] else w @ w.T
    np.testing.assert_allclose(gram, 4 * np.eye(len(gram)), atol=1e-12)


def test_constants_and_fans_of_convolutions():
    w = nn.Parameter(np.ones((3, 3, 8, 16), np.float32))
    assert init.fans(w) == (72, 144)
    assert not init.zeros_(w).data.any()
    assert (init.ones_(w).data == 1).all()
    assert (init.constant_(w, 0.5).data == 0.5).all()
    with pytest.raises(gn.ShapeError, match=r"need weights of shape \(..., in, out\), got \(4,\)"):
        init.fans(gn.tensor(np.ones(4)))

"""Layers: shapes, gradients against finite differences, types, both modes, errors."""

import numpy as np
import pytest

import glassnet as gn
from glassnet import nn

RANDOM = np.random.default_rng(0)
X = RANDOM.standard_normal((5, 4))
SEQUENCES = RANDOM.standard_normal((3, 2, 4))
INDICES = np.array([[0, 2, 2], [1, 0, 6]])


def double(layer: nn.Module) -> nn.Module:
    return layer.to("float64")


LAYERS = [
    ("linear", lambda: nn.Linear(4, 3), X),
    ("linear on sequences", lambda: nn.Linear(4, 3), SEQUENCES),
    ("linear without bias", lambda: nn.Linear(4, 3, bias=False), X),
    ("batch norm", lambda: nn.BatchNorm1d(4), X),
    ("batch norm on sequences", lambda: nn.BatchNorm1d(4), SEQUENCES),
    ("batch norm in evaluation", lambda: nn.BatchNorm1d(4).eval(), X),
    ("flatten", nn.Flatten, SEQUENCES),
    ("relu", nn.ReLU, X),
    ("tanh", nn.Tanh, X),
    ("sigmoid", nn.Sigmoid, X),
    ("softmax", nn.Softmax, X),
    ("sequential", lambda: nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2)), X),
]
EVERY_LAYER = pytest.mark.parametrize(("make", "x"), [case[1:] for case in LAYERS], ids=[case[0] for case in LAYERS])


def with_parameters(layer: nn.Module):
    """The layer as a function of its input and of all its parameters."""
    parameters = list(layer.named_parameters())

    def f(x, *values):
        for (name, _), value in zip(parameters, values, strict=True):
            owner = layer
            *path, last = name.split(".")
            for part in path:
                owner = getattr(owner, part)
            vars(owner)[last] = value
        return layer(x)

    return f, [parameter.data for _, parameter in parameters]


@EVERY_LAYER
def test_gradients_of_inputs_and_parameters(make, x):
    f, values = with_parameters(double(make()))
    assert gn.gradcheck(f, x, *values)


def test_gradients_of_an_embedding_with_repeated_indices():
    f, values = with_parameters(double(nn.Embedding(7, 3)))
    assert gn.gradcheck(f, INDICES, *values)


@pytest.mark.smoke
@EVERY_LAYER
def test_float32_is_kept(make, x):
    layer = make()
    inputs = gn.tensor(x.astype(np.float32), requires_grad=True)
    out = layer(inputs)
    out.backward(gradient=np.ones(out.shape))
    assert out.dtype == inputs.grad.dtype == np.float32
    assert {p.grad.dtype for p in layer.parameters()} <= {np.dtype(np.float32)}


def test_linear_is_x_at_weight_plus_bias():
    layer = nn.Linear(4, 3)
    layer.bias.data = np.array([1, 2, 3], np.float32)
    assert layer.weight.shape == (4, 3)
    x = X.astype(np.float32)
    np.testing.assert_allclose(layer(gn.tensor(x)).data, x @ layer.weight.data + [1, 2, 3], rtol=1e-5)


def test_batch_norm_normalises_in_training_and_uses_running_statistics_in_evaluation():
    layer = nn.BatchNorm1d(4, momentum=0.25)
    x = (3 + 2 * RANDOM.standard_normal((50, 4))).astype(np.float32)
    out = layer(gn.tensor(x)).data
    np.testing.assert_allclose(out.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(out.var(0), 1, atol=1e-4)
    np.testing.assert_allclose(layer.running_mean.data, 0.25 * x.mean(0), rtol=1e-5)
    np.testing.assert_allclose(layer.running_var.data, 0.75 + 0.25 * x.var(0, ddof=1), rtol=1e-5)
    before = layer.running_mean.data.copy()
    layer.eval()
    expected = (x - layer.running_mean.data) / np.sqrt(layer.running_var.data + 1e-5)
    np.testing.assert_allclose(layer(gn.tensor(x)).data, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(layer.running_mean.data, before)


@pytest.mark.parametrize("shape", [(20, 4), (6, 5, 4)])
def test_batch_norm_equals_pytorch(shape):
    torch = pytest.importorskip("torch")
    ours, theirs = double(nn.BatchNorm1d(4)), torch.nn.BatchNorm1d(4).double()
    for _ in range(3):
        x = RANDOM.standard_normal(shape)
        a, b = gn.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
        flipped = b if b.ndim == 2 else b.transpose(1, 2)  # PyTorch has the channels in the second axis
        out, their_out = ours(a), theirs(flipped)
        (out * out * out).sum().backward()
        (their_out**3).sum().backward()
        np.testing.assert_allclose(a.grad, b.grad.numpy(), rtol=1e-7, atol=1e-10)
        np.testing.assert_allclose(ours.running_mean.data, theirs.running_mean.numpy(), rtol=1e-10)
        np.testing.assert_allclose(ours.running_var.data, theirs.running_var.numpy(), rtol=1e-10)


@pytest.mark.parametrize("x", [np.ones((1, 4)), np.ones((1, 1, 4))])
def test_one_value_a_channel_is_an_error_in_training_only(x):
    layer = nn.BatchNorm1d(4)
    with pytest.raises(gn.ShapeError, match="BatchNorm1d 4 expected more than one value a channel"):
        layer(gn.tensor(x))
    assert layer.eval()(gn.tensor(x)).shape == x.shape


@pytest.mark.parametrize(
    ("layer", "x", "words"),
    [
        (
            nn.Linear(16, 10),
            np.ones((100, 32)),
            r"expected inputs with 16 features, got shape \(100, 32\).*Linear\(32, 10\)",
        ),
        (nn.Linear(784, 10), np.ones((3, 28, 28)), r"Put a Flatten\(\) before it"),
        (nn.BatchNorm1d(4), np.ones((5, 3)), "expected inputs with 4 channels"),
        (nn.BatchNorm1d(4), np.ones(4), "expected inputs with 4 channels"),
        (nn.Flatten(2, 1), np.ones((2, 3, 4)), "flatten"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(layer, x, words):
    with pytest.raises(gn.ShapeError, match=words):
        layer(gn.tensor(x))


@pytest.mark.parametrize(
    ("indices", "words"),
    [([0, 7], "from 0 to 6, got 7"), ([-1, 0], "from 0 to 6, got -1"), ([0.0, 1.0], "whole numbers")],
)
def test_indices_without_a_row_are_refused(indices, words):
    with pytest.raises(gn.DataError, match=words):
        nn.Embedding(7, 3)(gn.tensor(indices))


@pytest.mark.parametrize("make", [lambda: nn.Linear(0, 3), lambda: nn.Embedding(3, True), lambda: nn.BatchNorm1d(2.0)])
def test_sizes_must_be_whole_numbers(make):
    with pytest.raises(gn.ConfigError, match="whole number"):
        make()

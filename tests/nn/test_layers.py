"""Layers: shapes, gradients against finite differences, types, both modes, errors."""

import json

import numpy as np
import pytest

import glassnet as gn
from glassnet import nn
from glassnet.engine.random import training_step
from glassnet.nn import config as nn_config
from glassnet.nn import functional as F

from .layer_info import LAYERS, draw_parameters

RANDOM = np.random.default_rng(0)
X = RANDOM.standard_normal((5, 4))
EVERY_LAYER = pytest.mark.parametrize("info", LAYERS, ids=[info.label for info in LAYERS])
VALUED = [info for info in LAYERS if info.x.dtype.kind == "f"]
EVERY_VALUED = pytest.mark.parametrize("info", VALUED, ids=[info.label for info in VALUED])


def test_the_table_covers_every_layer_that_can_be_read_from_a_file():
    assert {type(info.make()).__name__ for info in LAYERS} - {"Sequential"} == set(nn_config.LAYERS)


def test_every_public_layer_can_be_read_from_a_file_and_so_stands_in_the_table():
    public = {name for name in nn.__all__ if isinstance(getattr(nn, name), type)}
    modules = {name for name in public if issubclass(getattr(nn, name), nn.Module)}
    losses = {name for name in modules if getattr(nn, name).task}
    assert modules - losses - {"Module", "Sequential", "ModuleList"} == set(nn_config.LAYERS)


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
def test_gradients_of_inputs_and_parameters(info):
    layer = draw_parameters(info.make().to("float64"))
    f, values = with_parameters(layer)
    if values or info in VALUED:
        assert gn.gradcheck(f, info.x, *values)


@pytest.mark.smoke
@EVERY_VALUED
def test_float32_is_kept(info):
    layer = info.make()
    inputs = gn.tensor(info.x.astype(np.float32), requires_grad=True)
    out = layer(inputs)
    out.backward(gradient=np.ones(out.shape))
    assert out.dtype == inputs.grad.dtype == np.float32
    assert {p.grad.dtype for p in layer.parameters()} <= {np.dtype(np.float32)}


@EVERY_LAYER
def test_a_layer_is_read_from_what_was_written_of_it(info):
    layer = info.make()
    read = nn.from_config(json.loads(json.dumps(nn.to_config(layer))))
    read.load_state_dict(layer.state_dict())
    read.train(layer.training)
    np.testing.assert_array_equal(read(gn.tensor(info.x)).data, layer(gn.tensor(info.x)).data)
    assert repr(read) == repr(layer)


def moved(x, info):
    return np.moveaxis(x, -1, 1) if info.space else x


def as_twin(name, array):
    """An array of ours in the layout of PyTorch: weights (..., in, out) become (out, in, ...)."""
    return np.moveaxis(array, (-1, -2), (0, 1)) if name.endswith("weight") and array.ndim > 1 else array


@pytest.mark.parametrize("info", [info for info in LAYERS if info.twin], ids=lambda info: info.label)
@pytest.mark.filterwarnings("ignore:Using padding=.same")
def test_values_gradients_and_buffers_equal_pytorchs(info):
    torch = pytest.importorskip("torch")
    layer, twin = draw_parameters(info.make().to("float64")), info.twin(torch.nn).double()
    embedding = isinstance(layer, nn.Embedding)
    with torch.no_grad():
        tensors = {**dict(layer.named_parameters()), **dict(layer.named_buffers())}
        for name, theirs in [*twin.named_parameters(), *twin.named_buffers()]:
            if name != "num_batches_tracked":
                array = tensors[name].data
                theirs.copy_(
                    torch.tensor(array if embedding or array.ndim < 2 or "norm" in info.label else as_twin(name, array))
                )
    for _ in range(2):
        ours = gn.tensor(info.x, requires_grad=info in VALUED)
        theirs = torch.tensor(moved(info.x, info).copy(), requires_grad=info in VALUED)
        out, expected = layer(ours), twin(theirs)
        np.testing.assert_allclose(moved(out.data, info), expected.detach().numpy(), rtol=1e-10, atol=1e-12)
        if not out.requires_grad:
            return
        weights = np.cos(np.arange(out.size)).reshape(out.shape)
        out.backward(gradient=weights)
        expected.backward(torch.tensor(moved(weights, info).copy()))
        if info in VALUED:
            np.testing.assert_allclose(moved(ours.grad, info), theirs.grad.numpy(), rtol=1e-9, atol=1e-12)
    twins = dict(twin.named_parameters())
    for name, parameter in layer.named_parameters():
        flip = not (embedding or "norm" in info.label)
        gradient = as_twin(name, parameter.grad) if flip else parameter.grad
        np.testing.assert_allclose(gradient, twins[name].grad.numpy(), rtol=1e-8, atol=1e-11)
    buffers = dict(twin.named_buffers())
    for name, buffer in layer.named_buffers():
        np.testing.assert_allclose(buffer.data, buffers[name].numpy(), rtol=1e-10)


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
        (nn.Conv1d(4, 2, 2), gn.tensor(np.ones((3, 4, 4)))[0], r"expected inputs \(N, T, 4\), got shape \(4, 4\)"),
        (nn.BatchNorm1d(4), np.ones((5, 3)), "expected inputs with 4 channels"),
        (nn.BatchNorm1d(4), np.ones(4), "expected inputs with 4 channels"),
        (nn.Flatten(2, 1), np.ones((2, 3, 4)), "flatten"),
        (nn.BatchNorm2d(4), np.ones((5, 3, 4)), r"expected inputs \(N, H, W, 4\), got shape \(5, 3, 4\)"),
        (nn.Conv2d(3, 8, 3), np.ones((2, 3, 9, 9)), r"Channels are the last axis: write x.permute\(0, 2, 3, 1\)"),
        (nn.Conv2d(1, 8, 3), np.ones((2, 28, 28)), r"Write x.unsqueeze\(-1\) for one channel"),
        (nn.Conv1d(3, 8, 4), np.ones((2, 3, 3)), "reaches over 4 elements does not fit into 3"),
        (nn.MaxPool2d(2), np.ones((2, 3, 3)), r"expected inputs \(N, H, W, C\)"),
        (nn.LayerNorm(4), np.ones((2, 3)), r"last axes \(4,\), got shape \(2, 3\)"),
        (nn.LayerNorm(1), np.ones((2, 1)), "more than one value to normalise over"),
        (nn.GroupNorm(2, 4), np.ones((2, 3)), "expected inputs with 4 channels"),
        (nn.InstanceNorm(4), np.ones((2, 4)), r"expected inputs \(N, \*space, 4\)"),
        (nn.FlattenConsecutive(2), np.ones((2, 5, 4)), "T a multiple of 2, got shape"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(layer, x, words):
    with pytest.raises(gn.ShapeError, match=words):
        layer(gn.tensor(np.asarray(x)))


@pytest.mark.parametrize(
    "layer",
    [
        *(nn.Linear(4, 3), nn.Conv1d(4, 3, 2), nn.MaxPool1d(2), nn.AvgPool1d(2), nn.LayerNorm(4), nn.GroupNorm(2, 4)),
        *(nn.InstanceNorm(4), nn.BatchNorm1d(4).eval(), nn.Dropout(0.5), nn.Flatten(), nn.FlattenConsecutive(2)),
    ],
)
def test_a_batch_without_rows_goes_through(layer):
    x = gn.tensor(np.zeros((0, 6, 4), np.float32), requires_grad=True)
    out = layer(x)
    assert out.shape == (0, *layer(gn.tensor(np.zeros((1, 6, 4), np.float32))).shape[1:])
    out.sum().backward()
    assert x.grad.shape == x.shape
    assert not any(p.grad.any() for p in layer.parameters())


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


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: nn.Conv1d(4, 6, 3, groups=4), "groups must divide"),
        (lambda: nn.Conv2d(4, 6, (3, 3, 3)), "kernel_size must be one number or 2"),
        (lambda: nn.Conv1d(4, 6, 3, stride=2, padding="same"), "'same' needs stride 1"),
        (lambda: nn.Conv1d(4, 6, 3, padding="full"), "must be 'same', 'valid' or numbers"),
        (lambda: nn.Conv1d(4, 6, 3, padding=1, causal=True), "causal pads by itself"),
        (lambda: nn.MaxPool1d(2, padding=2), "at most half of the kernel"),
        (lambda: nn.Dropout(1.0), "less than 1, got 1.0"),
        (lambda: F.dropout(gn.tensor(1.0), 1.5), "dropout p must be a number .* less than 1, got 1.5"),
        (lambda: nn.Dropout("half"), "Dropout p must be a number .* got 'half'"),
        (lambda: nn.BatchNorm1d(4, momentum=None), "BatchNorm1d momentum must be a number .* at most 1, got None"),
        (lambda: nn.BatchNorm2d(4, eps=0), "BatchNorm2d eps must be a number above 0"),
        (lambda: nn.LeakyReLU(float("nan")), "LeakyReLU negative_slope must be a number that is finite, got nan"),
        (lambda: nn.GroupNorm(3, 4), "must divide num_channels"),
        (lambda: nn.LayerNorm(3, eps=0), "eps must be a number above 0"),
        (lambda: nn.ELU(0), "alpha must be a number above 0"),
    ],
)
def test_options_out_of_range_are_refused(make, words):
    with pytest.raises(gn.ConfigError, match=words):
        make()


def test_a_causal_convolution_sees_nothing_of_what_comes_after():
    layer = nn.Conv1d(2, 3, 2, dilation=4, causal=True)
    x = RANDOM.standard_normal((1, 10, 2)).astype(np.float32)
    before = layer(gn.tensor(x)).data
    x[:, 6:] += 1
    after = layer(gn.tensor(x)).data
    assert before.shape == (1, 10, 3)
    np.testing.assert_array_equal(before[:, :6], after[:, :6])
    assert (before[:, 6:] != after[:, 6:]).all()


def test_one_hot_times_weights_is_an_embedding():
    table = nn.Embedding(7, 3)
    linear = nn.Linear(7, 3, bias=False)
    linear.weight.data = table.weight.data
    indices = gn.tensor([[0, 6], [3, 3]])
    np.testing.assert_allclose(linear(nn.OneHot(7)(indices)).data, table(indices).data, rtol=1e-6)
    with pytest.raises(gn.DataError, match="from 0 to 6, got 7"):
        nn.OneHot(7)(gn.tensor([7]))


def test_dropout_drops_the_share_that_it_says_and_keeps_the_mean():
    layer, x = nn.Dropout(0.3), gn.tensor(np.ones((200, 500), np.float32), requires_grad=True)
    out = layer(x)
    out.backward(gradient=np.ones(x.shape))
    assert (out.data == 0).mean() == pytest.approx(0.3, abs=0.01)
    assert out.data.mean() == pytest.approx(1, abs=0.01)
    np.testing.assert_array_equal(x.grad, out.data)  # what was dropped has no gradient, the rest is scaled alike
    assert (layer(x).data != out.data).any()  # another draw
    assert layer.eval()(x) is x


def test_dropout_repeats_with_the_seed_and_the_step():
    x = gn.tensor(np.ones(1000, np.float32))
    draws = []
    for _ in range(2):
        gn.manual_seed(5)
        draws.append([F.dropout(x).data for _ in range(2)])
    np.testing.assert_array_equal(draws[0], draws[1])
    with training_step(5, 7):
        a, b, other = F.dropout(x).data, F.dropout(x).data, F.dropout(x, stream=1).data
    np.testing.assert_array_equal(a, b)
    assert (a != other).any()
    with training_step(5, 8):
        assert (F.dropout(x).data != a).any()


def test_functions_of_space_equal_the_layers():
    images = gn.tensor(RANDOM.standard_normal((2, 6, 6, 3)).astype(np.float32))
    layer = nn.Conv2d(3, 4, 3, padding="same")
    same = F.conv2d(images, layer.weight, layer.bias, padding="same")
    np.testing.assert_array_equal(layer(images).data, same.data)
    np.testing.assert_array_equal(nn.MaxPool2d(2)(images).data, F.max_pool2d(images, 2).data)
    np.testing.assert_array_equal(nn.AvgPool2d(2, 1)(images).data, F.avg_pool2d(images, 2, 1).data)
    row = images.reshape(2, 36, 3)
    conv = nn.Conv1d(3, 4, 2, stride=2)
    np.testing.assert_array_equal(conv(row).data, F.conv1d(row, conv.weight, conv.bias, stride=2).data)
    np.testing.assert_array_equal(nn.AvgPool1d(4)(row).data, F.avg_pool1d(row, 4).data)
    np.testing.assert_array_equal(nn.MaxPool1d(4)(row).data, F.max_pool1d(row, 4).data)
    norm = nn.LayerNorm(3)
    np.testing.assert_array_equal(norm(row).data, F.layer_norm(row, (3,)).data)
    np.testing.assert_array_equal(
        F.pad(images, (1, 2, 0, 3)).data, np.pad(images.data, [(0, 0), (0, 0), (0, 3), (1, 2)])
    )


def test_a_table_that_is_there_draws_nothing_and_is_frozen_unless_asked():
    table = np.arange(6, dtype=np.float32).reshape(3, 2)
    gn.manual_seed(5)
    wanted = nn.Linear(2, 2).weight.data
    gn.manual_seed(5)
    layer = nn.Embedding.from_pretrained(table)
    np.testing.assert_array_equal(nn.Linear(2, 2).weight.data, wanted)
    np.testing.assert_array_equal(layer([2, 0]).data, table[[2, 0]])
    assert not layer.weight.requires_grad
    assert nn.Embedding.from_pretrained(table, freeze=False).weight.requires_grad
    assert repr(layer) == repr(nn.Embedding(3, 2))
    table[0] = 7
    assert layer.weight.data[0, 0] == 0
    for wrong in (np.zeros(3), np.zeros((2, 2), int), np.zeros((0, 2))):
        with pytest.raises(gn.ShapeError, match="takes a table of numbers"):
            nn.Embedding.from_pretrained(wrong)

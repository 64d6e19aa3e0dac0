"""WaveNet-like networks: a tree over one context, and the same weights as dilated causal convolutions."""

import numpy as np
import pytest

import glassnet as gn
from glassnet import nn, optim
from glassnet.models import dilated, mlp, wavenet

RANDOM = np.random.default_rng(0)
SHAPES = [(2, 8), (2, 2), (3, 9), (4, 4), (4, 16)]  # fan-in, context


def indices(*shape):
    return RANDOM.integers(0, 27, shape)


def made(fan_in, context, **options):
    """A small network whose statistics and gains are not those of a new one."""
    net = wavenet(27, context, fan_in=fan_in, embedding_dim=5, hidden=[7], **options)
    for tensor in [*(b for _, b in net.named_buffers()), *(p for p in net.parameters() if p.ndim == 1)]:
        tensor.data = RANDOM.uniform(0.5, 1.5, tensor.shape).astype(np.float32)
    return net


def test_the_published_sizes():
    def count(net):
        return sum(parameter.size for parameter in net.parameters())

    assert count(wavenet(27, 8)) == 76_579
    assert count(wavenet(27, 8, embedding_dim=10, hidden=[68])) == 22_397


@pytest.mark.parametrize(("fan_in", "context"), SHAPES)
def test_each_context_gives_logits(fan_in, context):
    assert made(fan_in, context)(indices(6, context)).shape == (6, 27)


def test_each_stage_may_have_its_own_width():
    net = wavenet(27, 9, fan_in=3, embedding_dim=4, hidden=[5, 6], batch_norm=False, dropout=0.1, activation="relu")
    assert [type(layer).__name__ for layer in net[:5]] == [
        *("Embedding", "FlattenConsecutive", "Linear", "ReLU", "Dropout")
    ]
    assert [(layer.in_features, layer.out_features) for layer in net if isinstance(layer, nn.Linear)] == [
        *((12, 5), (15, 6), (6, 27))
    ]


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        ((27, 6), {}, "a context that is a power of its fan-in 2, got 6. Use 4 or 8."),
        ((27, 1), {}, "a power of its fan-in 2, got 1. Use 2."),
        ((27, 8), {"fan_in": 3}, "a power of its fan-in 3, got 8. Use 3 or 9."),
        ((27, 8), {"fan_in": 1}, "fan-in must be a whole number of at least 2, got 1."),
        ((27, 8), {"hidden": [5, 5]}, "of 3 stages takes one hidden width for all of them or 3, got 2."),
        ((27, 8), {"hidden": []}, "takes one hidden width for all of them or 3, got 0."),
        ((27, 8), {"activation": "swoosh"}, "there is no activation 'swoosh'"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, options, words):
    with pytest.raises(gn.ConfigError) as error:
        wavenet(*arguments, **options)
    assert words in str(error.value)


def test_batch_norm_has_its_statistics_over_rows_and_positions():
    net = wavenet(27, 8, hidden=[7]).train()
    x = indices(6, 8)
    before = net[:3](x).numpy()  # (6, 4, 7): what the first BatchNorm gets
    net(x)
    np.testing.assert_allclose(net[3].running_mean.numpy(), 0.1 * before.mean((0, 1)), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(net[3].running_var.numpy(), 0.9 + 0.1 * before.reshape(24, 7).var(0, ddof=1), rtol=1e-4)


@pytest.mark.parametrize(("fan_in", "context"), SHAPES)
def test_dilated_convolutions_give_the_same_at_every_position_with_a_whole_context(fan_in, context):
    net = made(fan_in, context).eval()
    text = indices(3, 2 * context + 1)
    logits = dilated(net)(text)
    assert logits.shape == (3, 2 * context + 1, 27)
    for last in range(context - 1, text.shape[1]):
        window = text[:, last - context + 1 : last + 1]
        np.testing.assert_allclose(logits[:, last].numpy(), net(window).numpy(), rtol=1e-4, atol=1e-5)
    early = np.concatenate([np.zeros((3, context - 1), np.int64), text], 1)[:, :context]
    assert not np.allclose(logits[:, 0].numpy(), net(early).numpy(), atol=1e-3)  # zeros are not the boundary's row


def test_dilated_convolutions_are_causal():
    conv = dilated(made(2, 8).eval())
    text = indices(2, 12)
    other = text.copy()
    other[:, 7] = (other[:, 7] + 1) % 27
    same = np.isclose(conv(text).numpy(), conv(other).numpy(), atol=1e-7).all((0, 2))
    assert same[:7].all()
    assert not same[7:].any()  # up to 8 positions later


def test_they_are_the_convolutions_of_conv1d():
    net = made(2, 8).eval()
    layers, dilation, x = [], 1, indices(2, 10)
    for layer in net:
        if isinstance(layer, nn.Linear) and layer is not net[-1]:
            conv = nn.Conv1d(layer.in_features // 2, 7, 2, dilation=dilation, causal=True, bias=False)
            conv.weight.data = layer.weight.data.reshape(2, -1, 7)
            dilation *= 2
            layers.append(conv)
        elif not isinstance(layer, nn.FlattenConsecutive):
            layers.append(layer)
    np.testing.assert_allclose(nn.Sequential(*layers)(x).numpy(), dilated(net)(x).numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("fan_in", "context"), SHAPES)
def test_in_training_mode_outputs_and_gradients_are_the_same_without_batch_norm(fan_in, context):
    net = made(fan_in, context, batch_norm=False).to("float64").train()
    conv = dilated(net)
    assert {id(p) for p in conv.parameters()} == {id(p) for p in net.parameters()}
    x, y = indices(5, context), indices(5)
    found = []
    for logits in (lambda: net(x), lambda: conv(x)[:, -1]):
        net.zero_grad()
        loss = nn.functional.cross_entropy(logits(), y)
        loss.backward()
        found.append([loss.item(), *(parameter.grad.copy() for parameter in net.parameters())])
    for tree, convolutions in zip(*found, strict=True):
        np.testing.assert_allclose(tree, convolutions, rtol=1e-10, atol=1e-14)


def test_with_batch_norm_the_statistics_differ_in_training_and_what_one_learns_the_other_has_learned():
    net = made(2, 8)
    conv = dilated(net)
    x, y = indices(64, 8), indices(64)
    assert not np.allclose(net.train()(x).numpy(), conv.train()(x)[:, -1].numpy(), atol=1e-2)
    optimizer = optim.SGD(conv.parameters(), lr=0.1)
    before = net.eval()(x).numpy()
    for _ in range(3):
        loss = nn.functional.cross_entropy(conv.train()(x)[:, -1], y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    after = net.eval()(x).numpy()
    assert not np.allclose(after, before, atol=1e-2)
    np.testing.assert_allclose(conv.eval()(x)[:, -1].numpy(), after, rtol=1e-4, atol=1e-5)


def test_other_networks_have_no_dilated_form():
    with pytest.raises(gn.ConfigError, match="this network has no FlattenConsecutive"):
        dilated(mlp(4, [3], 2))
    with pytest.raises(gn.ConfigError, match="needs a Linear after each FlattenConsecutive, got Tanh"):
        dilated(nn.Sequential(nn.Embedding(27, 3), nn.FlattenConsecutive(2), nn.Tanh()))


def test_the_tree_is_written_as_json_and_read_again():
    net = made(2, 4).eval()
    again = nn.from_config(nn.to_config(net)).eval()
    again.load_state_dict(net.state_dict())
    x = indices(2, 4)
    np.testing.assert_array_equal(net(x).numpy(), again(x).numpy())


@pytest.mark.parametrize("form", [lambda net: net, dilated])
def test_both_forms_are_trained_by_compiled_steps(form):
    """Compiled and eager steps lead to the same weights, but for rounding."""
    x = indices(64, 4)
    y = x if form is dilated else x[:, 0]
    weights = []
    for native in (True, False):
        gn.manual_seed(1)
        net = form(wavenet(27, 4, embedding_dim=4, hidden=[6])).to("float64")
        optimizer = optim.AdamW(net.parameters(), lr=0.01)
        gn.fit(
            net,
            (x, y),
            loss=nn.CrossEntropyLoss(),
            optimizer=optimizer,
            steps=10,
            batch_size=32,
            compile=native,
            progress=False,
            folder=None,
            diagnostics=None,
        )
        weights.append([parameter.data for parameter in net.parameters()])
    for compiled, eager in zip(*weights, strict=True):
        np.testing.assert_allclose(compiled, eager, rtol=1e-8, atol=1e-10)

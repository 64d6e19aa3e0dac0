"""Whole networks compiled, beside the eager ones over 20 steps: known ones, and ones that Hypothesis draws.

A longer run by hand: pytest tests/compiler/test_networks.py -n0 --hypothesis-profile=long
"""

from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import glassnet as gn
from glassnet import nn, optim

from .agreement import Work, assert_agrees, is_steady

RANDOM = np.random.default_rng(0)
ROWS, LABELS = RANDOM.standard_normal((30, 4)), RANDOM.integers(0, 3, 30)
NAMES, LETTERS, CONTEXTS = (RANDOM.integers(0, 9, shape) for shape in ((40, 3), 40, (40, 8)))
SEQUENCES, IMAGES = RANDOM.standard_normal((20, 9, 4)), RANDOM.standard_normal((20, 8, 9, 2))


def sequential(*layers):
    """How to make a network of (class, arguments)."""

    def make():
        gn.manual_seed(1)
        return nn.Sequential(*(layer[0](*layer[1:]) for layer in layers))

    return make


class Tied(nn.Module):
    """The embedding is the last layer too."""

    def __init__(self):
        gn.manual_seed(1)
        self.embedding, self.hidden = nn.Embedding(9, 6), nn.Linear(18, 6)

    def forward(self, x):
        h = self.hidden(self.embedding(x).reshape(x.shape[0], -1)).tanh()
        return h @ self.embedding.weight.T


class Twice(nn.Module):
    """A layer that is passed twice."""

    def __init__(self):
        gn.manual_seed(1)
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 3)

    def forward(self, x):
        return self.b(self.a(self.a(x).relu()).relu())


class Unused(nn.Module):
    """Parameters that the loss does not depend on, and a number as a parameter."""

    def __init__(self):
        gn.manual_seed(1)
        self.a, self.b = nn.Linear(4, 3), nn.Linear(4, 3)
        self.scale = nn.Parameter(np.ones(()))

    def forward(self, x):
        return self.a(x) * self.scale


def frozen():
    """A first layer that is not trained."""
    gn.manual_seed(1)
    net = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 3))
    for parameter in net[0].parameters():
        parameter.requires_grad = False
    return net


def mlp(*widths, activation=nn.ReLU):
    layers = [part for n, m in pairwise(widths) for part in ((nn.Linear, n, m), (activation,))]
    return sequential(*layers[:-1])


def block(consecutive, channels, width):
    """A level of a WaveNet-like network."""
    grouped = (nn.FlattenConsecutive, consecutive), (nn.Linear, consecutive * channels, width, False)
    return *grouped, (nn.BatchNorm1d, width), (nn.Tanh,)


NAMES_NET = sequential(
    (nn.Embedding, 9, 5),
    (nn.Flatten,),
    (nn.Linear, 15, 20, False),
    (nn.BatchNorm1d, 20),
    (nn.Tanh,),
    (nn.Linear, 20, 9),
)
WAVENET = sequential((nn.Embedding, 9, 4), *block(2, 4, 6), *block(2, 6, 6), *block(2, 6, 6), (nn.Linear, 6, 9))
CAUSAL = partial(nn.Conv1d, causal=True)
CONV1D = sequential((CAUSAL, 4, 5, 2), (nn.ReLU,), (partial(CAUSAL, dilation=2), 5, 3, 2))
CONV2D = sequential(
    (partial(nn.Conv2d, padding=1, bias=False), 2, 4, 3),
    (nn.BatchNorm2d, 4),
    (nn.ReLU,),
    (nn.MaxPool2d, 2),
    (partial(nn.Conv2d, groups=2), 4, 6, 3),
    (nn.GELU,),
    (nn.AvgPool2d, 2),
    (nn.Flatten,),
    (nn.Linear, 6, 3),
)
NORMS = sequential(
    (nn.Linear, 4, 8), (nn.LayerNorm, 8), (nn.ELU,), (nn.GroupNorm, 2, 8), (nn.Softplus,), (nn.Linear, 8, 3)
)
INSTANCES = sequential(
    (partial(nn.InstanceNorm, affine=True), 4), (nn.Conv1d, 4, 5, 3), (nn.LeakyReLU,), (nn.Flatten,), (nn.Linear, 35, 3)
)
DROPOUT = sequential(
    (nn.Linear, 4, 50), (nn.Dropout, 0.3), (nn.ReLU,), (nn.Linear, 50, 16), (nn.Dropout, 0.5), (nn.Linear, 16, 3)
)


def momentum(parameters):
    return optim.SGD(parameters, lr=0.05, momentum=0.9)


def adamw(parameters):
    return optim.AdamW(parameters, lr=0.01, eps=1e-4)


NETWORKS = {
    "mlp": Work(mlp(4, 16, 16, 3), ROWS, LABELS, batch=10),
    "names": Work(NAMES_NET, NAMES, LETTERS, batch=32),
    "names by one-hot": Work(
        sequential((nn.OneHot, 9), (nn.Flatten,), (nn.Linear, 27, 20), (nn.Tanh,), (nn.Linear, 20, 9)), NAMES, LETTERS
    ),
    "bigram": Work(sequential((nn.OneHot, 9), (nn.Linear, 9, 9, False)), NAMES[:, 0], LETTERS, batch=11),
    "wavenet": Work(WAVENET, CONTEXTS, LETTERS, batch=7),
    "conv1d": Work(CONV1D, SEQUENCES, RANDOM.integers(0, 3, (20, 9))),
    "conv2d": Work(CONV2D, IMAGES, RANDOM.integers(0, 3, 20)),
    "norms": Work(NORMS, ROWS, LABELS),
    "instance norm": Work(INSTANCES, SEQUENCES, RANDOM.integers(0, 3, 20)),
    "dropout": Work(DROPOUT, ROWS, LABELS),
    "tied": Work(Tied, NAMES, LETTERS, batch=8),
    "twice": Work(Twice, ROWS, LABELS),
    "unused": Work(Unused, ROWS, LABELS, optimizer=momentum),
    "frozen": Work(frozen, ROWS, LABELS, optimizer=adamw),
    "one wide": Work(mlp(4, 1, 1, 3, activation=nn.Sigmoid), ROWS, LABELS, batch=1),
    "regression": Work(mlp(4, 9, 1, activation=nn.Tanh), ROWS, RANDOM.standard_normal((30, 1)), nn.MSELoss(), adamw),
    "wide": Work(mlp(100, 130, 70, 10), RANDOM.standard_normal((120, 100)), RANDOM.integers(0, 10, 120), batch=64),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NETWORKS)
def test_networks(name, dtype):
    work = NETWORKS[name]
    work.dtype = dtype
    assert_agrees(work)


def test_dropout_draws_the_same_bits():
    work = Work(sequential((nn.Linear, 4, 50), (nn.Dropout, 0.3)), ROWS, LABELS)
    for ours, theirs in zip(work.native()[0]["out"], work.eager()[0]["out"], strict=True):
        np.testing.assert_array_equal(ours == 0, theirs == 0)
        assert 0.1 < (ours == 0).mean() < 0.5


# Networks that Hypothesis draws

ACTIVATIONS = [
    nn.ReLU, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Softplus, nn.Tanh, nn.Sigmoid, nn.Softmax, nn.LogSoftmax
]  # fmt: skip
WIDTHS = st.one_of(st.integers(1, 9), st.integers(10, 40))


@dataclass(frozen=True)
class Drawn:
    """Layers as (class, arguments), and the shape of a row that goes through them."""

    layers: tuple
    shape: tuple


def extended(draw, net, batch):
    """One more layer that fits."""
    *space, channels = net.shape
    places = int(np.prod(space))
    # Of two or three numbers, normalisation leaves little more than rounding.
    norms = [(nn.LayerNorm, channels), (nn.GroupNorm, 1, channels)] if channels > 3 else []
    norms += [(nn.BatchNorm1d, channels)] if batch * places > 3 else []
    norms += [(nn.GroupNorm, channels, channels)] if places > 3 else []
    choices = ["linear", "activation", "activation", "dropout", *(["norm"] if norms else [])]
    if len(space) == 1 and space[0] > 3:
        choices += ["conv", "causal", "pool", "instance"]
    if len(space) == 2 and min(space) > 3:
        choices += ["conv", "pool", "instance"]
    if len(space) == 1 and space[0] % 2 == 0:
        choices.append("consecutive")
    kind = draw(st.sampled_from(choices))
    shape = net.shape
    if kind == "linear":
        width = draw(WIDTHS)
        layer, shape = (nn.Linear, channels, width, draw(st.booleans())), (*space, width)
    elif kind == "activation":
        layer = (draw(st.sampled_from(ACTIVATIONS)),)
    elif kind == "norm":
        layer = draw(st.sampled_from(norms))
    elif kind == "dropout":
        layer = (nn.Dropout, draw(st.sampled_from([0.1, 0.5])))
    elif kind == "instance":
        layer = (partial(nn.InstanceNorm, affine=draw(st.booleans())), channels)
    elif kind == "consecutive":
        layer, shape = (nn.FlattenConsecutive, 2), (space[0] // 2, 2 * channels)
        shape = shape[1:] if shape[0] == 1 else shape
    elif kind == "causal":
        width = draw(st.integers(1, 9))
        layer, shape = (partial(CAUSAL, dilation=draw(st.integers(1, 3))), channels, width, 2), (*space, width)
    else:
        one = len(space) == 1
        kernel, stride, padding = draw(st.integers(2, 3)), draw(st.integers(1, 2)), draw(st.integers(0, 1))
        space = [(n + 2 * padding - kernel) // stride + 1 for n in space]
        if kind == "pool":
            pools = [nn.MaxPool1d, nn.AvgPool1d] if one else [nn.MaxPool2d, nn.AvgPool2d]
            layer, shape = (draw(st.sampled_from(pools)), kernel, stride, padding), (*space, channels)
        else:
            width = draw(st.integers(1, 9))
            make = partial(nn.Conv1d if one else nn.Conv2d, stride=stride, padding=padding)
            layer, shape = (make, channels, width, kernel), (*space, width)
    return Drawn((*net.layers, layer), tuple(shape))


@st.composite
def works(draw):
    """A network with a loss and an optimizer."""
    batch, rows = draw(st.integers(1, 40)), 45
    random = np.random.default_rng(draw(st.integers(0, 99)))
    start = draw(st.sampled_from(["rows", "letters", "sequences", "images"]))
    if start == "letters":
        context, width = draw(st.sampled_from([1, 2, 3, 4, 8])), draw(WIDTHS)
        x, net = random.integers(0, 9, (rows, context)), Drawn(((nn.Embedding, 9, width),), (context, width))
    else:
        shape = {"rows": (draw(WIDTHS),), "sequences": (draw(st.integers(1, 9)), 3), "images": (5, 6, 2)}[start]
        x, net = random.standard_normal((rows, *shape)), Drawn((), shape)
    for _ in range(draw(st.integers(0, 5))):
        net = extended(draw, net, batch)
    classes = draw(st.integers(1, 9))
    flat = int(np.prod(net.shape))
    layers = [*net.layers, *([(nn.Flatten,)] if len(net.shape) > 1 else []), (nn.Linear, flat, classes)]
    loss, y = draw(
        st.sampled_from(
            [
                (nn.CrossEntropyLoss(), random.integers(0, classes, rows)),
                (nn.CrossEntropyLoss(label_smoothing=0.1), random.integers(0, classes, rows)),
                (nn.MSELoss(), random.standard_normal((rows, classes))),
                (nn.HuberLoss(), random.standard_normal((rows, classes))),
                (nn.BCEWithLogitsLoss(), random.random((rows, classes))),
            ]
        )
    )
    optimizer = draw(
        st.sampled_from(
            [
                partial(optim.SGD, lr=0.02),
                partial(optim.SGD, lr=0.01, momentum=0.9, nesterov=True, weight_decay=0.01),
                partial(optim.RMSprop, lr=0.001, eps=0.01),
                partial(optim.AdamW, lr=0.001, eps=0.01),
            ]
        )
    )
    dtype, clip = draw(st.sampled_from(["float32", "float64"])), draw(st.booleans())
    between = (lambda p: {"norm": optim.clip_grad_norm_(p, 1.0)}) if clip else (lambda p: {})
    make = sequential(*layers)
    return Work(make, x, y, loss, optimizer, between, dtype=dtype, batch=batch, steps=20 if dtype == "float64" else 4)


@given(work=works())
@settings(max_examples=10)
def test_drawn_networks(work):
    assume(is_steady(work))
    assert_agrees(work)

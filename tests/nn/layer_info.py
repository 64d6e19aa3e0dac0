"""The table that drives the tests of all layers: how one is made, an input, and its twin in PyTorch."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassnet import nn

RANDOM = np.random.default_rng(0)


def normal(*shape):
    return RANDOM.standard_normal(shape)


ROWS, SEQUENCES, IMAGES = normal(5, 4), normal(3, 6, 4), normal(2, 5, 6, 4)
INDICES = np.array([[0, 2, 2], [1, 0, 6]])


@dataclass(frozen=True)
class LayerInfo:
    """``twin(torch)`` makes the layer of PyTorch, or is None where it has none. Space is channels-first there."""

    label: str
    make: Callable[[], nn.Module]
    x: np.ndarray
    twin: Callable[[Any], Any] | None = None
    #: Whether the twin takes (N, C, *space) for our (N, *space, C).
    space: bool = False


LAYERS = [
    LayerInfo("linear", lambda: nn.Linear(4, 3), ROWS, lambda t: t.Linear(4, 3)),
    LayerInfo("linear on sequences", lambda: nn.Linear(4, 3), SEQUENCES, lambda t: t.Linear(4, 3)),
    LayerInfo("linear without bias", lambda: nn.Linear(4, 3, bias=False), ROWS, lambda t: t.Linear(4, 3, bias=False)),
    LayerInfo("embedding", lambda: nn.Embedding(7, 3), INDICES, lambda t: t.Embedding(7, 3)),
    LayerInfo("one-hot", lambda: nn.OneHot(7), INDICES),
    LayerInfo("joined indices", lambda: nn.JoinIndices(7), INDICES),
    LayerInfo("conv1d", lambda: nn.Conv1d(4, 3, 2), SEQUENCES, lambda t: t.Conv1d(4, 3, 2), True),
    LayerInfo(
        "conv1d with everything",
        lambda: nn.Conv1d(4, 6, 3, stride=2, padding=2, dilation=2, groups=2, bias=False),
        SEQUENCES,
        lambda t: t.Conv1d(4, 6, 3, stride=2, padding=2, dilation=2, groups=2, bias=False),
        True,
    ),
    LayerInfo(
        "conv1d, same",
        lambda: nn.Conv1d(4, 2, 4, padding="same"),
        SEQUENCES,
        lambda t: t.Conv1d(4, 2, 4, padding="same"),
        True,
    ),
    LayerInfo("conv1d, causal", lambda: nn.Conv1d(4, 2, 3, dilation=2, causal=True), SEQUENCES),
    LayerInfo("conv2d", lambda: nn.Conv2d(4, 3, 3, padding=1), IMAGES, lambda t: t.Conv2d(4, 3, 3, padding=1), True),
    LayerInfo(
        "conv2d with everything",
        lambda: nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2), groups=2),
        IMAGES,
        lambda t: t.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2), groups=2),
        True,
    ),
    LayerInfo("max pool 1d", lambda: nn.MaxPool1d(2), SEQUENCES, lambda t: t.MaxPool1d(2), True),
    LayerInfo("avg pool 1d", lambda: nn.AvgPool1d(3, 2, 1), SEQUENCES, lambda t: t.AvgPool1d(3, 2, 1), True),
    LayerInfo("max pool 2d", lambda: nn.MaxPool2d(3, 2, 1), IMAGES, lambda t: t.MaxPool2d(3, 2, 1), True),
    LayerInfo("avg pool 2d", lambda: nn.AvgPool2d((2, 3)), IMAGES, lambda t: t.AvgPool2d((2, 3)), True),
    LayerInfo("batch norm", lambda: nn.BatchNorm1d(4), ROWS, lambda t: t.BatchNorm1d(4)),
    LayerInfo("batch norm on sequences", lambda: nn.BatchNorm1d(4), SEQUENCES, lambda t: t.BatchNorm1d(4), True),
    LayerInfo("batch norm 2d", lambda: nn.BatchNorm2d(4), IMAGES, lambda t: t.BatchNorm2d(4), True),
    LayerInfo("batch norm, evaluated", lambda: nn.BatchNorm1d(4).eval(), ROWS, lambda t: t.BatchNorm1d(4).eval()),
    LayerInfo("layer norm", lambda: nn.LayerNorm(4), SEQUENCES, lambda t: t.LayerNorm(4)),
    LayerInfo("layer norm, two axes", lambda: nn.LayerNorm((6, 4)), SEQUENCES, lambda t: t.LayerNorm((6, 4))),
    LayerInfo(
        "layer norm, plain",
        lambda: nn.LayerNorm(4, elementwise_affine=False),
        ROWS,
        lambda t: t.LayerNorm(4, elementwise_affine=False),
    ),
    LayerInfo("group norm", lambda: nn.GroupNorm(2, 4), IMAGES, lambda t: t.GroupNorm(2, 4), True),
    LayerInfo("group norm on rows", lambda: nn.GroupNorm(2, 4), ROWS, lambda t: t.GroupNorm(2, 4)),
    LayerInfo("instance norm", lambda: nn.InstanceNorm(4), IMAGES, lambda t: t.InstanceNorm2d(4), True),
    LayerInfo(
        "instance norm, affine",
        lambda: nn.InstanceNorm(4, affine=True),
        SEQUENCES,
        lambda t: t.InstanceNorm1d(4, affine=True),
        True,
    ),
    LayerInfo("dropout, evaluated", lambda: nn.Dropout(0.5).eval(), ROWS, lambda t: t.Dropout(0.5).eval()),
    LayerInfo("identity", nn.Identity, ROWS, lambda t: t.Identity()),
    LayerInfo("flatten", nn.Flatten, IMAGES, lambda t: t.Flatten()),
    LayerInfo("unflatten", lambda: nn.Unflatten(1, (2, 3)), SEQUENCES, lambda t: t.Unflatten(1, (2, 3))),
    LayerInfo("flatten consecutive", lambda: nn.FlattenConsecutive(2), SEQUENCES),
    LayerInfo("flatten consecutive, all", lambda: nn.FlattenConsecutive(6), SEQUENCES, lambda t: t.Flatten()),
    LayerInfo("relu", nn.ReLU, ROWS, lambda t: t.ReLU()),
    LayerInfo("leaky relu", lambda: nn.LeakyReLU(0.2), ROWS, lambda t: t.LeakyReLU(0.2)),
    LayerInfo("elu", lambda: nn.ELU(0.5), ROWS, lambda t: t.ELU(0.5)),
    LayerInfo("gelu", nn.GELU, ROWS, lambda t: t.GELU()),
    LayerInfo("silu", nn.SiLU, ROWS, lambda t: t.SiLU()),
    LayerInfo("softplus", nn.Softplus, ROWS, lambda t: t.Softplus()),
    LayerInfo("tanh", nn.Tanh, ROWS, lambda t: t.Tanh()),
    LayerInfo("sigmoid", nn.Sigmoid, ROWS, lambda t: t.Sigmoid()),
    LayerInfo("softmax", nn.Softmax, ROWS, lambda t: t.Softmax(-1)),
    LayerInfo("log-softmax", nn.LogSoftmax, ROWS, lambda t: t.LogSoftmax(-1)),
    LayerInfo("sequential", lambda: nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2)), ROWS),
]


def draw_parameters(layer):
    """Parameters and buffers that differ from each other: zeros and ones hide mistakes."""
    random = np.random.default_rng(1)
    for tensor in [*(p for _, p in layer.named_parameters()), *(b for _, b in layer.named_buffers())]:
        tensor.data = random.uniform(0.5, 1.5, tensor.shape)
    return layer

"""Operations for whole layers and losses, each with the plain operations that it stands for."""

import numpy as np
import scipy.special

from .op_record import Case, OpInfo, normal, refusal, sample

ROWS = [(2, 3), (3,), (4, 2, 3), (1, 3), (0, 3), (2, 0, 3)]
SOFTMAXES = [
    ((3,), -1),
    ((2, 3), -1),
    ((2, 3), 0),
    ((2, 3, 4), 1),
    ((2, 1), -1),
    ((2, 3, 2), -3),
    ((0, 3), 1),
    ((9, 9), 1),
]
AXIS_2 = r" cannot take shapes \(2, 3\): axis 2 is out of bounds"


def softmax_samples(rng, dtype):
    return [sample(normal(rng, dtype, *shape), axis=axis) for shape, axis in SOFTMAXES]


def cross_entropy_samples(rng, dtype):
    targets = [[0, 2, 2, 1], [1, 1], [0, 0, 0], [4]]
    shapes = [(4, 3), (2, 2), (3, 1), (1, 5)]
    return [sample(normal(rng, dtype, *shape), np.array(t)) for shape, t in zip(shapes, targets, strict=True)]


def batch_norm_samples(rng, dtype):
    shapes = [((6, 3), 1e-5), ((2, 3, 4), 1e-3), ((4, 1), 1e-5), ((2, 2, 2, 2), 1e-5), ((40, 2), 0.1)]
    return [
        sample(normal(rng, dtype, *shape), normal(rng, dtype, shape[-1]), normal(rng, dtype, shape[-1]), eps=eps)
        for shape, eps in shapes
    ]


def batch_norm_reference(x, gain, bias, eps):
    axes = tuple(range(x.ndim - 1))
    return (x - x.mean(axes)) / np.sqrt(x.var(axes) + eps) * gain + bias


def composed_batch_norm(x, gain, bias, eps):
    axes = tuple(range(x.ndim - 1))
    return (x - x.mean(axes)) / (x.var(axes, correction=0) + eps).sqrt() * gain + bias


#: x, gain and bias, axes
LAYER_NORMS = [
    ((2, 3), (3,), (-1,)),
    ((4, 2, 3), (3,), (-1,)),
    ((4, 2, 3), (2, 3), (1, 2)),
    ((3, 5, 2), (2,), (1,)),
    ((2, 4, 2, 3), (2, 3), (1, 3)),
    ((0, 3), (3,), (-1,)),
    ((2, 3), (), (-1,)),
    ((2, 3), (1,), (-1,)),
    ((2, 3), (2, 1), (-1,)),
    ((4, 2, 3), (4, 2, 3), (0, 2)),
]


def layer_norm_samples(rng, dtype):
    return [
        *(
            sample(normal(rng, dtype, *x), normal(rng, dtype, *gain), normal(rng, dtype, *gain), axes=axes, eps=1e-3)
            for x, gain, axes in LAYER_NORMS
        ),
        sample(normal(rng, dtype, 2, 3), normal(rng, dtype, 3), normal(rng, dtype, 2, 1), axes=(-1,), eps=1e-3),
        sample(normal(rng, dtype, 2, 3), 1.0, 0.0, axes=(-1,), eps=1e-3),
    ]


def layer_norm_reference(x, gain, bias, axes=(-1,), eps=1e-5):
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps) * gain + bias


def composed_layer_norm(x, gain, bias, axes=(-1,), eps=1e-5):
    spread = (x.var(axes, keepdims=True, correction=0) + eps).sqrt()
    return (x - x.mean(axes, keepdims=True)) / spread * gain + bias


def composed_log_softmax(x, axis):
    return x - x.exp().sum(axis, keepdims=True).log()


FUSED = [
    OpInfo(
        "linear",
        lambda rng, dtype: [
            sample(normal(rng, dtype, *s), normal(rng, dtype, 3, 4), normal(rng, dtype, 4)) for s in ROWS
        ],
        lambda x, weight, bias: x @ weight + bias,
        composed=lambda x, weight, bias: x @ weight + bias,
        refusals=(
            refusal(r"linear cannot take shapes \(2, 3\) and \(4, 5\) and \(5,\)", (2, 3), (4, 5), (5,)),
            refusal(r"linear cannot take shapes \(2, 3\) and \(3, 5\) and \(4,\)", (2, 3), (3, 5), (4,)),
            # A bias for each row would broadcast; its gradient would then be wrong.
            refusal(r"linear cannot take shapes \(2, 3\) and \(3, 5\) and \(2, 5\)", (2, 3), (3, 5), (2, 5)),
            refusal("linear cannot take shapes", (), (3, 5), (5,)),
        ),
    ),
    OpInfo(
        "project",
        lambda rng, dtype: [sample(normal(rng, dtype, *s), normal(rng, dtype, 3, 4)) for s in ROWS],
        lambda x, weight: x @ weight,
        composed=lambda x, weight: x @ weight,
        refusals=(
            refusal(r"project cannot take shapes \(2, 3\) and \(4, 5\)", (2, 3), (4, 5)),
            refusal(r"project cannot take shapes \(2, 3\) and \(3,\)", (2, 3), (3,)),
        ),
    ),
    OpInfo(
        "log_softmax",
        softmax_samples,
        lambda x, axis: scipy.special.log_softmax(x, axis),
        composed=composed_log_softmax,
        edges=(
            Case("far apart, the likely", ([1e4, -1e4],), [0.0, -2e4], ([0.0, 0.0],), seed=[1.0, 0.0]),
            Case("far apart, the unlikely", ([1e4, -1e4],), [0.0, -2e4], ([-1.0, 1.0],), seed=[0.0, 1.0]),
            Case("all large", ([1e4, 1e4],), [-np.log(2)] * 2, ([0.5, -0.5],), seed=[1.0, 0.0]),
            Case("with a masked element", ([0.0, -np.inf],), [0.0, -np.inf], ([0.0, 0.0],), seed=[1.0, 0.0]),
        ),
        refusals=(refusal("log_softmax" + AXIS_2, (2, 3), axis=2),),
    ),
    OpInfo(
        "softmax",
        softmax_samples,
        lambda x, axis: scipy.special.softmax(x, axis),
        composed=lambda x, axis: composed_log_softmax(x, axis).exp(),
        edges=(
            Case("far apart", ([1e4, 0.0, -1e4],), [1.0, 0.0, 0.0], ([0.0, 0.0, 0.0],), seed=[1.0, 2.0, 3.0]),
            Case("all large", ([1e4, 1e4],), [0.5, 0.5], ([0.25, -0.25],), seed=[1.0, 0.0]),
            Case("all very negative", ([-1e4, -1e4],), [0.5, 0.5], ([0.25, -0.25],), seed=[1.0, 0.0]),
        ),
        refusals=(refusal("softmax" + AXIS_2, (2, 3), axis=2),),
    ),
    OpInfo(
        "softmax_cross_entropy",
        cross_entropy_samples,
        lambda logits, targets: -scipy.special.log_softmax(logits, 1)[np.arange(len(targets)), targets],
        composed=lambda logits, targets: -composed_log_softmax(logits, 1)[np.arange(len(targets)), targets],
        edges=(
            Case(
                "sure, and right or wrong",
                ([[1e4, -1e4], [1e4, -1e4]], np.array([0, 1])),
                [0.0, 2e4],
                ([[0.0, 0.0], [1.0, -1.0]],),
            ),
            Case(
                "rows weighted by the gradient of the output",
                ([[1e4, 1e4], [-1e4, -1e4]], np.array([0, 0])),
                [np.log(2), np.log(2)],
                ([[-1.0, 1.0], [1.5, -1.5]],),
                seed=[2.0, -3.0],
            ),
        ),
        refusals=(
            refusal(r"softmax_cross_entropy cannot take .*index 3 is out of bounds", (2, 3), np.array([3, 0])),
            refusal(r"softmax_cross_entropy cannot take shapes \(2, 3\) and \(3,\)", (2, 3), np.array([0, 1, 2])),
            refusal(r"softmax_cross_entropy cannot take shapes \(3,\) and \(3,\)", (3,), np.array([0, 1, 2])),
        ),
    ),
    OpInfo(
        "batch_norm",
        batch_norm_samples,
        batch_norm_reference,
        composed=composed_batch_norm,
        edges=(
            Case(
                "a channel that does not vary",
                ([[7.0], [7.0]], [2.0], [3.0]),
                [[3.0], [3.0]],
                ([[100.0], [-100.0]], [0.0], [1.0]),
                seed=[[1.0], [0.0]],
                static={"eps": 1e-4},
            ),
            Case(
                "a small variance beside a large mean",
                ([[10000.0], [10002.0]], [1.0], [0.0]),
                [[-1.0], [1.0]],
                ([[0.0], [0.0]], [0.0], [2.0]),
                static={"eps": 1e-12},
            ),
        ),
        refusals=(
            refusal(r"batch_norm cannot take shapes \(2, 3\) and \(2,\) and \(3,\)", (2, 3), (2,), (3,)),
            refusal(r"batch_norm cannot take shapes \(2, 3\) and \(3,\) and \(2,\)", (2, 3), (3,), (2,)),
        ),
    ),
    OpInfo(
        "layer_norm",
        layer_norm_samples,
        layer_norm_reference,
        composed=composed_layer_norm,
        edges=(
            Case(
                "an example that does not vary",
                ([[7.0, 7.0]], [2.0, 2.0], [3.0, 3.0]),
                [[3.0, 3.0]],
                ([[100.0, -100.0]], [0.0, 0.0], [1.0, 0.0]),
                seed=[[1.0, 0.0]],
                static={"eps": 1e-4},
            ),
            Case(
                "a small variance beside a large mean",
                ([[10000.0, 10002.0]], [1.0, 1.0], [0.0, 0.0]),
                [[-1.0, 1.0]],
                ([[0.0, 0.0]], [-1.0, 1.0], [1.0, 1.0]),
                static={"eps": 1e-12},
            ),
        ),
        refusals=(refusal(r"layer_norm cannot take shapes \(2, 3\) and \(2,\)", (2, 3), (2,), (3,)),),
    ),
]

"""Convolution, pooling and padding, each beside plain loops over places."""

from itertools import product

import numpy as np

from .op_record import Case, OpInfo, normal, refusal, sample, spaced


def pad_space(x, padding, value=0.0):
    return np.pad(x, [(0, 0), *padding, (0, 0)], constant_values=value)


def each_window(x, kernel, stride, dilation):
    """The place and the elements (N, *kernel, C) of each window."""
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    counts = [(n - r) // s + 1 for n, r, s in zip(x.shape[1:-1], reach, stride, strict=True)]
    for place in product(*map(range, counts)):
        spans = [slice(p * s, p * s + r, d) for p, s, r, d in zip(place, stride, reach, dilation, strict=True)]
        yield counts, place, x[(slice(None), *spans)]


def conv_reference(x, weight, stride, padding, dilation, groups=1):
    kernel, (width, outputs) = weight.shape[:-2], weight.shape[-2:]
    result = None
    for counts, place, window in each_window(pad_space(x, padding), kernel, stride, dilation):
        if result is None:
            result = np.zeros((len(x), *counts, outputs))
        for o in range(outputs):
            group = o // (outputs // groups)
            seen = window[..., group * width : (group + 1) * width]
            result[(slice(None), *place, o)] = (seen * weight[..., o]).sum(tuple(range(1, x.ndim)))
    return result


def pool_reference(reduce, value):
    def reference(x, kernel, stride, padding):
        result = None
        for counts, place, window in each_window(pad_space(x, padding, value), kernel, stride, (1,) * len(kernel)):
            if result is None:
                result = np.zeros((len(x), *counts, x.shape[-1]))
            result[(slice(None), *place)] = reduce(window, axis=tuple(range(1, x.ndim - 1)))
        return result

    return reference


#: x, weight, stride, padding, dilation, groups
CONVOLUTIONS = [
    ((2, 5, 3), (2, 3, 4), (1,), ((0, 0),), (1,), 1),
    ((2, 7, 3), (3, 3, 2), (2,), ((1, 2),), (1,), 1),
    ((1, 8, 2), (2, 2, 3), (1,), ((4, 0),), (4,), 1),
    ((2, 9, 4), (3, 2, 6), (3,), ((2, 2),), (2,), 2),
    ((2, 6, 3), (2, 1, 6), (1,), ((0, 0),), (1,), 3),
    ((3, 4, 1), (1, 1, 1), (1,), ((0, 0),), (1,), 1),
    ((0, 4, 2), (2, 2, 3), (1,), ((1, 0),), (1,), 1),
    ((2, 5, 6, 3), (3, 2, 3, 4), (1, 1), ((0, 0), (0, 0)), (1, 1), 1),
    ((2, 6, 5, 2), (3, 3, 2, 3), (2, 1), ((1, 1), (1, 0)), (1, 2), 1),
    ((1, 4, 5, 4), (2, 3, 2, 4), (1, 2), ((1, 1), (2, 1)), (2, 1), 2),
]
#: x, kernel, stride, padding
POOLS = [
    ((2, 6, 3), (2,), (2,), ((0, 0),)),
    ((2, 7, 2), (3,), (1,), ((1, 1),)),
    ((1, 5, 2), (2,), (3,), ((0, 0),)),
    ((0, 4, 2), (2,), (2,), ((0, 0),)),
    ((2, 4, 6, 2), (2, 2), (2, 2), ((0, 0), (0, 0))),
    ((2, 5, 5, 1), (3, 2), (1, 2), ((1, 1), (0, 1))),
]


def pool_samples(rng, dtype):
    return [
        sample(spaced(rng, dtype, *shape), kernel=kernel, stride=stride, padding=padding)
        for shape, kernel, stride, padding in POOLS
    ]


ONE_AXIS = {"stride": (1,), "padding": ((0, 0),), "dilation": (1,)}

CONV = [
    OpInfo(
        "conv",
        lambda rng, dtype: [
            sample(
                normal(rng, dtype, *x), normal(rng, dtype, *w), stride=stride, padding=pad, dilation=dil, groups=groups
            )
            for x, w, stride, pad, dil, groups in CONVOLUTIONS
        ],
        conv_reference,
        edges=(
            Case(
                "an edge detector",
                ([[[1.0], [1.0], [5.0]]], [[[-1.0]], [[1.0]]]),
                [[[0.0], [4.0]]],
                ([[[-1.0], [0.0], [1.0]]], [[[2.0]], [[6.0]]]),
                static=ONE_AXIS,
            ),
        ),
        refusals=(
            refusal(
                "conv cannot take shapes .* reaches over 4 elements does not fit", (1, 3, 2), (4, 2, 1), **ONE_AXIS
            ),
            refusal("conv cannot take shapes .* for 3 channels", (1, 5, 2), (2, 3, 1), **ONE_AXIS),
            refusal("conv cannot take shapes .* for 2 channels", (1, 5, 2), (2, 1, 3), **ONE_AXIS, groups=2),
        ),
    ),
    OpInfo(
        "max_pool",
        pool_samples,
        pool_reference(np.max, -np.inf),
        kinks=(
            Case(
                "a tie",
                ([[[3.0], [3.0], [1.0]]],),
                [[[3.0]]],
                ([[[0.5], [0.5], [0.0]]],),
                static={"kernel": (3,), "stride": (1,), "padding": ((0, 0),)},
            ),
        ),
        refusals=(
            refusal(
                "max_pool cannot take .* int64 cannot be padded with -inf",
                np.zeros((1, 2, 1), np.int64),
                kernel=(2,),
                stride=(1,),
                padding=((1, 0),),
            ),
            refusal("max_pool cannot take .* does not fit", (1, 2, 1), kernel=(3,), stride=(1,), padding=((0, 0),)),
        ),
    ),
    OpInfo("avg_pool", pool_samples, pool_reference(np.mean, 0.0)),
    OpInfo(
        "pad",
        lambda rng, dtype: [
            sample(normal(rng, dtype, *shape), widths=widths, value=value)
            for shape, widths, value in [
                ((3,), ((1, 2),), 0.0),
                ((2, 3), ((0, 0), (2, 0)), -1.5),
                ((2, 0), ((1, 0), (1, 1)), 2.0),
                ((), (), 0.0),
            ]
        ],
        lambda x, widths, value: np.pad(x, widths, constant_values=value) if x.ndim else x,
        refusals=(refusal("pad cannot take shapes", (2, 3), widths=((1, 1),)),),
    ),
]

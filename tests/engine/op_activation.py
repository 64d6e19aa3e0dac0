"""Activation functions: at ordinary places, far out, and at their kinks."""

import numpy as np
import scipy.special

from .op_elementwise import SHAPES, unary
from .op_record import Case, OpInfo, normal, sample, spaced

FAR = [-1e4, 0.0, 1e4]


def with_option(name, option, values, reference, **more):
    """Every shape with the default, and one with each value of the option."""

    def samples(rng, dtype):
        plain = [sample(spaced(rng, dtype, *s)) for s in SHAPES]
        return plain + [sample(spaced(rng, dtype, 2, 3), **{option: value}) for value in values]

    return OpInfo(name, samples, reference, **more)


def gelu(x):
    return x * scipy.special.ndtr(x)


ACTIVATION = [
    unary("tanh", normal, np.tanh, edges=(Case("far out", (FAR,), [-1.0, 0.0, 1.0], ([0.0, 1.0, 0.0],)),)),
    unary(
        "sigmoid",
        normal,
        scipy.special.expit,
        edges=(
            Case("far out", (FAR,), [0.0, 0.5, 1.0], ([0.0, 0.25, 0.0],)),
            Case("small, to full precision", ([-40.0],), np.exp([-40.0]), (np.exp([-40.0]),)),
        ),
    ),
    unary(
        "softplus",
        normal,
        lambda x: np.logaddexp(x, 0),
        edges=(
            Case("far out", (FAR,), [0.0, np.log(2), 1e4], ([0.0, 0.5, 1.0],)),
            Case("small, to full precision", ([-40.0],), np.exp([-40.0]), (np.exp([-40.0]),)),
        ),
    ),
    unary(
        "relu",
        spaced,
        lambda x: np.where(x > 0, x, 0),
        edges=(Case("far out", ([-1e4, 1e4],), [0.0, 1e4], ([0.0, 1.0],)),),
        kinks=(Case("at 0", ([-1.0, 0.0, 2.0],), [0.0, 0.0, 2.0], ([0.0, 0.0, 1.0],)),),
    ),
    with_option(
        "leaky_relu",
        "negative_slope",
        [0.0, 0.5],
        lambda x, negative_slope=0.01: np.where(x > 0, x, negative_slope * x),
        edges=(Case("far out", ([-1e4, 1e4],), [-100.0, 1e4], ([0.01, 1.0],)),),
        kinks=(Case("at 0", ([0.0],), [0.0], ([0.25],), static={"negative_slope": 0.25}),),
    ),
    with_option(
        "elu",
        "alpha",
        [0.5, 2.0],
        lambda x, alpha=1.0: np.where(x > 0, x, alpha * np.expm1(x)),
        edges=(Case("far out", ([-1e4, 1e4],), [-1.0, 1e4], ([0.0, 1.0],)),),
        kinks=(
            Case("at 0", ([0.0],), [0.0], ([1.0],)),
            Case("at 0, alpha 2", ([0.0],), [0.0], ([2.0],), static={"alpha": 2.0}),
        ),
    ),
    unary(
        "gelu",
        normal,
        gelu,
        edges=(
            Case("far out", (FAR,), [0.0, 0.0, 1e4], ([0.0, 0.5, 1.0],)),
            Case("at 1", ([1.0],), [0.8413447460685429], ([1.0833154705876864],)),
        ),
    ),
    unary(
        "silu",
        normal,
        lambda x: x * scipy.special.expit(x),
        edges=(Case("far out", (FAR,), [0.0, 0.0, 1e4], ([0.0, 0.5, 1.0],)),),
    ),
]

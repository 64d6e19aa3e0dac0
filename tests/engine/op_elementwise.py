"""Operations that compute each element from the elements at the same place."""

from functools import partial

import numpy as np

from .op_record import Case, OpInfo, normal, positive, refusal, sample, signed, spaced

#: Shapes of one input.
SHAPES = [(), (3,), (2, 3), (2, 1, 3), (0,), (2, 0), (70,)]

#: Shapes of two inputs that broadcast against each other, in every way that there is.
PAIRS = [
    ((), ()),
    ((3,), (3,)),
    ((1,), ()),
    ((2, 3), ()),
    ((), (2, 3)),
    ((2, 3), (3,)),
    ((3,), (2, 3)),
    ((2, 3), (1, 1)),
    ((2, 1), (1, 3)),
    ((4, 1, 3), (2, 1)),
    ((1, 1, 1), (2,)),
    ((0, 3), (1, 3)),
    ((2, 1), (2, 0)),
]


def unary(name, make, reference, **more):
    return OpInfo(name, lambda rng, dtype: [sample(make(rng, dtype, *s)) for s in SHAPES], reference, **more)


def binary(name, make_a, make_b, reference, constants=(), **more):
    """``constants``: pairs of inputs where None stands for an array."""

    def samples(rng, dtype):
        pairs = [sample(make_a(rng, dtype, *a), make_b(rng, dtype, *b)) for a, b in PAIRS]
        return pairs + [
            sample(make_a(rng, dtype, 2, 3) if a is None else a, make_b(rng, dtype, 2, 3) if b is None else b)
            for a, b in constants
        ]

    words = rf"{name} cannot take shapes \(2,\) and \(3,\)"
    return OpInfo(name, samples, reference, refusals=(refusal(words, (2,), (3,)),), **more)


def power_samples(rng, dtype):
    pairs = [sample(positive(rng, dtype, *a), normal(rng, dtype, *b)) for a, b in PAIRS]
    numbers = [sample(signed(rng, dtype, 2, 3), b) for b in (2, 3, -1, 1, 0, 2.0, -2.0)]
    roots = [sample(positive(rng, dtype, 3), b) for b in (0.5, -0.5, 0.0)]
    whole = [sample(signed(rng, dtype, 2, 3), np.array([-2, 0, 3]))]
    return [*pairs, *numbers, *roots, *whole, sample(2.0, normal(rng, dtype, 3)), sample(3, normal(rng, dtype))]


def where_samples(rng, dtype):
    def mask(*shape):
        return np.asarray(rng.random(shape) < 0.5)

    return [
        sample(mask(*condition), normal(rng, dtype, *a), normal(rng, dtype, *b))
        for condition, a, b in [
            ((), (), ()),
            ((2, 3), (2, 3), (2, 3)),
            ((3,), (2, 3), ()),
            ((2, 1), (3,), (1, 1)),
            ((2, 3), (), (3,)),
            ((0,), (1,), (0,)),
        ]
    ] + [
        sample(mask(2, 3), normal(rng, dtype, 2, 3), 0.0),
        sample(mask(2, 3), 1, normal(rng, dtype, 3)),
    ]


NEAR = partial(spaced, offset=0.02)  # between the places of spaced(): never a tie

ELEMENTWISE = [
    binary("add", normal, normal, np.add, [(None, 2), (0.5, None)]),
    binary("subtract", normal, normal, np.subtract, [(None, 2), (0.5, None)]),
    binary("multiply", normal, normal, np.multiply, [(None, 2), (0.5, None)]),
    binary(
        "divide",
        normal,
        signed,
        np.divide,
        [(None, 2), (0.5, None)],
        edges=(
            Case("by zero", ([1.0, -1.0, 0.0], 0.0), [np.inf, -np.inf, np.nan], ieee=True),
            Case("large by large", ([1e30], [1e30]), [1.0], ([1e-30], [-1e-30])),
        ),
    ),
    unary("negate", normal, np.negative),
    OpInfo(
        "power",
        power_samples,
        np.power,
        edges=(
            Case("of a negative base", ([-2.0], [2.0]), [4.0], ([-4.0], [np.nan]), ieee=True),
            Case("of a negative base that is fixed", ([-2.0, -2.0], 3), [-8.0, -8.0], ([12.0, 12.0],)),
        ),
        kinks=(
            Case("0 ** b", ([0.0, 0.0], [2.0, 1.0]), [0.0, 0.0], ([0.0, 1.0], [0.0, 0.0])),
            Case("0 ** 0.5", ([0.0], [0.5]), [0.0], ([np.inf], [0.0]), ieee=True),
            Case("a ** 0", ([3.0, -3.0, 0.0], [0.0, 0.0, 0.0]), [1.0, 1.0, 1.0], ([0.0, 0.0, 0.0], None), ieee=True),
            Case("3 ** 0", ([3.0], [0.0]), [1.0], ([0.0], [np.log(3.0)])),
            Case("0 ** 0", ([0.0], [0.0]), [1.0], ([0.0], [0.0])),
            Case("a ** 0, the number", ([3.0, -3.0, 0.0], 0), [1.0, 1.0, 1.0], ([0.0, 0.0, 0.0],)),
            Case("0 ** number", ([0.0], 2), [0.0], ([0.0],)),
            Case("0 ** 1", ([0.0], 1.0), [0.0], ([1.0],)),
            Case("number 0 ** b", (0.0, [2.0]), [0.0], ([0.0],)),
        ),
        refusals=(refusal(r"power cannot take shapes \(2,\) and \(3,\)", (2,), (3,)),),
    ),
    unary("exp", normal, np.exp, edges=(Case("of -1e4", ([-1e4, 0.0],), [0.0, 1.0], ([0.0, 1.0],)),)),
    unary(
        "log",
        positive,
        np.log,
        edges=(
            Case("large and small", ([1e30, 1e-30],), [30 * np.log(10), -30 * np.log(10)], ([1e-30, 1e30],)),
            Case("at and below 0", ([0.0, -1.0],), [-np.inf, np.nan], ieee=True),
        ),
    ),
    unary(
        "sqrt",
        positive,
        np.sqrt,
        edges=(Case("large and small", ([1e30, 1e-30],), [1e15, 1e-15], ([0.5e-15, 0.5e15],)),),
        kinks=(Case("at 0", ([0.0, 4.0],), [0.0, 2.0], ([0.0, 0.25],)),),
    ),
    unary("abs", spaced, np.abs, kinks=(Case("at 0", ([-2.0, 0.0, 3.0],), [2.0, 0.0, 3.0], ([-1.0, 0.0, 1.0],)),)),
    unary("expm1", normal, np.expm1, edges=(Case("near 0", ([1e-14, -1e4],), [1e-14, -1.0], ([1.0, 0.0],)),)),
    unary(
        "log1p",
        positive,
        np.log1p,
        edges=(
            Case("near 0", ([1e-14],), [1e-14], ([1.0],)),
            Case("at and below -1", ([-1.0, -2.0],), [-np.inf, np.nan], ieee=True),
        ),
    ),
    unary("sin", normal, np.sin, edges=(Case("at 0", ([0.0],), [0.0], ([1.0],)),)),
    unary("cos", normal, np.cos, edges=(Case("at 0", ([0.0],), [1.0], ([0.0],)),)),
    OpInfo(
        "clip",
        lambda rng, dtype: [
            *[sample(spaced(rng, dtype, *s), min=-0.1, max=0.2) for s in SHAPES],
            *[sample(spaced(rng, dtype, 2, 3), min=low, max=high) for low, high in [(None, 0.1), (0.1, None)]],
            sample(spaced(rng, dtype, 3)),
        ],
        lambda x, **bounds: np.clip(x, bounds.get("min"), bounds.get("max")),
        kinks=(
            Case(
                "on and beyond the bounds",
                ([-2.0, -1.0, 0.0, 1.0, 2.0],),
                [-1.0, -1.0, 0.0, 1.0, 1.0],
                ([0.0, 1.0, 1.0, 1.0, 0.0],),
                static={"min": -1.0, "max": 1.0},
            ),
        ),
    ),
    binary(
        "maximum",
        spaced,
        NEAR,
        np.maximum,
        [(None, 0.0), (0, None)],
        kinks=(
            Case("ties", ([1.0, 2.0, 3.0], [1.0, 3.0, 2.0]), [1.0, 3.0, 3.0], ([0.5, 0.0, 1.0], [0.5, 1.0, 0.0])),
            Case("ties that broadcast", ([1.0, 1.0], [1.0]), [1.0, 1.0], ([0.5, 0.5], [1.0])),
        ),
    ),
    binary(
        "minimum",
        spaced,
        NEAR,
        np.minimum,
        [(None, 0.0), (0, None)],
        kinks=(
            Case("ties", ([1.0, 2.0, 3.0], [1.0, 3.0, 2.0]), [1.0, 2.0, 2.0], ([0.5, 1.0, 0.0], [0.5, 0.0, 1.0])),
            Case("ties that broadcast", ([1.0, 1.0], [1.0]), [1.0, 1.0], ([0.5, 0.5], [1.0])),
        ),
    ),
    OpInfo(
        "where",
        where_samples,
        np.where,
        edges=(
            Case(
                "what is not chosen may be anything",
                (np.array([True, False]), [1.0, np.inf], [np.nan, 2.0]),
                [1.0, 2.0],
                ([1.0, 0.0], [0.0, 1.0]),
            ),
        ),
        refusals=(refusal(r"where cannot take shapes \(2,\) and \(3,\) and \(\)", (2,), (3,), ()),),
    ),
    OpInfo(
        "cast",
        lambda rng, dtype: [sample(normal(rng, dtype, *s), dtype=np.dtype(np.float64)) for s in SHAPES],
        lambda x, dtype: x.astype(dtype),
    ),
]

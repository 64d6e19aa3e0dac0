"""Operations that reduce, move, pick and multiply whole arrays."""

import numpy as np

from .op_record import Case, OpInfo, normal, refusal, sample, spaced

# Reductions

#: Shape, axis, keepdims. Each reduced axis has at least 2 elements: a variance needs them.
REDUCTIONS = [
    ((3,), None, False),
    ((3,), None, True),
    ((3,), 0, False),
    ((3,), -1, True),
    ((2, 3), None, False),
    ((2, 3), None, True),
    ((2, 3), 0, False),
    ((2, 3), 0, True),
    ((2, 3), (0, 1), False),
    ((2, 3, 4), -2, False),
    ((2, 3, 4), (0, 2), False),
    ((2, 3, 4), (-1, 0), True),
    ((2, 3, 4), (2,), False),
    ((0, 3), 1, False),
    ((3, 0), 0, True),
    ((80,), None, False),
]
#: Over a single element, over no axis, without axes.
NARROW = [((), None, False), ((), None, True), ((1, 3), 0, False), ((2, 1), (-1,), True), ((2, 3), (), False)]

AXIS_2 = r" cannot take shapes \(2, 3\): axis 2 is out of bounds for array of dimension 2"


def reduction(name, make, reference, shapes, **more):
    def samples(rng, dtype):
        return [sample(make(rng, dtype, *shape), axis=axis, keepdims=keep) for shape, axis, keep in shapes]

    refusals = (
        refusal(name + AXIS_2, (2, 3), axis=2),
        refusal(f"{name} cannot take shapes .*duplicate value in 'axis'", (2, 3), axis=(0, -2)),
        *more.pop("refusals", ()),
    )
    return OpInfo(name, samples, reference, refusals=refusals, **more)


def var_samples(rng, dtype):
    wide = [sample(normal(rng, dtype, *s), axis=axis, keepdims=keep) for s, axis, keep in REDUCTIONS]
    corrected = [
        sample(normal(rng, dtype, *s), axis=axis, correction=correction)
        for s, axis, correction in [((4,), None, 0), ((2, 4), 1, 2), ((2, 3), (0, 1), 0), ((1, 3), 0, 0)]
    ]
    return wide + corrected


def extremes(sign):
    """The places where elements tie for the largest (sign 1) or the smallest (sign -1)."""

    def case(label, x, output, gradient, **static):
        return Case(label, ((sign * np.array(x)).tolist(),), sign * np.array(output), (gradient,), static=static)

    return (
        case("two of three tie", [1.0, 3.0, 3.0], 3.0, [0.0, 0.5, 0.5]),
        case("rows", [[1.0, 1.0], [2.0, 0.0]], [1.0, 2.0], [[0.5, 0.5], [1.0, 0.0]], axis=1),
        case("all tie", [[5.0, 5.0], [5.0, 5.0]], [[5.0]], [[0.25, 0.25], [0.25, 0.25]], keepdims=True),
    )


REDUCE = [
    reduction("sum", normal, np.sum, [*REDUCTIONS, *NARROW, ((0, 3), 0, False), ((2, 0), None, True)]),
    reduction("mean", normal, np.mean, REDUCTIONS + NARROW),
    OpInfo(
        "var",
        var_samples,
        lambda x, axis=None, keepdims=False, correction=1: np.var(x, axis, ddof=correction, keepdims=keepdims),
        edges=(
            Case("small beside the mean", ([10000.0, 10001.0, 10002.0],), 1.0, ([-1.0, 0.0, 1.0],)),
            Case("of equal numbers", ([3.0, 3.0],), 0.0, ([0.0, 0.0],)),
            # One number has no variance: 0 / 0, as in NumPy and PyTorch.
            Case("of one number", ([3.0],), np.nan, ([np.nan],), ieee=True),
        ),
        refusals=(refusal("var" + AXIS_2, (2, 3), axis=2),),
    ),
    reduction(
        "max",
        spaced,
        np.max,
        REDUCTIONS + NARROW,
        kinks=extremes(1),
        refusals=(refusal("max cannot take shapes .*zero-size array", (0,)),),
    ),
    reduction(
        "min",
        spaced,
        np.min,
        REDUCTIONS + NARROW,
        kinks=extremes(-1),
        refusals=(refusal("min cannot take shapes .*zero-size array", (0,)),),
    ),
    reduction(
        "logsumexp",
        normal,
        np.logaddexp.reduce,
        REDUCTIONS + NARROW,
        edges=(
            Case("large", ([1e4, 1e4],), 1e4 + np.log(2), ([0.5, 0.5],)),
            Case("very negative", ([-1e4, -1e4],), np.log(2) - 1e4, ([0.5, 0.5],)),
            Case(
                "far apart", ([[1e4, -1e4], [-1e4, 0.0]],), [1e4, 0.0], ([[1.0, 0.0], [0.0, 1.0]],), static={"axis": 1}
            ),
            Case("with a masked element", ([0.0, -np.inf],), 0.0, ([1.0, 0.0],)),
        ),
    ),
    OpInfo(
        "cumsum",
        lambda rng, dtype: [
            sample(normal(rng, dtype, *shape), axis=axis)
            for shape, axis in [((3,), 0), ((2, 3), 0), ((2, 3), -1), ((2, 3, 4), 1), ((0, 3), 1), ((2, 0), 1)]
        ],
        lambda x, axis: np.cumsum(x, axis),
        edges=(
            Case(
                "each counts in all sums after it",
                ([1.0, 2.0, 3.0],),
                [1.0, 3.0, 6.0],
                ([3.0, 2.0, 1.0],),
                static={"axis": 0},
            ),
        ),
        refusals=(refusal("cumsum" + AXIS_2, (2, 3), axis=2),),
    ),
]

# Shapes


def moved(name, option, reference, shapes, **more):
    """``shapes``: pairs of a shape and the value of the row's one option."""

    def samples(rng, dtype):
        return [sample(normal(rng, dtype, *shape), **{option: value}) for shape, value in shapes]

    return OpInfo(name, samples, reference, **more)


def joined(name, reference, shapes, **more):
    def samples(rng, dtype):
        return [sample(*(normal(rng, dtype, *shape) for shape in parts), axis=axis) for parts, axis in shapes]

    return OpInfo(name, samples, lambda *parts, axis: reference(parts, axis), **more)


SHAPE = [
    moved(
        "reshape",
        "shape",
        lambda x, shape: np.reshape(x, shape),
        [
            *[((2, 6), (3, 4)), ((2, 6), (-1,)), ((2, 6), (2, -1, 3)), ((12,), (2, 3, 2))],
            *[((), (1,)), ((1, 1), ()), ((0, 3), (3, 0)), ((0, 3), (0,)), ((2, 0), (-1, 3))],
        ],
        refusals=(
            refusal(r"reshape cannot take shapes \(2, 3\): .*into shape \(4,2\)", (2, 3), shape=(4, 2)),
            refusal(r"reshape cannot take shapes \(2, 3\): .*one unknown", (2, 3), shape=(-1, -1)),
        ),
    ),
    moved(
        "permute",
        "axes",
        lambda x, axes: np.transpose(x, axes),
        [((2, 3, 4), (2, 0, 1)), ((2, 3, 4), (-1, 0, -2)), ((2, 3), (1, 0)), ((3,), (0,)), ((), ()), ((0, 3), (1, 0))],
        refusals=(
            refusal(r"permute cannot take shapes \(2, 3\): repeated axis", (2, 3), axes=(0, 0)),
            refusal(r"permute cannot take shapes \(2, 3\): axes don't match", (2, 3), axes=(0,)),
        ),
    ),
    moved(
        "expand",
        "shape",
        lambda x, shape: np.broadcast_to(x, shape),
        [
            *[((3,), (2, 3)), ((2, 1), (2, 4)), ((), (2,)), ((1, 1, 3), (4, 2, 3))],
            *[((1,), (0,)), ((2, 3), (2, 3)), ((2, 1), (3, 2, 2)), ((), ())],
        ],
        refusals=(refusal(r"expand cannot take shapes \(2, 3\)", (2, 3), shape=(2, 4)),),
    ),
    joined(
        "concatenate",
        np.concatenate,
        [
            *[(((2, 3), (1, 3)), 0), (((2, 3), (2, 0), (2, 2)), -1), (((3,), (2,), (1,)), 0)],
            *[(((2, 1, 2), (2, 3, 2)), -2), (((2, 3),), 1)],
        ],
        refusals=(
            refusal(r"concatenate cannot take shapes \(2, 3\) and \(2, 2\)", (2, 3), (2, 2), axis=0),
            refusal(r"concatenate cannot take shapes \(2, 3\) and \(2, 3\): axis 2", (2, 3), (2, 3), axis=2),
            refusal(r"concatenate cannot take shapes \(\) and \(\)", (), ()),
        ),
    ),
    joined(
        "stack",
        np.stack,
        [
            *[(((2, 3), (2, 3)), 0), (((2, 3),) * 3, 1), (((2, 3), (2, 3)), -1), (((2, 3), (2, 3)), -2)],
            *[(((), (), ()), 0), (((3,),), 1), (((0, 2), (0, 2)), 0)],
        ],
        refusals=(
            refusal(r"stack cannot take shapes \(2, 3\) and \(3,\)", (2, 3), (3,), axis=0),
            refusal(r"stack cannot take shapes \(2,\) and \(2,\): axis 2", (2,), (2,), axis=2),
        ),
    ),
]

# Positions

MASK = np.array([[True, False, True], [False, False, True]])
INDICES = [
    *[((), ()), ((), ...), ((), None), ((4,), 2), ((4,), -1), ((4,), np.int64(1)), ((4,), slice(None))],
    *[((4,), slice(1, 3)), ((4,), slice(None, None, -2)), ((4,), slice(2, 2))],
    *[((2, 3), 1), ((2, 3), (1, -2)), ((2, 3), (slice(None), 1)), ((2, 3), (..., 0)), ((2, 3), (None, 1, None))],
    *[((4,), [0, 0, 3]), ((4,), np.array([[1, 1], [-1, 3]])), ((4,), []), ((4,), np.array(2)), ((4, 0), [1, 1])],
    *[((4, 3), [2, 0, 2, -2]), ((4, 3), np.array([[0, 1], [0, 0]])), ((4, 3), np.uint8([1, 1])), ((4, 3), ([0, 0],))],
    *[((4, 3), ([0, 0, 3], [1, 1, -1])), ((4, 3), (slice(None), [2, 2])), ((4, 3), ([3, 3], slice(0, 2)))],
    *[((4, 3), ([[0], [0]], [1, 1, 2])), ((2, 3, 4), (0, slice(None), [1, 1])), ((2, 3, 4), ([1, 1], ..., [0, 0]))],
    *[((2, 3, 4), (..., [0, 0])), ((2, 3, 4), ([1, 1], None, 2)), ((2, 3), MASK), ((2, 3), ~MASK & MASK)],
    *[((3,), [True, False, True]), ((2, 3, 4), MASK), ((2, 3), (MASK[:, 0], 1)), ((4, 2, 3), ([0, 0, 1], MASK))],
]

INDEX = [
    OpInfo(
        "index",
        lambda rng, dtype: [sample(normal(rng, dtype, *shape), index=index) for shape, index in INDICES],
        lambda x, index: x[index],
        caller=lambda x, index: x[index],
        edges=(
            Case("read twice", ([1.0, 2.0, 4.0],), [1.0, 1.0, 4.0], ([2.0, 0.0, 1.0],), static={"index": [0, 0, 2]}),
        ),
    ),
    OpInfo(
        "embedding",
        lambda rng, dtype: [
            sample(np.asarray(indices), normal(rng, dtype, *shape))
            for indices, shape in [
                *[([0, 3, 3, 1], (4, 2)), ([[1, 1, 1], [0, 2, 1]], (3, 4)), (2, (3, 2)), ([0, 0], (1, 1))],
                *[(np.zeros((0,), np.int64), (3, 2)), (np.zeros((2, 0), np.int64), (3, 2)), ([1, 0], (2, 0))],
            ]
        ],
        lambda indices, weight: np.eye(len(weight))[indices] @ weight,
        edges=(
            Case(
                "read twice",
                (np.array([1, 1, 0]), [[1.0], [2.0], [4.0]]),
                [[2.0], [2.0], [1.0]],
                ([[1.0], [2.0], [0.0]],),
            ),
        ),
        refusals=(
            refusal(r"embedding cannot take shapes \(1,\) and \(2, 3\): index 2", np.array([2]), (2, 3)),
            refusal(r"embedding cannot take .* must be of integer", np.array([1.0]), (2, 3)),
        ),
    ),
]

# Products

PRODUCTS = [
    *[((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 3), (3, 4)), ((1, 1), (1, 1)), ((5, 2, 3), (3,))],
    *[((3,), (5, 3, 2)), ((5, 2, 3), (3, 4)), ((2, 3), (5, 3, 4)), ((5, 2, 3), (5, 3, 4)), ((1, 2, 3), (5, 3, 1))],
    *[((2, 1, 2, 3), (3, 3, 2)), ((2, 1, 2, 3), (3,)), ((3,), (2, 1, 3, 2)), ((2, 3, 1, 2), (2, 1, 2, 2))],
    *[((0, 3), (3, 2)), ((2, 0), (0, 3)), ((2, 0), (0,)), ((0,), (0, 2)), ((0,), (0,)), ((0, 2, 3), (3,))],
]

LINALG = [
    OpInfo(
        "matmul",
        lambda rng, dtype: [sample(normal(rng, dtype, *a), normal(rng, dtype, *b)) for a, b in PRODUCTS],
        np.matmul,
        refusals=(
            refusal(r"matmul cannot take shapes \(2, 3\) and \(2, 3\)", (2, 3), (2, 3)),
            refusal(r"matmul cannot take shapes \(\) and \(3,\)", (), (3,)),
            refusal(r"matmul cannot take shapes \(2, 2, 3\) and \(3, 3, 2\)", (2, 2, 3), (3, 3, 2)),
        ),
    )
]

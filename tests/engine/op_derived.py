"""What is made of a row or two and has none of its own: each a method, beside NumPy."""

import numpy as np

from glassnet.engine.functions import concatenate

from .op_arrays import NARROW, REDUCTIONS
from .op_record import Case, OpInfo, normal, sample


def method(name, reference, shapes, **more):
    """``shapes``: pairs of a shape and the options of the method."""
    return OpInfo(
        name,
        lambda rng, dtype: [sample(normal(rng, dtype, *shape), **options) for shape, options in shapes],
        reference,
        caller=lambda x, **options: getattr(x, name)(**options),
        **more,
    )


def axes(name, *pairs):
    return [(shape, {name: value}) for shape, value in pairs]


def backwards(parts):
    """The parts joined in reverse order: one array that shows where each came to lie."""
    return concatenate([part.reshape(-1) for part in parts][::-1])


SPLITS = [((5,), 2, 0), ((2, 6), 3, 1), ((2, 6), [1, 0, 5], -1), ((3, 2), 7, 0), ((4, 1), [4], 0), ((2, 0), 1, 0)]

DERIVED = [
    method(
        "std",
        lambda x, axis, keepdims, correction=1: np.std(x, axis, ddof=correction, keepdims=keepdims),
        [
            *[(shape, {"axis": axis, "keepdims": keep}) for shape, axis, keep in REDUCTIONS],
            *[(shape, {"axis": axis, "keepdims": keep, "correction": 0}) for shape, axis, keep in NARROW[2:4]],
        ],
        edges=(
            Case("small beside the mean", ([10000.0, 10001.0, 10002.0],), 1.0, ([-0.5, 0.0, 0.5],)),
            Case("large", ([1e15, -1e15],), np.sqrt(2) * 1e15, ([np.sqrt(0.5), -np.sqrt(0.5)],)),
        ),
        kinks=(Case("of equal numbers", ([3.0, 3.0],), 0.0, ([0.0, 0.0],)),),
    ),
    method(
        "transpose",
        lambda x, dim0, dim1: np.swapaxes(x, dim0, dim1),
        [((2, 3), {"dim0": 0, "dim1": 1}), ((2, 3, 4), {"dim0": -1, "dim1": 0}), ((0, 1, 2), {"dim0": 1, "dim1": 1})],
    ),
    method(
        "squeeze",
        lambda x, axis: np.squeeze(x, axis),
        axes("axis", ((1, 3, 1), None), ((1, 3, 1), -1), ((1, 3, 1), (0, 2)), ((2,), None), ((), None), ((1, 0), 0)),
    ),
    method(
        "unsqueeze",
        lambda x, axis: np.expand_dims(x, axis),
        axes("axis", ((2, 3), 0), ((2, 3), -1), ((2, 3), 1), ((), 0), ((0,), -1)),
    ),
    method(
        "flatten",
        lambda x, start_dim=0, end_dim=-1: x.reshape(
            *x.shape[:start_dim], -1, *x.shape[x.ndim if end_dim == -1 else end_dim + 1 :]
        ),
        [((2, 3, 4), {}), ((2, 3, 4), {"start_dim": 1}), ((2, 3, 4), {"end_dim": 1}), ((3,), {}), ((), {})],
    ),
    OpInfo(
        "split",
        lambda rng, dtype: [sample(normal(rng, dtype, *shape), size=size, axis=axis) for shape, size, axis in SPLITS],
        lambda x, size, axis: np.concatenate(
            [
                part.reshape(-1)
                for part in np.split(
                    x, range(size, x.shape[axis], size) if isinstance(size, int) else np.cumsum(size)[:-1], axis
                )
            ][::-1]
        ),
        caller=lambda x, size, axis: backwards(x.split(size, axis)),
    ),
]

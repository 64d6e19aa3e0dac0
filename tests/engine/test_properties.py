"""Broadcasting, indexing, reductions and products over drawn shapes: NumPy's values, and gradients that check."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import glassnet as gn
from glassnet.engine import ShapeError, functions

PAIRS = hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=4, min_side=0, max_side=3)
TRIPLES = hnp.mutually_broadcastable_shapes(num_shapes=3, max_dims=3, min_side=0, max_side=3)
SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, max_side=3)
SEEDS = st.integers(0, 1000)


def normal(seed, *shapes):
    rng = np.random.default_rng(seed)
    return [np.asarray(rng.standard_normal(shape)) for shape in shapes]


def spaced(seed, *shapes):
    """Numbers of which no two are equal, in one array or in several."""
    sizes = [math.prod(shape) for shape in shapes]
    numbers = np.random.default_rng(seed).permutation(sum(sizes)) * 0.1 + 0.55
    parts = np.split(numbers, np.cumsum(sizes)[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]


def check(f, *arrays):
    """Few directions: small arrays are checked element by element anyway."""
    assert gn.gradcheck(f, *arrays, directions=1)


# Broadcasting


@given(PAIRS)
def test_the_gradient_of_a_sum_counts_the_copies(shapes):
    a, b = (gn.tensor(np.ones(shape), requires_grad=True) for shape in shapes.input_shapes)
    out = a + b
    assert out.shape == shapes.result_shape
    out.sum().backward()
    for leaf in (a, b):
        assert leaf.grad.shape == leaf.shape
        assert leaf.size == 0 or (leaf.grad == out.size / leaf.size).all()


@given(PAIRS, st.sampled_from(["add", "subtract", "multiply", "divide", "power", "maximum", "minimum"]), SEEDS)
def test_elementwise_operations_broadcast(shapes, name, seed):
    a, b = spaced(seed, *shapes.input_shapes)
    a, b = a / 4, b / 4  # powers stay small
    operators = {
        "add": lambda x, y: x + y,
        "subtract": lambda x, y: x - y,
        "multiply": lambda x, y: x * y,
        "divide": lambda x, y: x / y,
        "power": lambda x, y: x**y,
        "maximum": functions.maximum,
        "minimum": functions.minimum,
    }
    f = operators[name]
    np.testing.assert_array_equal(f(gn.tensor(a), gn.tensor(b)).data, getattr(np, name)(a, b))
    check(f, a, b)


@given(TRIPLES, SEEDS)
def test_where_broadcasts(shapes, seed):
    condition, a, b = normal(seed, *shapes.input_shapes)
    condition = condition > 0
    np.testing.assert_array_equal(functions.where(condition, a, b).data, np.where(condition, a, b))
    check(functions.where, condition, a, b)


@given(hnp.broadcastable_shapes((3, 1, 2), max_dims=3, max_side=3), SEEDS)
def test_expand_is_broadcasting(shape, seed):
    (x,) = normal(seed, (3, 1, 2))
    try:
        expected = np.broadcast_to(x, shape)
    except ValueError:  # x itself would have to grow
        with pytest.raises(ShapeError):
            gn.tensor(x).expand(*shape)
        return
    np.testing.assert_array_equal(gn.tensor(x).expand(*shape).data, expected)
    check(lambda t: t.expand(*shape), x)


# Reductions


@st.composite
def reductions(draw):
    shape = draw(SHAPES)
    axes = hnp.valid_tuple_axes(len(shape))
    one = st.integers(-len(shape), len(shape) - 1) if shape else st.none()
    return shape, draw(st.one_of(st.none(), one, axes)), draw(st.booleans())


@given(reductions(), st.sampled_from(["sum", "mean", "var", "max", "min", "logsumexp"]), SEEDS)
def test_reductions_over_any_axes(reduction, name, seed):
    shape, axis, keepdims = reduction
    (x,) = spaced(seed, shape)
    x = x / 10
    more = {"correction": 0} if name == "var" else {}
    references = {"logsumexp": np.logaddexp.reduce}
    out = getattr(gn.tensor(x), name)(axis, keepdims, **more)
    expected = references.get(name, getattr(np, name, None))(x, axis=axis, keepdims=keepdims)
    assert out.shape == expected.shape
    np.testing.assert_allclose(out.data, expected, rtol=1e-12, atol=1e-14)
    check(lambda t: getattr(t, name)(axis, keepdims, **more), x)


@given(hnp.array_shapes(min_dims=1, max_dims=3, max_side=4), st.data(), SEEDS)
def test_softmax_along_any_axis(shape, data, seed):
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    (x,) = normal(seed, shape)
    np.testing.assert_allclose(gn.tensor(x).softmax(axis).sum(axis).data, 1.0)
    np.testing.assert_allclose(gn.tensor(x).log_softmax(axis).logsumexp(axis).data, 0.0, atol=1e-14)
    check(lambda t: t.softmax(axis), x)
    check(lambda t: t.log_softmax(axis), x)


# Products


@given(hnp.mutually_broadcastable_shapes(signature=np.matmul.signature, max_dims=2, max_side=3), SEEDS)
def test_matmul_from_one_axis_to_four(shapes, seed):
    a, b = normal(seed, *shapes.input_shapes)
    out = gn.tensor(a) @ gn.tensor(b)
    assert out.shape == shapes.result_shape
    np.testing.assert_array_equal(out.data, a @ b)
    check(lambda x, y: x @ y, a, b)


@given(SHAPES, SHAPES, SEEDS)
def test_matmul_takes_what_numpy_takes(left, right, seed):
    a, b = normal(seed, left, right)
    try:
        expected = a @ b
    except ValueError:
        with pytest.raises(ShapeError):
            _ = gn.tensor(a) @ gn.tensor(b)
    else:
        np.testing.assert_array_equal((gn.tensor(a) @ gn.tensor(b)).data, expected)


# Positions


@st.composite
def indices(draw):
    """A shape, and a tuple of numbers, slices, arrays with repeats, masks, None and Ellipsis; most fit the shape."""
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=3, max_side=4))
    common = draw(hnp.array_shapes(min_dims=1, max_dims=2, max_side=3))
    index = []
    for length in shape[: draw(st.integers(0, len(shape)))]:
        positions = st.integers(-length, length - 1)
        shapes = st.sampled_from([common, common[-1:], (1,)])
        arrays = hnp.arrays(np.int64, shapes, elements=positions)
        masks = hnp.arrays(bool, length)
        kind = st.one_of(positions, st.slices(length), arrays, arrays.map(np.ndarray.tolist), masks)
        index.append(draw(kind))
    for _ in range(draw(st.integers(0, 2))):
        index.insert(draw(st.integers(0, len(index))), None)
    if draw(st.booleans()):
        index.insert(draw(st.integers(0, len(index))), ...)
    return shape, index[0] if len(index) == 1 and draw(st.booleans()) else tuple(index)


@given(indices(), SEEDS)
def test_indexing_takes_what_numpy_takes(drawn, seed):
    shape, index = drawn
    (x,) = normal(seed, shape)
    try:
        expected = x[index]
    except IndexError:  # arrays that do not broadcast
        with pytest.raises(ShapeError):
            _ = gn.tensor(x)[index]
        return
    out = gn.tensor(x)[index]
    assert out.shape == expected.shape
    np.testing.assert_array_equal(out.data, expected)
    check(lambda t: t[index], x)


# Shapes


@given(SHAPES, st.data(), SEEDS)
def test_moving_axes_and_joining(shape, data, seed):
    axes = data.draw(st.permutations(range(len(shape))))
    a, b = normal(seed, shape, shape)
    np.testing.assert_array_equal(gn.tensor(a).permute(*axes).data, a.transpose(axes))
    check(lambda x: x.permute(*axes).reshape(-1), a)
    axis = data.draw(st.integers(-len(shape) - 1, len(shape)))
    np.testing.assert_array_equal(functions.stack([a, b], axis).data, np.stack([a, b], axis))
    check(lambda x, y: functions.stack([x, y, x], axis), a, b)
    if shape:
        axis = data.draw(st.integers(-len(shape), len(shape) - 1))
        np.testing.assert_array_equal(functions.concatenate([a, b], axis).data, np.concatenate([a, b], axis))
        check(lambda x, y: functions.concatenate([x, y, x], axis), a, b)

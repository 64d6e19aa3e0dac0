"""A tensor without axes as the scalar of an introductory lecture, on either side of numbers and arrays."""

import math

import numpy as np
import pytest

import glassnet as gn

EXPRESSIONS = [
    pytest.param(f, value, slope, id=text)
    for text, f, value, slope in [
        ("a + 2", lambda a: a + 2, 5.0, 1.0),
        ("2 + a", lambda a: 2 + a, 5.0, 1.0),
        ("a - 2", lambda a: a - 2, 1.0, 1.0),
        ("2 - a", lambda a: 2 - a, -1.0, -1.0),
        ("a * 2", lambda a: a * 2, 6.0, 2.0),
        ("2 * a", lambda a: 2 * a, 6.0, 2.0),
        ("a / 2", lambda a: a / 2, 1.5, 0.5),
        ("2 / a", lambda a: 2 / a, 2 / 3, -2 / 9),
        ("a ** 2", lambda a: a**2, 9.0, 6.0),
        ("a ** -1", lambda a: a**-1, 1 / 3, -1 / 9),
        ("a ** 0.5", lambda a: a**0.5, math.sqrt(3), 0.5 / math.sqrt(3)),
        ("a ** 0", lambda a: a**0, 1.0, 0.0),
        ("2 ** a", lambda a: 2**a, 8.0, 8 * math.log(2)),
        ("a ** a", lambda a: a**a, 27.0, 27 * (math.log(3) + 1)),
        ("-a", lambda a: -a, -3.0, -1.0),
        ("abs(-a)", lambda a: abs(-a), 3.0, 1.0),
        ("a + a", lambda a: a + a, 6.0, 2.0),
        ("a - a", lambda a: a - a, 0.0, 0.0),
        ("a * a", lambda a: a * a, 9.0, 6.0),
        ("a / a", lambda a: a / a, 1.0, 0.0),
        ("exp", lambda a: a.exp(), math.exp(3), math.exp(3)),
        ("log", lambda a: a.log(), math.log(3), 1 / 3),
        ("sqrt", lambda a: a.sqrt(), math.sqrt(3), 0.5 / math.sqrt(3)),
        ("tanh", lambda a: a.tanh(), math.tanh(3), 1 - math.tanh(3) ** 2),
        ("relu", lambda a: a.relu(), 3.0, 1.0),
        ("sigmoid", lambda a: a.sigmoid(), 1 / (1 + math.exp(-3)), math.exp(-3) / (1 + math.exp(-3)) ** 2),
        ("True + a", lambda a: True + a, 4.0, 1.0),
        ("np.float64(2) + a", lambda a: np.float64(2) + a, 5.0, 1.0),
        ("np.float64(2) - a", lambda a: np.float64(2) - a, -1.0, -1.0),
        ("np.float64(2) * a", lambda a: np.float64(2) * a, 6.0, 2.0),
        ("np.float32(2) / a", lambda a: np.float32(2) / a, 2 / 3, -2 / 9),
        ("np.int64(2) ** a", lambda a: np.int64(2) ** a, 8.0, 8 * math.log(2)),
        ("a ** np.int64(2)", lambda a: a ** np.int64(2), 9.0, 6.0),
        ("a * np.float64(2)", lambda a: a * np.float64(2), 6.0, 2.0),
        ("np.array(2.0) * a", lambda a: np.array(2.0) * a, 6.0, 2.0),
        ("a - np.array(2)", lambda a: a - np.array(2), 1.0, 1.0),
        ("gn.tensor(2) * a", lambda a: gn.tensor(2) * a, 6.0, 2.0),
        ("max with a number", lambda a: a.maximum(2), 3.0, 1.0),
        ("sum of an empty start", lambda a: sum([a, a]), 6.0, 2.0),
    ]
]


@pytest.mark.smoke
@pytest.mark.parametrize(("f", "value", "slope"), EXPRESSIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
def test_value_and_slope(f, value, slope, dtype):
    a = gn.tensor(3.0, dtype=dtype, requires_grad=True)
    out = f(a)
    assert isinstance(out, gn.Tensor)
    assert out.shape == ()
    assert out.dtype == dtype
    assert out.item() == pytest.approx(value, rel=1e-6)
    out.backward()
    assert isinstance(a.grad, np.ndarray)
    assert a.grad.dtype == dtype
    assert a.grad.shape == ()
    assert a.grad.item() == pytest.approx(slope, rel=1e-6, abs=1e-7)


ROW = np.array([1.0, 2.0])
ARRAYS = [
    pytest.param(f, value, slope, id=text)
    for text, f, value, slope in [
        ("array + t", lambda t: ROW + t, [4.0, 6.0], [1.0, 1.0]),
        ("array - t", lambda t: ROW - t, [-2.0, -2.0], [-1.0, -1.0]),
        ("array * t", lambda t: ROW * t, [3.0, 8.0], [1.0, 2.0]),
        ("array / t", lambda t: ROW / t, [1 / 3, 0.5], [-1 / 9, -1 / 8]),
        ("array ** t", lambda t: ROW**t, [1.0, 16.0], [0.0, 16 * math.log(2)]),
        ("array @ t", lambda t: ROW @ t, 11.0, [1.0, 2.0]),
        ("t + array", lambda t: t + ROW, [4.0, 6.0], [1.0, 1.0]),
        ("t - array", lambda t: t - ROW, [2.0, 2.0], [1.0, 1.0]),
        ("t * array", lambda t: t * ROW, [3.0, 8.0], [1.0, 2.0]),
        ("t / array", lambda t: t / ROW, [3.0, 2.0], [1.0, 0.5]),
        ("t ** array", lambda t: t**ROW, [3.0, 16.0], [1.0, 8.0]),
        ("t @ array", lambda t: t @ ROW, 11.0, [1.0, 2.0]),
        ("integers * t", lambda t: np.array([1, 2]) * t, [3.0, 8.0], [1.0, 2.0]),
        ("booleans * t", lambda t: np.array([True, False]) * t, [3.0, 0.0], [1.0, 0.0]),
        ("list * t", lambda t: [1, 2] * t, [3.0, 8.0], [1.0, 2.0]),
        ("list + t", lambda t: [1.0, 2.0] + t, [4.0, 6.0], [1.0, 1.0]),  # noqa: RUF005
        ("t - list", lambda t: t - [1.0, 2.0], [2.0, 2.0], [1.0, 1.0]),
        ("column * t", lambda t: ROW[:, None] * t, [[3.0, 4.0], [6.0, 8.0]], [3.0, 3.0]),
    ]
]


@pytest.mark.parametrize(("f", "value", "slope"), ARRAYS)
def test_arrays_on_either_side(f, value, slope):
    """One tensor comes out, with its graph, not an array of tensors."""
    t = gn.tensor([3.0, 4.0], requires_grad=True)
    out = f(t)
    assert isinstance(out, gn.Tensor)
    assert out.dtype == np.float32
    np.testing.assert_allclose(out.data, value, rtol=1e-6)
    out.sum().backward()
    np.testing.assert_allclose(t.grad, slope, rtol=1e-6)


def test_what_is_no_number_is_refused():
    a = gn.tensor(3.0)
    for other in ("2", None, 2j, {}):
        with pytest.raises(gn.DataError, match="expected numbers"):
            _ = a * other


def neuron():
    """The neuron of the micrograd lecture."""
    x1, x2 = gn.tensor(2.0, requires_grad=True), gn.tensor(0.0, requires_grad=True)
    w1, w2 = gn.tensor(-3.0, requires_grad=True), gn.tensor(1.0, requires_grad=True)
    b = gn.tensor(6.8813735870195432, requires_grad=True)
    return x1, x2, w1, w2, b, x1 * w1 + x2 * w2 + b


@pytest.mark.smoke
@pytest.mark.parametrize(
    "activation", [lambda n: n.tanh(), lambda n: ((2 * n).exp() - 1) / ((2 * n).exp() + 1)], ids=["tanh", "exp"]
)
def test_the_neuron_of_the_lecture(activation):
    x1, x2, w1, w2, b, n = neuron()
    o = activation(n)
    assert o.item() == pytest.approx(0.7071, abs=1e-4)
    o.backward()
    for leaf, expected in [(x1, -1.5), (w1, 1.0), (x2, 0.5), (w2, 0.0), (b, 0.5)]:
        assert leaf.grad.item() == pytest.approx(expected, abs=1e-5)


def test_the_expression_of_the_micrograd_readme():
    a, b = gn.tensor(-4.0, requires_grad=True), gn.tensor(2.0, requires_grad=True)
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    assert g.item() == pytest.approx(24.7041, abs=1e-3)
    g.backward()
    assert a.grad.item() == pytest.approx(138.8338, rel=1e-5)
    assert b.grad.item() == pytest.approx(645.5773, rel=1e-5)

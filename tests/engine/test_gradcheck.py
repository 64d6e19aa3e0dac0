"""The gradient checker: it accepts the gradients of every operation, and refuses every wrong one."""

import re

import numpy as np
import pytest

import glassnet as gn
from glassnet.engine import GradientError, ops
from glassnet.engine.operation import operation
from glassnet.engine.tensor import apply

from .op_info import SAMPLES
from .op_record import is_differentiable


@pytest.mark.parametrize(("info", "number"), SAMPLES)
def test_every_operation_has_right_gradients(info, number):
    sample = info.made(np.float64)[number]
    places = [i for i, x in enumerate(sample.inputs) if is_differentiable(x)]

    def f(*differentiated):
        inputs = list(sample.inputs)
        for place, value in zip(places, differentiated, strict=True):
            inputs[place] = value
        return info.call(*inputs, **sample.static)

    assert gn.gradcheck(f, *(sample.inputs[place] for place in places))


# Wrong rows, and the words with which they are refused

X = np.array([[0.5, -1.5, 2.0], [1.0, 3.0, -0.7]])
Y = np.array([1.3, -0.4, 0.9])
LARGE = np.linspace(-2.0, 2.0, 100)  # too large to be checked element by element


@operation(lambda xp, g, out, x: 2.001 * g * x)
def square_times_2001(xp, x):
    return x * x


@operation(lambda xp, g, out, x: g)
def square_with_the_gradient_of_addition(xp, x):
    return x * x


@operation(lambda xp, g, out, x: -2.0 * g * x)
def square_with_the_wrong_sign(xp, x):
    return x * x


@operation(lambda xp, g, out, x: g * xp.where(x == 3.0, -2.0, 2.0) * x)
def square_with_the_wrong_sign_at_one_element(xp, x):
    return x * x


@operation(lambda xp, g, out, x: 2.0 * g * x * xp.where(x == LARGE[50], -1.0, 1.0))
def square_with_the_wrong_sign_at_one_of_many(xp, x):
    return x * x


@operation(lambda xp, g, out, x, y: g * y, lambda xp, g, out, x, y: (g * x)[0])
def multiply_that_forgets_to_sum_over_rows(xp, x, y):
    return x * y


@operation(lambda xp, g, out, x, y: g * y, lambda xp, g, out, x, y: (g * x).mean(0))
def multiply_that_takes_the_mean_over_rows(xp, x, y):
    return x * y


@operation(lambda xp, g, out, x: g[0])
def sum_that_forgets_rows(xp, x):
    return x.sum(1)


@operation(lambda xp, g, out, x: g * np.nan)
def sum_with_nan(xp, x):
    return x.sum(1, keepdims=True)


@operation(lambda xp, g, out, x: g * np.inf)
def sum_with_infinity(xp, x):
    return x.sum(1, keepdims=True)


@operation(lambda xp, g, out, x, y: g * y, None)
def multiply_that_misses_a_vjp(xp, x, y):
    return x * y


@operation(joint=lambda xp, g, out, x, y: (g * y, None))
def multiply_that_returns_none(xp, x, y):
    return x * y


@operation(lambda xp, g, out, x: (2.0 * g * x).astype(np.float16))
def square_with_a_gradient_of_half_precision(xp, x):
    return x * x


@operation(lambda xp, g, out, x, y: g * x, lambda xp, g, out, x, y: g * y)
def multiply_that_does_not_swap(xp, x, y):
    return x * y


@operation(lambda xp, g, out, x: g + 1e-4)
def double_that_is_slightly_off(xp, x):
    return 1.0 * x


WRONG = [
    (square_times_2001, (X,), "input 0 along a random direction"),
    (square_times_2001, (np.float64(1.5),), "input 0 along a random direction"),
    (square_times_2001, (LARGE,), "input 0 along a random direction"),
    (square_with_the_gradient_of_addition, (X,), "input 0"),
    (square_with_the_wrong_sign, (X,), "input 0"),
    (square_with_the_wrong_sign_at_one_element, (X,), "input 0"),
    (square_with_the_wrong_sign_at_one_of_many, (LARGE,), "input 0"),
    (multiply_that_forgets_to_sum_over_rows, (X, Y), "input 1"),
    (multiply_that_takes_the_mean_over_rows, (X, Y), "input 1"),
    (sum_that_forgets_rows, (X[:, :2],), "input 0"),
    (sum_with_nan, (X,), "input 0 .* is nan"),
    (sum_with_infinity, (X[:1, :1],), "input 0 .* is -?inf"),
    (multiply_that_misses_a_vjp, (X, Y), "input 1 .* is 0,"),
    (multiply_that_returns_none, (X, Y), "input 1 .* is 0,"),
    (square_with_a_gradient_of_half_precision, (X,), "input 0"),
    (multiply_that_does_not_swap, (X, Y), "input 0"),
    (double_that_is_slightly_off, (X,), "input 0"),
]


@pytest.mark.smoke
@pytest.mark.parametrize(("row", "inputs", "words"), [pytest.param(*w, id=w[0].name) for w in WRONG])
def test_wrong_gradients_are_refused(row, inputs, words):
    with pytest.raises(GradientError, match=f"the gradient of {words}"):
        gn.gradcheck(lambda *tensors: apply(row, *tensors), *inputs)


def test_the_element_that_is_wrong_is_named_with_both_numbers():
    """Without random directions only single elements are left to find it."""
    with pytest.raises(GradientError) as refused:
        gn.gradcheck(lambda x: apply(square_with_the_wrong_sign_at_one_element, x), X, directions=0)
    found = re.search(r"input 0 at element \[1, 1\] is (\S+), finite differences say (\S+) ", str(refused.value))
    assert float(found[1]) == pytest.approx(-float(found[2]), rel=1e-6)


def test_half_of_a_pair_of_errors_is_refused():
    """Errors that cancel in the plain sum of the output do not cancel under random weights."""

    @operation(lambda xp, g, out, x: g * np.array([3.0, 1.0]))
    def double(xp, x):
        return 2.0 * x

    with pytest.raises(GradientError, match="input 0"):
        gn.gradcheck(lambda x: apply(double, x), np.array([1.0, 1.0]))


def test_a_row_in_float32_is_refused():
    @operation(lambda xp, g, out, x: 2.0 * g * x)
    def square(xp, x):
        return (x * x).astype(np.float32)

    with pytest.raises(GradientError, match="float64 inputs into float32"):
        gn.gradcheck(lambda x: apply(square, x), X)


def test_an_output_cut_off_the_graph_is_refused():
    with pytest.raises(GradientError, match="input 0"):
        gn.gradcheck(lambda x: (x * x).detach(), X)
    with pytest.raises(GradientError, match="input 1"):
        gn.gradcheck(lambda x, y: x * y.detach(), X, Y)


def test_a_function_that_does_not_use_an_input_passes():
    assert gn.gradcheck(lambda x, y: x * 2.0, X, Y)


def test_there_must_be_an_input_to_check():
    with pytest.raises(GradientError, match="at least one input of floating numbers"):
        gn.gradcheck(lambda x: x, np.array([1, 2]))
    with pytest.raises(GradientError, match="at least one input"):
        gn.gradcheck(lambda: gn.tensor(1.0))


def test_inputs_that_are_not_floating_are_handed_on():
    def f(indices, weight, mask):
        assert indices.dtype == np.int64
        assert mask.dtype == np.bool_
        return apply(ops.where, mask, apply(ops.embedding, indices, weight), 0.0)

    assert gn.gradcheck(f, np.array([0, 2, 2]), np.ones((3, 1)), np.array([[True], [False], [True]]))


def test_inputs_are_left_alone():
    x = gn.tensor([1.0, 2.0], requires_grad=True)
    array = X.copy()
    assert gn.gradcheck(lambda a, b: a.sum() * b, x, array)
    assert x.dtype == np.float32
    assert x.grad is None
    assert x.data.tolist() == [1.0, 2.0]
    np.testing.assert_array_equal(array, X)


def test_float32_inputs_are_checked_in_float64():
    seen = []

    def f(x):
        seen.append(x.dtype)
        return x * x

    assert gn.gradcheck(f, gn.tensor([1.0, 2.0]))
    assert set(seen) == {np.dtype(np.float64)}


def test_the_tolerance_can_be_chosen():
    def f(x):
        return apply(square_times_2001, x)

    assert gn.gradcheck(f, X, rtol=1e-2)
    with pytest.raises(GradientError, match="tolerance"):
        gn.gradcheck(f, X, rtol=1e-5)


def test_at_a_kink_the_check_fails():
    """Central differences see the mean of both slopes there; the documentation says to keep away."""
    with pytest.raises(GradientError, match="is 0, finite differences say"):
        gn.gradcheck(lambda x: x.relu(), np.zeros(1))
    assert gn.gradcheck(lambda x: x.relu(), np.array([-1e-3, 1e-3]))

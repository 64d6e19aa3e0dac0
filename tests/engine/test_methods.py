"""The methods of tensors: what they return, what they refuse, and what writing in place means."""

import numpy as np
import pytest

import glassnet as gn
from glassnet.engine import GradientError, ShapeError, functions


def block(*shape, requires_grad=False):
    """1, 2, 3, ... in the given shape, in float64."""
    return gn.tensor(np.arange(1.0, np.prod(shape) + 1).reshape(shape), requires_grad=requires_grad)


# Values, against NumPy


@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2), (2, 1, 0)])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("name", ["sum", "mean", "max", "min"])
def test_reductions(name, axis, keepdims):
    x = block(2, 3, 4)
    expected = getattr(x.data, name)(axis=axis, keepdims=keepdims)
    np.testing.assert_array_equal(getattr(x, name)(axis=axis, keepdims=keepdims).data, expected)
    np.testing.assert_array_equal(getattr(x, name)(axis, keepdims).data, expected)


def test_variance_is_that_of_a_sample_unless_told_otherwise():
    x = gn.tensor([1.0, 2.0, 3.0, 6.0])
    assert x.var().item() == pytest.approx(np.var([1, 2, 3, 6], ddof=1))
    assert x.var(correction=0).item() == pytest.approx(np.var([1, 2, 3, 6]))
    assert x.std().item() == pytest.approx(np.std([1, 2, 3, 6], ddof=1))
    assert x.std(correction=0).item() == pytest.approx(np.std([1, 2, 3, 6]))
    assert block(2, 3).std(axis=1, keepdims=True).shape == (2, 1)


def test_the_gradient_of_a_standard_deviation_of_equal_numbers_is_zero():
    x = gn.tensor([3.0, 3.0], requires_grad=True)
    x.std().backward()
    assert x.grad.tolist() == [0.0, 0.0]


def test_argmax_and_argmin_take_the_first_of_those_that_tie():
    x = gn.tensor([[1.0, 3.0, 3.0], [0.0, 0.0, 2.0]], requires_grad=True)
    assert x.argmax().item() == 1
    assert x.argmax(axis=1).data.tolist() == [1, 2]
    assert x.argmin(axis=-1).data.tolist() == [0, 0]
    assert x.argmin(0).data.tolist() == [1, 1, 1]
    assert x.argmax(1).dtype == np.int64
    assert not x.argmax(1).requires_grad


def test_softmax_goes_along_the_last_axis_unless_told_otherwise():
    x = block(2, 3)
    np.testing.assert_allclose(x.softmax().data.sum(1), 1.0)
    np.testing.assert_allclose(x.softmax(axis=0).data.sum(0), 1.0)
    np.testing.assert_allclose(x.log_softmax().exp().data, x.softmax().data)
    np.testing.assert_allclose(x.logsumexp(1).data, np.log(np.exp(x.data).sum(1)))


def test_functions_equal_the_methods():
    x = gn.tensor([0.5, 2.0], requires_grad=True)
    for name in ("exp", "log", "sqrt", "abs", "tanh", "sigmoid", "relu"):
        np.testing.assert_array_equal(getattr(functions, name)(x).data, getattr(x, name)().data)
        assert getattr(functions, name)([0.5, 2.0]).dtype == np.float32
    assert functions.maximum(x, 1.0).data.tolist() == [1.0, 2.0]
    assert functions.minimum(1.0, x).data.tolist() == [0.5, 1.0]
    assert functions.where(x > 1.0, x, 0.0).data.tolist() == [0.0, 2.0]
    assert functions.matmul(x, x).item() == pytest.approx(4.25)


def test_joining():
    a, b = gn.tensor([[1.0, 2.0]], requires_grad=True), gn.tensor([[3.0, 4.0]], requires_grad=True)
    assert functions.concatenate([a, b]).shape == (2, 2)
    assert functions.concatenate([a, b], axis=1).data.tolist() == [[1.0, 2.0, 3.0, 4.0]]
    stacked = functions.stack([a, b, np.zeros((1, 2))], axis=-1)
    assert stacked.shape == (1, 2, 3)
    (stacked * np.array([1.0, 2.0, 3.0])).sum().backward()
    assert a.grad.tolist() == [[1.0, 1.0]]
    assert b.grad.tolist() == [[2.0, 2.0]]


# Shapes


def test_shape_methods():
    x = block(2, 3, 4)
    assert x.reshape(6, -1).shape == (6, 4)
    assert x.reshape((4, 6)).shape == (4, 6)
    assert x.reshape([-1]).shape == (24,)
    assert x.permute(2, 0, 1).shape == (4, 2, 3)
    assert x.permute((-1, 0, 1)).shape == (4, 2, 3)
    np.testing.assert_array_equal(x.transpose(0, -1).data, x.data.swapaxes(0, -1))
    np.testing.assert_array_equal(x.T.data, x.data.T)
    assert block(3).T.shape == (3,)
    assert gn.tensor(1.0).T.shape == ()
    assert block(2, 1).expand(3, 2, 4).shape == (3, 2, 4)
    assert block(1).expand((5,)).shape == (5,)


@pytest.mark.parametrize(
    ("shape", "arguments", "expected"),
    [
        ((2, 3, 4), (), (24,)),
        ((2, 3, 4), (1,), (2, 12)),
        ((2, 3, 4), (0, 1), (6, 4)),
        ((2, 3, 4), (-2, -1), (2, 12)),
        ((2, 3, 4), (1, 1), (2, 3, 4)),
        ((3,), (), (3,)),
        ((), (), (1,)),
    ],
)
def test_flatten(shape, arguments, expected):
    assert gn.tensor(np.zeros(shape)).flatten(*arguments).shape == expected


def test_an_empty_batch_can_be_flattened():
    assert gn.tensor(np.zeros((0, 3, 4))).flatten(1).shape == (0, 12)


def test_squeeze_and_unsqueeze():
    x = gn.tensor(np.zeros((1, 3, 1)))
    assert x.squeeze().shape == (3,)
    assert x.squeeze(0).shape == (3, 1)
    assert x.squeeze(-1).shape == (1, 3)
    assert x.squeeze((0, 2)).shape == (3,)
    assert x.unsqueeze(0).shape == (1, 1, 3, 1)
    assert x.unsqueeze(-1).shape == (1, 3, 1, 1)
    assert gn.tensor(1.0).unsqueeze(0).shape == (1,)


REFUSED = {
    "reshape(4, 2)": lambda x: x.reshape(4, 2),
    "permute(0, 0, 1)": lambda x: x.permute(0, 0, 1),
    "permute(0, 1)": lambda x: x.permute(0, 1),
    "expand(2, 2, 4)": lambda x: x.expand(2, 2, 4),
    "squeeze(1)": lambda x: x.squeeze(1),
    "squeeze(3)": lambda x: x.squeeze(3),
    "squeeze(-4)": lambda x: x.squeeze(-4),
    "unsqueeze(5)": lambda x: x.unsqueeze(5),
    "transpose(0, 3)": lambda x: x.transpose(0, 3),
    "transpose(-4, 0)": lambda x: x.transpose(-4, 0),
    "flatten(1, 0)": lambda x: x.flatten(1, 0),
    "flatten(0, 3)": lambda x: x.flatten(0, 3),
    "flatten(-4)": lambda x: x.flatten(-4),
    "sum(3)": lambda x: x.sum(3),
    "mean(-4)": lambda x: x.mean(-4),
    "var((0, 3))": lambda x: x.var((0, 3)),
    "max((1, 1))": lambda x: x.max((1, 1)),
    "softmax(3)": lambda x: x.softmax(3),
    "argmax(3)": lambda x: x.argmax(3),
    "argmin(-4)": lambda x: x.argmin(-4),
    "max of nothing": lambda x: x[:, :0].max(),
    "argmax of nothing": lambda x: x[:, :0].argmax(),
    "stack, axis 5": lambda x: functions.stack([x, x], axis=5),
    "concatenate, axis 3": lambda x: functions.concatenate([x, x], axis=3),
    "concatenate, ranks differ": lambda x: functions.concatenate([x, x[0]]),
    "concatenate nothing": lambda x: functions.concatenate([]),
    "matmul": lambda x: x @ x,
    "add": lambda x: x + np.ones((2, 1)),
}


@pytest.mark.parametrize("method", REFUSED.values(), ids=REFUSED)
def test_what_does_not_fit_the_shape_is_refused(method):
    with pytest.raises(ShapeError):
        method(gn.tensor(np.ones((1, 3, 1))))


def test_a_shape_error_says_what_was_asked_and_what_came():
    with pytest.raises(ShapeError, match=r"matmul cannot take shapes \(2, 3\) and \(2, 3\)"):
        _ = block(2, 3) @ block(2, 3)
    with pytest.raises(ShapeError, match=r"squeeze\(axis=0\) needs axes of length 1, got shape \(2, 3\)"):
        block(2, 3).squeeze(0)
    with pytest.raises(ShapeError, match=r"flatten from axis 1 to 0 of shape \(2, 3\)"):
        block(2, 3).flatten(1, 0)


# Types and the graph


def test_to_another_floating_type_and_back():
    x = gn.tensor([1.0, 2.0], requires_grad=True)
    double = x.to(np.float64)
    assert double.dtype == np.float64
    (double * np.array([0.1, 0.2])).sum().backward()
    assert x.grad.dtype == np.float32
    np.testing.assert_allclose(x.grad, [0.1, 0.2], rtol=1e-6)
    y = gn.tensor(np.array([1.0]), requires_grad=True)
    assert y.to("float32").dtype == np.float32
    y.to("float32").sum().backward()
    assert y.grad.dtype == np.float64


def test_to_and_from_integers_no_gradient_flows():
    x = gn.tensor([1.5, 2.5], requires_grad=True)
    whole = x.to(np.int64)
    assert whole.data.tolist() == [1, 2]
    assert not whole.requires_grad
    assert whole.to(np.float32).dtype == np.float32
    assert whole.to(bool).data.tolist() == [True, True]


def test_detach_shares_the_array_and_stops_the_gradient():
    x = gn.tensor([1.0, 2.0], requires_grad=True)
    cut = x.detach()
    assert cut.data is x.data
    assert not cut.requires_grad
    (x * cut).sum().backward()
    assert x.grad.tolist() == [1.0, 2.0]
    assert cut.grad is None
    assert (x * 2.0).detach().node is None


# In place


@pytest.mark.smoke
def test_a_leaf_is_updated_in_place_under_no_grad():
    w = gn.tensor([1.0, 2.0], requires_grad=True)
    name, before = w, w.data
    with gn.no_grad():
        w -= 0.5
        w += gn.tensor([1.0, 1.0])
        w *= np.array([2.0, 4.0])  # float64
        w /= 2
    assert w is name
    assert w.requires_grad
    assert w.node is None
    assert w.dtype == np.float32
    assert w.data.tolist() == [1.5, 5.0]
    assert before.tolist() == [1.0, 2.0]  # a graph that holds it is not falsified


@pytest.mark.parametrize("update", ["w += 1", "w -= 1", "w *= 2", "w /= 2"])
def test_a_leaf_cannot_be_updated_while_the_graph_is_recorded(update):
    w = gn.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(GradientError, match=r"glassnet\.no_grad\(\)"):
        exec(update, {"w": w})  # noqa: S102  # an operator cannot be a parameter
    assert w.data.tolist() == [1.0, 2.0]


def test_an_update_cannot_change_the_shape_of_a_leaf():
    w = gn.tensor([1.0, 2.0], requires_grad=True)
    with gn.no_grad(), pytest.raises(ShapeError, match=r"keep the shape \(2,\), got \(3, 2\)"):
        w += np.zeros((3, 2))
    assert w.shape == (2,)


def test_in_place_on_other_tensors_gives_a_new_tensor_under_the_old_name():
    x = gn.tensor([1.0, 2.0])
    other_name = x
    x += 1.0
    assert x.data.tolist() == [2.0, 3.0]
    assert other_name.data.tolist() == [1.0, 2.0]
    a = gn.tensor(3.0, requires_grad=True)
    total = a * 2.0
    total += a * a
    total *= 2.0
    total.backward()
    assert a.grad.item() == 2 * (2 + 2 * 3)


def test_writing_into_a_tensor_is_refused_with_what_to_do():
    for x in (gn.tensor([1.0, 2.0]), gn.tensor([1.0, 2.0], requires_grad=True)):
        with pytest.raises(GradientError, match=r"glassnet\.where"):
            x[0] = 5.0
        with pytest.raises(GradientError, match="cannot be written into"):
            x[x > 1.0] += 1.0
        assert x.data.tolist() == [1.0, 2.0]

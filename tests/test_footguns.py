"""What surprises people in libraries like this one, pinned down: here it is an error, or it behaves as written here.

Most of these are among the questions that users of PyTorch, JAX, micrograd and tinygrad ask most. The docstring of each
test names the surprise. This file is about tensors; test_footguns_training.py about networks and their training.
"""

import math

import numpy as np
import pytest

import glassnet as gn
from glassnet import nn, optim


def leaf(value, dtype=None):
    return gn.tensor(value, dtype, requires_grad=True)


def gradient(f, value):
    """The gradient of sum(f(x)) at x = value; infinities on the way are what these tests are about."""
    x = leaf(value)
    with np.errstate(all="ignore"):
        f(x).sum().backward()
    return x.grad.tolist()


# The graph


def test_plus_equals_makes_a_new_tensor_and_leaves_the_other_name_alone():
    """`b = a; b += 1` changes a in NumPy and PyTorch. Here results are never changed: the graph needs their values."""
    a = leaf(2.0) * 1.0
    b = a
    b += 1.0
    assert (a.item(), b.item()) == (2.0, 3.0)


def test_plus_equals_on_a_leaf_is_an_update_or_an_error():
    """A new tensor under the old name would silently no longer be the parameter."""
    w = leaf(2.0)
    with pytest.raises(gn.GradientError, match="cannot be changed in place while the graph is recorded"):
        w += 1.0
    before = w
    with gn.no_grad():
        w += 1.0
    assert w is before
    assert w.item() == 3.0


@pytest.mark.parametrize("index", [0, slice(None), (0, 0)])
def test_elements_cannot_be_written(index):
    """`x[mask] = 0` inside a network: refused, with what to write instead."""
    with pytest.raises(gn.GradientError, match=r"x = glassnet\.where\(mask, new, x\)"):
        gn.tensor([[1.0]])[index] = 0.0


def test_writing_into_data_between_forward_and_backward_is_not_seen():
    """`data` is the array itself: writing into it changes what backward() reads. A new array there changes nothing."""
    x = leaf([3.0])
    y = (x * x).sum()
    x.data = np.array([100.0], np.float32)
    y.backward()
    assert x.grad == 6.0
    x = leaf([3.0])
    y = (x * x).sum()
    x.data[0] = 100.0
    y.backward()
    assert x.grad == 200.0


def test_numpy_and_as_tensor_share_memory_and_tensor_copies():
    """Is it a view or a copy?"""
    array = np.zeros(2, np.float32)
    copied, shared = gn.tensor(array), gn.as_tensor(array)
    array[0] = 1.0
    assert (copied.numpy()[0], shared.numpy()[0]) == (0.0, 1.0)


def test_values_kept_before_a_step_stay_as_they_were():
    """In PyTorch `before = w.data` follows the step, and needs a clone(). Here each step makes new arrays."""
    net = nn.Linear(2, 1)
    before = net.weight.data
    kept = before.copy()
    net([[1.0, 2.0]]).sum().backward()
    optim.SGD(net.parameters(), lr=0.1).step()
    assert (before == kept).all()
    assert (net.weight.data != kept).all()


def test_a_result_that_is_used_twice_is_walked_once():
    """Recursion without a topological sort passes half-finished gradients on: b = a + a, c = b + b."""
    a = leaf(1.0)
    b = a + a
    (b * b + b).backward()
    assert a.grad == 2 * (2 * 2.0 + 1)


def test_a_second_backward_adds_the_same_again_and_not_more():
    """In micrograd gradients of results in between pile up as well, so that a second call adds too much (3, not 2)."""
    a = leaf(3.0)
    b = a + 2.0
    b.retain_grad()
    c = b * 5.0
    c.backward()
    c.backward()
    assert (a.grad, b.grad) == (10.0, 10.0)


def test_a_forgotten_zero_grad_adds_up():
    """As in PyTorch, gradients add up over steps until they are forgotten."""
    net = nn.Linear(1, 1)
    x = [[2.0]]
    for wanted in (2.0, 4.0, 6.0):
        net(x).sum().backward()
        assert net.weight.grad == wanted
    optim.SGD(net.parameters(), lr=0.1).zero_grad()
    assert net.weight.grad is None


def test_gradients_of_results_are_not_kept_unless_asked_for():
    """`h.grad` is None after backward(), as in PyTorch, but without a warning to explain it."""
    x = leaf(2.0)
    h, asked = x * 2.0, x * 3.0
    asked.retain_grad()
    (h * asked).backward()
    assert h.grad is None
    assert asked.grad == 4.0


def test_a_leaf_without_a_path_has_no_gradient_rather_than_zero():
    """None means that nothing was asked; an optimizer then leaves the parameter alone, also its weight decay."""
    used, unused = leaf(1.0), leaf(1.0)
    (used * 2.0).backward()
    assert unused.grad is None
    optim.SGD([used, unused], lr=0.1, weight_decay=0.5).step()
    assert unused.item() == 1.0


@pytest.mark.parametrize("leave", [float, np.array, math.sqrt, gn.tensor, lambda x: x.detach(), lambda x: x.item()])
def test_these_leave_the_graph(leave):
    """What turns a tensor into a plain number or array, or copies it, is a constant from then on."""
    x = leaf(4.0)
    (x * gn.tensor(leave(x))).backward()
    assert x.grad == leave(gn.tensor(4.0))  # and not twice that


def test_a_list_of_tensors_is_stacked_and_not_cut_off():
    """torch.tensor([a, b]) makes numbers of them; here that is refused."""
    a, b = leaf(1.0), leaf(2.0)
    with pytest.raises(gn.DataError, match=r"glassnet\.stack\(\)"):
        gn.tensor([a, b])
    (gn.stack([a, b]) * [3.0, 5.0]).sum().backward()
    assert (a.grad, b.grad) == (3.0, 5.0)


def test_numpy_functions_refuse_tensors():
    """np.exp(x) would cut the graph silently; gn.exp(x) does not."""
    with pytest.raises(TypeError, match="does not support ufuncs"):
        np.exp(leaf(1.0))
    array = np.ones(1)
    with pytest.raises(TypeError, match="does not support ufuncs"):
        array += leaf(1.0)


def test_an_array_on_the_left_keeps_the_graph():
    """`array * tensor` must not become an array of tensors, or an array."""
    for product in (np.ones(2) * leaf([1.0, 2.0]), np.float64(2) * leaf(1.0), np.eye(2) @ leaf([1.0, 2.0])):
        assert isinstance(product, gn.Tensor)
        assert product.requires_grad


# Shapes and types


def test_a_column_minus_a_row_is_a_matrix():
    """(n, 1) against (n,) broadcasts to (n, n), as in NumPy: the classic of a regression that learns the mean."""
    column, row = gn.tensor(np.ones((3, 1), np.float32)), gn.tensor(np.ones(3, np.float32))
    assert (column - row).shape == (3, 3)


@pytest.mark.parametrize("loss", [nn.MSELoss(), nn.L1Loss(), nn.HuberLoss(), nn.BCEWithLogitsLoss()])
def test_losses_refuse_that_column_and_row(loss):
    """PyTorch warns and goes on with the wrong result; here it is an error that says what to write."""
    with pytest.raises(gn.ShapeError, match=r"Write targets\.reshape\(3, 1\) if they are the same numbers"):
        loss(gn.tensor(np.ones((3, 1), np.float32)), np.ones(3))


def test_whole_numbers_cannot_require_a_gradient():
    """gn.tensor(2) is an integer, gn.tensor(2.0) is not."""
    with pytest.raises(gn.GradientError, match=r"2\.0 instead of 2"):
        gn.tensor(2, requires_grad=True)


def test_whole_numbers_become_floats_where_needed():
    """Integer division and means do not cut off the decimals."""
    x = gn.tensor([1, 2])
    assert (x / 2).data.tolist() == [0.5, 1.0]
    assert x.mean().item() == 1.5
    assert (x * 0.5).dtype == (x / 2).dtype == x.exp().dtype == np.float32


def test_float64_arrays_do_not_turn_a_float32_network_into_float64():
    """NumPy's arrays are float64 unless told otherwise; here they are constants, and parameters decide."""
    net, x = nn.Linear(2, 1), np.ones((3, 2))
    assert x.dtype == np.float64
    loss = nn.MSELoss()(net(x), np.ones((3, 1)))
    loss.backward()
    assert {net(x).dtype.name, loss.dtype.name, net.weight.grad.dtype.name} == {"float32"}
    assert net(gn.tensor(x)).dtype == np.float64  # a tensor of float64 was asked for, and decides as well


def test_python_numbers_do_not_change_the_type():
    """x * 0.1 stays float32, and so does x * np.float64(0.1)."""
    assert (leaf(1.0) * 0.1).dtype == (leaf(1.0) * np.float64(0.1)).dtype == np.float32


def test_channels_come_last():
    """Images in PyTorch's order (N, C, H, W) do not fit, and the error says how to turn them."""
    with pytest.raises(gn.ShapeError, match=r"Channels are the last axis: write x\.permute\(0, 2, 3, 1\)"):
        nn.Conv2d(3, 8, 3)(np.zeros((1, 3, 32, 32)))


def test_weights_are_stored_in_out():
    """PyTorch stores (out, in) and transposes; here x @ weight + bias is what it says."""
    layer = nn.Linear(3, 2)
    assert layer.weight.shape == (3, 2)
    x = np.ones((1, 3), np.float32)
    assert np.allclose(layer(x).data, x @ layer.weight.data + layer.bias.data)


# Python's own operators


def test_equality_compares_elements():
    """`a == b` is a tensor of truth values; asking for its truth is an error unless it has one element."""
    same = gn.tensor([1.0, 2.0]) == gn.tensor([1.0, 3.0])
    assert same.data.tolist() == [True, False]
    tensors = [gn.tensor([1.0, 2.0]), gn.tensor([3.0, 4.0])]
    for ask in (lambda: bool(same), lambda: tensors[1] in tensors, lambda: tensors.index(tensors[1])):
        with pytest.raises(gn.ShapeError, match="needs a tensor with one element"):
            ask()
    with pytest.raises(gn.ShapeError, match="one element"):
        assert 0 < gn.tensor([1.0, 2.0]) < 3  # Python asks for the truth of the first comparison


def test_tensors_are_keys_by_identity():
    """Although == compares elements, two equal tensors are two keys."""
    assert len({leaf(1.0), leaf(1.0)}) == 2


def test_a_tensor_is_iterated_along_its_first_axis_within_the_graph():
    """Unpacking rows keeps their gradients; a single number cannot be iterated."""
    x = leaf([1.0, 2.0])
    first, _ = x
    (first * 3.0).backward()
    assert x.grad.tolist() == [3.0, 0.0]
    with pytest.raises(TypeError, match="no length"):
        list(leaf(1.0))


# Kinks and infinities


@pytest.mark.parametrize(
    ("f", "at", "expected"),
    [
        (lambda x: x.relu(), [0.0], [0.0]),
        (lambda x: x.abs(), [0.0], [0.0]),
        (lambda x: x.sqrt(), [0.0], [0.0]),  # the slope is infinite
        (lambda x: (x * x).sum().sqrt(), [0.0, 0.0], [0.0, 0.0]),  # a norm
        (lambda x: x.std(), [1.0, 1.0], [0.0, 0.0]),
        (lambda x: x**0, [0.0], [0.0]),
        (lambda x: 0.0**x, [2.0], [0.0]),
        (lambda x: x.max(), [1.0, 1.0, 0.0], [0.5, 0.5, 0.0]),  # ties share
        (lambda x: gn.maximum(x, 0.0), [0.0], [0.5]),  # with a constant, too: relu is something else
        (lambda x: x.clip(0.0, 1.0), [0.0, 1.0, 2.0], [1.0, 1.0, 0.0]),  # on the bound it passes
    ],
)
def test_subgradients_at_kinks(f, at, expected):
    """NaN at 0 poisons all weights at once. Which subgradient is taken is decided, not left to 0 / 0."""
    assert gradient(f, at) == expected


def test_sqrt_and_the_power_one_half_differ_at_zero():
    """x ** 0.5 has the gradient that the formula has, infinity; x.sqrt() has 0."""
    assert gradient(lambda x: x**0.5, [0.0]) == [math.inf]
    assert gradient(lambda x: x.sqrt(), [0.0]) == [0.0]


def test_where_does_not_hide_an_infinite_slope():
    """where(x > 0, log(x), 0): the side that is not chosen gets the gradient 0, and 0 * inf is NaN, as in PyTorch, JAX
    and TensorFlow. The way out is to choose what goes into the logarithm."""
    hidden = gradient(lambda x: gn.where(x > 0, x.log(), 0.0), [0.0, 2.0])
    assert math.isnan(hidden[0])
    assert hidden[1] == 0.5
    assert gradient(lambda x: gn.where(x > 0, gn.where(x > 0, x, 1.0).log(), 0.0), [0.0, 2.0]) == [0.0, 0.5]

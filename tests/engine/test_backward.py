"""Backpropagation: what arrives where, what accumulates, what is kept, and what no update can falsify."""

import gc
import weakref

import numpy as np
import pytest

import glassnet as gn
from glassnet.engine import DataError, GradientError, functions, topological_order


def leaf(value, dtype=None):
    return gn.tensor(value, dtype=dtype, requires_grad=True)


# Over the paths of a graph


@pytest.mark.smoke
def test_a_tensor_used_twice_passes_on_its_gradient_when_both_parts_have_arrived():
    a = leaf(3.0)
    b = a + a
    c = b + b
    c.backward()
    assert a.grad.item() == 4.0


def test_paths_of_different_lengths():
    a = leaf(3.0)
    b = a * 2.0
    c = b * b + a * b + a  # 4 a^2 + 2 a^2 + a
    c.backward()
    assert a.grad.item() == 12 * 3 + 1


def test_sixty_diamonds_are_walked_once_each():
    """A walk over paths instead of nodes would take 2 ** 60 steps."""
    a = leaf(1.0)
    b = a
    for _ in range(60):
        b = b + b
    b.backward()
    assert a.grad.item() == 2.0**60


def test_a_chain_of_100_000_operations():
    a = leaf(1.0)
    b = a
    for _ in range(100_000):
        b = b + 1.0
    assert b.item() == 100_001.0
    b.backward()
    assert a.grad.item() == 1.0
    del b  # as deep a chain to free


def test_topological_order_has_inputs_before_results_each_once():
    a, constant = leaf(1.0), gn.tensor(2.0)
    b = a * constant
    c = b + a
    d = (c * b) * c
    order = topological_order(d)
    places = {id(tensor): place for place, tensor in enumerate(order)}
    assert len(places) == len(order) == 5
    assert id(constant) not in places
    assert order[-1] is d
    for tensor in order:
        for parent in tensor.node.parents if tensor.node else ():
            assert parent is None or places[id(parent)] < places[id(tensor)]


def test_a_node_tells_how_its_tensor_came_about():
    a = leaf(2.0)
    b = a * 3.0
    assert b.node.operation.name == "multiply"
    assert b.node.parents[0] is a
    assert b.node.parents[1] is None
    assert repr(b.node) == "<node multiply>"
    assert a.node is None


# Accumulation


@pytest.mark.smoke
def test_gradients_accumulate_until_they_are_set_to_none():
    w = leaf([1.0, 2.0])
    (w * w).sum().backward()
    assert w.grad.tolist() == [2.0, 4.0]
    (w * 3.0).sum().backward()
    assert w.grad.tolist() == [5.0, 7.0]
    w.grad = None
    (w * 3.0).sum().backward()
    assert w.grad.tolist() == [3.0, 3.0]


def test_the_same_graph_can_be_walked_again():
    """Gradients of intermediate results do not pile up from one walk to the next."""
    a = leaf(3.0)
    out = (a * a) * a
    out.backward()
    out.backward()
    assert a.grad.item() == 2 * 27.0


def test_only_leaves_that_require_gradients_get_them():
    a, fixed = leaf([1.0, 2.0]), gn.tensor([3.0, 4.0])
    middle = a * fixed
    out = middle.sum()
    out.backward()
    assert a.grad.tolist() == [3.0, 4.0]
    assert fixed.grad is None
    assert middle.grad is None
    assert out.grad is None
    assert not (fixed * 2.0).requires_grad
    assert (fixed * 2.0).node is None


def test_retain_grad_keeps_the_gradient_of_a_result():
    a = leaf(3.0)
    b = a * 2.0
    c = b * b
    b.retain_grad()
    c.retain_grad()
    c.backward()
    assert b.grad.item() == 12.0
    assert c.grad.item() == 1.0
    c.backward()
    assert b.grad.item() == 24.0
    with pytest.raises(GradientError, match="retain_grad"):
        gn.tensor(1.0).retain_grad()


def test_a_leaf_is_its_own_output():
    a = leaf(3.0)
    a.backward()
    assert a.grad.item() == 1.0


def test_an_input_without_a_derivative_gets_no_gradient():
    condition, a = leaf([1.0, 0.0]), leaf([5.0, 6.0])
    functions.where(condition * 2.0, a, 0.0).sum().backward()
    assert condition.grad is None
    assert a.grad.tolist() == [1.0, 0.0]


# The gradient that starts it


def test_an_output_with_one_element_starts_with_one():
    for shape in [(), (1,), (1, 1)]:
        a = gn.tensor(np.full(shape, 3.0), requires_grad=True)
        (a * a).backward()
        assert a.grad.shape == shape
        assert a.grad.item() == 6.0


@pytest.mark.parametrize("seed", [[1.0, -2.0], np.array([1, -2]), np.float32([1, -2]), gn.tensor([1.0, -2.0])])
def test_a_given_gradient_starts_it(seed):
    a = leaf([3.0, 4.0])
    (a * a).backward(gradient=seed)
    assert a.grad.tolist() == [6.0, -16.0]
    assert a.grad.dtype == np.float32


def test_a_given_gradient_is_exact_in_float64():
    a = leaf(np.array(3.0))
    (a * 1.0).backward(0.1)
    assert a.grad.item() == 0.1
    b = leaf(np.array([3.0, 4.0]))
    (b * 1.0).backward([0.1, 1 / 3])
    assert b.grad.tolist() == [0.1, 1 / 3]


def test_what_cannot_start_it_is_refused():
    a = leaf([1.0, 2.0])
    with pytest.raises(GradientError, match=r"a single number, got shape \(2,\).*loss\.mean\(\)\.backward\(\)"):
        (a * 2.0).backward()
    with pytest.raises(GradientError, match=r"expected shape \(2,\), got shape \(3,\)"):
        (a * 2.0).backward([1.0, 2.0, 3.0])
    with pytest.raises(GradientError, match=r"expected shape \(2,\), got shape \(\)"):
        (a * 2.0).backward(1.0)  # never broadcast
    with pytest.raises(DataError, match="expected numbers"):
        (a * 2.0).backward("ones")
    assert a.grad is None


def test_nothing_that_requires_a_gradient_is_an_error():
    with pytest.raises(GradientError, match="requires_grad=True"):
        (gn.tensor(1.0) * 2.0).backward()
    a = leaf(1.0)
    with pytest.raises(GradientError, match=r"no_grad\(\) or from detached"):
        a.detach().backward()


# What it must not share, and must not be misled by


def test_an_update_between_forward_and_backward_does_not_falsify_the_gradient():
    w, x = leaf([[2.0]]), leaf([[3.0]])
    out = ((x @ w) * w).sum()  # x w^2
    with gn.no_grad():
        w -= 1.5
        x *= 0.0
    w.data = w.data + 7.0
    out.backward()
    assert w.grad.item() == 2 * 2.0 * 3.0
    assert x.grad.item() == 2.0**2


def test_gradients_of_two_leaves_share_no_memory():
    a, b = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    seed = np.ones(2, np.float32)
    total = a + b
    total.retain_grad()
    total.backward(gradient=seed)
    a.grad *= 100.0
    assert b.grad.tolist() == [1.0, 1.0]
    assert total.grad.tolist() == [1.0, 1.0]
    assert seed.tolist() == [1.0, 1.0]
    seed[:] = 7.0
    assert b.grad.tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x.sum(),
        lambda x: x.mean(),
        lambda x: x.reshape(4).sum(),
        lambda x: x.T.sum(),
        lambda x: x.expand(3, 2, 2).sum(),
        lambda x: (x * 1.0).sum(),
        lambda x: x[0].sum(),
        lambda x: x.max(),
    ],
)
def test_gradients_can_be_written_into_and_belong_to_nobody_else(f):
    """Sums hand the gradient down as a view of a single number; what a leaf gets is an array of its own."""
    x = gn.tensor(np.array([[1.0, 2.0], [3.0, 4.0]]), requires_grad=True)
    out = f(x)
    out.backward()
    first = x.grad.copy()
    assert not np.shares_memory(x.grad, x.data)
    x.grad *= 10.0
    np.testing.assert_array_equal(x.grad, first * 10.0)
    x.grad = None
    out.backward()
    np.testing.assert_array_equal(x.grad, first)


def test_everything_is_float32_in_float32():
    rng = np.random.default_rng(0)
    x, labels = gn.tensor(rng.random((5, 4), np.float32)), np.array([0, 1, 2, 1, 0])
    w1, w2 = leaf(rng.random((4, 6), np.float32)), leaf(rng.random((6, 3), np.float32))
    h = (x @ w1 + 0.5).tanh()
    normal = (h - h.mean(0)) / (h.var(0, keepdims=True) + 1e-5).sqrt()
    logits = (normal.sigmoid() * 2 - normal.relu() / 3 + normal.abs() ** 2).maximum(-1) @ w2
    penalty = np.float64(0.1) * (w1**2).sum()
    loss = -logits.log_softmax()[np.arange(5), labels].mean() + penalty + w2.max() + logits.std()
    order = topological_order(loss)
    for tensor in order:
        tensor.retain_grad()
    loss.backward()
    assert len(order) > 20
    for tensor in order:
        assert tensor.dtype == np.float32, tensor.node
        assert tensor.grad.dtype == np.float32, tensor.node
        assert tensor.grad.shape == tensor.shape


def test_a_graph_is_freed_with_its_output():
    """By reference counts alone: a training loop that waits for the garbage collector holds many graphs at once."""
    w = leaf([[1.0, 2.0], [3.0, 4.0]])
    gc.disable()
    try:
        hidden = (gn.tensor([[1.0, 1.0]]) @ w).relu()
        loss = (hidden * hidden).sum()
        loss.backward()
        kept = [weakref.ref(hidden), weakref.ref(hidden.node.parents[0]), weakref.ref(loss)]
        del hidden
        assert all(ref() is not None for ref in kept)
        del loss
        assert [ref() for ref in kept] == [None, None, None]
    finally:
        gc.enable()
    assert w.grad is not None

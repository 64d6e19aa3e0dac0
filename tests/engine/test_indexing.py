"""x[...]: what NumPy takes between the brackets is taken, with the same result and the right gradient."""

import numpy as np
import pytest

import glassnet as gn
from glassnet.engine import DataError, ShapeError

X = np.arange(24.0).reshape(2, 3, 4)
MASK = X.sum(2) > 30  # (2, 3)

INDICES = [
    *[0, -1, np.int64(1), slice(None), slice(None, None, -1), slice(5, 9), ..., None],
    *[(0, 1), (0, 1, 2), (..., 0), (slice(None), 1), (0, ..., slice(1, 3)), (None, 0, None, ...)],
    *[[0, 0], [1, -1], [], [[0, 1], [1, 0]], np.array([1, 1, 0]), np.array(1), np.array([1], np.uint8)],
    *[([0, 1], [2, 0]), ([0, 1], slice(None), [0, -1]), (0, slice(None), [0, 0]), ([[0], [1]], [0, 1, 2])],
    *[MASK, MASK.tolist(), (MASK, 0), (MASK, [0, 1, 1, 3]), (0, [True, False, True]), X > 11, np.zeros((2, 3), bool)],
    *[(slice(None), [False, True, True], None), ([False, True], ..., [0, 1]), (0, (0, 2))],
]


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_indexing_equals_numpy(index):
    x = gn.tensor(X, requires_grad=True)
    picked = x[index]
    expected = X[index]
    assert picked.shape == expected.shape
    np.testing.assert_array_equal(picked.data, expected)

    weights = np.arange(1.0, picked.size + 1).reshape(picked.shape)
    picked.backward(gradient=weights)
    by_hand = np.zeros_like(X)
    np.add.at(by_hand, index, weights)
    np.testing.assert_array_equal(x.grad, by_hand)


@pytest.mark.smoke
def test_what_is_read_twice_receives_both_gradients():
    x = gn.tensor([1.0, 2.0, 3.0], requires_grad=True)
    (x[[0, 0, 2, -3]] * gn.tensor([1.0, 10.0, 100.0, 1000.0])).sum().backward()
    assert x.grad.tolist() == [1011.0, 0.0, 100.0]
    assert x.grad.dtype == np.float32


def test_tensors_as_indices():
    x = gn.tensor([[1.0, -2.0], [-3.0, 4.0]], requires_grad=True)
    assert x[x > 0].data.tolist() == [1.0, 4.0]
    assert x[gn.tensor([1, 0, 1])].shape == (3, 2)
    assert x[gn.tensor(1)].data.tolist() == [-3.0, 4.0]
    assert x[gn.tensor([0, 1]), gn.tensor([1, 0])].data.tolist() == [-2.0, -3.0]
    assert x[x.argmax(1).data, [0, 1]].shape == (2,)
    (x[x > 0] * 3.0).sum().backward()
    assert x.grad.tolist() == [[3.0, 0.0], [0.0, 3.0]]


def test_picking_the_probability_of_each_right_answer():
    logits = gn.tensor(np.zeros((3, 4)), requires_grad=True)
    picked = logits.log_softmax()[np.arange(3), [1, 0, 3]]
    assert picked.shape == (3,)
    picked.sum().backward()
    expected = np.full((3, 4), -0.25)
    expected[np.arange(3), [1, 0, 3]] += 1.0
    np.testing.assert_allclose(logits.grad, expected)


@pytest.mark.parametrize(
    ("index", "words"),
    [
        (2, "index 2 is out of bounds"),
        ([0, -3], "index -3 is out of bounds"),
        ((0, 0, 0, 0), "too many indices"),
        (([0, 1], [0, 1, 2]), "could not be broadcast"),
        ((..., ...), "single ellipsis"),
        (1.0, r"integers, booleans or slices, got float"),
        ([0.0, 1.0], r"integers, booleans or slices, got float"),
        (np.ones((2, 2), bool), "bool"),
        (np.array([True]), "bool"),
        (np.array([True, False, False]), "bool"),
    ],
    ids=str,
)
def test_what_is_no_index_is_refused(index, words):
    with pytest.raises(ShapeError, match=words):
        _ = gn.tensor(X)[index]


def test_a_single_truth_value_is_no_index():
    for index in (True, np.array(False), gn.tensor(1.0) > 0):
        with pytest.raises(ShapeError):
            _ = gn.tensor(X)[index]


def test_words_are_no_index():
    with pytest.raises(DataError, match="expected numbers, got str"):
        _ = gn.tensor(X)["first"]

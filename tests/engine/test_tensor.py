"""Tensors: what they are made from, how they print, how they meet numbers, arrays and each other."""

import numpy as np
import pytest

import glassnet as gn
from glassnet.engine import DataError, GradientError, ShapeError, as_tensor, functions

# Making them


@pytest.mark.smoke
@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (2.0, np.float32),
        (2, np.int64),
        (True, np.bool_),
        ([1.0, 2], np.float32),
        ([[1, 2], [3, 4]], np.int64),
        ((True, False), np.bool_),
        ([], np.float32),
        (np.array([1.0, 2.0]), np.float64),
        (np.array([1.0], np.float32), np.float32),
        (np.array([1.0], np.float16), np.float16),
        (np.array([1], np.int32), np.int32),
        (np.array([1], np.uint8), np.uint8),
        (np.float32(2.0), np.float32),
    ],
)
def test_types(value, dtype):
    made = gn.tensor(value)
    assert made.dtype == dtype
    assert made.shape == np.shape(value)
    np.testing.assert_array_equal(made.data, value)
    assert not made.requires_grad
    assert made.grad is None
    assert made.node is None


def test_a_given_type_overrides_without_a_loss():
    assert gn.tensor([1, 2], dtype=np.float32).dtype == np.float32
    assert gn.tensor(np.array([1.0, 2.0]), dtype="float32").dtype == np.float32
    assert gn.tensor(0.1, dtype=np.float64).item() == 0.1
    assert gn.tensor([0.1, 1 / 3], dtype=np.float64).data.tolist() == [0.1, 1 / 3]


def test_a_tensor_is_a_copy():
    array = np.array([1.0, 2.0])
    made = gn.tensor(array)
    array[0] = 9.0
    assert made.data.tolist() == [1.0, 2.0]
    other = gn.tensor(made)
    made.data[0] = 7.0
    assert other.data.tolist() == [1.0, 2.0]


def test_as_tensor_shares_and_hands_on():
    array = np.array([1.0, 2.0])
    assert as_tensor(array).data is array
    made = gn.tensor(array)
    assert as_tensor(made) is made


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([[1.0, 2.0], [3.0]], "rows of equal length"),
        ("text", "expected numbers, got str"),
        (None, "expected numbers, got NoneType"),
        (1j, "complex128"),
        ([1.0, "a"], "expected numbers, got list"),
        ({"a": 1}, "expected numbers, got dict"),
        (np.array(["2020-01-01"], "datetime64[D]"), "datetime64"),
    ],
)
def test_what_is_not_made_of_numbers_is_refused(value, words):
    with pytest.raises(DataError, match=words):
        gn.tensor(value)


def test_tensors_are_not_cut_off_their_graph_by_accident():
    a = gn.tensor(1.0, requires_grad=True)
    with pytest.raises(DataError, match="stack"):
        gn.tensor([a, a * 2.0])
    with pytest.raises(DataError, match="stack"):
        gn.tensor([[a], [a * 2.0]])


def test_only_floats_can_require_a_gradient():
    with pytest.raises(GradientError, match=r"got int64.*2\.0 instead of 2"):
        gn.tensor(2, requires_grad=True)
    with pytest.raises(GradientError, match="got bool"):
        gn.tensor(True, requires_grad=True)


# Looking at them


def test_properties():
    t = gn.tensor(np.zeros((2, 3)))
    assert (t.shape, t.ndim, t.size, t.dtype, len(t)) == ((2, 3), 2, 6, np.dtype(np.float64), 2)
    scalar = gn.tensor(2.0)
    assert (scalar.shape, scalar.ndim, scalar.size) == ((), 0, 1)


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (gn.tensor(2.0), "tensor(2.)"),
        (gn.tensor([1, 2]), "tensor([1, 2])"),
        (gn.tensor([True, False]), "tensor([ True, False])"),
        (gn.tensor(np.array([1.5, 2.0])), "tensor([1.5, 2. ], dtype=float64)"),
        (gn.tensor(2.0, requires_grad=True), "tensor(2., requires_grad=True)"),
        (gn.tensor(2.0, requires_grad=True) * 3.0, "tensor(6., from=multiply)"),
        (gn.tensor(2.0) * 3.0, "tensor(6.)"),
        (gn.tensor([[1.0], [2.0]]), "tensor([[1.],\n        [2.]])"),
    ],
)
def test_repr(made, text):
    assert repr(made) == text


def test_item_and_conversions():
    assert gn.tensor(2.5).item() == 2.5
    assert isinstance(gn.tensor([[2.5]]).item(), float)
    assert isinstance(gn.tensor(2).item(), int)
    assert float(gn.tensor([2.5])) == 2.5
    assert int(gn.tensor(2.9)) == 2
    with pytest.raises(ShapeError, match=r"one element, got shape \(2,\)"):
        gn.tensor([1.0, 2.0]).item()
    with pytest.raises(ShapeError, match=r"got shape \(0,\)"):
        float(gn.tensor([]))


def test_a_number_is_formatted_as_one():
    assert f"{gn.tensor(2.0, requires_grad=True) / 3:.2f}" == "0.67"
    assert f"{gn.tensor([1.0, 2.0])}" == "tensor([1., 2.])"
    with pytest.raises(ShapeError, match="one element"):
        format(gn.tensor([1.0, 2.0]), ".2f")


def test_truth_needs_a_single_element():
    assert gn.tensor(0.5)
    assert not gn.tensor([[0]])
    assert gn.tensor(2.0) > 1.0
    with pytest.raises(ShapeError, match="one element"):
        bool(gn.tensor([1.0, 2.0]) == gn.tensor([1.0, 2.0]))


def test_length_and_iteration():
    x = gn.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    first, second = x
    assert first.data.tolist() == [1.0, 2.0]
    (first * second).sum().backward()
    assert x.grad.tolist() == [[3.0, 4.0], [1.0, 2.0]]
    with pytest.raises(TypeError, match="no length"):
        len(gn.tensor(1.0))
    with pytest.raises(TypeError, match="no length"):
        iter(gn.tensor(1.0))


def test_numpy_takes_them_as_arrays():
    t = gn.tensor([1.0, 2.0])
    assert t.numpy() is t.data
    assert np.asarray(t) is t.data
    copy = np.array(t)
    copy[0] = 5.0
    assert t.data[0] == 1.0
    assert np.asarray(t, np.float64).dtype == np.float64
    np.testing.assert_array_equal(t, [1.0, 2.0])


def test_numpy_functions_do_not_cut_the_graph():
    with pytest.raises(TypeError):
        np.exp(gn.tensor([1.0], requires_grad=True))


def test_tensors_are_keys_by_identity():
    a, b = gn.tensor(1.0), gn.tensor(1.0)
    assert {a: "a", b: "b"}[b] == "b"


# Comparing them


def test_comparisons_are_element_wise_and_without_gradient():
    x = gn.tensor([1.0, 2.0, 3.0], requires_grad=True)
    assert (x < 2.0).data.tolist() == [True, False, False]
    assert (x <= 2).data.tolist() == [True, True, False]
    assert (x > np.array([0, 2, 4])).data.tolist() == [True, False, False]
    assert (x >= [1, 3, 3]).data.tolist() == [True, False, True]
    assert (x == gn.tensor([1.0, 0.0, 3.0])).data.tolist() == [True, False, True]
    assert (x != 2.0).data.tolist() == [True, False, True]
    assert (x > 2.0).data.tolist() == [False, False, True]
    assert (np.array([3, 2, 1]) >= x).data.tolist() == [True, True, False]
    assert (np.float64(2) == x).data.tolist() == [False, True, False]
    assert (x == 2.0).dtype == np.bool_
    assert not (x == 2.0).requires_grad


def test_comparisons_are_exact_in_the_tensors_type():
    assert bool(gn.tensor(np.array(0.1)) == 0.1)
    assert bool(gn.tensor(0.1) == 0.1)
    assert bool(gn.tensor([0.1]) == np.array([0.1]))
    assert bool(gn.tensor(np.array([0.1])) == [0.1])
    assert not bool(gn.tensor(np.array(0.1)) < 0.1)


def test_comparisons_of_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ShapeError, match=r"\(2,\) and \(3,\)"):
        _ = gn.tensor([1.0, 2.0]) == gn.tensor([1.0, 2.0, 3.0])


# Types that meet


def test_constants_take_the_type_of_tensors():
    single, double = gn.tensor([1.0, 2.0]), gn.tensor(np.array([1.0, 2.0]))
    constant = np.array([0.5, 0.1])  # float64
    for result in (single * constant, constant * single, single + np.float64(0.1), functions.maximum(single, constant)):
        assert result.dtype == np.float32
    assert (single * np.array([1, 2])).dtype == np.float32
    assert (double * np.float32(0.5)).dtype == np.float64
    assert (double * constant.astype(np.float32)).dtype == np.float64
    assert functions.where(np.array([True, False]), single, constant).dtype == np.float32
    assert functions.concatenate([single, constant]).dtype == np.float32
    assert functions.stack([gn.tensor(1.0), 2.0]).dtype == np.float32


def test_constants_are_exact_in_float64():
    double = gn.tensor(np.array([1.0, 1.0]))
    assert (double * 0.1).data.tolist() == [0.1, 0.1]
    assert (double * [0.1, 1 / 3]).data.tolist() == [0.1, 1 / 3]


def test_float32_and_float64_tensors_meet_in_float64_and_keep_their_gradients_types():
    single = gn.tensor([1.0, 2.0], requires_grad=True)
    double = gn.tensor(np.array([3.0, 4.0]), requires_grad=True)
    product = single * double
    assert product.dtype == np.float64
    product.sum().backward()
    assert single.grad.dtype == np.float32
    assert double.grad.dtype == np.float64


def test_integers_meet_floats_in_the_floats_type():
    whole = gn.tensor([1, 2])
    assert (whole * 2).dtype == np.int64
    assert (whole / 2).dtype == np.float32
    assert (whole * 0.5).dtype == np.float32
    assert (whole * gn.tensor([0.5, 0.5])).dtype == np.float32
    assert (whole * np.array([0.5, 0.5])).dtype == np.float64
    assert whole.mean().dtype == np.float32
    assert functions.exp(2).dtype == np.float32
    assert functions.exp([1.0, 2.0]).dtype == np.float32
    assert functions.exp(np.array([1.0])).dtype == np.float64


@pytest.mark.parametrize("value", [[1.0, 2.0], (1.0, 2.0), 1.0, 3, np.float64(2.0)])
def test_the_class_takes_numbers_and_lists_as_tensor_does(value):
    found, expected = gn.Tensor(value), gn.tensor(value)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found.data, expected.data)

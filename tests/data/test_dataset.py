"""Splits and data sets: what they check, and what they say of themselves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassnet.data import Dataset, Split, Vocabulary, from_arrays
from glassnet.engine.errors import ConfigError, DataError
from glassnet.engine.tensor import Tensor


def rows(n, features=3):
    return Split(np.zeros((n, features), np.float32), np.zeros(n, np.int64))


def test_a_split_keeps_the_arrays_it_is_given():
    x, y = np.zeros((4, 2)), np.arange(4, dtype=np.int32)
    split = Split(x, y)
    assert split.x is x
    assert split.y is y
    assert len(split) == 4


def test_lists_and_tensors_become_arrays():
    split = Split([[1.5], [2.5]], Tensor(np.array([1, 0])))
    assert split.x.dtype == np.float32
    assert split.x.shape == (2, 1)
    assert split.y.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.zeros((3, 2)), np.zeros(4), "x has 3 rows and y has 4"),
        (np.zeros((0, 2)), np.zeros(0), "x must have at least one row"),
        (np.zeros((3, 2)), 1.0, "y must have at least one row"),
        (np.zeros((3, 2)), ["a", "b", "c"], "y: expected numbers"),
        ([[1.0], [1.0, 2.0]], [0, 1], "x: "),
        (np.array([None, 1]), [0, 1], "x: "),
    ],
)
def test_arrays_that_make_no_split(x, y, message):
    with pytest.raises(DataError, match=message):
        Split(x, y)


@given(st.integers(0, 19), st.integers(0, 4), st.sampled_from([np.nan, np.inf, -np.inf]), st.booleans())
def test_a_value_that_is_not_finite_is_named_by_its_row(row, column, value, in_targets):
    clean, bad = np.ones((20, 5), np.float32), np.ones((20, 5), np.float32)
    bad[row, column] = value
    bad[19, 4] = np.nan
    pair = (clean, bad) if in_targets else (bad, clean)
    shown = value if (row, column) != (19, 4) else np.nan
    with pytest.raises(DataError, match=rf"^{'xy'[in_targets]} must be finite, got {shown} in row {row} "):
        Split(*pair)


def test_large_finite_numbers_are_fine():
    assert len(Split(np.full((4, 2), 3e38, np.float32), np.zeros(4))) == 4


def test_a_dataset_describes_itself():
    data = Dataset("toy", rows(8000), rows(5), classes=("no", "yes"))
    assert data.summary() == "toy: train 8,000, val 5 rows; x (3,) float32, y int64; 2 classes"
    assert repr(data) == f"Dataset({data.summary()})"
    assert repr(data.train) == "Split(8,000 rows, x (3,) float32, y int64)"
    assert list(data.splits) == ["train", "val"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"val": rows(2, features=4)}, r"toy: the rows of val are x \(4,\) float32"),
        ({"test": Split(np.zeros((2, 3)), np.zeros(2, np.int64))}, "the rows of test are .* float64"),
        ({"input_shape": (2, 2)}, r"input_shape \(2, 2\) does not fit rows of shape \(3,\)"),
        ({"vocabulary": Vocabulary(("a",)), "context": 4}, r"context 4 does not fit rows of shape \(3,\)"),
    ],
)
def test_splits_that_do_not_belong_together(options, message):
    with pytest.raises(DataError, match=message):
        Dataset("toy", rows(10), **options)


@given(st.integers(10, 80), st.integers(1, 3), st.integers(0, 3))
def test_from_arrays_keeps_a_stratified_part(n, classes, seed):
    y = np.arange(n) % classes
    x = np.stack([np.arange(n), y], axis=1)
    data = from_arrays(x, y, validation=0.2, seed=seed)
    assert data.test is None
    assert data.val is not None
    numbers = np.concatenate([data.train.x[:, 0], data.val.x[:, 0]])
    np.testing.assert_array_equal(np.sort(numbers), np.arange(n))
    for split in (data.train, data.val):
        np.testing.assert_array_equal(split.x[:, 1], split.y)
    assert abs(len(data.val) - n * 0.2) < 1
    shares = np.bincount(data.val.y, minlength=classes) - np.bincount(y) * 0.2
    assert np.abs(shares).max() <= 1 + 1e-9
    np.testing.assert_array_equal(from_arrays(x, y, validation=0.2, seed=seed).val.x, data.val.x)


def test_from_arrays_takes_targets_that_are_no_classes():
    data = from_arrays(np.zeros((10, 2)), np.linspace(0, 1, 10), validation=0.3)
    assert (len(data.train), len(data.val)) == (7, 3)
    assert len(from_arrays(np.zeros((10, 2)), np.zeros((10, 4), int)).val) == 2


def test_from_arrays_without_validation():
    assert from_arrays([[1.0]], [0], validation=0).val is None


@pytest.mark.parametrize("validation", [-0.1, 1, 1.5, True, "0.2", None, float("nan")])
def test_validation_must_be_a_fraction(validation):
    with pytest.raises(ConfigError, match="validation must be a fraction"):
        from_arrays([[1.0], [2.0]], [0, 1], validation=validation)


def test_from_arrays_names_the_row_of_the_callers_array():
    x = np.zeros((50, 2))
    x[33, 1] = np.nan
    with pytest.raises(DataError, match="got nan in row 33"):
        from_arrays(x, np.zeros(50))

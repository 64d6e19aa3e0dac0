"""Mini-batches: every row once an epoch, x with its y, in an order that only seed and epoch decide."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassnet.data import Split, batches, permutation
from glassnet.engine.errors import ConfigError, DataError
from glassnet.engine.tensor import Tensor


def numbered(n):
    """A split whose rows carry their own number."""
    rows = np.arange(n)
    return Split(np.stack([rows, -rows], axis=1).astype(np.float32), rows)


@given(st.integers(1, 70), st.integers(1, 80), st.integers(0, 5), st.integers(0, 5), st.booleans(), st.booleans())
def test_batches_hold_each_row_once(n, batch_size, seed, epoch, shuffle, drop_last):
    if drop_last and batch_size > n:
        return
    made = batches(numbered(n), batch_size, seed=seed, epoch=epoch, shuffle=shuffle, drop_last=drop_last)
    pairs = list(made)
    assert len(pairs) == len(made)
    sizes = [len(y.data) for _, y in pairs]
    assert set(sizes[:-1]) <= {batch_size}
    assert sum(sizes) == (n - n % batch_size if drop_last else n)
    for x, y in pairs:
        np.testing.assert_array_equal(x.data, np.stack([y.data, -y.data], axis=1))
    seen = np.concatenate([y.data for _, y in pairs])
    expected = permutation(n, seed, epoch) if shuffle else np.arange(n)
    np.testing.assert_array_equal(seen, expected[: len(seen)])


def test_batches_are_tensors_of_the_arrays_types():
    x, y = next(iter(batches(numbered(10), 4)))
    assert isinstance(x, Tensor)
    assert isinstance(y, Tensor)
    assert (x.data.dtype, x.data.shape) == (np.float32, (4, 2))
    assert (y.data.dtype, y.data.shape) == (np.int64, (4,))


def test_writing_into_a_batch_leaves_the_data_alone():
    split = numbered(6)
    for x, _ in batches(split, 3, shuffle=False):
        x.data[:] = 99
    np.testing.assert_array_equal(split.x, numbered(6).x)


def test_a_pair_of_arrays_or_lists_will_do():
    (x, y), *rest = batches(([[1.0, 2.0], [3.0, 4.0]], [0, 1]), 2, shuffle=False)
    assert not rest
    assert x.data.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert x.data.dtype == np.float32
    assert y.data.tolist() == [0, 1]
    assert y.data.dtype == np.int64


def test_iterating_again_repeats_the_epoch():
    made = batches(numbered(20), 6, seed=2)
    first, second = ([y.data.tolist() for _, y in made] for _ in range(2))
    assert first == second


@pytest.mark.parametrize("batch_size", [0, -1, 2.0, True, None, "10"])
def test_a_batch_size_must_be_a_positive_whole_number(batch_size):
    with pytest.raises(ConfigError, match="batch_size must be a whole number of at least 1"):
        batches(numbered(5), batch_size)


def test_errors_come_at_the_call_and_not_in_the_loop():
    with pytest.raises(ConfigError, match="leaves no batch of 5 rows"):
        batches(numbered(5), 6, drop_last=True)
    with pytest.raises(DataError, match="x has 3 rows and y has 2"):
        batches((np.zeros((3, 1)), np.zeros(2)), 1)
    with pytest.raises(DataError, match=r"a Split or a pair \(x, y\)"):
        batches(np.zeros((3, 1)), 1)
    with pytest.raises(ConfigError, match="epoch must be a whole number"):
        batches(numbered(5), 1, epoch=-1)


@given(st.integers(0, 300), st.integers(0, 2**64 - 1), st.integers(0, 10**6))
def test_a_permutation_holds_every_row_and_repeats(n, seed, epoch):
    order = permutation(n, seed, epoch)
    assert order.dtype == np.int64
    np.testing.assert_array_equal(np.sort(order), np.arange(n))
    np.testing.assert_array_equal(order, permutation(n, seed, epoch))


def test_permutations_differ_by_seed_and_epoch():
    orders = {tuple(permutation(50, seed, epoch)) for seed in range(20) for epoch in range(20)}
    assert len(orders) == 400


def test_the_bits_of_a_permutation_are_pinned():
    # A resumed run and a run on another machine or NumPy version must see the rows in the same order.
    assert permutation(10, 0, 0).tolist() == [0, 2, 9, 1, 8, 5, 4, 3, 6, 7]
    assert permutation(10, 1, 2).tolist() == [4, 2, 0, 6, 1, 5, 9, 8, 7, 3]


def test_every_row_comes_to_every_place_equally_often():
    draws = 3000
    places = np.zeros((6, 6), np.int64)  # (row, place)
    for epoch in range(draws):
        places[permutation(6, 0, epoch), np.arange(6)] += 1
    expected = draws / 6
    chi_squared = ((places - expected) ** 2 / expected).sum()
    assert chi_squared < 60  # 25 degrees of freedom: 52.6 is the 0.1 % point

"""Splits: they never overlap, cover everything, have the sizes asked for, and keep the classes' shares."""

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassnet.data import split_indices
from glassnet.engine.errors import ConfigError, DataError

SEEDS = st.integers(0, 2**64 - 1)


@st.composite
def proportions(draw: st.DrawFn) -> tuple[float, ...]:
    """Two to six fractions that add up to 1."""
    weights = draw(st.lists(st.integers(1, 20), min_size=2, max_size=6))
    return tuple(weight / sum(weights) for weight in weights)


def assert_partition(parts, n):
    """Sorted, disjoint, and covering the rows 0 to n - 1."""
    for part in parts:
        assert part.dtype == np.int64
        assert (np.diff(part) > 0).all()
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(n))


@given(st.integers(120, 400), proportions(), SEEDS)
def test_splits_never_overlap_and_cover_every_row(n, fractions, seed):
    parts = split_indices(n, fractions, seed=seed)
    assert_partition(parts, n)
    for part, fraction in zip(parts, fractions, strict=True):
        assert abs(len(part) - n * fraction) < 1


@given(st.lists(st.integers(1, 60), min_size=1, max_size=12), proportions(), SEEDS, st.randoms())
@settings(max_examples=300)
def test_stratified_splits_keep_each_class_to_within_one_row(counts, fractions, seed, random):
    counts = [*counts, 120]  # enough rows that no split is empty
    labels = [label for label, count in enumerate(counts) for _ in range(count)]
    random.shuffle(labels)
    labels = np.array(labels)
    parts = split_indices(len(labels), fractions, seed=seed, stratify=labels)
    assert_partition(parts, len(labels))
    for part, fraction in zip(parts, fractions, strict=True):
        assert abs(len(part) - len(labels) * fraction) < 1
        held = np.bincount(labels[part], minlength=len(counts))
        assert np.abs(held - np.array(counts) * fraction).max() <= 1 + 1e-9


def test_sizes_that_largest_remainders_alone_could_not_meet():
    weights = np.array([9, 9, 9, 8, 8, 8, 8, 11, 11, 11, 11])
    fractions = weights / weights.sum()
    counts = np.array([12, 47, 38])
    parts = split_indices(97, tuple(fractions), stratify=np.repeat(np.arange(3), counts))
    assert_partition(parts, 97)
    table = np.array([np.bincount(np.repeat(np.arange(3), counts)[part], minlength=3) for part in parts])
    assert (np.abs(table - np.outer(fractions, counts)) <= 1 + 1e-9).all()
    assert (np.abs(table.sum(axis=1) - 97 * fractions) < 1).all()


def test_exact_shares_stay_exact():
    labels = np.repeat(np.arange(10), 100)
    for part, size in zip(split_indices(1000, stratify=labels), (80, 10, 10), strict=True):
        assert np.bincount(labels[part]).tolist() == [size] * 10
    mixed = np.repeat(np.arange(5), [4, 18, 100, 12, 100])  # beside classes whose shares are not whole
    for part, size in zip(split_indices(234, (0.55, 0.25, 0.2), stratify=mixed), (55, 25, 20), strict=True):
        assert np.bincount(mixed[part])[[2, 4]].tolist() == [size] * 2
    assert [len(part) for part in split_indices(100, (0.29, 0.71))] == [
        29,
        71,
    ]  # 0.29 * 100 is below 29 in floats


def test_the_order_of_rows_within_a_class_is_random():
    labels = np.zeros(1000, np.int64)
    train, _ = split_indices(1000, (0.5, 0.5), stratify=labels)
    assert 180 < np.count_nonzero(train < 500) < 320


def test_a_split_is_a_function_of_its_seed():
    first = split_indices(500, seed=3)
    for once, again in zip(first, split_indices(500, seed=3), strict=True):
        np.testing.assert_array_equal(once, again)
    assert not np.array_equal(first[1], split_indices(500, seed=4)[1])


def test_the_bits_of_a_split_are_pinned():
    labels = np.arange(1000) % 7
    parts = split_indices(1000, seed=1, stratify=labels)
    digest = hashlib.sha256(b"".join(part.astype("<i8").tobytes() for part in parts)).hexdigest()
    assert digest[:16] == "655314be14e5fecb"


def test_text_labels_stratify_too():
    labels = ["cat"] * 30 + ["dog"] * 10
    val = split_indices(40, (0.8, 0.2), stratify=labels)[1]
    assert [labels[row] for row in val] == ["cat"] * 6 + ["dog"] * 2


@pytest.mark.parametrize(
    "fractions",
    [
        (),
        (0.5, 0.6),
        (0.9, 0.05),
        (1.2, -0.2),
        (1.0, 0.0),
        (float("nan"), 0.5),
        (float("inf"), 0.5),
        0.5,
        ("a", "b"),
    ],
)
def test_fractions_that_make_no_sense(fractions):
    with pytest.raises(ConfigError, match="fractions must"):
        split_indices(100, fractions)


@pytest.mark.parametrize("option", [{"n": 0}, {"n": 2.5}, {"n": True}, {"seed": -1}, {"seed": 2**64}, {"seed": "1"}])
def test_whole_numbers_are_asked_for(option):
    with pytest.raises(ConfigError, match="must be a whole number"):
        split_indices(**{"n": 100, **option})


def test_an_empty_split_is_an_error():
    with pytest.raises(DataError, match=r"split 3 of 3 \(fraction 0.1\) would be empty: there are only 5 rows"):
        split_indices(5)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1], "one label for each of the 100 rows"),
        (np.zeros((100, 1), int), "one label"),
        (np.zeros(100), "float64"),
    ],
)
def test_labels_that_do_not_fit(labels, message):
    with pytest.raises(DataError, match=message):
        split_indices(100, stratify=labels)


@pytest.mark.parametrize("seed", range(5))
def test_groups_are_never_divided(seed):
    groups = np.random.default_rng(seed).integers(0, 40, 500)
    parts = split_indices(500, (0.7, 0.2, 0.1), seed=seed, groups=groups)
    assert sorted(np.concatenate(parts).tolist()) == list(range(500))
    keys = [set(groups[part].tolist()) for part in parts]
    assert not keys[0] & keys[1] | keys[0] & keys[2] | keys[1] & keys[2]
    np.testing.assert_allclose([len(part) / 500 for part in parts], (0.7, 0.2, 0.1), atol=0.05)
    again = split_indices(500, (0.7, 0.2, 0.1), seed=seed, groups=groups)
    for part, twin in zip(parts, again, strict=True):
        np.testing.assert_array_equal(part, twin)


def test_few_groups_fill_every_split():
    parts = split_indices(9, (0.8, 0.1, 0.1), groups=["a"] * 3 + ["b"] * 3 + ["c"] * 3)
    assert [len(part) for part in parts] == [3, 3, 3]
    with pytest.raises(DataError, match="would be empty: there are only 2 groups"):
        split_indices(6, (0.8, 0.1, 0.1), groups=["a"] * 3 + ["b"] * 3)
    with pytest.raises(ConfigError, match="by group or by class, not both"):
        split_indices(4, (0.5, 0.5), groups=[0, 0, 1, 1], stratify=[0, 1, 0, 1])

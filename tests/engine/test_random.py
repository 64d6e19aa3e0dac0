"""Random numbers: functions of a seed, different for different keys."""

import itertools

import numpy as np
import pytest

import glassnet as gn
from glassnet.engine import ConfigError
from glassnet.engine.random import generator, seeded

KEYS = [(0,), (1,), (0, 0), (0, 1), (1, 0), (0, 0, 0), (1, 0, 0), (2**32,), (0, 2**32), (2**64 - 1,), (2**32 - 1,) * 2]


@pytest.fixture(autouse=True)
def start_again():
    """The generator of the process is left as the program found it."""
    yield
    gn.manual_seed(0)


@pytest.mark.smoke
def test_a_seed_repeats_its_numbers():
    gn.manual_seed(7)
    first = generator().standard_normal(5)
    again = generator().standard_normal(5)
    gn.manual_seed(7)
    np.testing.assert_array_equal(generator().standard_normal(5), first)
    np.testing.assert_array_equal(generator().standard_normal(5), again)
    assert not np.array_equal(first, again)
    gn.manual_seed(8)
    assert not np.array_equal(generator().standard_normal(5), first)


def test_a_process_starts_from_seed_0():
    gn.manual_seed(0)
    np.testing.assert_array_equal(generator().random(3), seeded(0).random(3))


@pytest.mark.parametrize("key", KEYS)
def test_a_key_repeats_its_numbers(key):
    np.testing.assert_array_equal(seeded(*key).random(4), seeded(*key).random(4))


@pytest.mark.parametrize(("a", "b"), list(itertools.combinations(KEYS, 2)))
def test_different_keys_give_different_numbers(a, b):
    assert not np.array_equal(seeded(*a).random(4), seeded(*b).random(4))


def test_numpy_integers_are_the_same_seeds():
    np.testing.assert_array_equal(seeded(np.int64(3), np.int32(1)).random(4), seeded(3, 1).random(4))


def test_drawing_from_one_generator_does_not_move_another():
    gn.manual_seed(5)
    expected = generator().random(3)
    gn.manual_seed(5)
    seeded(5).random(100)
    np.random.default_rng(5).random(100)
    np.testing.assert_array_equal(generator().random(3), expected)


@pytest.mark.parametrize("seed", [-1, -(2**40), np.int64(-3)])
def test_negative_seeds_are_refused(seed):
    with pytest.raises(ConfigError, match="seed must be"):
        gn.manual_seed(seed)
    with pytest.raises(ConfigError, match="seed must be"):
        seeded(0, seed)


def test_a_refused_seed_changes_nothing():
    gn.manual_seed(3)
    expected = generator().random(2)
    gn.manual_seed(3)
    with pytest.raises(ConfigError):
        gn.manual_seed(-1)
    np.testing.assert_array_equal(generator().random(2), expected)


@pytest.mark.parametrize("seed", [1.5, "7", None])
def test_what_is_no_whole_number_is_refused(seed):
    with pytest.raises(ConfigError, match="seed"):
        gn.manual_seed(seed)

"""Long series made short, and values for JSON."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassnet.engine.errors import ConfigError
from glassnet.viewer.answers import to_json
from glassnet.viewer.query import Query
from glassnet.viewer.thin import BUCKETS, Grown, thin


def test_a_million_points_keep_what_stands_out():
    y = np.sin(np.arange(1e6) / 1e4)
    y[123_456], y[654_321] = 50.0, -50.0
    found = thin(np.arange(1e6), y)
    assert len(found["x"]) <= 2 * BUCKETS + 2
    assert max(found["y"]) == 50.0
    assert min(found["y"]) == -50.0
    assert (found["x"][0], found["x"][-1]) == (0, 999_999)
    assert {123_456, 654_321} <= set(found["x"])
    assert found["x"] == sorted(found["x"])
    assert len(to_json(found)) < 60_000


@given(st.lists(st.floats(width=32), max_size=300), st.integers(1, 20))
def test_every_point_is_one_that_was_given(y, buckets):
    found = thin(range(len(y)), y, buckets)
    assert len(found["x"]) == len(found["y"]) <= max(len(y), 2 * buckets + 2)
    for x, value in zip(found["x"], found["y"], strict=True):
        assert value == (y[int(x)] if np.isfinite(y[int(x)]) else None)
    finite = [value for value in y if np.isfinite(value)]
    if finite:
        known = [value for value in found["y"] if value is not None]
        assert (max(known), min(known)) == (max(finite), min(finite))


def test_gaps_and_series_that_are_still_growing():
    assert thin([0, 1, 2], [1.0, None, 3.0]) == {"x": [0, 1, 2], "y": [1.0, None, 3.0]}
    assert thin([0, 1, 2], [1.0, 2.0]) == {"x": [0, 1], "y": [1.0, 2.0]}
    assert thin([], []) == {"x": [], "y": []}


def test_lists_that_grow_are_converted_once():
    values, grown = [1.0, None], Grown()
    first = grown.array("loss", values)
    assert grown.array("loss", values) is first
    values += [3.0]
    np.testing.assert_array_equal(grown.array("loss", values), [1.0, np.nan, 3.0])
    np.testing.assert_array_equal(grown.array("loss", [5.0]), [5.0])
    np.testing.assert_array_equal(first, [1.0, np.nan])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([1.5, float("nan"), float("inf")], "[1.5,null,null]"),
        ({"a": np.float32(2), "b": np.arange(2)}, '{"a":2.0,"b":[0,1]}'),
        ({"a": np.array([0.0, np.nan])}, '{"a":[0.0,null]}'),
        ({"name": "\udcff<script>"}, '{"name":"\\udcff<script>"}'),
        (("a", True, None), '["a",true,null]'),
    ],
)
def test_values_for_json(value, text):
    assert to_json(value).decode() == text
    json.loads(to_json(value))


def test_a_value_that_is_none_for_json():
    with pytest.raises(TypeError, match="object is no value for JSON"):
        to_json({"a": object()})


@pytest.mark.parametrize(
    ("values", "ask", "sentence"),
    [
        ({"n": "11"}, lambda q: q.whole("n", 0, 10, 3), "n must be a whole number from 0 to 10, got '11'"),
        ({"n": "1e3"}, lambda q: q.whole("n", 0, 10, 3), "n must be a whole number"),
        ({"n": "٣"}, lambda q: q.whole("n", 0, 10, 3), "n must be a whole number"),
        ({"n": "9" * 5000}, lambda q: q.whole("n", 0, 10, 3), "n must be a whole number"),
        ({"n": ""}, lambda q: q.whole("n", 0, 10, 3), "n must be a whole number"),
        ({"k": "c"}, lambda q: q.choice("k", ("a", "b"), "a"), "k must be one of a, b, got 'c'"),
        ({"t": "abc"}, lambda q: q.text("t", longest=2), "t has at most 2 characters, got 3"),
    ],
)
def test_queries_that_are_refused(values, ask, sentence):
    with pytest.raises(ConfigError, match=sentence):
        ask(Query(values))


def test_queries():
    query = Query({"n": "-7", "k": "b", "t": "emma"})
    assert query.whole("n", -10, 10, 0) == -7
    assert query.choice("k", ("a", "b"), "a") == "b"
    assert query.text("t") == "emma"
    assert Query().whole("n", 0, 5, 3) == 3
    assert Query().choice("k", ("a", "b"), "a") == "a"

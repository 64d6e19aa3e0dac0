"""Text items, vocabularies, and the contexts of character-level models."""

import gzip
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassnet.data import Vocabulary, contexts, read_lines
from glassnet.engine.errors import ConfigError, DataError

CHARACTERS = st.characters(exclude_characters=".", exclude_categories=["Cs"])
ITEMS = st.lists(st.text(CHARACTERS, min_size=1, max_size=8), min_size=1, max_size=12)
LOWER = Vocabulary(tuple("abcdefghijklmnopqrstuvwxyz"))


def contexts_by_loop(items, vocabulary, context):
    """As it is taught: slide a window over each item, character by character."""
    index = {".": 0} | {character: i + 1 for i, character in enumerate(vocabulary.characters)}
    xs, ys = [], []
    for item in items:
        window = [0] * context
        for character in item + ".":
            xs.append(window)
            ys.append(index[character])
            window = [*window[1:], index[character]]
    return xs, ys


@given(ITEMS, st.integers(1, 6))
def test_contexts_equal_the_loop(items, context):
    vocabulary = Vocabulary.from_items(items)
    x, y = contexts(items, vocabulary, context)
    expected_x, expected_y = contexts_by_loop(items, vocabulary, context)
    assert (x.dtype, y.dtype) == (np.int64, np.int64)
    assert x.shape == (sum(map(len, items)) + len(items), context)
    assert x.tolist() == expected_x
    assert y.tolist() == expected_y
    assert x.flags.c_contiguous


def test_contexts_of_one_name():
    x, y = contexts(["ava"], LOWER, 3)
    pairs = [(LOWER.decode(row), LOWER.decode([target])) for row, target in zip(x, y, strict=True)]
    assert pairs == [("...", "a"), ("..a", "v"), (".av", "a"), ("ava", ".")]


def test_contexts_refuse_bad_items_by_number():
    with pytest.raises(DataError, match=r"item 1 \('zoë'\) holds the character 'ë'.*allowed are 'abc"):
        contexts(["zoe", "zoë"], LOWER, 3)
    with pytest.raises(DataError, match=r"item 0 \('a\.b'\) holds the character '\.'"):
        contexts(["a.b", "c"], LOWER, 3)
    with pytest.raises(DataError, match="item 2 is empty"):
        contexts(["a", "b", "", "d"], LOWER, 3)
    with pytest.raises(DataError, match="no items"):
        contexts([], LOWER, 3)
    for context in (0, -1, 1.5, True):
        with pytest.raises(ConfigError, match="context must be a whole number of at least 1"):
            contexts(["a"], LOWER, context)


@given(ITEMS)
def test_a_vocabulary_encodes_and_decodes(items):
    vocabulary = Vocabulary.from_items(items)
    assert len(vocabulary) == len(set("".join(items))) + 1
    for item in items:
        indices = vocabulary.encode(item)
        assert indices.dtype == np.int64
        assert indices.shape == (len(item),)
        assert indices.min() > 0
        assert vocabulary.decode(indices) == item
    assert Vocabulary.from_json(json.loads(json.dumps(vocabulary.to_json()))) == vocabulary


def test_the_order_of_a_vocabulary_is_its_own():
    vocabulary = Vocabulary(tuple("cab"))
    assert vocabulary.encode("abc").tolist() == [2, 3, 1]
    assert vocabulary.decode([0, 1, 2, 3]) == ".cab"
    assert Vocabulary.from_items(["cab", "d"]).characters == tuple("abcd")


@pytest.mark.parametrize("item", ["emma!", "Emma", "em.ma", "em ma", "é"])
def test_an_unknown_character_is_named(item):
    with pytest.raises(DataError, match=r"holds the character .* not in the vocabulary; allowed are 'abcdef"):
        LOWER.encode(item)


@pytest.mark.parametrize("index", [-1, 27, 10**20])
def test_an_index_out_of_range_is_an_error(index):
    with pytest.raises(DataError, match="its indices are 0 to 26"):
        LOWER.decode([1, index])


@pytest.mark.parametrize("characters", [(), ("a", "a"), ("a", "."), ("ab",), ("",), (1,)])
def test_characters_that_make_no_vocabulary(characters):
    with pytest.raises(DataError):
        Vocabulary(characters)


@pytest.mark.parametrize("value", [None, [], {}, {"characters": ["a", "b"]}, {"characters": ""}, {"characters": "aa"}])
def test_json_that_is_no_vocabulary(value):
    with pytest.raises(DataError):
        Vocabulary.from_json(value)


def test_the_boundary_cannot_be_in_an_item():
    with pytest.raises(DataError, match=r"item 'b\.c' holds '\.'"):
        Vocabulary.from_items(["a", "b.c"])


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_lines_are_read(tmp_path, pack):
    path = tmp_path / "items.txt"
    path.write_bytes(pack("\ufeffzoë\r\n\n  van Dyk \n\t\n東京\rlast".encode()))
    assert read_lines(path) == ["zoë", "van Dyk", "東京", "last"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"good\nb\xe9d\n", r"items\.txt line 2 is not UTF-8"),
        (b"good\n\ngo\x1b[31mod\n", r"items\.txt line 3 holds the control character '\\x1b'"),
        (b"good\n" + b"x" * 1001, r"items\.txt line 2 has 1001 characters; the limit is 1000"),
        (b"\n  \n", r"items\.txt holds no items"),
        (b"", r"items\.txt holds no items"),
        (gzip.compress(b"good\n" * 100, mtime=0)[:-9], r"items\.txt is a damaged gzip file"),
    ],
)
def test_text_that_cannot_be_used(tmp_path, content, message):
    path = tmp_path / "items.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_lines(path)


def test_a_limit_on_the_size_of_a_text(tmp_path):
    path = tmp_path / "items.txt"
    path.write_bytes(gzip.compress(b"a\n" * 500))
    assert len(read_lines(path, max_bytes=1000)) == 500
    with pytest.raises(DataError, match="holds more than 999 bytes"):
        read_lines(path, max_bytes=999)
    path.write_bytes(b"ab\n")
    with pytest.raises(DataError, match=r"items\.txt line 1 has 2 characters; the limit is 1"):
        read_lines(path, max_length=1)

"""Text files as data sets for language models."""

import pytest

from glassnet.data import load, read_text
from glassnet.engine.errors import ConfigError, DataError


def test_a_text_file_becomes_contexts_and_next_characters(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("\n".join(f"w{chr(97 + i)}{chr(97 + j)}" for i in range(10) for j in range(10)))
    data = read_text(path, context=2)
    assert [len(split.items) for split in data.splits.values()] == [80, 10, 10]
    assert data.train.x.shape == (320, 2)
    assert data.name == "words"
    assert data.vocabulary.decode(data.train.x[1]) == ".w"
    assert len(data.vocabulary) == 12
    with pytest.raises(ConfigError, match="three numbers"):
        read_text(path, fractions=(0.5, 0.5))
    with pytest.raises(ConfigError, match="context"):
        read_text(path, context=0)


def test_an_item_that_occurs_twice_is_in_one_split(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("\n".join(f"{chr(97 + i)}" for i in range(20)) * 3)
    data = read_text(path)
    sets = [set(split.items) for split in data.splits.values()]
    assert not sets[0] & sets[1] | sets[0] & sets[2] | sets[1] & sets[2]
    assert sum(len(split.items) for split in data.splits.values()) == 58  # at two places the end met the beginning


def test_names_are_such_a_file(tmp_path):
    names = load("names", seed=4)
    path = tmp_path / "names.txt"
    path.write_text("\n".join(sorted(item for split in names.splits.values() for item in split.items)))
    assert read_text(path).vocabulary == names.vocabulary


def test_a_file_that_is_no_text_is_named(tmp_path):
    path = tmp_path / "words.txt"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match=r"words.txt line 1 is not UTF-8"):
        read_text(path)

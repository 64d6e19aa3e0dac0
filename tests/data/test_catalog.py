"""The embedded data sets: complete, undamaged, and split without overlap."""

import gzip
import hashlib
from importlib.resources import files

import numpy as np
import pytest

from glassnet.data import available, load
from glassnet.engine.errors import ConfigError, DataError

EMBEDDED = files("glassnet.data").joinpath("embedded")
CLASS_COUNTS = [1001, 1127, 991, 1032, 980, 863, 1014, 1070, 944, 978]


@pytest.fixture(scope="module")
def digits():
    return load("digits")


@pytest.fixture(scope="module")
def names():
    return load("names")


def inflated(name):
    return gzip.decompress(EMBEDDED.joinpath(name).read_bytes())


def test_digits_have_the_sizes_and_types_of_their_description(digits):
    assert (len(digits.train), len(digits.val), len(digits.test)) == (7500, 500, 2000)
    for split in digits.splits.values():
        assert split.x.shape == (len(split), 784)
        assert split.x.dtype == np.float32
        assert split.y.shape == (len(split),)
        assert split.y.dtype == np.int64
        assert split.x.min() == 0
        assert split.x.max() == 1
    assert digits.input_shape == (28, 28)
    assert digits.classes == tuple("0123456789")
    assert str(digits) == (
        "Dataset(digits: train 7,500, val 500, test 2,000 rows, stratified by class; "
        "x (784,) float32, y int64; 10 classes)"
    )


def test_digits_are_stratified(digits):
    counts = np.array([np.bincount(split.y, minlength=10) for split in digits.splits.values()])
    assert counts.sum(axis=0).tolist() == CLASS_COUNTS
    exact = np.outer([0.75, 0.05, 0.2], CLASS_COUNTS)
    assert np.abs(counts - exact).max() <= 1


def test_every_digit_is_in_one_split_with_its_own_label(digits):
    images = np.frombuffer(inflated("mnist-10k-images-idx3-ubyte.gz"), np.uint8, offset=16).reshape(-1, 784)
    labels = np.frombuffer(inflated("mnist-10k-labels-idx1-ubyte.gz"), np.uint8, offset=8)
    expected = sorted((image.tobytes(), int(label)) for image, label in zip(images, labels, strict=True))
    got = []
    for split in digits.splits.values():
        pixels = np.rint(split.x * 255).astype(np.uint8)
        np.testing.assert_array_equal(split.x, pixels / np.float32(255))
        got += [(image.tobytes(), int(label)) for image, label in zip(pixels, split.y, strict=True)]
    assert sorted(got) == expected
    assert len(set(got)) == 10_000


def test_names_are_split_by_name(names):
    assert [len(split.items) for split in names.splits.values()] == [23928, 2991, 2991]
    everything = [item for split in names.splits.values() for item in split.items]
    assert sorted(everything) == sorted(inflated("us-baby-names-2017.txt.gz").decode().split())
    assert len(set(everything)) == 29_910


def test_rows_of_names_come_from_the_names_of_their_split(names):
    assert names.vocabulary.decode(range(27)) == ".abcdefghijklmnopqrstuvwxyz"
    assert names.context == 3
    for split in names.splits.values():
        assert split.x.shape == (len(split), 3)
        assert (split.x.dtype, split.y.dtype) == (np.int64, np.int64)
        # The targets of one split, read one after the other, are its names with their endings.
        assert names.vocabulary.decode(split.y) == "".join(f"{item}." for item in split.items)
    assert sum(map(len, names.splits.values())) == 214_764  # bytes of the file: letters and one ending a name
    assert names.summary().endswith("vocabulary of 27")


def test_options_of_names():
    names = load("names", context=8, fractions=(0.5, 0.25, 0.25))
    assert names.train.x.shape[1] == 8
    assert names.context == 8
    assert len(names.train.items) == 14955


def test_the_seed_decides_the_splits(digits):
    again, other = load("digits", seed=0), load("digits", seed=1, fractions=(0.8, 0.1, 0.1))
    np.testing.assert_array_equal(again.val.x, digits.val.x)
    np.testing.assert_array_equal(again.val.y, digits.val.y)
    assert (len(other.train), len(other.val), len(other.test)) == (8000, 1000, 1000)
    assert not np.array_equal(load("names", seed=1).val.items, load("names").val.items)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "digit"}, "no data set 'digit'. Did you mean 'digits'?"),
        ({"name": "digits", "root": "here"}, "'digits' comes with the package and has no option root"),
        ({"name": "mnist", "root": "here", "context": 3}, "'mnist' has no option context"),
        ({"name": "mnist", "root": "here", "fractions": (0.8, 0.1, 0.1)}, "must be two numbers, for train and val"),
        ({"name": "cifar"}, "no data set 'cifar'. There are 'digits', 'names', 'mnist', 'fashion-mnist'."),
        ({"name": "digits", "context": 3}, "'digits' has no option context"),
        ({"name": "digits", "fractions": (0.5, 0.5)}, "fractions must be three numbers"),
        ({"name": "names", "fractions": (0.5, 0.25, 0.2)}, "fractions must add up to 1"),
        ({"name": "names", "context": 0}, "context must be a whole number"),
        ({"name": "names", "seed": -1}, "seed must be a whole number"),
    ],
)
def test_options_that_do_not_fit(arguments, message):
    with pytest.raises(ConfigError) as caught:
        load(**arguments)
    assert message in str(caught.value)


def test_what_is_available(digits, names):
    infos = {info.name: info for info in available()}
    assert list(infos) == ["digits", "names", "mnist", "fashion-mnist"]
    assert infos["digits"].rows == sum(map(len, digits.splits.values()))
    assert infos["names"].rows == sum(len(split.items) for split in names.splits.values())
    assert infos["digits"].licence == "CC BY-SA 3.0"
    assert infos["names"].licence == "public domain"


def test_the_checksums_stand_beside_the_files():
    readme = EMBEDDED.joinpath("README.md").read_text(encoding="utf-8")
    archives = [entry for entry in EMBEDDED.iterdir() if entry.name.endswith(".gz")]
    assert len(archives) == 3
    for archive in archives:
        assert f"{hashlib.sha256(archive.read_bytes()).hexdigest()}  {archive.name}" in readme


@pytest.mark.parametrize("name", ["digits", "names"])
def test_a_damaged_or_missing_file_is_a_clear_error(name, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.resources.files", lambda _: tmp_path)
    with pytest.raises(DataError, match=r"the embedded file .* cannot be read: No such file"):
        load(name)
    (tmp_path / "embedded").mkdir()
    for archive in EMBEDDED.iterdir():
        content = bytearray(archive.read_bytes())
        content[len(content) // 2] ^= 1
        (tmp_path / "embedded" / archive.name).write_bytes(content)
    with pytest.raises(DataError, match=r"the embedded file .* is damaged: its SHA-256 should be"):
        load(name)

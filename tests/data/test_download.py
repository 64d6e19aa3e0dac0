"""Downloads: only over HTTPS, never more than announced, and used only if they are what was published."""

import gzip
import hashlib
import io
from email.message import Message
from http.client import IncompleteRead
from urllib.error import URLError

import numpy as np
import pytest

from glassnet.data import load
from glassnet.data.download import RemoteFile, cache_folder, fetch
from glassnet.engine.errors import ConfigError, DataError

CONTENT = bytes(range(256)) * 10
PACKED = gzip.compress(CONTENT, mtime=0)
FILE = RemoteFile("numbers.gz", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))
MIRRORS = ["https://one.example/", "https://two.example/"]


class Answer(io.BytesIO):
    def __init__(self, content, url):
        super().__init__(content)
        self.url, self.headers = url, Message()
        self.headers["Content-Length"] = str(len(content))

    def geturl(self):
        return self.url


@pytest.fixture
def web(monkeypatch):
    """What each address answers: bytes, an error, or another address to redirect to."""
    pages, asked = {}, []

    def urlopen(request, timeout):
        asked.append(request.full_url)
        page = pages.get(request.full_url, URLError("Name or service not known"))
        if isinstance(page, Exception):
            raise page
        return Answer(PACKED, page) if isinstance(page, str) else Answer(page, request.full_url)

    monkeypatch.setattr("urllib.request.urlopen", urlopen)
    pages["asked"] = asked
    return pages


def test_a_file_is_downloaded_once(web, tmp_path):
    web[MIRRORS[0] + FILE.name] = PACKED
    path = fetch(FILE, MIRRORS, tmp_path / "cache")
    assert path.read_bytes() == PACKED
    assert fetch(FILE, MIRRORS, tmp_path / "cache") == path
    assert web["asked"] == [MIRRORS[0] + FILE.name]
    assert [entry.name for entry in path.parent.iterdir()] == [FILE.name]


def test_a_damaged_file_in_the_cache_is_downloaded_again(web, tmp_path):
    (tmp_path / FILE.name).write_bytes(PACKED[:-9])
    web[MIRRORS[0] + FILE.name] = PACKED
    assert fetch(FILE, MIRRORS, tmp_path).read_bytes() == PACKED


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        (URLError("timed out"), "timed out"),
        (ConnectionResetError(104, "Connection reset by peer"), "Connection reset by peer"),
        (gzip.compress(CONTENT[:-1] + b"!", mtime=0), "its SHA-256 is"),
        (gzip.compress(CONTENT[:-1], mtime=0), "it holds 2,559 bytes, not 2,560"),
        (gzip.compress(CONTENT + b"!", mtime=0), "it holds more than 2,560 bytes"),
        (PACKED[:-9], "damaged gzip file"),
        (IncompleteRead(b"", 7), "IncompleteRead"),
        (bytes(3000), "sends more than the 2,560 bytes"),
        ("http://one.example/plain", "not https://"),
    ],
    ids=range(9),
)
def test_the_next_mirror_is_asked(web, tmp_path, first, reason):
    web[MIRRORS[0] + FILE.name] = first
    with pytest.raises(DataError, match=reason) as error:
        fetch(FILE, MIRRORS, tmp_path)
    for part in ("numbers.gz", *MIRRORS, "Connect to the internet", "root"):
        assert part in str(error.value)
    assert not list(tmp_path.iterdir())
    web[MIRRORS[1] + FILE.name] = PACKED
    assert fetch(FILE, MIRRORS, tmp_path).read_bytes() == PACKED


def test_plain_http_is_never_asked(web, tmp_path):
    with pytest.raises(DataError, match="only https:// is used"):
        fetch(FILE, ["http://one.example/"], tmp_path)
    assert not web["asked"]


def test_an_interrupted_download_leaves_nothing(monkeypatch, tmp_path):
    class Interrupted(Answer):
        def read(self, size=-1):
            raise KeyboardInterrupt

    monkeypatch.setattr("urllib.request.urlopen", lambda request, timeout: Interrupted(PACKED, request.full_url))
    with pytest.raises(KeyboardInterrupt):
        fetch(FILE, MIRRORS, tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_cache_can_be_elsewhere(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("GLASSNET_DATA", raising=False)
    assert cache_folder() == tmp_path / "glassnet"
    monkeypatch.setenv("GLASSNET_DATA", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"


def test_without_a_network_the_error_says_both_ways_out(web, monkeypatch, tmp_path):
    monkeypatch.setenv("GLASSNET_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte.gz cannot be downloaded .*Connect .*root"):
        load("fashion-mnist")


# A folder of IDX files


def idx(array):
    header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return header + array.astype(np.uint8).tobytes()


def make_folder(folder, rows=60, name="{}-{}-idx{}-ubyte.gz", labels=None, side=28):
    random = np.random.default_rng(0)
    for part, count in (("train", rows), ("t10k", 20)):
        images = random.integers(0, 256, (count, side, side))
        classes = np.arange(count) % 10 if labels is None else labels
        for kind, array in (("images", images), ("labels", classes)):
            content = idx(np.asarray(array))
            path = folder / name.format(part, kind, 3 if kind == "images" else 1)
            path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return folder


@pytest.mark.parametrize("name", ["{}-{}-idx{}-ubyte.gz", "{}-{}-idx{}-ubyte", "{}-{}.idx{}-ubyte"])
def test_a_folder_of_idx_files_is_a_data_set(tmp_path, name):
    data = load("fashion-mnist", root=make_folder(tmp_path, name=name), fractions=(0.5, 0.5))
    assert [len(split) for split in data.splits.values()] == [30, 30, 20]
    assert data.train.x.shape == (30, 784)
    assert data.train.x.dtype == np.float32
    assert 0 <= data.train.x.min() <= data.train.x.max() <= 1
    assert np.bincount(data.val.y).tolist() == [3] * 10
    assert data.classes[9] == "Ankle boot"
    assert data.test.y.tolist() == [i % 10 for i in range(20)]  # as published
    assert load("mnist", root=tmp_path, fractions=(0.5, 0.5)).classes[9] == "9"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"labels": np.arange(60)}, "must hold labels from 0 to 9, got 10 in row 10"),
        ({"labels": np.zeros(7)}, "a label for each of the 60 images of train-images-idx3-ubyte.gz"),
        ({"side": 20}, "images of 28 x 28 bytes"),
    ],
)
def test_files_that_do_not_belong_together_are_named(tmp_path, options, words):
    with pytest.raises(DataError, match=words):
        load("mnist", root=make_folder(tmp_path, **options))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"no file train-images-idx3-ubyte.gz"):
        load("mnist", root=tmp_path)
    with pytest.raises(ConfigError, match="add up to 1"):
        load("mnist", root=make_folder(tmp_path), fractions=(0.5, 0.1))

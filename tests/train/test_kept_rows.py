"""Rows of the data that a run of a program keeps in its folder: few, sealed, and only where they are allowed."""

import os

import numpy as np
import pytest

import glassnet as gn
from glassnet import data, nn, optim
from glassnet.data.dataset import Dataset, Split
from glassnet.engine.errors import CheckpointError, ConfigError
from glassnet.train.checkpoint import read_arrays, write_arrays
from glassnet.train.kept_rows import LARGEST, ROWS, keep_rows, read_rows


def fit(folder, x=None, y=None, **options):
    x = np.random.default_rng(0).standard_normal((50, 3)).astype(np.float32) if x is None else x
    y = (x[:, 0] > 0).astype(np.int64) if y is None else y
    net = nn.Linear(x.shape[1], 2)
    options = {"steps": 2, "validation": 0.2, "progress": False, "folder": folder, **options}
    return gn.fit(net, (x, y), loss=nn.CrossEntropyLoss(), optimizer=optim.SGD(net.parameters(), lr=0.1), **options)


def pairs(split):
    return zip(split.x.tolist(), split.y.tolist(), strict=True)


def test_a_program_keeps_rows_of_each_split(tmp_path):
    run = fit(tmp_path / "run", keep_rows=8)
    dataset, sizes = read_rows(tmp_path / "run")
    assert sizes == {"train": 40, "val": 10}
    assert {name: len(split) for name, split in dataset.splits.items()} == {"train": 8, "val": 8}
    for name, split in dataset.splits.items():
        given = {(*x, y) for x, y in pairs(run.data.splits[name])}
        assert {(*x, y) for x, y in pairs(split)} <= given
    fit(tmp_path / "run", keep_rows=8, steps=4, resume=True)
    np.testing.assert_array_equal(read_rows(tmp_path / "run")[0].train.x, dataset.train.x)


def test_who_wants_none_has_none(tmp_path):
    fit(tmp_path / "none", keep_rows=0)
    assert not (tmp_path / "none" / ROWS).exists()
    assert read_rows(tmp_path / "none") is None
    run = fit(tmp_path / "run")
    assert (tmp_path / "run" / ROWS).exists()
    fit(tmp_path / "run", keep_rows=0, steps=4, resume=True)
    assert not (tmp_path / "run" / ROWS).exists()
    assert (run.save(tmp_path / "saved") / ROWS).exists()
    assert not (run.save(tmp_path / "private", keep_rows=0) / ROWS).exists()
    for wrong in (-1, 2.5, True):
        with pytest.raises(ConfigError, match="keep_rows must be a whole number"):
            fit(None, keep_rows=wrong)


def test_large_rows_are_fewer(tmp_path):
    wide = np.zeros((300, 50_000), np.float32)
    fit(tmp_path / "run", wide, np.arange(300) % 2)
    dataset, _ = read_rows(tmp_path / "run")
    assert len(dataset.train) == LARGEST // (2 * (200_000 + 8))
    assert (tmp_path / "run" / ROWS).stat().st_size <= LARGEST + 2000
    fit(tmp_path / "one", np.zeros((4, 200_000), np.float32), np.arange(4) % 2, validation=None)
    assert len(read_rows(tmp_path / "one")[0].train) == 1
    fit(tmp_path / "none", np.zeros((4, 300_000), np.float32), np.arange(4) % 2, validation=None)
    assert not (tmp_path / "none" / ROWS).exists()


@pytest.mark.parametrize("name", ["digits", "names"])
def test_what_the_numbers_mean_is_kept(tmp_path, name):
    given = data.load(name)
    keep_rows(tmp_path, given, 5)
    found, sizes = read_rows(tmp_path)
    for part in ("name", "classes", "input_shape", "vocabulary", "context"):
        assert getattr(found, part) == getattr(given, part)
    assert sizes == {split: len(rows) for split, rows in given.splits.items()}
    assert found.train.row_summary() == given.train.row_summary()


def test_a_table_is_kept_with_its_encoder(tmp_path):
    (tmp_path / "a.csv").write_text("size,kind,price\n" + "".join(f"{i},{'ab'[i % 2]},{i * 2}\n" for i in range(40)))
    given = data.read_table(tmp_path / "a.csv", target="price")
    keep_rows(tmp_path, given, 5)
    assert read_rows(tmp_path)[0].encoder == given.encoder


def change(path, notes=None, **arrays):
    found, told = read_arrays(path)
    write_arrays(path, {**found, **{name.replace("_", "/"): array for name, array in arrays.items()}}, notes or told)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda path: path.write_bytes(b"{}"), "no seal"),
        (lambda path: os.truncate(path, 2**40), "at most"),
        (lambda path: change(path, notes={"a": 1}), "holds no rows"),
        (lambda path: change(path, train_x=np.zeros((3, 0), np.float32)), "holds no rows"),
        (lambda path: change(path, train_x=np.full((8, 2), np.nan, np.float32)), "must be finite"),
        (lambda path: change(path, train_y=np.full(8, 10**9)), "a number of train is not below 2"),
        (lambda path: change(path, notes={**read_arrays(path)[1], "classes": [1, 2]}), "no text"),
        (lambda path: change(path, notes={**read_arrays(path)[1], "input_shape": [1e300]}), "no whole number"),
        (lambda path: change(path, notes={**read_arrays(path)[1], "input_shape": [2, 10**30]}), "does not fit"),
        (lambda path: change(path, notes={**read_arrays(path)[1], "vocabulary": {"characters": "aa"}}), "differ"),
        (lambda path: change(path, notes={**read_arrays(path)[1], "encoder": []}), "not the encoder"),
        (lambda path: change(path, notes={**read_arrays(path)[1], "of": {"train": "x"}}), "holds no rows"),
    ],
)
def test_a_file_that_is_none_is_an_error(tmp_path, spoil, sentence):
    x = np.zeros((8, 2), np.float32)
    keep_rows(tmp_path, Dataset("pair", Split(x, np.arange(8) % 2), classes=("no", "yes")), 8)
    spoil(tmp_path / ROWS)
    with pytest.raises(CheckpointError, match=sentence):
        read_rows(tmp_path)

"""Each limit of the readers, from both sides where that is cheap."""

import numpy as np
import pytest

import glassnet as gn
from glassnet import nn
from glassnet.data import columns, encoder, read_columns, read_table, tables
from glassnet.nn import config
from glassnet.recipe.allowed import WIDEST
from glassnet.recipe.recipe import Recipe

pl = pytest.importorskip("polars")


def write(path, lines):
    path.write_text("\n".join(lines) + "\n")
    return path


def test_columns_of_a_table(tmp_path, monkeypatch):
    monkeypatch.setattr(columns, "MOST_COLUMNS", 3)
    assert len(read_columns(write(tmp_path / "a.csv", ["a,b,c", "1,2,3"]))) == 3
    with pytest.raises(gn.DataError, match=r"b\.csv has .* rows of 4 columns; at most .* in 3 columns are read"):
        read_columns(write(tmp_path / "b.csv", ["a,b,c,d", "1,2,3,4"]))


def test_texts_of_a_column(tmp_path, monkeypatch):
    monkeypatch.setattr(columns, "MOST_CHARACTERS", 6)
    assert read_columns(write(tmp_path / "a.csv", ["a,b", "xyz,1", "xyz,2"]))["a"] == ["xyz", "xyz"]
    with pytest.raises(gn.DataError, match=r"b\.csv: column 'a' holds more than 6 bytes of text"):
        read_columns(write(tmp_path / "b.csv", ["a,b", "xyz,1", "xyzz,2"]))


def test_features_of_a_table(tmp_path, monkeypatch):
    path = write(tmp_path / "a.csv", ["a,b", *(f"x{i % 10},{i % 2}" for i in range(100))])
    monkeypatch.setattr(encoder, "MOST_CELLS", 1000)
    assert read_table(path, target="b").train.x.shape[1] == 10
    monkeypatch.setattr(encoder, "MOST_CELLS", 999)
    with pytest.raises(gn.DataError, match=r"a\.csv would become 100 rows of 10 features, with one for each category"):
        read_table(path, target="b")


@pytest.mark.parametrize("number", ["1e308", "-1e101", "inf"])
def test_numbers_of_a_table(tmp_path, number):
    path = write(tmp_path / "a.csv", ["a,b", "1,x", "1e100,y", f"{number},x"])
    with pytest.raises(
        gn.DataError, match=r"a\.csv row 3: column 'a' holds .*; numbers must be finite, and at most 1e\+100"
    ):
        read_columns(path)


def test_numbers_that_float32_cannot_hold_once_they_are_standardised(tmp_path):
    path = write(tmp_path / "a.csv", ["a,b", *(f"{i % 3},{'xy'[i % 2]}" for i in range(30))])
    fitted = read_table(path, target="b").encoder
    assert fitted.encode({"a": read_columns(path)["a"] * 1e29}, "new").max() > 1e28
    with pytest.raises(gn.DataError, match=r"new row 2: column 'a' holds 1e\+40, which is more than 1e\+30 standard"):
        fitted.encode({"a": read_columns(path)["a"] * 1e40}, "new")


def test_classes_that_are_not_numbers_follow_the_numbers():
    assert sorted(["NAN", "b", "10", "-nan", "9", "inf"], key=tables._class_order) == [
        "9",
        "10",
        "inf",
        "-nan",
        "NAN",
        "b",
    ]


def nested(depth):
    layer = {"layer": "ReLU"}
    for _ in range(depth):
        layer = {"layer": "Sequential", "layers": [layer]}
    return layer


def test_networks_in_files():
    nn.from_config(nested(config.DEEPEST))
    with pytest.raises(gn.CheckpointError, match="nested deeper than 50 times"):
        nn.from_config(nested(config.DEEPEST + 1))
    half = {"layer": "Linear", "in_features": 2**14, "out_features": 2**13 + 1}
    with pytest.raises(gn.CheckpointError, match="a network asks for more than 268,435,456 numbers"):
        nn.from_config({"layer": "Sequential", "layers": [half, half]})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"hidden": (WIDEST + 1,)}, "widths from 1 to 1,000,000, got"),
        ({"epochs": 2**64}, "epochs must be a whole number from 1 to 1,000,000, got 18446744073709551616"),
        ({"lr": 10**400}, r"lr must be a number of at least 0 and below 1e\+300, got 10000"),
    ],
)
def test_options_of_a_recipe(options, words):
    with pytest.raises(gn.ConfigError, match=words):
        Recipe.from_options("digits", options, None)


def test_a_signalling_nan_is_a_missing_value(tmp_path):
    signalling = np.array([0x7FF4000000000000], np.uint64).view(np.float64)
    column = np.concatenate([np.arange(20.0), signalling])
    pl.DataFrame({"a": column, "b": ["x", "y", "z"] * 7}).write_parquet(tmp_path / "a.parquet")
    for seed in range(4):  # in the training rows or not
        with pytest.raises(gn.DataError, match=r"a\.parquet row 21: column 'a' has no value"):
            read_table(tmp_path / "a.parquet", target="b", seed=seed)

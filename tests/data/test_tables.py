"""Tables: what is read, what is learned from the training rows alone, and what is refused."""

import json
import math
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import glassnet as gn
from glassnet import nn, optim
from glassnet.data import TableEncoder, read_columns, read_table

pl = pytest.importorskip("polars")
RANDOM = np.random.default_rng(0)
N = 60
WIDTH = RANDOM.standard_normal(N) * 3 + 5
COLOUR = RANDOM.choice(["red", "green", "blue"], N)
KIND = np.where((WIDTH > 5) ^ (COLOUR == "red"), "yes", "no")


def frame(**columns):
    return pl.DataFrame({"width": WIDTH, "colour": COLOUR, "kind": KIND, **columns})


@pytest.fixture
def csv(tmp_path):
    path = tmp_path / "things.csv"
    frame().write_csv(path)
    return path


def written(tmp_path, text, name="table.csv"):
    path = tmp_path / name
    path.write_text(text)
    return path


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet"])
def test_a_table_becomes_numbers(tmp_path, ending):
    path = tmp_path / f"things.{ending}"
    if ending == "parquet":
        frame().write_parquet(path)
    else:
        frame().write_csv(path, separator="\t" if ending == "tsv" else ";")
    table = read_table(path, target="kind", seed=3)
    assert str(table) == (
        "Dataset(things: train 48, val 6, test 6 rows, stratified by class; x (4,) float32, y int64; 2 classes)"
    )
    assert table.classes == ("no", "yes")
    assert table.encoder.feature_names == ("width", "colour=blue", "colour=green", "colour=red")
    assert table.train.x[:, 0].mean() == pytest.approx(0, abs=1e-5)
    assert table.train.x[:, 0].std() == pytest.approx(1, rel=1e-5)
    assert (table.train.x[:, 1:].sum(1) == 1).all()
    everything = np.concatenate([split.x for split in table.splits.values()])
    column = table.encoder.columns[0]
    np.testing.assert_allclose(
        np.sort(everything[:, 0]), np.sort((WIDTH - column.mean) / column.std), rtol=1e-4, atol=1e-5
    )


def test_only_the_training_rows_decide(tmp_path, csv):
    before = read_table(csv, target="kind", seed=1)
    held_out = {
        round(float(v), 3) for v in before.encoder.columns[0].mean + before.encoder.columns[0].std * before.test.x[:, 0]
    }
    changed = [w + 1000 if round(float(w), 3) in held_out else w for w in WIDTH]
    path = tmp_path / "changed.csv"
    frame(width=changed).write_csv(path)
    after = read_table(path, target="kind", seed=1)
    assert after.encoder.columns[0].mean == pytest.approx(before.encoder.columns[0].mean)
    assert after.test.x[:, 0].max() > 100


def test_the_seed_decides_and_repeats(csv):
    a, b, c = (read_table(csv, target="kind", seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(a.train.x, b.train.x)
    assert (a.train.x != c.train.x).any()


def test_a_regression_is_standardised_and_comes_back_in_its_units(tmp_path):
    path = tmp_path / "line.csv"
    x = np.linspace(0, 9, 200)
    pl.DataFrame({"x": x, "y": 1000 + 50 * x + 0.5}).write_csv(path)
    table = read_table(path, target="y")
    assert table.encoder.task == "regression"
    assert table.train.y.shape == (160, 1)
    assert table.train.y.std() == pytest.approx(1, rel=1e-5)
    net = nn.Linear(1, 1)
    gn.fit(net, table, loss=nn.MSELoss(), optimizer=optim.Adam(net.parameters(), 0.05), epochs=60, progress=False)
    new = {"x": np.array([2.0, 4.0])}
    predicted = table.encoder.decode_target(net.predict(table.encoder.encode(new, "new rows")))
    np.testing.assert_allclose(predicted, [1100.5, 1200.5], atol=2)


@pytest.mark.parametrize(
    ("values", "task", "expected"),
    [
        ([0, 1, 2] * 10, "auto", "classification"),
        ([0.5, 1, 2] * 10, "auto", "regression"),
        (list(range(30)), "auto", "regression"),
        ([0.5, 1.5, 2] * 10, "classification", "classification"),
        ([0, 1] * 15, "regression", "regression"),
        ([True, False, True] * 10, "auto", "classification"),
    ],
)
def test_the_task_follows_from_the_target_unless_it_is_named(tmp_path, values, task, expected):
    path = tmp_path / "t.csv"
    pl.DataFrame({"x": np.arange(30.0), "y": values}).write_csv(path)
    assert read_table(path, target="y", task=task).encoder.task == expected


def test_classes_that_are_numbers_keep_their_order(tmp_path):
    path = tmp_path / "t.csv"
    pl.DataFrame({"x": np.arange(60.0), "y": [10, 9, 2] * 20}).write_csv(path)
    assert read_table(path, target="y").classes == ("2", "9", "10")


MISSING = "x,c,y\n" + "".join(
    f"{i if i % 7 else ''},{'ab'[i % 2] if i % 5 else ''},{'no' if i % 3 else 'yes'}\n" for i in range(60)
)


def test_spaces_around_values_do_not_make_texts_of_numbers(tmp_path):
    lines = ["width , kind, note", *(f" {i / 10} , {'ab'[i % 2]}, {i}" for i in range(40))]
    table = read_columns(written(tmp_path, "\n".join([*lines, "1.5 , a, NA"])))
    assert list(table) == ["width", "kind", "note"]
    np.testing.assert_allclose(table["width"], [*(i / 10 for i in range(40)), 1.5])
    assert table["kind"][:2] == ["a", "b"]
    assert np.isnan(table["note"][-1])


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (["oops" if i == 7 else str(i) for i in range(40)], "row 8: column 'x' holds 'oops', but most of its values"),
        ([f'"{i},5"' for i in range(40)], "row 1: column 'x' holds '0,5', but most of its values are numbers"),
        (["12 kg" if i % 3 == 0 else str(i) for i in range(40)], "holds '12 kg', but most"),
    ],
)
def test_a_slip_does_not_make_categories_of_numbers(tmp_path, column, words):
    path = written(tmp_path, "\n".join(["x,y", *(f"{text},{'ab'[i % 2]}" for i, text in enumerate(column))]))
    with pytest.raises(gn.DataError, match=words):
        read_table(path, target="y")
    with pytest.raises(gn.DataError, match=words):
        read_table(path, target="x")


def test_codes_with_letters_and_few_numbers_are_categories(tmp_path):
    lines = [f"{['1', '2', '3b'][i % 3]},{i}" for i in range(90)]
    assert read_table(written(tmp_path, "\n".join(["x,y", *lines])), target="x").classes == ("1", "2", "3b")


def test_missing_values_need_a_policy(tmp_path):
    path = written(tmp_path, MISSING)
    with pytest.raises(
        gn.DataError, match=r"table.csv row 1: column 'x' has no value \(9 rows have none\).*'drop'.*'fill'"
    ):
        read_table(path, target="y")
    dropped = read_table(path, target="y", missing="drop")
    assert sum(map(len, dropped.splits.values())) == sum(1 for i in range(60) if i % 7 and i % 5)
    filled = read_table(path, target="y", missing="fill")
    assert sum(map(len, filled.splits.values())) == 60
    assert filled.encoder.feature_names == ("x", "c=a", "c=b", "c=missing")
    median = filled.encoder.columns[0].fill
    row = filled.encoder.encode({"x": np.array([math.nan, median]), "c": [None, "never seen"]}, "new")
    np.testing.assert_array_equal(row[0], row[1])


def test_groups_stay_together(tmp_path):
    path = tmp_path / "t.csv"
    person = RANDOM.integers(0, 12, N)
    frame(person=person).write_csv(path)
    table = read_table(path, target="kind", group="person")
    assert "person" not in table.encoder.feature_names
    column = table.encoder.columns[0]
    where = {
        name: {round(float(v), 3) for v in split.x[:, 0] * column.std + column.mean}
        for name, split in table.splits.items()
    }
    for key in range(12):
        mine = {round(float(w), 3) for w in WIDTH[person == key]}
        assert sum(bool(mine & values) for values in where.values()) <= 1


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("a,b\n", {}, "holds no rows|empty"),
        ("", {}, "table.csv cannot be read as a table"),
        ("a,y\n1,2\n3,4,5\n", {}, "table.csv cannot be read as a table"),
        ("a,b\n1,2\n", {}, "has no column 'y'. It has 'a', 'b'"),
        ("y\n1\n2\n", {}, "no columns besides the target"),
        ("a,y\ninf,1\n2,2\n", {}, "row 1: column 'a' holds inf"),
        ("a,y\n1,\n2,\n", {"missing": "drop"}, "no row without missing values"),
        (
            "a,y\n1,x\n2,z\n",
            {"task": "regression", "missing": "error"},
            "must hold numbers for a regression|would be empty",
        ),
    ],
)
def test_tables_that_cannot_be_used_are_named(tmp_path, text, options, words):
    with pytest.raises(gn.DataError, match=words) as error:
        read_table(written(tmp_path, text), target="y", **options)
    assert "table.csv" in str(error.value) or "split" in str(error.value)


@pytest.mark.parametrize(
    "options",
    [{"missing": "ignore"}, {"task": "guess"}, {"fractions": (0.5, 0.5)}, {"fractions": (1, 1, 1)}, {"seed": -1}],
)
def test_options_that_do_not_fit_are_refused(csv, options):
    with pytest.raises(gn.ConfigError):
        read_table(csv, target="kind", **options)


def test_files_that_are_no_tables(tmp_path):
    with pytest.raises(gn.DataError, match=r"must end in .csv, .tsv or .parquet"):
        read_table(tmp_path / "a.xlsx", target="y")
    with pytest.raises(gn.DataError, match="No such file"):
        read_table(tmp_path / "none.csv", target="y")
    path = tmp_path / "t.parquet"
    frame(when=pl.Series([0] * N).cast(pl.Date)).write_parquet(path)
    with pytest.raises(gn.DataError, match="column 'when' is of type"):
        read_table(path, target="kind")
    frame(key=[f"k{i}" for i in range(N)]).write_parquet(path)
    with pytest.raises(gn.DataError, match=r"which no training row had.*missing='fill'"):
        read_table(path, target="kind")


def test_a_table_of_too_many_rows_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "bomb.parquet"
    pl.DataFrame({"a": pl.zeros(20_000_000, dtype=pl.Int8, eager=True)}).write_parquet(path)
    size = path.stat().st_size
    assert size < 2**20
    monkey = pytest.MonkeyPatch()
    monkey.setattr("glassnet.data.columns.MOST_CELLS", 10**6)
    with pytest.raises(gn.DataError, match="20,000,000 rows of 1 columns; at most"):
        read_columns(path)
    monkey.undo()


def test_the_encoder_survives_json(csv):
    encoder = read_table(csv, target="kind").encoder
    assert TableEncoder.from_json(json.loads(json.dumps(encoder.to_json()))) == encoder


def changed(value, path, new):
    value = json.loads(json.dumps(value))
    *keys, last = path
    inner = value
    for key in keys:
        inner = inner[key]
    inner[last] = new
    return value


@pytest.mark.parametrize(
    ("path", "new"),
    [
        (["columns"], []),
        (["columns"], 3),
        (["columns", 0, "std"], 0.0),
        (["columns", 0, "mean"], math.inf),
        (["columns", 0, "mean"], "x"),
        (["columns", 0, "more"], 1),
        (["columns", 1, "categories"], [1]),
        (["columns", 1, "fill"], 3),
        (["classes"], "ab"),
        (["target_std"], 0),
    ],
)
def test_an_encoder_that_was_tampered_with_is_refused(csv, path, new):
    value = read_table(csv, target="kind").encoder.to_json()
    with pytest.raises(gn.DataError, match="not the encoder of a table"):
        TableEncoder.from_json(changed(value, path, new))


@given(content=st.binary(max_size=300), ending=st.sampled_from(["csv", "parquet", "tsv"]))
def test_any_bytes_are_a_table_or_a_typed_error(tmp_path_factory, content, ending):
    path = tmp_path_factory.mktemp("fuzz") / f"t.{ending}"
    path.write_bytes(content)
    with suppress(gn.DataError):  # any other error fails the test
        read_columns(path)


@given(place=st.integers(0, 10**6), byte=st.integers(0, 255), cut=st.booleans())
def test_a_damaged_parquet_file_is_read_or_a_typed_error(tmp_path_factory, place, byte, cut):
    path = tmp_path_factory.mktemp("fuzz") / "t.parquet"
    frame().write_parquet(path)
    content = bytearray(path.read_bytes())
    place %= len(content)
    if cut:
        del content[place:]
    else:
        content[place] = byte
    path.write_bytes(content)
    with suppress(gn.DataError):
        read_table(path, target="kind", missing="fill")

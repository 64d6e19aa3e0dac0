"""The command: what it prints, where it saves, and that bad input is one sentence and exit code 2."""

import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from glassnet import data

DIGITS = data.load("digits")


def glassnet(*arguments, cwd):
    command = [sys.executable, "-m", "glassnet", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("place")


@pytest.fixture(scope="module")
def digits_run(place):
    """The output of a short training on digits, and its folder."""
    done = glassnet("train", "digits", "--epochs", 6, cwd=place)
    assert done.returncode == 0, done.stderr
    return done.stdout, place / re.search(r"saved in (\S+)", done.stdout)[1]


@pytest.fixture(scope="module")
def names_run(place):
    options = ("--epochs", 1, "--hidden", 16, "--batch-size", 1024, "--folder", "names")
    done = glassnet("train", "names", *options, cwd=place)
    assert done.returncode == 0, done.stderr
    return done.stdout, place / "names"


def test_help_lists_the_commands(tmp_path):
    done = glassnet("--help", cwd=tmp_path)
    assert done.returncode == 0
    for command in ("train", "resume", "evaluate", "predict", "sample", "lr-find", "summary", "plot", "data"):
        assert command in done.stdout
    options = glassnet("train", "--help", cwd=tmp_path).stdout
    wanted = [
        "config",
        "target",
        "root",
        "dropout",
        "hidden",
        "activation",
        "optimizer",
        "lr",
        "schedule",
        "epochs",
        "batch-size",
        "seed",
        "weight-decay",
        "batch-norm",
    ]
    assert all(f"--{option}" in options for option in wanted)


def test_training_on_digits_prints_what_came_out(digits_run):
    output, folder = digits_run
    assert re.search(r"epoch 6/6  loss [\d.]+  accuracy +[\d.]+%  val loss [\d.]+  val accuracy", output)
    assert "13,002" in output
    assert float(re.search(r"test accuracy ([\d.]+)%", output)[1]) > 88
    assert "true \\ predicted" in output
    assert len(re.findall(r"\d taken for \d", output)) == 4
    assert {path.name for path in folder.iterdir()} == {
        "config.json",
        "log.jsonl",
        "checkpoint.safetensors",
        "previous.safetensors",
        "diagnostics.jsonl",
    }


def test_the_confusion_matrix_counts_every_row(digits_run):
    rows = re.findall(r"^ {15}\d (.*?)(?: +[\d.]+%){3}$", digits_run[0], re.MULTILINE)
    table = np.array([[0 if cell == "." else int(cell) for cell in row.split()] for row in rows])
    np.testing.assert_array_equal(table.sum(1), np.bincount(DIGITS.test.y))
    accuracy = float(re.search(r"test accuracy ([\d.]+)%", digits_run[0])[1])
    assert table.trace() / 2000 == pytest.approx(accuracy / 100, abs=1e-4)


def test_a_run_is_evaluated_again_with_the_same_result(digits_run, place):
    done = glassnet("evaluate", digits_run[1], cwd=place)
    line = re.search(r"test loss .*", digits_run[0])[0]
    assert line in done.stdout


def test_a_run_is_summarised(digits_run, place):
    done = glassnet("summary", digits_run[1], cwd=place)
    assert done.returncode == 0
    assert "13,002" in done.stdout
    assert "6 of 6 epochs, 450 steps" in done.stdout


def test_pictures_are_recognised(digits_run, place):
    images = []
    for digit in (0, 1):
        row = int(np.flatnonzero(DIGITS.train.y == digit)[0])
        pixels = 255 - np.kron(DIGITS.train.x[row].reshape(28, 28), np.ones((4, 4))) * 255
        images.append(place / f"{digit}.png")
        Image.fromarray(pixels.astype(np.uint8)).save(images[-1])
    done = glassnet("predict", digits_run[1], *images, cwd=place)
    assert done.returncode == 0, done.stderr
    assert re.findall(r"\d\.png: (\d) \(", done.stdout) == ["0", "1"]


@pytest.mark.smoke
def test_names_end_with_20_new_ones(names_run):
    items = re.search(r"20 new names: (.*)", names_run[0])[1].split(", ")
    known = {item for split in data.load("names").splits.values() for item in split.items}
    assert len(set(items)) == 20
    assert not known & set(items)


def test_samples_repeat_with_their_seed(names_run, place):
    first, again, other = (
        glassnet("sample", names_run[1], "--count", 5, "--seed", seed, cwd=place).stdout for seed in (1, 1, 2)
    )
    assert len(first.split()) == 5
    assert first == again != other


def test_a_longer_training_is_resumed(names_run, place):
    done = glassnet("resume", names_run[1], "--epochs", 2, cwd=place)
    assert done.returncode == 0, done.stderr
    assert "epoch 2/2" in done.stdout
    assert "epoch 1/2" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "digits", "--lr", "banana"], "Invalid value for '--lr'"),
        (["train", "digits", "--lrr", "1"], "No such option"),
        (["train"], "say what to train on"),
        (["train", "digits", "--target", "x"], "--target is for table; digits is none"),
        (["train", "none.csv"], "none.csv is a table: say which column to predict with --target"),
        (["train", "none.csv", "--target", "x"], "none.csv cannot be read: No such file"),
        (["train", "none.txt"], "none.txt cannot be read: No such file"),
        (["train", "mnist", "--root", "here"], "here has no file train-images-idx3-ubyte.gz"),
        (["train", "digits", "--config", "none.toml"], "none.toml cannot be read as TOML: No such file"),
        (["train", "digits", "--dropout", "1"], "Dropout p must be"),
        (["lr-find", "digits", "--start", "2", "--end", "1"], "needs 0 < start < end"),
        (["plot", "nothing"], "nothing is not the folder of a run"),
        (["train", "digits", "--lr", "-1"], "SGD lr must be a number of at least 0"),
        (["train", "digits", "--hidden", "16,x"], "--hidden expects whole numbers"),
        (["train", "digits", "--hidden", "16,-2"], "--hidden expects widths of at least 1"),
        (["train", "digits", "--activation", "foo"], "no activation 'foo'; expected one of relu, leaky_relu, elu"),
        (["train", "digits", "--optimizer", "foo"], "no optimizer 'foo'; expected one of sgd, rmsprop, adam, adamw"),
        (
            ["train", "digits", "--schedule", "foo"],
            "no schedule 'foo'; expected one of constant, step, exponential, cosine",
        ),
        (["train", "digits", "--epochs", "0"], "epochs must be a whole number of at least 1"),
        (["train", "digits", "--batch-size", "0"], "batch_size must be"),
        (["train", "digits", "--seed", "-1"], "seed must be"),
        (["train", "digits", "--lr", "1e39", "--epochs", "1"], "the loss became"),
        (["train", "names", "--context", "0"], "context must be"),
        (["train", "letters"], "no data set 'letters'"),
        (["evaluate", "nothing"], "nothing is not the folder of a run"),
        (["resume", "nothing"], "nothing is not the folder of a run"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(arguments, words, tmp_path):
    done = glassnet(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert "Warning" not in done.stderr


def test_runs_of_the_wrong_kind_and_files_that_are_no_pictures(digits_run, names_run, place):
    (place / "text.png").write_text("no picture")
    for arguments, words in (
        (("sample", digits_run[1]), "not a language model"),
        (("predict", names_run[1], "text.png"), "is a run on names, which reads no files"),
        (("predict", digits_run[1], "rows.csv"), "is a run on pictures, which reads pictures"),
        (("predict", digits_run[1], "text.png"), "text.png is not a picture"),
        (("predict", digits_run[1], "missing.png"), "missing.png does not exist"),
        (("train", "digits", "--folder", digits_run[1]), "holds a run already"),
        (("resume", digits_run[1]), "is complete"),
    ):
        done = glassnet(*arguments, cwd=place)
        assert done.returncode == 2
        assert words in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1


@pytest.fixture(scope="module")
def table_run(place):
    """A training on a table, and its folder."""
    pytest.importorskip("polars")
    random = np.random.default_rng(0)
    width = random.standard_normal(200)
    lines = [f"{w:.4f},{'ab'[int(w > 0)]},{'yes' if w > 0.3 else 'no'}" for w in width]
    (place / "things.csv").write_text("\n".join(["width,letter,kind", *lines]))
    done = glassnet("train", "things.csv", "--target", "kind", "--epochs", 30, "--folder", "things", cwd=place)
    assert done.returncode == 0, done.stderr
    return done.stdout, place / "things"


def test_a_table_is_trained_on_and_new_rows_are_predicted(table_run, place):
    output, folder = table_run
    assert output.startswith("things: train 160, val 20, test 20 rows; x (3,) float32, y int64; 2 classes")
    assert float(re.search(r"test accuracy ([\d.]+)%", output)[1]) > 85
    (place / "new.csv").write_text("letter,width\nb,1.5\na,-1.5\n")
    done = glassnet("predict", folder, "new.csv", cwd=place)
    lines = done.stdout.splitlines()
    assert lines[0] == "kind,probability of no,probability of yes"
    assert [line.split(",")[0] for line in lines[1:]] == ["yes", "no"]
    (place / "bad.csv").write_text("letter,width\nz,1.5\n")
    bad = glassnet("predict", folder, "bad.csv", cwd=place)
    assert bad.returncode == 2
    assert "bad.csv row 1: column 'letter' holds 'z'" in bad.stderr


def test_a_quantity_is_predicted_in_its_units(place):
    pytest.importorskip("polars")
    lines = [f"{x / 10:.1f},{1000 + 10 * x}" for x in range(200)]
    (place / "line.csv").write_text("\n".join(["x,y", *lines]))
    done = glassnet("train", "line.csv", "--target", "y", "--epochs", 40, "--folder", "line", cwd=place)
    assert float(re.search(r"root mean squared error ([\d.]+) y", done.stdout)[1]) < 100
    (place / "x.csv").write_text("x\n5.0\n15.0\n")
    predicted = glassnet("predict", "line", "x.csv", cwd=place).stdout.split()
    assert predicted[0] == "y"
    np.testing.assert_allclose([float(value) for value in predicted[1:]], [1500, 2500], atol=150)


def test_a_text_file_is_a_language(place):
    (place / "words.txt").write_text("\n".join(f"{a}{b}{c}" for a in "abcdefgh" for b in "aeiou" for c in "xyz"))
    options = ("--epochs", 2, "--hidden", 16, "--folder", "words")
    done = glassnet("train", "words.txt", *options, cwd=place)
    assert done.returncode == 0, done.stderr
    assert "20 new items: " in done.stdout
    assert len(glassnet("sample", "words", "--count", 3, cwd=place).stdout.split()) == 3


def test_a_file_of_configuration_is_changed_by_options(place):
    (place / "run.toml").write_text(
        'data = "digits"\nhidden = [8]\nepochs = 1\nbatch-size = 500\nactivation = "gelu"\ndropout = 0.1\n'
    )
    done = glassnet("train", "--config", "run.toml", "--epochs", 2, "--folder", "configured", cwd=place)
    assert done.returncode == 0, done.stderr
    assert "epoch 2/2" in done.stdout
    assert "GELU" in done.stdout
    assert "Dropout p=0.1" in done.stdout
    for text, words in (
        ("epochs = 'many'", "epochs must be a whole number, got 'many'"),
        ("epoch = 3", "no option 'epoch'. Did you mean 'epochs'?"),
        ("hidden = [true]", "hidden must be a list of whole numbers"),
        ("lr = ", "run.toml cannot be read as TOML"),
        ("lr = true", "lr must be a number, got True"),
    ):
        (place / "run.toml").write_text(text)
        bad = glassnet("train", "digits", "--config", "run.toml", cwd=place)
        assert (bad.returncode, words in bad.stderr) == (2, True), bad.stderr


def test_the_finder_suggests_a_learning_rate(place):
    pytest.importorskip("matplotlib")
    done = glassnet("lr-find", "digits", "--plot", "sweep.png", cwd=place)
    assert 0.003 < float(re.search(r"suggested learning rate: ([\d.e-]+)", done.stdout)[1]) < 0.3
    assert (place / "sweep.png").exists()


def test_a_run_is_drawn(digits_run, place):
    pytest.importorskip("matplotlib")
    done = glassnet("plot", digits_run[1], "--output", place, "--format", "svg", cwd=place)
    assert done.returncode == 0, done.stderr
    for name in ("curves", "health", "confusion"):
        assert (place / f"{name}.svg").stat().st_size > 10_000


def test_the_data_sets_are_listed(tmp_path):
    lines = glassnet("data", "list", cwd=tmp_path).stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["name", "digits", "names", "mnist", "fashion-mnist"]


@pytest.mark.parametrize(
    ("key", "value"), [("hidden", "16"), ("hidden", [0, 1]), ("epochs", None), ("data", 3), ("seed", True)]
)
def test_a_recipe_that_was_tampered_with_is_refused(digits_run, tmp_path, key, value):
    folder = tmp_path / "run"
    shutil.copytree(digits_run[1], folder)
    config = json.loads((folder / "config.json").read_text())
    config["recipe"][key] = value
    (folder / "config.json").write_text(json.dumps(config))
    done = glassnet("evaluate", folder, cwd=tmp_path)
    assert done.returncode == 2 or (key, value) == ("hidden", "16")
    assert "Traceback" not in done.stderr

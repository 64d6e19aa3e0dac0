"""The command: what it prints, where it saves, and that bad input is one sentence and exit code 2."""

import re
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
    for command in ("train", "resume", "evaluate", "predict", "sample", "summary"):
        assert command in done.stdout
    options = glassnet("train", "digits", "--help", cwd=tmp_path).stdout
    wanted = [
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
        "best.safetensors",
        "diagnostics.jsonl",
    }


def test_the_confusion_matrix_counts_every_row(digits_run):
    rows = re.findall(r"^ {15}\d (.*)  +[\d.]+%$", digits_run[0], re.MULTILINE)
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
        (["train", "digits", "--lr", "banana"], "lr"),
        (["train", "digits", "--lr", "-1"], "SGD lr must be a number of at least 0"),
        (["train", "digits", "--hidden", "16,x"], "--hidden expects whole numbers"),
        (["train", "digits", "--hidden", "16,-2"], "--hidden expects widths of at least 1"),
        (["train", "digits", "--activation", "foo"], "no activation 'foo'; expected one of relu, tanh, sigmoid"),
        (["train", "digits", "--optimizer", "foo"], "no optimizer 'foo'; expected one of sgd, adam, adamw"),
        (["train", "digits", "--schedule", "foo"], "no schedule 'foo'; expected one of constant, step, cosine"),
        (["train", "digits", "--epochs", "0"], "epochs must be a whole number of at least 1"),
        (["train", "digits", "--batch-size", "0"], "batch_size must be"),
        (["train", "digits", "--seed", "-1"], "seed must be"),
        (["train", "digits", "--lr", "1e39", "--epochs", "1"], "the loss became"),
        (["train", "names", "--context", "0"], "context must be"),
        (["train", "letters"], "letters"),
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
        (("predict", names_run[1], "text.png"), "not a run on digits"),
        (("predict", digits_run[1], "text.png"), "text.png is not a picture"),
        (("predict", digits_run[1], "missing.png"), "missing.png does not exist"),
        (("train", "digits", "--folder", digits_run[1]), "holds a run already"),
        (("resume", digits_run[1]), "is complete"),
    ):
        done = glassnet(*arguments, cwd=place)
        assert done.returncode == 2
        assert words in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1

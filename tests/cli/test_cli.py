"""The command: what it prints and where it saves."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import glassnet as gn
from glassnet import data
from glassnet.train.checkpoint import LATEST, read_arrays
from glassnet.train.loop import Loop

from .command import glassnet

DIGITS = data.load("digits")


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


def test_help_lists_the_commands():
    done = glassnet("--help")
    assert done.returncode == 0
    for command in (
        "train",
        "tune",
        "resume",
        "evaluate",
        "predict",
        "sample",
        "score",
        "compare",
        "lr-find",
        "summary",
        "plot",
        "data",
    ):
        assert command in done.stdout
    options = glassnet("train", "--help").stdout
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
        "l1",
        "l2",
        "label-smoothing",
        "average",
        "patience",
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
        "snapshots.safetensors",
        "doctor.json",
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
    assert output.startswith(
        "things: train 160, val 20, test 20 rows, stratified by class; x (3,) float32, y int64; 2 classes"
    )
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
    assert (
        float(re.search(r"in units of y: mean absolute error [\d.]+, root mean squared error ([\d.]+)", done.stdout)[1])
        < 100
    )
    assert float(re.search(r"epoch  1/40 .* val mae ([\d.]+)", done.stdout)[1]) > 100  # of the standardised y: below 1
    (place / "x.csv").write_text("x\n5.0\n15.0\n")
    predicted = glassnet("predict", "line", "x.csv", cwd=place).stdout.split()
    assert predicted[0] == "y"
    np.testing.assert_allclose([float(value) for value in predicted[1:]], [1500, 2500], atol=150)


def test_ctrl_c_says_how_to_go_on_and_the_run_ends_as_if_nothing_had_been(place, monkeypatch):
    options = ("--epochs", 3, "--hidden", 8, "--batch-size", 500, "--seed", 5)
    with monkeypatch.context() as patch:
        patch.setattr("glassnet.train.loop.Loop.make_step", interrupted_at(Loop.make_step, 20))
        done = glassnet("train", "digits", *options, "--folder", "my run", cwd=place)
    assert done.returncode == 130
    assert done.stdout.splitlines()[-1] == "continue with: glassnet resume 'my run'"
    assert "Traceback" not in done.stderr
    assert glassnet("resume", "my run", cwd=place).returncode == 0
    assert glassnet("train", "digits", *options, "--folder", "whole", cwd=place).returncode == 0
    assert glassnet("train", "digits", *options[:-1], 6, "--folder", "other", cwd=place).returncode == 0
    whole, again, other = (read_arrays(place / name / LATEST)[0] for name in ("whole", "my run", "other"))
    assert all(whole[name].tobytes() == again[name].tobytes() for name in whole)
    assert any(whole[name].tobytes() != other[name].tobytes() for name in whole)


def interrupted_at(step, number):
    """The step of a loop, but for a Ctrl-C in the one with that number."""

    def interrupted(loop, x, y):
        step(loop, x, y)
        if loop.step == number:
            raise KeyboardInterrupt

    return interrupted


def test_a_run_is_read_from_another_folder(table_run, place, tmp_path):
    line = re.search(r"test loss .*", table_run[0])[0]
    assert line in glassnet("evaluate", table_run[1], cwd=tmp_path).stdout
    assert glassnet("summary", table_run[1], cwd=tmp_path).returncode == 0


def test_a_last_batch_of_one_row_does_not_stop_batch_norm(place):
    pytest.importorskip("polars")
    (place / "odd.csv").write_text("\n".join(["x,y", *(f"{i / 7},{'ab'[i % 2]}" for i in range(81))]))  # 65 to train on
    arguments = ("odd.csv", "--target", "y", "--batch-norm", "--epochs", 2, "--folder", "odd")
    done = glassnet("train", *arguments, cwd=place)
    assert done.returncode == 0, done.stderr
    assert "train 65, val 8, test 8 rows" in done.stdout
    assert "trained 2 epochs, 4 steps" in done.stdout


def test_the_version():
    assert glassnet("--version").stdout == f"glassnet {gn.__version__}\n"


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


AIDS = "l1 = 1e-5\nl2 = 1e-4\nlabel-smoothing = 0.1\naverage = 0.9\npatience = 2\nweight-decay = 0.1\n"


def test_training_aids_reach_the_training_and_its_resumption(place):
    (place / "aids.toml").write_text(f'data = "digits"\nhidden = [8]\nbatch-size = 500\nlr = 1.0\n{AIDS}')
    done = glassnet("train", "--config", "aids.toml", "--batch-norm", "--folder", "aids", cwd=place)
    assert "val_loss has not improved for 2 epochs" in done.stdout
    run = gn.Run.load(place / "aids")
    assert run.epochs == run.best_epoch + 2 < 30
    assert run.config["penalty"] == "L1Penalty(1e-05) + L2Penalty(0.0001)"
    assert run.config["average"] == 0.9
    assert [group["weight_decay"] for group in run.config["optimizer"]["groups"]] == [0.1, 0.0]
    test = gn.evaluate(run.net, DIGITS, loss=gn.nn.CrossEntropyLoss())
    assert f"test loss {test['loss']:.4f}" in done.stdout  # measured without smoothing
    assert run.history["loss"][-1] > test["loss"]
    again = glassnet("resume", "aids", cwd=place)
    assert f"trained {run.epochs} epochs" in again.stdout


def test_labels_are_smoothed_for_classes_only(place):
    pytest.importorskip("polars")
    (place / "q.csv").write_text("\n".join(["x,y", *(f"{x},{x / 7}" for x in range(60))]))
    done = glassnet("train", "q.csv", "--target", "y", "--label-smoothing", 0.1, cwd=place)
    assert done.returncode == 2
    assert "--label-smoothing is for classes; the target of q.csv is a quantity. Leave it out." in done.stderr


def test_the_finder_suggests_a_learning_rate(place):
    pytest.importorskip("matplotlib")
    done = glassnet("lr-find", "digits", "--plot", "sweep.png", cwd=place)
    assert 0.003 < float(re.search(r"suggested learning rate: ([\d.e-]+)", done.stdout)[1]) < 0.3
    assert (place / "sweep.png").exists()


def test_a_run_is_drawn(digits_run, place):
    pytest.importorskip("matplotlib")
    done = glassnet("plot", digits_run[1], "--output", place, "--format", "svg", cwd=place)
    assert done.returncode == 0, done.stderr
    for name in ("curves", "health", "histograms", "saturation", "confusion"):
        assert (place / f"{name}.svg").stat().st_size > 10_000


def test_the_embedding_of_a_language_model_is_drawn(names_run, place):
    pytest.importorskip("matplotlib")
    done = glassnet("plot", names_run[1], "--output", "pictures", cwd=place)
    assert done.returncode == 0, done.stderr
    wanted = ["curves", "health", "histograms", "saturation", "embedding"]
    assert done.stdout.split() == [str(Path("pictures") / f"{name}.png") for name in wanted]
    assert all((place / line).stat().st_size > 10_000 for line in done.stdout.split())


def test_counted_bigrams_are_drawn(place):
    pytest.importorskip("matplotlib")
    (place / "syllables.txt").write_text("\n".join(f"{a}{b}" for a in "bcdfgh" for b in "aeiou"))
    for context in (1, 2):
        options = ("--model", "bigram-counts", "--context", context, "--folder", f"counted{context}")
        done = glassnet("train", "syllables.txt", *options, cwd=place)
        assert done.returncode == 0, done.stderr
    assert glassnet("plot", "counted1", cwd=place).stdout.split() == [str(Path("counted1") / "bigram.png")]
    done = glassnet("plot", "counted2", cwd=place)
    assert done.returncode == 2
    assert "only a table with context 1 can be drawn" in done.stderr


def test_the_data_sets_are_listed():
    lines = glassnet("data", "list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["name", "digits", "names", "mnist", "fashion-mnist"]

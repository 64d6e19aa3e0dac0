"""The command for language models: every model and preset, sampling and scoring."""

import json
import math
import re
from unittest import mock

import numpy as np
import pytest

from glassnet import data
from glassnet.cli.compare import ROWS
from glassnet.models import NGram
from glassnet.recipe.allowed import FOR_MODELS, MODELS, PRESET_NAMES
from glassnet.recipe.parts import network, optimizer_for
from glassnet.recipe.presets import MODEL_DEFAULTS, PRESETS
from glassnet.recipe.recipe import Recipe
from glassnet.train import Run

from .command import glassnet

SHORT = {
    "bigram-counts": (),
    "bigram": ("--steps", 20),
    "mlp": ("--steps", 20, "--hidden", 8, "--batch-size", 64),
    "wavenet": ("--steps", 20, "--hidden", 8, "--embedding", 4, "--context", 9, "--fan-in", 3, "--batch-size", 64),
}
WORDS = [f"{a}{b}{c}" for a in "abcdefgh" for b in "aeiou" for c in "xyz"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a text file and a short run of each model on it."""
    place = tmp_path_factory.mktemp("language")
    (place / "words.txt").write_text("\n".join(WORDS))
    for model, options in SHORT.items():
        done = glassnet("train", "words.txt", "--model", model, *options, "--folder", model, cwd=place)
        assert done.returncode == 0, done.stderr
        (place / f"{model}.out").write_text(done.stdout)
    return place


def test_each_model_has_defaults_and_each_preset_options():
    assert list(MODEL_DEFAULTS) == list(SHORT) == list(MODELS)
    assert tuple(PRESETS) == PRESET_NAMES
    assert {model for models in FOR_MODELS.values() for model in models} == set(MODELS)


@pytest.mark.parametrize("model", MODELS)
def test_a_model_is_trained_summarised_evaluated_and_sampled(place, model):
    output = (place / f"{model}.out").read_text()
    tested = re.search(r"test loss [\d.]+ .*", output)[0]
    assert tested in glassnet("evaluate", model, cwd=place).stdout
    assert "words" in glassnet("summary", model, cwd=place).stdout
    done = glassnet("sample", model, "--count", 4, "--prompt", "b", cwd=place)
    items = done.stdout.split()
    assert len(set(items)) == 4
    assert all(item.startswith("b") for item in items)
    assert not set(items) & set(WORDS)
    assert re.search(r"\d+ of \d+ drawn \(\d+%\) stand in the training data", done.stderr)


def test_counts_are_those_of_the_training_data(place):
    run = Run.load(place / "bigram-counts")
    words = data.read_text(place / "words.txt", context=1)
    table = NGram(words.vocabulary, smoothing=1).fit(words.train.x, words.train.y)
    every = np.arange(len(words.vocabulary))[:, None]
    np.testing.assert_allclose(run.net.predict_proba(every), table.predict_proba(every), rtol=1e-5)
    assert run.history["val_loss"] == [pytest.approx(table.loss(words.val.x, words.val.y), rel=1e-5)]
    assert f"{table.size}" in (place / "bigram-counts.out").read_text()
    assert "counted, with 1 fake counts" in glassnet("summary", "bigram-counts", cwd=place).stdout


def test_an_infinite_loss_is_explained(place):
    text = "\n".join([*WORDS, "zzz", "yyy", *(f"q{word}" for word in "abcdefgh")])
    (place / "rare.txt").write_text(text)
    options = ("--model", "bigram-counts", "--context", 3, "--smoothing", 0, "--folder", "rare")
    done = glassnet("train", "rare.txt", *options, cwd=place)
    assert done.returncode == 0, done.stderr
    assert "test loss inf" in done.stdout
    assert "no new items: only 0 of 20 samples were new after 4,000 tries." in done.stdout  # its context is too long
    assert re.search(r"the loss is infinite: '...\S' never occurred in training", done.stdout)
    assert "Add fake counts with smoothing" in glassnet("evaluate", "rare", cwd=place).stdout


def test_a_prompted_sample_of_known_items_says_how_many(place):
    options = ("--prompt", "ba", "--top-k", 2, "--allow-known", "--count", 2)
    done = glassnet("sample", "bigram-counts", *options, cwd=place)
    known = set(data.read_text(place / "words.txt").train.items)
    stand = sum(item in known for item in done.stdout.split())
    assert done.stderr == f"{stand} of 2 drawn ({stand / 2:.0%}) stand in the training data\n"
    assert stand > 0
    assert not known & set(glassnet("sample", "bigram-counts", *options[:4], "--count", 1, cwd=place).stdout.split())


def test_texts_are_scored_in_columns_where_there_is_no_terminal(place):
    lines = glassnet("score", "bigram-counts", "bax", "x", cwd=place).stdout.splitlines()
    assert lines[0].split() == ["text", "character", "loss", "probability"]
    wanted = [("bax", "b"), ("bax", "a"), ("bax", "x"), ("bax", "."), ("x", "x"), ("x", ".")]
    assert [tuple(line.split("\t")[:2]) for line in lines[1:]] == wanted
    run = Run.load(place / "bigram-counts")
    first = run.net.predict_proba([[0]])[0]
    vocabulary = data.read_text(place / "words.txt").vocabulary
    assert float(lines[1].split()[2]) == pytest.approx(-math.log(first[vocabulary.encode("b")[0]]), abs=1e-4)
    assert float(lines[1].split()[3]) == pytest.approx(first[vocabulary.encode("b")[0]], abs=1e-4)


def test_texts_are_coloured_by_surprise_on_a_terminal(place):
    with mock.patch.dict("os.environ", {"FORCE_COLOR": "1", "COLORTERM": "truecolor", "TERM": "xterm"}):
        done = glassnet("score", "bigram-counts", "bax", "xxx", cwd=place)
    expected, surprising, legend = done.stdout.splitlines()
    assert "\x1b[30;42m" in expected  # black on green
    assert "\x1b[30;41m" in surprising  # on red
    assert "nats a character" in expected
    assert "above 4" in legend


def test_the_presets_of_the_lectures_are_their_settings():
    recipe = Recipe.from_options("names", {"preset": "lecture-wavenet"}, None)
    assert (recipe.model, recipe.context, recipe.embedding, recipe.hidden) == ("wavenet", 8, 24, (128,))
    assert (recipe.optimizer, recipe.learning_rate, recipe.momentum, recipe.weight_decay) == ("sgd", 0.1, 0, 0)
    assert (recipe.steps, recipe.batch_size, recipe.schedule) == (200_000, 32, "drop")


def test_what_is_given_wins_over_a_preset():
    given = {"preset": "best", "epochs": 2, "hidden": (16,)}
    recipe = Recipe.from_options("names", given, None)
    assert (recipe.steps, recipe.epochs, recipe.hidden, recipe.batch_size) == (None, 2, (16,), 256)
    assert Recipe.from_options("names", {"preset": "best", "steps": 5}, None).steps == 5


def test_a_run_of_so_many_steps_goes_on_with_epochs(place):
    assert "trained 4 epochs, 20 steps" in (place / "mlp.out").read_text()
    done = glassnet("resume", "mlp", "--epochs", 5, cwd=place)
    assert done.returncode == 0, done.stderr
    assert "trained 6 epochs, 30 steps" in done.stdout
    assert "20 steps are made" in glassnet("resume", "wavenet", cwd=place).stderr
    assert "of 20 steps" in glassnet("summary", "wavenet", cwd=place).stdout


def test_weight_decay_is_for_weights(place):
    config = json.loads((place / "wavenet" / "config.json").read_text())
    groups = config["optimizer"]["groups"]
    assert [group["weight_decay"] for group in groups] == [0.1, 0.0]
    recipe = Recipe.from_options("names", {"model": "wavenet", "hidden": (8,)}, None)
    net = network(recipe, data.load("names", context=8))
    decayed, others = (group["params"] for group in optimizer_for(recipe, net).param_groups)
    assert [parameter.ndim for parameter in decayed] == [2] * 5  # the embedding, three stages, the output
    assert [parameter.ndim for parameter in others] == [1] * 7  # gains and biases


def test_the_table_of_losses(place):
    done = glassnet("compare", "words.txt", "--steps", 2, cwd=place)
    assert done.returncode == 0, done.stderr
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in done.stdout.splitlines()]
    assert rows[0] == ["model", "parameters", "seconds", "validation loss"]
    assert [row[0] for row in rows[2:]] == list(ROWS)
    assert all(0 < float(row[3]) < 5 for row in rows[2:])
    assert not (place / "runs").exists()

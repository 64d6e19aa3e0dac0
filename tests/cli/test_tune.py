"""``glassnet tune``: what it tries, keeps, prunes, goes on with and refuses."""

import multiprocessing
import os
import re
import signal
import sqlite3
import sys
import tomllib

import numpy as np
import pytest

from glassnet.cli import jobs
from glassnet.cli import search as searching
from glassnet.cli.search import Search, alone, make_trials, open_study, prepare
from glassnet.cli.tune import toml

from .command import glassnet

optuna = pytest.importorskip("optuna")
pytest.importorskip("polars")

TABLE = ("tune", "t.csv", "--target", "kind", "--epochs", 3, "--batch-size", 16)


@pytest.fixture
def place(tmp_path):
    """A folder with a table of two classes."""
    x = np.random.default_rng(0).standard_normal((120, 3)).round(3)
    rows = [f"{a},{b},{c},{'yes' if a + b * c > 0 else 'no'}" for a, b, c in x]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,c,kind", *rows]) + "\n")
    return tmp_path


def tried(done):
    """The lines of the trials."""
    assert done.returncode == 0, done.stderr
    return [line.partition("  ")[2] for line in done.stdout.splitlines() if re.match(r"trial \d+/", line)]


def test_the_best_options_train_to_the_validation_loss_of_their_trial(place):
    done = glassnet(*TABLE, "--trials", 5, "--save", "best.toml", "--batch-norm", cwd=place)
    assert len(tried(done)) == 5
    assert "5 trials, 0 of them pruned; kept in runs/tune-t.db. The best:" in done.stdout
    head, *rows = re.search(r"(trial  val loss .*?)\n\n", done.stdout, re.DOTALL)[1].splitlines()
    assert head.split() == ["trial", "val", "loss", "epoch", "lr", "dropout", "weight", "decay", "hidden"]
    losses = [float(row.split()[1]) for row in rows]
    assert len(rows) == 5
    assert losses == sorted(losses)
    command = re.search(r"train the best: glassnet (.*)", done.stdout)[1].split()
    assert {"--target", "--batch-size", "--batch-norm", "--lr", "--hidden"} < set(command)
    for arguments in (command, ["train", "--config", "best.toml"]):
        trained = glassnet(*arguments, cwd=place)
        assert trained.returncode == 0, trained.stderr
        assert min(map(float, re.findall(r"val loss ([\d.]+)", trained.stdout))) == losses[0]


def test_the_first_trial_is_what_is_usual_and_what_is_given_is_not_searched(place):
    first = tried(glassnet(*TABLE, "--trials", 1, cwd=place))[0]
    assert "lr 0.005  dropout 0.0  weight decay 0.01  hidden 64,64" in first  # the usual 64,32 made even
    given = ("--lr", 0.02, "--hidden", "0", "--storage", "other.db")
    second = tried(glassnet(*TABLE, "--trials", 2, *given, cwd=place))[1]
    assert re.search(r"\d  dropout \S+  weight decay \S+$", second)


def test_a_search_is_repeated_and_gone_on_with_to_the_same_trials(place):
    once = tried(glassnet(*TABLE, "--trials", 12, cwd=place))  # the last ones are no longer drawn blindly
    first = tried(glassnet(*TABLE, "--trials", 3, "--storage", "parts.db", cwd=place))
    rest = tried(glassnet(*TABLE, "--trials", 12, "--storage", "parts.db", cwd=place))
    assert first + rest == once
    assert len(set(once)) == 12
    other = tried(glassnet(*TABLE, "--trials", 3, "--seed", 1, "--storage", "seed.db", cwd=place))
    assert other[1].split("lr")[1] != once[1].split("lr")[1]
    done = glassnet(*TABLE, "--trials", 12, cwd=place)
    assert tried(done) == []
    assert "runs/tune-t.db has 12 trials already. Ask for more with --trials." in done.stdout


def test_ctrl_c_keeps_what_was_done(place, monkeypatch):
    once = tried(glassnet(*TABLE, "--trials", 4, cwd=place))
    calls, make = [], searching.train_network

    def press(*arguments, **options):
        calls.append(1)
        if len(calls) == 3:
            signal.raise_signal(signal.SIGINT)
        return make(*arguments, **options)

    monkeypatch.setattr(searching, "train_network", press)
    done = glassnet(*TABLE, "--trials", 4, "--storage", "parts.db", "--save", "best.toml", cwd=place)
    assert done.returncode == 130
    assert "2 trials, 0 of them pruned" in done.stdout
    assert "interrupted; run the same command again to go on" in done.stdout
    assert (place / "best.toml").exists()
    rest = tried(glassnet(*TABLE, "--trials", 4, "--storage", "parts.db", cwd=place))
    assert rest == once[2:]


def a_search(place, **given):
    options = {"target": "kind", "epochs": 3, "batch_size": 16, **given}
    search = Search(str(place / "t.csv"), options, place / "s.db", trials=2)
    study = open_study(search)
    prepare(study, search)
    return search, study


@pytest.mark.parametrize("after", [0, 1])
def test_a_trial_whose_search_was_given_up_does_not_count(place, after):
    search, study = a_search(place)
    looks = []

    def goes_on(loop):
        looks.append(loop)
        return len(looks) <= after

    with alone(search.storage), pytest.raises(KeyboardInterrupt):
        make_trials(study, search, search.base.load_data(), lock=alone(place / "lock"), each=goes_on)
    assert len(looks) == after + 1
    assert [trial.state.name for trial in study.trials] == ["FAIL"]
    prepare(study, search)
    assert study.trials[-1].system_attrs["fixed_params"]["lr"] == 0.005  # the usual is tried again


def test_trials_of_processes_that_are_no_more_are_given_up(place):
    search, study = a_search(place)
    study.ask()
    prepare(study, search)
    assert [trial.state.name for trial in study.trials] == ["FAIL", "WAITING"]


def test_poor_trials_are_pruned(place, monkeypatch):
    monkeypatch.setattr(searching, "UNPRUNED", 1)
    arguments = ("tune", "t.csv", "--target", "kind", "--epochs", 10, "--trials", 8, "--hidden", "8")
    done = glassnet(*arguments, cwd=place)
    pruned = [line for line in tried(done) if line.startswith("pruned: val loss")]
    assert 0 < len(pruned) < 8
    assert f"8 trials, {len(pruned)} of them pruned" in done.stdout
    epochs = [int(re.search(r"after epoch (\d+)", line)[1]) for line in pruned]
    assert all(2 <= epoch < 10 for epoch in epochs)


def test_trials_that_diverge_are_pruned(place):
    done = glassnet(*TABLE, "--trials", 2, "--lr", "1e39", "--optimizer", "sgd", cwd=place)
    assert [line.partition("  ")[0] for line in tried(done)] == ["pruned: the loss became infinite"] * 2
    assert "2 trials, none of them complete" in done.stdout


def test_two_processes_share_a_search(place):
    done = glassnet(*TABLE, "--trials", 5, "--jobs", 2, cwd=place)
    lines = tried(done)
    assert len(lines) == 5
    assert len({line.split("lr")[1] for line in lines}) == 5
    assert "5 trials, 0 of them pruned" in done.stdout


def test_new_processes_use_one_thread_and_leave_ctrl_c_to_the_first(place, monkeypatch):
    seen = []

    class Worker:
        exitcode, sentinel = 0, None

        def __init__(self, **options):
            self.options = options

        def start(self):
            seen.append((os.environ["OPENBLAS_NUM_THREADS"], signal.getsignal(signal.SIGINT)))

        def is_alive(self):
            return False

        def join(self):
            """There is nothing to wait for."""

    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "7")
    monkeypatch.setattr(multiprocessing.get_context("spawn"), "Process", Worker)
    before = signal.getsignal(signal.SIGINT)
    jobs.in_processes(a_search(place)[0], 2, list)
    assert seen == [("1", signal.SIG_IGN)] * 2
    assert (os.environ["OPENBLAS_NUM_THREADS"], signal.getsignal(signal.SIGINT)) == ("7", before)


def test_an_error_in_a_process_ends_the_search(place):
    arguments = (*TABLE, "--jobs", 2, "--task", "regression", "--target", "a", "--label-smoothing", 0.1)
    done = glassnet(*arguments, cwd=place)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "--label-smoothing is for classes; the target of t.csv is a quantity" in done.stderr


def test_names_are_searched_with_their_embedding(tmp_path):
    (tmp_path / "w.txt").write_text("\n".join(f"{a}{b}o" for a in "bcdfgh" for b in "aeiou") + "\n")
    line = tried(glassnet("tune", "w.txt", "--epochs", 1, "--trials", 1, cwd=tmp_path))[0]
    assert "lr 0.005  embedding 10  dropout 0.0  weight decay 0.01  batch size 128  hidden 200" in line


def test_a_time_can_be_set_after_which_no_trial_begins(place):
    done = glassnet(*TABLE, "--timeout", "1e-9", cwd=place)
    assert tried(done) == []
    assert "0 trials, none of them complete" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("tune", "say what to train on"),
        ("tune digts", "Did you mean digits?"),
        ("tune digits --trials 0", "--trials must be a whole number of at least 1, got 0."),
        ("tune digits --jobs 0", "--jobs must be a whole number from 1 to 1000, got 0."),
        ("tune digits --timeout 0", "--timeout must be a number above 0, got 0.0."),
        ("tune digits --epochs 0", "epochs must be a whole number from 1"),
        ("tune digits --folder x", "No such option"),
        ("tune digits --embedding 3", "--embedding is for names and texts; digits is none"),
        ("tune digits --storage no.db", "no.db cannot keep a search: file is not a database. Choose another file"),
        ("tune digits --storage other.db", "other.db cannot keep a search: "),
        ("tune digits --storage /dev/null/x.db", "the folder /dev/null cannot be made"),
        (
            "tune digits --lr 1 --hidden 8 --dropout 0 --weight-decay 0 --batch-size 9",
            "there is nothing to search: lr, hidden, embedding, dropout, weight-decay, batch-size are all given.",
        ),
        ("tune t.csv --target kind --epochs 4", "runs/tune-t.db holds another search: epochs 3 is now 4. Give the"),
        ("tune t.csv --target kind --epochs 3 --lr 1", "lr None is now 1.0. Give the same options"),
        ("tune t.csv --target kind --epochs 3 --storage busy.db", "another glassnet tune works on busy.db. Wait for"),
    ],
)
def test_bad_input(place, arguments, words):
    (place / "no.db").write_bytes(b"no data base" * 99)
    connection = sqlite3.connect(place / "other.db")
    connection.execute("CREATE TABLE studies (name TEXT)")
    connection.close()
    open_study(Search(str(place / "t.csv"), {"target": "kind", "epochs": 3}, place / "runs" / "tune-t.db", trials=1))
    with alone(place / "busy.db"):
        done = glassnet(*arguments.split(), cwd=place)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert words in done.stderr


def test_without_optuna_it_says_what_to_install(place, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    done = glassnet(*TABLE, cwd=place)
    assert done.returncode == 2
    assert done.stderr == "glassnet: glassnet tune needs Optuna. Install it with pip install 'glassnet[tune]'.\n"


def test_any_option_is_written_as_toml_and_read_back(tmp_path):
    given = {"target": 'a "b" \\ \x7f é 😀\n', "batch_norm": True, "l1": 1e-05, "epochs": 3, "hidden": []}
    trial = optuna.trial.create_trial(value=0.5, user_attrs={"options": {"lr": 0.0125}})
    found = tomllib.loads(toml(trial, Search("t.csv", given, tmp_path / "s.db", trials=1)))
    expected = {name.replace("_", "-"): value for name, value in given.items()}
    assert found == {"data": "t.csv", **expected, "lr": 0.0125}


def test_tune_takes_the_options_of_train():
    train, tune = (set(re.findall(r"--[a-z0-9-]+", glassnet(name, "--help").stdout)) for name in ("train", "tune"))
    assert train - tune == {"--folder", "--view", "--host", "--port"}
    assert tune - train == {"--trials", "--timeout", "--jobs", "--storage", "--save"}


@pytest.fixture
def words(tmp_path):
    """A folder with a text of short words."""
    letters = np.random.default_rng(0).choice(list("abcde"), (60, 4))
    (tmp_path / "w.txt").write_text("\n".join(map("".join, letters)) + "\n")
    return tmp_path


def test_what_is_searched_is_what_the_model_of_a_text_has(words):
    def searched(*options):
        (line,) = tried(glassnet("tune", "w.txt", "--trials", 1, "--storage", f"{options[1]}.db", *options, cwd=words))
        return re.findall(r"  ([a-z ]+) [\d.,]+", line)

    assert searched("--model", "bigram", "--epochs", 1) == ["lr", "weight decay", "batch size"]
    found = glassnet("tune", "w.txt", "--trials", 4, "--model", "wavenet", "--epochs", 1, cwd=words)
    assert all(re.search(r"hidden \d+$", line) for line in tried(found))  # one width: its depth is not searched
    refused = glassnet("tune", "w.txt", "--model", "bigram-counts", cwd=words)
    assert refused.returncode == 2
    assert "bigram-counts is counted and not trained: there is nothing to search" in refused.stderr


def test_trials_of_so_many_steps_are_compared_at_the_same_share_of_them(words):
    data = ("tune", "w.txt", "--trials", 1, "--model", "bigram")
    assert "val loss" in tried(glassnet(*data, "--steps", 100, "--batch-size", 32, cwd=words))[0]
    study = optuna.load_study(study_name="glassnet", storage=f"sqlite:///{words}/runs/tune-w.db")
    assert sorted(study.trials[0].intermediate_values) == list(range(1, 10))
    short = tried(glassnet(*data, "--steps", 2, "--batch-size", 16, "--storage", "short.db", cwd=words))
    assert short[0].startswith("val loss")  # less than an epoch

"""Checkpoints: a run goes on to the same bits, and what cannot be read or written says so."""

import json
import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import glassnet as gn
from glassnet import nn, optim
from glassnet.train.checkpoint import LATEST, read_arrays
from glassnet.train.diagnostics import DIAGNOSTICS
from glassnet.train.run_folder import CONFIG, LOG

from .training import OPTIMIZERS, InterruptAt, X, Y, classifier, fit, train


def states(folder):
    """All arrays of the checkpoint, and the history without the times."""
    arrays, notes = read_arrays(folder / LATEST)
    history = {name: values for name, values in notes["position"]["history"].items() if name != "seconds"}
    return arrays, history


@pytest.mark.parametrize("kind", OPTIMIZERS)
@pytest.mark.parametrize("step", [1, 10, 13, 30])  # an epoch has 5 steps
def test_a_resumed_run_has_the_bits_of_an_uninterrupted_one(tmp_path, kind, step):
    whole = train(tmp_path / "whole", kind)
    stopped = train(tmp_path / "parts", kind, callbacks=[InterruptAt(step)])
    assert (stopped.steps, stopped.stopped) == (step, "interrupted")
    resumed = train(tmp_path / "parts", kind, resume=True)
    assert resumed.steps == whole.steps == 30
    assert resumed.best_epoch == whole.best_epoch
    for name, array in whole.net.state_dict().items():
        np.testing.assert_array_equal(resumed.net.state_dict()[name], array)
    (arrays, history), (expected, expected_history) = states(tmp_path / "parts"), states(tmp_path / "whole")
    assert history == expected_history
    assert arrays.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(arrays[name], array, err_msg=name)


@pytest.mark.parametrize("batch", [12, 15])  # in the midst of an epoch, and in its last step
def test_ctrl_c_within_a_step_finishes_it_first(tmp_path, batch):
    whole, seen = train(tmp_path / "whole"), []

    def press(module, inputs, output):
        seen.extend([1] if module.training else [])
        if len(seen) == batch and module.training:
            signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    stopped = train(tmp_path / "parts", hook=press)
    assert (stopped.steps, stopped.stopped) == (batch, "interrupted")
    assert signal.getsignal(signal.SIGINT) is before
    resumed = train(tmp_path / "parts", resume=True)
    for name, array in whole.net.state_dict().items():
        np.testing.assert_array_equal(resumed.net.state_dict()[name], array)


PROGRAM = """
    import sys, pathlib
    sys.path.insert(0, sys.argv[1])
    from training import train, gn
    class Announce(gn.Callback):
        def on_step_end(self, loop):
            if loop.step == 12:
                print("ready", flush=True)
                sys.stdin.read()  # wait here to be killed
    train(pathlib.Path(sys.argv[2]), callbacks=[Announce()])
"""


def test_a_killed_run_goes_on_to_the_same_bits(tmp_path):
    whole = train(tmp_path / "whole")
    here = os.path.dirname(__file__)
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM), here, str(tmp_path / "killed")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGKILL)
    resumed = train(tmp_path / "killed", resume=True)
    for name, array in whole.net.state_dict().items():
        np.testing.assert_array_equal(resumed.net.state_dict()[name], array)


@pytest.mark.smoke
def test_a_run_comes_back_from_its_folder(tmp_path):
    run = train(tmp_path / "run")
    loaded = gn.Run.load(tmp_path / "run")
    np.testing.assert_array_equal(loaded.net.predict_proba(X), run.net.predict_proba(X))
    assert loaded.history == run.history
    assert (loaded.best_epoch, loaded.steps, loaded.epochs) == (run.best_epoch, 30, 6)
    lines = [json.loads(line) for line in (tmp_path / "run" / LOG).read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 3, 4, 5, 6]
    assert [line["val_loss"] for line in lines] == run.history["val_loss"]
    assert json.loads((tmp_path / "run" / CONFIG).read_text())["optimizer"] == {
        "name": "SGD",
        "lr": 0.1,
        "momentum": 0.9,
        "weight_decay": 0.01,
        "nesterov": False,
    }


def test_a_network_of_ones_own_is_given_to_load(tmp_path):
    class Own(nn.Module):
        def __init__(self):
            self.only = nn.Linear(4, 3)

        def forward(self, x):
            return self.only(x)

    net = Own()
    fit(net, folder=tmp_path, optimizer=optim.SGD(net.parameters(), lr=0.1))
    with pytest.raises(gn.CheckpointError, match="pass it"):
        gn.Run.load(tmp_path)
    np.testing.assert_array_equal(gn.Run.load(tmp_path, Own()).net.predict(X), net.predict(X))


@pytest.mark.parametrize(
    ("options", "words"),
    [({"seed": 5}, "seed 0 is now 5"), ({"batch_size": 8}, "batch_size 16 is now 8"), ({"shuffle": False}, "shuffle")],
)
def test_another_order_of_the_data_is_refused(tmp_path, options, words):
    train(tmp_path, callbacks=[InterruptAt(7)])
    with pytest.raises(gn.CheckpointError, match=words):
        train(tmp_path, resume=True, **options)


def test_a_folder_with_a_run_is_not_overwritten(tmp_path):
    train(tmp_path)
    before = (tmp_path / LATEST).read_bytes()
    with pytest.raises(gn.ConfigError, match="holds a run already"):
        train(tmp_path)
    assert (tmp_path / LATEST).read_bytes() == before


def test_a_complete_run_is_not_resumed(tmp_path):
    train(tmp_path)
    with pytest.raises(gn.ConfigError, match="is complete: 30 of 30 steps"):
        train(tmp_path, resume=True)


def test_an_interrupted_write_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    train(tmp_path, callbacks=[InterruptAt(7)])
    before = (tmp_path / LATEST).read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(gn.CheckpointError, match="cannot be written: No space left on device"):
        train(tmp_path, resume=True)
    assert (tmp_path / LATEST).read_bytes() == before
    assert not list(tmp_path.glob("*.tmp")) + list(tmp_path.glob(".*.tmp"))
    monkeypatch.undo()
    assert train(tmp_path, resume=True).steps == 30


@pytest.mark.parametrize("change", [lambda content: b"", lambda content: b"\xff" * 8 + content[8:]])
@pytest.mark.parametrize("file", [LATEST, CONFIG, DIAGNOSTICS])
def test_damaged_files_are_named(tmp_path, file, change):
    train(tmp_path)
    path = tmp_path / file
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(gn.CheckpointError, match=file):
        gn.Run.load(tmp_path)


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(gn.CheckpointError, match="not the folder of a run"):
        gn.Run.load(tmp_path / "nothing")
    from safetensors.numpy import save_file

    train(tmp_path)
    save_file({"a": np.zeros(3)}, tmp_path / LATEST)
    with pytest.raises(gn.CheckpointError, match="not written by this version of glassnet"):
        gn.Run.load(tmp_path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(gn.CheckpointError, match="cannot be made"):
        fit(classifier(), (X, Y), folder=tmp_path / "file" / "run")

"""A training is stopped by a request in its folder, as by Ctrl-C; what is no request of this user is none."""

import os

import numpy as np
import pytest

import glassnet as gn
from glassnet import nn, optim
from glassnet.engine.errors import CheckpointError
from glassnet.train import run_folder
from glassnet.train.run_folder import STOP, RunFolder, ask_to_stop

X = np.random.default_rng(0).standard_normal((20, 3)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64)


class Ask(gn.Callback):
    """Puts a request into the folder after some step, and has it looked for at once."""

    def __init__(self, folder, request):
        self.folder, self.request = folder, request

    def on_step_end(self, loop):
        if loop.step == 7:
            self.request(self.folder)
            next(one for one in loop.callbacks if isinstance(one, RunFolder))._listen = 0.0


def train(folder, steps=12, request=None, **options):
    gn.manual_seed(0)
    net = nn.Linear(3, 2)
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    options = {"batch_size": 5, "progress": False, "folder": folder, **options}
    callbacks = [] if request is None else [Ask(folder, request)]
    return gn.fit(
        net, (X, Y), loss=nn.CrossEntropyLoss(), optimizer=optimizer, steps=steps, callbacks=callbacks, **options
    )


def test_a_request_stops_a_training_as_ctrl_c_does_and_it_goes_on_to_the_same_bits(tmp_path):
    run = train(tmp_path / "run", request=lambda folder: (ask_to_stop(folder), ask_to_stop(folder)))
    assert (run.steps, run.stopped) == (7, "interrupted")
    assert not (tmp_path / "run" / STOP).exists()
    again = train(tmp_path / "run", resume=True)
    np.testing.assert_array_equal(again.net.weight.data, train(None).net.weight.data)


def test_a_request_that_came_too_late_does_not_stop_the_next_sitting(tmp_path):
    train(tmp_path / "run")
    ask_to_stop(tmp_path / "run")
    assert train(tmp_path / "run", steps=14, resume=True).steps == 14


@pytest.mark.parametrize(
    "request_", [lambda folder: (folder / STOP).symlink_to("config.json"), lambda folder: (folder / STOP).mkdir()]
)
def test_what_is_no_request_stops_nothing(tmp_path, request_):
    assert train(tmp_path / "run", request=request_).steps == 12


def test_a_request_of_another_user_stops_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(run_folder.os, "geteuid", lambda: os.getuid() + 1, raising=False)
    assert train(tmp_path / "run", request=lambda folder: (folder / STOP).touch()).steps == 12
    with pytest.raises(CheckpointError, match="belongs to another user"):
        ask_to_stop(tmp_path / "run")


def test_a_request_is_never_written_through_a_link(tmp_path):
    train(tmp_path / "run")
    (tmp_path / "run" / STOP).symlink_to(tmp_path / "elsewhere")
    ask_to_stop(tmp_path / "run")
    assert not (tmp_path / "elsewhere").exists()
    (tmp_path / "link").symlink_to(tmp_path / "run")
    with pytest.raises(CheckpointError, match="another user"):
        ask_to_stop(tmp_path / "link")

"""The bits of compiled training do not depend on who looks, how many steps one call makes, or where it was stopped."""

import signal

import numpy as np
import pytest

import glassnet as gn
from glassnet import nn, optim
from glassnet.train import compiled as compiled_module
from glassnet.train import run_folder
from glassnet.train.checkpoint import LATEST, read_arrays

from .both import Keep, assert_same_bits, train
from .training import InterruptAt

STEPS = 16  # four epochs of three batches with 18 rows and one with 9: a fifth of the rows is for validation


def make():
    gn.manual_seed(4)
    return nn.Sequential(nn.Linear(4, 8, bias=False), nn.BatchNorm1d(8), nn.Tanh(), nn.Dropout(0.2), nn.Linear(8, 3))


ROWS = tuple(array[:79] for array in (np.random.default_rng(0).standard_normal((90, 4)), np.arange(90) % 3))
OPTIONS = {
    "make": make,
    "rows": ROWS,
    "optimizer": lambda net: optim.AdamW(net.parameters(), lr=0.01),
    "schedule": lambda optimizer: optim.CosineAnnealingLR(optimizer, STEPS),
    "validation": 0.2,
    "clip_norm": 1.0,
    "epochs": 4,
    "seed": 3,
    "compile": True,
}


class Steps(gn.Callback):
    """Is called around every step."""

    def on_step_start(self, loop):
        self.before = loop.step

    def on_step_end(self, loop):
        assert loop.step == self.before + 1


def looking(every):
    class Looking(gn.Callback):
        look_every = every
        every_step = False

        def on_fit_start(self, loop):
            self.seen = []

        def on_look(self, loop, look):
            assert look.outputs["4"][1].grad is not None
            assert not np.array_equal(look.before["0.weight"], look.after["0.weight"])
            self.seen.append(loop.step)

        def on_fit_end(self, loop):
            assert self.seen == list(range(0, STEPS, every))

    return Looking


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The training from end to end, saved in a folder."""
    return train(**OPTIONS, folder=tmp_path_factory.mktemp("runs") / "whole")


def test_another_seed_has_other_bits(whole):
    assert whole.loop.compiled.retraces == []
    assert len(whole.loop.compiled._programs) == 2
    with pytest.raises(AssertionError):
        assert_same_bits(train(**{**OPTIONS, "seed": 4}), whole)


@pytest.mark.parametrize(
    "options",
    [
        {"diagnostics": 1},
        {"diagnostics": 7, "callbacks": [Steps]},
        {"callbacks": [looking(3), looking(5)], "diagnostics": 100},
        {"callbacks": [Steps]},
    ],
    ids=["diagnostics of every step", "diagnostics, step by step", "looks", "step by step"],
)
def test_nobody_who_looks_changes_a_bit(whole, options):
    assert_same_bits(train(**OPTIONS, **options), whole)


def test_the_steps_of_one_call_change_no_bit(whole, monkeypatch):
    monkeypatch.setattr(compiled_module, "CALL_SECONDS", 1e9)
    assert_same_bits(train(**OPTIONS), whole)


def stopper(step):
    class Stop(gn.Callback):
        def on_step_end(self, loop):
            if loop.step == step:
                loop.stop("enough")

    return Stop


def presser(step):
    class Press(gn.Callback):
        """Ctrl-C, without being called around every step."""

        every_step = False

        def on_step_end(self, loop):
            if loop.step >= step:
                signal.raise_signal(signal.SIGINT)

    return Press


def folder_state(folder):
    arrays, notes = read_arrays(folder / LATEST)
    position = notes["position"]
    position["history"].pop("seconds", None)
    del position["seconds"]
    return {name: array.tobytes() for name, array in arrays.items()}, position, notes["best"]


@pytest.mark.parametrize(
    "ends",
    [[stopper(1)], [lambda: InterruptAt(3), stopper(4)], [presser(6), presser(9)]],
    ids=["after the first step", "before the end of an epoch and at it", "Ctrl-C twice"],
)
def test_it_resumes_to_the_same_bits(whole, tmp_path, ends):
    for i, end in enumerate(ends):
        parts = train(**OPTIONS, folder=tmp_path / "parts", resume=i > 0, callbacks=[end])
        assert parts.run.steps < STEPS
        assert parts.run.stopped in ("enough", "interrupted")
    resumed = train(**OPTIONS, folder=tmp_path / "parts", resume=True)
    assert_same_bits(resumed, whole)
    assert folder_state(tmp_path / "parts") == folder_state(whole.run.folder)


def test_checkpoints_are_written_at_the_same_steps(tmp_path, monkeypatch):
    monkeypatch.setattr(run_folder, "INTERVAL", 0.0)
    written = {}
    for compile in (False, True):
        steps = written[compile] = []

        def save(folder, loop, best, steps=steps):
            steps.append((loop.step, loop.optimizer.steps, loop.schedule.last_step, loop.means.rows))

        monkeypatch.setattr(run_folder, "save_checkpoint", save)
        train(**{**OPTIONS, "compile": compile}, folder=tmp_path / str(compile))
    assert written[True] == written[False]
    assert [step for step, *_ in written[True]] == [0, 4, 8, 12, 16, 16]


def test_early_stopping_and_the_best_weights():
    options = {
        **OPTIONS,
        "epochs": 40,
        "schedule": None,
        "callbacks": [lambda: gn.EarlyStopping(2, min_delta=0.02)],
    }
    eager, compiled = (train(**{**options, "compile": compile}) for compile in (False, True))
    assert compiled.run.epochs == eager.run.epochs < 40
    assert compiled.run.stopped == eager.run.stopped
    assert compiled.run.best_epoch == eager.run.best_epoch
    assert compiled.run.best_epoch < compiled.run.epochs
    for name, array in eager.arrays.items():
        if name.startswith("net."):  # the optimizer is where the training ended, later than the best weights
            np.testing.assert_allclose(compiled.arrays[name], array, 1e-4, 1e-5)


def test_ctrl_c_does_not_wait_for_the_first_call():
    """Nothing is known yet about the time that a step takes, so it makes a single one."""
    seen = []

    class First(Keep):
        def on_step_end(self, loop):
            seen.append(loop.step)

    train(**OPTIONS, callbacks=[First])
    assert seen[0] == 1
    assert seen[-1] == STEPS

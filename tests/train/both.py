"""The same training twice, eagerly and compiled, and how they are compared; for the tests of compiled training."""

from dataclasses import dataclass
from typing import Any

import numpy as np

import glassnet as gn
from glassnet import nn, optim
from glassnet.compiler.step import Bound
from glassnet.nn.state import named_tensors

from .training import X, Y, classifier


class Keep(gn.Callback):
    """Keeps the loop, to look at it afterwards, and is not called around steps."""

    every_step = False

    def on_fit_start(self, loop):
        self.loop = loop


@dataclass
class Trained:
    run: gn.Run
    loop: Any
    arrays: dict[str, np.ndarray]  # weights, buffers, and the state of the optimizer

    @property
    def history(self):
        return {name: values for name, values in self.run.history.items() if name != "seconds"}


def sgd(net):
    return optim.SGD(net.parameters(), lr=0.1, momentum=0.9)


def train(
    make=classifier, rows=(X, Y), optimizer=sgd, schedule=None, callbacks=(), loss=nn.CrossEntropyLoss, **options
):
    """One training. make, optimizer, schedule, loss and callbacks are functions, as each training needs its own."""
    net, keep = make(), Keep()
    made = optimizer(net)
    plan = None if schedule is None else schedule(made)
    if "steps" not in options:
        options = {"epochs": 3, **options}
    options = {"batch_size": 18, "folder": None, "progress": False, "diagnostics": None, **options}
    others = [callback() for callback in callbacks]
    run = gn.fit(net, rows, loss=loss(), optimizer=made, schedule=plan, callbacks=[keep, *others], **options)
    return Trained(run, keep.loop, state(net, made))


def state(net, optimizer):
    """A copy of weights, buffers and the state of the optimizer."""
    return {name: array.copy() for name, array in Bound(None, dict(named_tensors(net)), optimizer).state().items()}


def both(**options):
    """The training eagerly and compiled."""
    eager, compiled = train(compile=False, **options), train(compile=True, **options)
    assert compiled.loop.compiled.reason is None
    return eager, compiled


def assert_close(found, wanted, within=1e-5):
    """Two trainings have the same values, but for rounding, and end in the same place."""
    assert list(found.history) == list(wanted.history)
    for name, values in wanted.history.items():
        np.testing.assert_allclose(found.history[name], values, within, within, err_msg=name)
    assert found.history["lr"] == wanted.history["lr"]
    assert_same_place(found, wanted)
    assert found.arrays.keys() == wanted.arrays.keys()
    for name, array in wanted.arrays.items():
        assert found.arrays[name].dtype == array.dtype
        np.testing.assert_allclose(found.arrays[name], array, within, within, err_msg=name)


def assert_same_bits(found, wanted):
    """Two trainings have the same bits and end in the same place."""
    assert found.history == wanted.history
    assert list(found.history) == list(wanted.history)
    assert_same_place(found, wanted)
    assert found.arrays.keys() == wanted.arrays.keys()
    for name, array in wanted.arrays.items():
        np.testing.assert_array_equal(found.arrays[name], array, err_msg=name)


def assert_same_place(found, wanted):
    for name in ("step", "last_loss", "epoch", "stopped"):
        ours, theirs = getattr(found.loop, name), getattr(wanted.loop, name)
        assert ours == theirs if name != "last_loss" else abs(ours - theirs) < 1e-5 * max(1, abs(theirs))
    assert found.run.best_epoch == wanted.run.best_epoch
    assert found.loop.optimizer.steps == wanted.loop.optimizer.steps
    assert found.loop.optimizer.lr == wanted.loop.optimizer.lr
    ours, theirs = found.loop.schedule, wanted.loop.schedule
    assert ours is None or ours.last_step == theirs.last_step

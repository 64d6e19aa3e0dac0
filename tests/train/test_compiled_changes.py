"""What a callback changes during compiled training takes effect, and what is built in is compiled anew."""

import re

import numpy as np
import pytest

import glassnet as gn
from glassnet import nn, optim

from .both import assert_close, both, train


class Net(nn.Module):
    """Something of everything that can be changed."""

    def __init__(self):
        gn.manual_seed(5)
        self.first = nn.Linear(4, 8, bias=False)
        self.norm = nn.BatchNorm1d(8)
        self.dropout = nn.Dropout(0.2)
        self.last = nn.Linear(8, 3)
        self.mask = np.ones(8, np.float32)
        self.slopes = [1.0, 0.1]

    def forward(self, x):
        hidden = self.norm(self.first(x)) * self.mask
        return self.last(self.dropout(gn.maximum(hidden, 0.0) * self.slopes[0] + hidden * self.slopes[1]))


def at(hook, epoch, change, every_step=False):
    """A callback that makes a change at a hook in one epoch, counted from 0."""

    def call(self, loop):
        if loop.epoch == epoch:
            change(loop)

    return type("Changes", (gn.Callback,), {hook: call, "every_step": every_step})


def halve(loop):
    for parameter in loop.net.parameters():
        parameter.data = parameter.data * 0.5


def halve_in_place(loop):
    for parameter in loop.net.parameters():
        parameter.data[...] *= 0.5


def average(loop):
    """Weight averaging, with a copy in a place of its own."""
    for parameter in loop.net.parameters():
        kept = vars(loop).setdefault("kept", {})
        kept[id(parameter)] = 0.5 * kept.get(id(parameter), parameter.data) + 0.5 * parameter.data
        parameter.data = kept[id(parameter)]


def freeze(loop):
    loop.net.first.weight.requires_grad = False


def forget(loop):
    loop.optimizer.states = [tuple(np.zeros_like(a) for a in arrays) for arrays in loop.optimizer.states]


def put(name, value):
    """A change that sets an attribute, such as "net.dropout.p"."""
    *path, last = name.split(".")

    def change(loop):
        one = loop
        for part in path:
            one = getattr(one, part)
        setattr(one, last, value)

    return change


def set_momentum(loop):
    loop.optimizer.param_groups[0]["momentum"] = 0.5


def mask(loop):
    loop.net.mask[:4] = 0


def slope(loop):
    loop.net.slopes[1] = 0.5


#: hook, change, and what the reason for compiling anew says; "" where nothing is.
CHANGES = {
    "weights": ("on_epoch_end", halve, ""),
    "weights, in place": ("on_epoch_end", halve_in_place, ""),
    "averaged weights": ("on_step_end", average, ""),
    "state of the optimizer": ("on_epoch_start", forget, ""),
    "learning rate": ("on_epoch_start", put("optimizer.lr", 0.5), ""),
    "momentum": ("on_epoch_start", set_momentum, "at step 5: momentum of parameter group 0 changed"),
    "dropout": ("on_epoch_end", put("net.dropout.p", 0.6), r"at step 5: p of dropout \(Dropout p=0.2\) changed"),
    "a mode": ("on_epoch_start", lambda loop: loop.net.norm.eval(), r"training of norm \(BatchNorm1d 8\) changed"),
    "a frozen layer": ("on_epoch_start", freeze, r"weight of first .* changed"),
    "the loss": ("on_epoch_start", put("loss.label_smoothing", 0.3), "label smoothing of the loss changed"),
    "the penalty": ("on_epoch_start", put("batch_step.penalty.strength", 1.0), "strength of the penalty changed"),
    "the bound": ("on_epoch_start", put("batch_step.clip_norm", 0.01), "clip norm of the step changed"),
    "an array, in place": ("on_epoch_start", mask, "mask of the network changed"),
    "a list, in place": ("on_epoch_start", slope, "slopes of the network changed"),
}


def changed(*callbacks, compile=False, **options):
    """A training with these callbacks; what they change belongs to it alone."""
    given = {"penalty": nn.L2Penalty(0.01), "clip_norm": 5.0, "epochs": 2, **options}
    return train(Net, callbacks=callbacks, compile=compile, **given)


@pytest.fixture(scope="module")
def unchanged():
    return changed()


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_takes_effect(unchanged, change):
    hook, make, reason = CHANGES[change]
    epoch = 1 if hook != "on_step_end" else 0  # at the end of the first epoch the second is the current one
    callback = at(hook, epoch, make, every_step=hook == "on_step_end")
    eager, compiled = changed(callback), changed(callback, compile=True)
    assert_close(compiled, eager)
    with pytest.raises(AssertionError):
        assert_close(eager, unchanged, 1e-3)
    retraces = compiled.loop.compiled.retraces
    if reason:
        (retrace,) = retraces
        assert re.search(reason, retrace)
    else:
        assert retraces == []


def strengthen(loop):
    loop.batch_step.penalty.parts[1].strength = 1.0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (strengthen, "at step 5: strength of penalty 1 changed"),
        (put("average.decay", 0.1), "at step 5: decay of the average of the weights changed"),
    ],
)
def test_a_change_in_a_sum_of_penalties_or_the_average_takes_effect(change, reason):
    def run(*callbacks, **options):
        penalty = nn.L1Penalty(0.001) + nn.L2Penalty(0.01)
        return changed(*callbacks, penalty=penalty, average=0.9, **options)

    callback = at("on_epoch_start", 1, change)
    eager, compiled = run(callback), run(callback, compile=True)
    assert_close(compiled, eager)
    with pytest.raises(AssertionError):
        assert_close(eager, run(), 1e-3)
    assert compiled.loop.compiled.retraces == [reason]


def test_a_learning_rate_that_a_callback_sets_lasts_until_the_schedule_sets_the_next():
    warm = at("on_epoch_start", 1, put("optimizer.lr", 0.9))
    eager, compiled = both(schedule=lambda o: optim.StepLR(o, 2, 0.5), callbacks=[warm])
    assert_close(compiled, eager)
    with pytest.raises(AssertionError):
        assert_close(compiled, train(schedule=lambda o: optim.StepLR(o, 2, 0.5), compile=False))

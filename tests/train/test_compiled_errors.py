"""Compiled training that goes wrong says the same as eager training, and leaves the network in the same place."""

import re

import numpy as np
import pytest

import glassnet as gn
from glassnet import nn, optim
from glassnet.compiler.native import NativeStep
from glassnet.train import compiled as compiled_module

from .both import Keep, assert_same_bits, sgd, state, train
from .training import X, Y, classifier


class Steps(gn.Callback):
    def on_step_end(self, loop):
        """Called after each step."""


def failing(compile, make=classifier, rows=(X, Y), schedule=None, callbacks=(), **options):
    """A training that fails: the error, the loop, and the arrays that are left."""
    net, keep = make(), Keep()
    optimizer = sgd(net)
    plan = None if schedule is None else schedule(optimizer)
    options = {"batch_size": 16, "diagnostics": None, "epochs": 5, "loss": nn.CrossEntropyLoss(), **options}
    with pytest.raises((gn.NonFiniteError, gn.DataError)) as caught:
        gn.fit(
            net,
            rows,
            optimizer=optimizer,
            schedule=plan,
            callbacks=[keep, *(one() for one in callbacks)],
            progress=False,
            folder=None,
            compile=compile,
            **options,
        )
    return caught.value, keep.loop, state(net, optimizer)


def assert_fails_alike(compiled, eager):
    (error, loop, arrays), (wanted, eager_loop, eager_arrays) = compiled, eager
    assert type(error) is type(wanted)
    assert str(error) == str(wanted)
    assert (loop.step, loop.optimizer.steps) == (eager_loop.step, eager_loop.optimizer.steps)
    for name, array in eager_arrays.items():
        assert np.isfinite(array).all() or not name.startswith("net.")
        np.testing.assert_allclose(arrays[name], array, 1e-5, 1e-6, err_msg=name)


def jump(step):
    """A learning rate that is far too large after so many steps: the loss of the step after the next is not finite."""
    return lambda optimizer: optim.LambdaLR(optimizer, lambda i: 1e200 if i == step else 1.0)


@pytest.mark.parametrize("callbacks", [(), (Steps,)], ids=["many steps a call", "step by step"])
@pytest.mark.parametrize("step", [0, 4, 5, 13])  # an epoch has 6 steps, the last with a smaller batch
def test_a_loss_that_is_not_finite(step, callbacks):
    eager = failing(False, schedule=jump(step))
    assert f"at step {step + 2} " in str(eager[0])
    assert_fails_alike(failing(True, schedule=jump(step), callbacks=callbacks), eager)


@pytest.mark.parametrize("compile", [False, True])
def test_the_last_good_weights_are_those_of_the_step_before(compile):
    """With these the loss was finite the last time."""
    net, seen = classifier(), []

    class Remember(gn.Callback):
        def on_step_start(self, loop):
            seen.append(net[0].weight.data)

    def make():
        return net

    failing(compile, make, schedule=jump(4), callbacks=[Remember])
    assert len(seen) == 6
    np.testing.assert_array_equal(net[0].weight.data, seen[4])
    assert not np.array_equal(seen[4], seen[5])
    assert not np.array_equal(seen[4], seen[3])


@pytest.mark.parametrize("compile", [False, True])
def test_a_look_into_the_step_that_goes_wrong_does_not_get_in_the_way(compile):
    error, _, arrays = failing(compile, schedule=jump(4), diagnostics=1)
    wanted = failing(False, schedule=jump(4))
    assert str(error) == str(wanted[0])
    np.testing.assert_allclose(arrays["net.0.weight"], wanted[2]["net.0.weight"], 1e-5, 1e-6)


@pytest.mark.parametrize("compile", [False, True])
def test_the_last_good_weights_of_a_resumed_run_are_those_it_was_resumed_with(tmp_path, compile):
    net, options = classifier(), {"epochs": 1, "folder": tmp_path, "progress": False, "diagnostics": None}
    options |= {"loss": nn.CrossEntropyLoss(), "batch_size": 18, "compile": compile}
    gn.fit(net, (X, Y), optimizer=optim.SGD(net.parameters(), lr=0.1), **options)
    trained = net.state_dict()
    again = classifier(seed=9)
    optimizer = optim.SGD(again.parameters(), lr=0.1)
    with pytest.raises(gn.NonFiniteError, match="at step 6 "):
        gn.fit(
            again,
            (X, Y),
            optimizer=optimizer,
            **{**options, "epochs": 2, "loss": lambda o, y: o.sum() * 1e38 * 1e38},
            resume=True,
        )
    for name, array in trained.items():
        np.testing.assert_array_equal(again.state_dict()[name], array)


@pytest.mark.parametrize("label", [3, -1, 2**40])
def test_a_label_out_of_range_is_found_when_its_row_is_trained_on(label):
    rows = np.random.default_rng(0).standard_normal((3200, 4)).astype(np.float32)
    labels = np.arange(3200) % 3
    labels[3000] = label
    options = {"rows": (rows, labels), "epochs": 1, "shuffle": False}
    eager, compiled = failing(False, **options), failing(True, **options)
    assert eager[1].step == 3000 // 16
    assert f"got {label}" in str(eager[0])
    assert_fails_alike(compiled, eager)


def test_a_label_out_of_range_in_the_first_batch():
    labels = np.where(np.arange(90) == 3, 7, Y)
    options = {"rows": (X, labels), "shuffle": False}
    assert_fails_alike(failing(True, **options), failing(False, **options))


@pytest.mark.parametrize("seconds", [0.0, 1e9])
def test_a_step_that_only_the_compiled_code_cannot_make_is_made_eagerly(monkeypatch, seconds):
    """One that overflows in one order of summation and not in the other: the others have the bits of compiled steps."""
    original = NativeStep.run

    def run(self, rows, rates, number, words, tables=None):
        values = original(self, rows, rates, number, words, tables)
        if 0 <= 7 - number < len(rows):
            values["holds"] = np.arange(number, number + len(rows)) != 7
        return values

    monkeypatch.setattr(NativeStep, "run", run)
    monkeypatch.setattr(compiled_module, "CALL_SECONDS", seconds)
    found = train(compile=True, epochs=2)
    monkeypatch.undo()

    class SwitchOff(gn.Callback):
        def on_step_start(self, loop):
            loop.compiled.choice = loop.step != 7

    assert_same_bits(found, train(compile=True, epochs=2, callbacks=[SwitchOff]))


class Counting(nn.Module):
    """Counts its calls, and keeps what it computed: compiled code does neither."""

    def __init__(self):
        self.layer = nn.Linear(4, 3)
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        self.out = self.layer(x)
        return self.out


class Deciding(nn.Module):
    def __init__(self):
        self.layer = nn.Linear(4, 3)

    def forward(self, x):
        return self.layer(x) if x.data.max() > 0 else x


class Momentum(optim.CosineAnnealingLR):
    """Sets more than learning rates."""

    def move_to(self, step):
        super().move_to(step)
        self.optimizer.param_groups[0]["momentum"] = 0.9 if step < 5 else 0.5


def hooked():
    net = classifier()
    net[1].register_forward_hook(lambda module, inputs, output: None)
    return net


def logged(outputs, targets):
    return nn.functional.cross_entropy(outputs, targets) + 0.0 * float(outputs.data.mean())


REFUSED = {
    "a layer that counts": ({"make": Counting}, gn.TraceError, "the step sets calls of the network and out of the net"),
    "a decision": ({"make": Deciding}, gn.TraceError, r"test_compiled_errors.py:\d+.*use compile=False"),
    "a hook": ({"make": hooked}, gn.ConfigError, r"layer 1 \(Tanh\) has a forward hook"),
    "a number": ({"loss": logged}, gn.TraceError, r"test_compiled_errors.py:\d+.*use compile=False"),
    "a schedule of more": ({"schedule": lambda o: Momentum(o, 30)}, gn.ConfigError, "Momentum has a .* of its own"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_compiled_says_so_or_is_trained_eagerly(case, monkeypatch):
    monkeypatch.setattr(compiled_module, "compiling", lambda net: 0.0)  # it always pays
    options, error, words = REFUSED[case]
    arrays = []
    for compile in (False, "auto", True):
        gn.manual_seed(0)
        net, keep = options.get("make", classifier)(), Keep()
        optimizer = sgd(net)
        schedule = options.get("schedule", lambda _: None)(optimizer)
        more = {"loss": options.get("loss", nn.CrossEntropyLoss()), "schedule": schedule, "callbacks": [keep]}
        more |= {"epochs": 2, "batch_size": 18, "progress": False, "folder": None, "compile": compile}
        if compile is True:
            before = net.state_dict()
            with pytest.raises(error, match=words):
                gn.fit(net, (X, Y), optimizer=optimizer, **more)
            for name, array in before.items():
                np.testing.assert_array_equal(net.state_dict()[name], array)
        else:
            run = gn.fit(net, (X, Y), optimizer=optimizer, **more)
            arrays.append(state(net, optimizer))
            assert (run.eager_reason is None) == (compile is False)
    assert re.search(words, run.eager_reason)
    for name, array in arrays[0].items():
        np.testing.assert_array_equal(arrays[1][name], array)

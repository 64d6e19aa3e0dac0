"""compile="auto": decided by the amount of work, and what it is decided by where compiling is not possible."""

import sys
import time

import numpy as np
import pytest

import glassnet as gn
from glassnet import models, nn
from glassnet.compiler import engine
from glassnet.data.batches import batches
from glassnet.data.dataset import Split
from glassnet.train import Loop
from glassnet.train import compiled as compiled_module

from .both import sgd, train
from .training import classifier


def choice(net, rows, batch_size, epochs, compile="auto"):
    """What is compiled: for batches of the usual size, and for the last one."""
    inputs = next(parameter.shape[0] for parameter in net.parameters())
    split = Split(np.zeros((rows, inputs), np.float32), np.zeros(rows, np.int64))
    order = batches(split, batch_size)
    options = {"loss": nn.CrossEntropyLoss(), "optimizer": sgd(net), "batch_size": batch_size}
    loop = Loop(net, split, None, **options, total_steps=epochs * len(order), compile=compile)
    sizes = len(order.rows(0)), len(order.rows(len(order) - 1))
    return tuple(loop.compiled._pays(size, order) for size in sizes), loop.compiled.reason


TINY = nn.Linear(4, 2)
SMALL = models.mlp(784, [16, 16], 10)
LARGE = models.mlp(784, [1024, 1024], 10)


@pytest.mark.parametrize(
    ("net", "rows", "batch_size", "epochs", "wanted"),
    [
        (TINY, 100, 10, 10, (False, False)),  # 100 steps of 0.15 ms
        (TINY, 100, 10, 1000, (True, True)),
        (TINY, 105, 10, 1000, (True, False)),  # 1,000 steps with five rows are worth less than compiling
        (TINY, 105, 10, 5000, (True, True)),
        (SMALL, 7500, 100, 1, (False, False)),
        (SMALL, 7500, 100, 100, (True, True)),
        (LARGE, 7500, 100, 1, (False, False)),  # 75 steps of 7 ms, which compiled ones halve
        (LARGE, 7500, 100, 10, (True, True)),
        (LARGE, 100, 100, 10, (False, False)),
    ],
)
def test_it_is_decided_by_the_amount_of_work_and_not_by_a_clock(monkeypatch, net, rows, batch_size, epochs, wanted):
    def clock():
        raise AssertionError("the clock was read")

    monkeypatch.setattr(time, "perf_counter", clock)
    found, reason = choice(net, rows, batch_size, epochs)
    assert found == wanted
    assert reason == (None if all(wanted) else "the training is too short to pay for compiling")


def test_it_is_not_decided_where_it_was_asked_for():
    assert choice(TINY, 10, 10, 1, compile=True) == ((True, True), None)


@pytest.mark.parametrize("compile", ["fast", 0, 1, None, "True", np.array([1, 0])])
def test_other_choices_are_refused(compile):
    with pytest.raises(gn.ConfigError, match="compile must be 'auto', True, False or 'xla'"):
        train(compile=compile)


@pytest.fixture
def without_llvmlite(monkeypatch):
    monkeypatch.setitem(sys.modules, "llvmlite", None)
    monkeypatch.setitem(sys.modules, "llvmlite.binding", None)
    engine._llvm.cache_clear()
    yield
    engine._llvm.cache_clear()


@pytest.mark.usefixtures("without_llvmlite")
@pytest.mark.parametrize("too_long", [("train", "validation"), ("validation",)])
def test_without_llvmlite_it_trains_eagerly(monkeypatch, too_long):
    """Also where the steps would be too few, but the evaluations are not."""
    monkeypatch.setattr(compiled_module, "compiling", lambda net: 1.0)
    monkeypatch.setattr(compiled_module, "saved_by_step", lambda net, rows: 1.0 if "train" in too_long else 1e-9)
    monkeypatch.setattr(compiled_module, "eager_evaluation", lambda net, rows: 1.0)
    auto, eager = train(compile="auto", validation=0.2), train(compile=False, validation=0.2)
    assert "compiling needs llvmlite: pip install llvmlite" in auto.run.eager_reason
    assert auto.history == eager.history


@pytest.mark.usefixtures("without_llvmlite")
def test_without_llvmlite_compiling_is_refused():
    net = nn.Linear(4, 3)
    with pytest.raises(gn.ConfigError, match=r"pip install llvmlite, or use compile=False"):
        train(lambda: net, compile=True)
    with pytest.raises(gn.ConfigError, match="pip install llvmlite"):
        gn.compile(net).outputs(np.zeros((1, 4)))


class EachEpoch(gn.Callback):
    def on_epoch_start(self, loop):
        loop.optimizer.param_groups[0]["momentum"] = 0.9 - 0.1 * loop.epoch


def test_auto_gives_up_where_something_built_in_changes_all_the_time(monkeypatch):
    monkeypatch.setattr(compiled_module, "saved_by_step", lambda net, rows: 1.0)
    monkeypatch.setattr(compiled_module, "compiling", lambda net: 6.0)  # an epoch has five steps
    auto = train(epochs=6, callbacks=[EachEpoch], compile="auto")
    assert len(auto.loop.compiled.retraces) == 3
    words = "compiling does not pay: at step 15: momentum of parameter group 0 changed"
    assert auto.run.eager_reason == words
    eager = train(epochs=6, callbacks=[EachEpoch], compile=False)
    np.testing.assert_allclose(auto.history["loss"], eager.history["loss"], 1e-5)
    monkeypatch.setattr(compiled_module, "compiling", lambda net: 5.0)
    patient = train(epochs=6, callbacks=[EachEpoch], compile="auto")
    assert len(patient.loop.compiled.retraces) == 5
    assert patient.run.eager_reason is None


def test_a_change_before_the_first_step_compiles_nothing_anew():
    class AtStart(gn.Callback):
        def on_fit_start(self, loop):
            loop.net[0].weight.requires_grad = False

    found = train(callbacks=[AtStart], compile=True)
    assert found.loop.compiled.retraces == []
    np.testing.assert_array_equal(found.arrays["net.0.weight"], classifier()[0].weight.data)

"""Weight averaging: the formula, eager and compiled, resumed, validated, saved and kept."""

import numpy as np
import pytest

import glassnet as gn
from glassnet import nn, optim
from glassnet.train.checkpoint import LATEST, read_arrays

from .training import OPTIMIZERS, InterruptAt, X, Y, classifier, fit, train

DECAY = 0.8


class Weights(gn.Callback):
    """The weights and buffers after each step."""

    def __init__(self):
        self.steps = []

    def on_step_end(self, loop):
        self.steps.append(loop.net.state_dict())


def mean_of(states, decay):
    """Their mean, each counted ``decay`` times the next."""
    shares = decay ** np.arange(len(states))[::-1]
    return {name: np.tensordot(shares, [state[name] for state in states], 1) / shares.sum() for name in states[0]}


def assert_equal(found, expected, **tolerance):
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        if tolerance:
            np.testing.assert_allclose(found[name], array, err_msg=name, **tolerance)
        else:
            np.testing.assert_array_equal(found[name], array, err_msg=name)


def test_the_network_ends_with_the_weighted_mean_of_all_weights():
    net, seen = classifier(batch_norm=True), Weights()
    fit(net, average=DECAY, callbacks=[seen], epochs=2)
    expected = mean_of(seen.steps, DECAY)
    assert "1.running_mean" in expected
    assert_equal(net.state_dict(), expected, rtol=1e-4, atol=1e-6)
    plain = classifier(batch_norm=True)
    fit(plain, epochs=2)
    assert_equal(plain.state_dict(), seen.steps[-1])  # they are trained as without an average


def test_validation_sees_the_average_and_the_best_one_is_kept(tmp_path):
    net, seen = classifier(), Weights()
    run = fit(net, average=DECAY, callbacks=[seen], validation=(X, Y), folder=tmp_path, epochs=4)
    other = classifier()
    for epoch, loss in enumerate(run.history["val_loss"], start=1):
        other.load_state_dict(mean_of(seen.steps[: 6 * epoch], DECAY))
        assert gn.evaluate(other, (X, Y), loss=nn.CrossEntropyLoss())["loss"] == pytest.approx(loss, rel=1e-5)
    assert run.best_epoch == 4
    assert_equal(net.state_dict(), other.state_dict(), rtol=1e-4, atol=1e-6)
    assert_equal(gn.Run.load(tmp_path).net.state_dict(), net.state_dict())
    assert run.config["average"] == DECAY


def test_without_validation_the_average_is_what_is_saved(tmp_path):
    net = classifier(batch_norm=True)
    fit(net, average=DECAY, folder=tmp_path)
    assert_equal(gn.Run.load(tmp_path).net.state_dict(), net.state_dict())
    arrays, _ = read_arrays(tmp_path / LATEST)
    assert (arrays["net/0.weight"] != net[0].weight.data).any()


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_compiled_and_eager_averages_agree(kind):
    def run(native):
        gn.manual_seed(0)
        net = gn.models.mlp(4, [8], 3, batch_norm=True)
        return fit(net, optimizer=OPTIMIZERS[kind](net), epochs=6, average=DECAY, validation=0.2, compile=native)

    runs = [run(native) for native in (False, True)]
    assert runs[1].best_epoch == runs[0].best_epoch
    for name in ("loss", "val_loss", "accuracy", "val_accuracy"):
        np.testing.assert_allclose(runs[1].history[name], runs[0].history[name], rtol=1e-5)
    assert_equal(*(run.net.state_dict() for run in runs), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize("step", [1, 13])  # an epoch has 5 steps
def test_a_resumed_run_has_the_bits_of_an_uninterrupted_one(tmp_path, step, native):
    options = {"average": DECAY, "compile": native}
    whole = train(tmp_path / "whole", **options)
    stopped = train(tmp_path / "parts", callbacks=[InterruptAt(step)], **options)
    assert stopped.steps == step
    resumed = train(tmp_path / "parts", resume=True, **options)
    assert_equal(resumed.net.state_dict(), whole.net.state_dict())
    assert resumed.history["val_loss"] == whole.history["val_loss"]
    assert_equal(*(read_arrays(tmp_path / name / LATEST)[0] for name in ("parts", "whole")))


def test_a_run_with_an_average_is_not_continued_without_one(tmp_path):
    train(tmp_path, average=DECAY, callbacks=[InterruptAt(3)])
    with pytest.raises(gn.CheckpointError, match="it was trained with an average of the weights"):
        train(tmp_path, resume=True)


def test_looking_inside_does_not_disturb_the_average():
    looked, unseen = (train(None, average=DECAY, diagnostics=every).net for every in (2, None))
    assert_equal(looked.state_dict(), unseen.state_dict())


def test_an_optimizer_that_has_trained_before_goes_on_from_the_weights_now():
    net, seen = classifier(), Weights()
    optimizer = optim.SGD(net.parameters(), lr=0.2)
    fit(net, optimizer=optimizer, epochs=20)
    before = net.state_dict()
    fit(net, optimizer=optimizer, steps=1, average=0.9, callbacks=[seen])
    expected = {name: array + 0.1 * (seen.steps[0][name] - array) for name, array in before.items()}
    assert_equal(net.state_dict(), expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("decay", [0, 1, -0.5, "often"])
def test_a_decay_that_is_none_is_refused(decay):
    with pytest.raises(gn.ConfigError, match="average must be a number above 0 and less than 1"):
        fit(classifier(), average=decay)

"""Callbacks, progress, and ending a training early."""

import numpy as np
import pytest

import glassnet as gn

from .training import X, Y, classifier, fit


class Recorder(gn.Callback):
    def __init__(self):
        self.calls = []

    def on_fit_start(self, loop):
        self.calls.append("start")

    def on_epoch_start(self, loop):
        self.calls.append("epoch")

    def on_step_end(self, loop):
        self.calls.append(loop.step)

    def on_epoch_end(self, loop):
        self.calls.append("end of epoch")

    def on_fit_end(self, loop):
        self.calls.append("end")


def test_hooks_are_called_in_order():
    recorder = Recorder()
    fit(classifier(), (X[:32], Y[:32]), epochs=2, callbacks=[recorder])
    epoch = ["epoch", 1, 2, "end of epoch", "epoch", 3, 4, "end of epoch"]
    assert recorder.calls == ["start", *epoch, "end"]


def test_a_misspelt_hook_is_refused_when_the_class_is_made():
    with pytest.raises(TypeError, match=r"Misspelt.on_epoch_ends is no hook; the hooks are on_fit_start"):

        class Misspelt(gn.Callback):
            def on_epoch_ends(self, loop):
                """Never called."""


@pytest.mark.parametrize("callback", [print, gn.EarlyStopping])
def test_what_is_no_callback_is_refused(callback):
    with pytest.raises(gn.ConfigError, match=r"callbacks are instances of glassnet\.Callback"):
        fit(classifier(), callbacks=[callback])


def test_a_failing_callback_is_named():
    class Failing(gn.Callback):
        def on_step_end(self, loop):
            raise KeyError("missing")

    with pytest.raises(KeyError) as caught:
        fit(classifier(), callbacks=[Failing()])
    assert caught.value.__notes__ == ["raised by the callback Failing.on_step_end"]


def test_early_stopping():
    run = fit(classifier(), epochs=50, validation=0.3, callbacks=[gn.EarlyStopping(3, min_delta=0.1)])
    assert run.epochs < 50
    assert run.stopped == "val_loss has not improved for 3 epochs"
    rising = fit(classifier(), epochs=50, callbacks=[gn.EarlyStopping(3, "accuracy", mode="max", min_delta=0.05)])
    assert rising.stopped == "accuracy has not improved for 3 epochs"


def impatient(patience, **options):
    return fit(
        classifier(), epochs=50, validation=0.3, callbacks=[gn.EarlyStopping(patience, min_delta=0.1)], **options
    )


def test_a_run_that_was_stopped_early_stays_stopped_unless_there_is_more_patience(tmp_path):
    run = impatient(3, folder=tmp_path)
    again = impatient(3, folder=tmp_path, resume=True)
    assert (again.steps, again.stopped) == (run.steps, run.stopped)
    patient = impatient(5, folder=tmp_path, resume=True)
    assert patient.epochs == impatient(5).epochs > run.epochs


def test_early_stopping_ends_a_compiled_training_at_the_same_epoch():
    eager, compiled = impatient(3, compile=False), impatient(3, compile=True)
    assert compiled.epochs == eager.epochs < 50
    assert compiled.stopped == "val_loss has not improved for 3 epochs"
    np.testing.assert_allclose(compiled.history["val_loss"], eager.history["val_loss"], rtol=1e-5)


def test_early_stopping_needs_its_value():
    with pytest.raises(gn.ConfigError, match=r"cannot find 'val_loss'.*Is there a validation split"):
        fit(classifier(), callbacks=[gn.EarlyStopping()])
    with pytest.raises(gn.ConfigError, match="mode"):
        gn.EarlyStopping(mode="least")


def test_ctrl_c_ends_cleanly():
    class Interrupt(gn.Callback):
        def on_step_end(self, loop):
            if loop.step == 8:
                raise KeyboardInterrupt

    recorder = Recorder()
    run = fit(classifier(), epochs=50, callbacks=[Interrupt(), recorder])
    assert (run.stopped, run.steps, recorder.calls[-1]) == ("interrupted", 8, "end")


def test_a_failing_end_does_not_keep_the_others_from_ending(tmp_path):
    ended = []

    class End(gn.Callback):
        def __init__(self, error):
            self.error = error

        def on_fit_end(self, loop):
            ended.append(self.error)
            if self.error:
                raise ValueError(self.error)

    with pytest.raises(ValueError, match="first"):
        fit(classifier(), callbacks=[End("first"), End("")], folder=tmp_path)
    assert ended == ["first", ""]
    assert gn.Run.load(tmp_path).epochs == 3

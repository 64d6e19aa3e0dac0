"""A training that is watched: what the page sees, what it asks for, and that it changes no bit."""

import threading

import numpy as np
import pytest

import glassnet as gn
from glassnet.engine.errors import ConfigError
from glassnet.viewer.live import STOPPED, LiveRun, Watch
from glassnet.viewer.panels import PANELS
from glassnet.viewer.query import Query

from .pages import X, fit, ids, served, training


def test_the_set_up_is_that_of_the_beginning_also_while_a_step_is_recorded():
    live = LiveRun("live")
    seen = []

    class Recording(gn.Callback):
        def on_step_end(self, loop):
            lr, loop.optimizer.param_groups[0]["lr"] = loop.optimizer.lr, "an array that is being recorded"
            seen.append(live.config()["optimizer"]["lr"])
            loop.optimizer.lr = lr

    fit(None, callbacks=[Watch(live), Recording()])
    assert set(seen) == {0.1}


def test_what_is_seen_is_where_the_training_is():
    live = LiveRun("live")
    assert live.summary() == {"name": "live", "version": "0 0", "state": "waiting", "actions": []}
    with pytest.raises(ConfigError, match="has not begun"):
        live.position()
    seen = []

    class Look(gn.Callback):
        def on_epoch_end(self, loop):
            seen.append((live.state(), live.position().step, live.position().history["loss"][-1], live.actions()))

    run = fit(None, callbacks=[Watch(live), Look()])
    assert seen == [("running", 5 * i, run.history["loss"][i - 1], ("stop",)) for i in (1, 2, 3)]
    assert live.state() == "done"
    assert live.actions() == ()
    assert live.position().history == run.history
    assert live.diagnostics() is run.diagnostics
    for panel in PANELS.values():
        assert panel.data(live, Query()) is not None
    assert [row.path for row in live.layers()] == ["0", "1", "2", "3", "4", "5"]
    assert live.dataset().train.x.shape == (72, 4)


def test_the_losses_of_batches_are_those_of_the_run_from_where_the_sitting_began(tmp_path):
    live = LiveRun("live", tmp_path / "run")
    whole = fit(None, epochs=2, callbacks=[Watch(live)])
    moments, losses = live.batch_losses()
    assert moments == pytest.approx([step / 5 for step in range(1, 11)])
    assert np.mean(losses[:4] + losses[4:5]) == pytest.approx(whole.history["loss"][0], rel=0.05)  # the last is smaller

    class Stop(gn.Callback):
        def on_step_end(self, loop):
            if loop.step == 7:
                loop.stop("enough")

    fit(tmp_path / "run", epochs=2, callbacks=[Stop()])
    fit(tmp_path / "run", epochs=2, resume=True, callbacks=[Watch(live)])
    assert live.batch_losses()[0] == pytest.approx([8 / 5, 9 / 5, 2])
    assert live.batch_losses()[1] == losses[7:]


@pytest.mark.parametrize("compile", [False, True])
def test_watching_changes_no_bit(compile):
    alone = fit(None, compile=compile)
    live = LiveRun("live")
    end = threading.Event()

    def look():
        while not end.is_set():
            if live.has_begun:
                live.network()
                [panel.data(live, Query()) for panel in PANELS.values()]

    thread = threading.Thread(target=look)
    thread.start()
    watched = fit(None, compile=compile, callbacks=[Watch(live)])
    end.set()
    thread.join()
    for name, array in alone.net.state_dict().items():
        np.testing.assert_array_equal(watched.net.state_dict()[name], array)
    assert watched.history["loss"] == alone.history["loss"]


def test_the_page_stops_a_training():
    with training() as live, served(live) as client:
        (name,) = ids(client)
        answer = client(f"/api/runs/{name}/ask/stop", "POST")
        assert (answer.status, answer.json) == (200, {"asked": "stop"})
        while live.state() == "running":
            pass
        assert live.position().stopped == STOPPED
        assert live.state() == "stopped"
        again = client(f"/api/runs/{name}/ask/stop", "POST")
        assert (again.status, again.json) == (422, {"error": "the training cannot stop now: it is stopped."})
        assert client(f"/api/runs/{name}/ask/resume", "POST").status == 422


def test_going_on_is_asked_for_once():
    live = LiveRun("live", can_resume=True)

    class Stop(gn.Callback):
        def on_step_end(self, loop):
            loop.stop("enough")

    fit(None, callbacks=[Watch(live), Stop()])
    assert live.actions() == ("resume",)
    live.ask("resume")
    live.wait_for_resume()
    fit(None, callbacks=[Watch(live)])
    assert live.state() == "done"


def test_weights_are_copied_between_steps():
    with training() as live:
        first = live.network()
        assert not first.training
        assert first.predict(X).shape == (90,)
        thread = live.between_steps(lambda loop: threading.current_thread())
        assert thread is not threading.current_thread()
    assert live.between_steps(lambda loop: threading.current_thread()) is threading.current_thread()


def test_what_goes_wrong_between_steps_is_said_to_whoever_asked():
    with training() as live:
        with pytest.raises(ZeroDivisionError):
            live.between_steps(lambda loop: 1 // 0)
        assert live.state() == "running"


def test_a_failure_is_shown():
    live = LiveRun("live", can_resume=True)
    with pytest.raises(gn.NonFiniteError):
        fit(None, callbacks=[Watch(live)], clip_value=None, metrics={}, penalty=lambda net: gn.tensor(float("nan")))
    live.fail("the loss became NaN.")
    assert live.summary()["stopped"] == "the loss became NaN."
    assert live.actions() == ()

"""What is shown while a training goes on: on a terminal, in a notebook, and where neither is."""

import sys
from types import ModuleType, SimpleNamespace

import pytest

import glassnet as gn
from glassnet.train import progress

from .training import InterruptAt, classifier, fit


def test_without_a_terminal_there_is_one_plain_line_an_epoch(capsys):
    fit(classifier(), epochs=2, validation=0.2, progress=True)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("epoch 1/2  loss ")
    assert "val accuracy" in lines[1]
    fit(classifier(), epochs=2)
    assert capsys.readouterr().out == ""


def test_on_a_terminal_the_bar_moves_at_most_ten_times_a_second(monkeypatch, capsys):
    from rich.progress import Progress as Bar

    updates, clock = [], iter(range(10**6))
    monkeypatch.setenv("FORCE_COLOR", "1")
    asked_once_a_step = SimpleNamespace(perf_counter=lambda: next(clock) * 0.03)
    monkeypatch.setattr(progress, "time", asked_once_a_step)  # others have a clock of their own
    monkeypatch.setattr(Bar, "update", lambda self, task, **values: updates.append(values["completed"]))
    bar = progress.Progress()

    class Clocked(gn.Callback):
        def on_fit_start(self, loop):
            bar.on_fit_start(loop)

        def on_step_end(self, loop):
            bar.on_step_end(loop)

        def on_epoch_end(self, loop):
            bar.on_epoch_end(loop)

        def on_fit_end(self, loop):
            bar.on_fit_end(loop)

    fit(classifier(), steps=60, callbacks=[Clocked()])
    assert 10 <= len(updates) <= 20  # 60 steps of 0.03 s are 1.8 s


def test_in_a_notebook_one_display_is_replaced_and_taken_away(monkeypatch, capsys):
    shown = []

    class Handle:
        def update(self, content):
            shown.append(content)

    def display(content, display_id):
        assert display_id
        shown.append(content)
        return Handle()

    notebook = ModuleType("IPython.display")
    notebook.HTML, notebook.display = str, display
    monkeypatch.setitem(sys.modules, "IPython", ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", notebook)
    monkeypatch.setattr(progress, "in_notebook", lambda: True)
    monkeypatch.setattr(progress, "INTERVAL", 0.0)
    run = fit(classifier(), epochs=2, progress=True)
    assert len(shown) == 1 + run.steps + 1
    assert shown[0] == '<progress value="0" max="12"></progress> 0/12 steps  '
    assert shown[6].startswith('<progress value="6" max="12"></progress> 6/12 steps  loss ')
    assert shown[6].endswith(", 0:00 left")
    assert shown[-1] == ""
    assert [line[:9] for line in capsys.readouterr().out.splitlines()] == ["epoch 1/2", "epoch 2/2"]


@pytest.mark.parametrize(
    ("notes", "how"),
    [({}, "glassnet.fit(..., folder='runs/here', resume=True)"), ({"recipe": 1}, "glassnet resume runs/here")],
)
def test_who_interrupts_a_training_is_told_how_to_go_on(capsys, notes, how):
    run = fit(classifier(), folder="runs/here", progress=True, callbacks=[InterruptAt(7)], notes=notes)
    assert run.stopped == "interrupted"
    output = capsys.readouterr().out
    assert output.endswith(f"stopped at step 7: interrupted\ncontinue with: {how}\n")


def test_what_was_not_saved_cannot_go_on_and_what_stopped_early_need_not(capsys):
    fit(classifier(), epochs=9, callbacks=[InterruptAt(7)], folder=None, progress=True)
    assert capsys.readouterr().out.splitlines()[-1] == "stopped at step 7: interrupted"
    fit(classifier(), epochs=9, callbacks=[gn.EarlyStopping(1, "loss", min_delta=9.0)], folder="other", progress=True)
    assert capsys.readouterr().out.splitlines()[-1] == "stopped at step 12: loss has not improved for 1 epochs"


def test_a_run_is_one_line():
    run = fit(classifier(), epochs=2, validation=0.2, folder="mine")
    assert repr(run).startswith("Run(2 epochs, 10 steps, ")
    assert repr(run).endswith(f"val_loss {run.history['val_loss'][-1]:.4g}, best epoch 2, saved in mine)")
    assert repr(fit(classifier(), epochs=2, folder=None)).endswith("not saved)")

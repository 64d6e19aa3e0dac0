"""Runs as the page sees them: saved, going on elsewhere, in memory; and folders that someone made to do harm."""

import json
import os
import struct
import time

import numpy as np
import pytest

import glassnet as gn
from glassnet.doctor.file import DOCTOR
from glassnet.engine.errors import CheckpointError, ConfigError
from glassnet.train import diagnostics
from glassnet.train.checkpoint import LATEST, read_position
from glassnet.train.diagnostics import DIAGNOSTICS
from glassnet.train.run_folder import CONFIG, STOP, RunFolder
from glassnet.train.storage import sealed_json
from glassnet.viewer.answers import to_json
from glassnet.viewer.in_memory import FinishedRun
from glassnet.viewer.panels import PANELS
from glassnet.viewer.query import Query
from glassnet.viewer.runs import Runs, runs_in
from glassnet.viewer.saved import SavedRun

from .pages import X, fit, fit_digits, ids, served


@pytest.fixture
def folder(tmp_path):
    fit(tmp_path / "run")
    return tmp_path / "run"


def test_findings_of_a_loaded_run_are_those_in_its_folder(tmp_path):
    run = fit(tmp_path / "sick", lr=30.0)
    found = FinishedRun(run).findings()
    assert found
    assert FinishedRun(gn.Run.load(tmp_path / "sick")).findings() == SavedRun(tmp_path / "sick").findings() == found
    blind = fit(tmp_path / "blind", doctor=False)
    assert FinishedRun(blind).findings() is SavedRun(tmp_path / "blind").findings() is None


def test_a_saved_run_is_what_was_trained(tmp_path):
    run = fit(tmp_path / "run")
    seen = SavedRun(tmp_path / "run")
    assert seen.position().history == run.history
    assert seen.position().step == run.steps
    assert seen.state() == "done"
    assert seen.diagnostics().steps == run.diagnostics.steps
    assert seen.diagnostics().histograms == run.diagnostics.histograms
    assert [row.layer for row in seen.layers()][:2] == ["Linear 4 -> 8", "BatchNorm1d 8"]
    np.testing.assert_array_equal(seen.network().predict(X), run.net.predict(X))
    assert seen.actions() == ()
    summary = seen.summary()
    assert (summary["step"], summary["total"], summary["epoch"]) == (run.steps, run.steps, 3)
    assert summary["last"]["val_loss"] == run.history["val_loss"][-1]


def test_reading_a_network_does_not_disturb_what_is_drawn_next(folder):
    gn.manual_seed(5)
    expected = gn.nn.Linear(3, 3).weight.numpy()
    gn.manual_seed(5)
    SavedRun(folder).network()
    SavedRun(folder).layers()
    np.testing.assert_array_equal(gn.nn.Linear(3, 3).weight.numpy(), expected)


def test_a_run_that_goes_on_is_read_again(tmp_path):
    seen, states, versions = SavedRun(tmp_path / "run"), [], []

    class Look(gn.Callback):
        def on_epoch_end(self, loop):
            RunFolder.on_fit_end(loop.callbacks[-1], loop)  # without waiting for the next second
            os.utime(tmp_path / "run" / LATEST, ns=(time.time_ns(), time.time_ns() + loop.step))
            states.append((seen.state(), seen.position().step))
            versions.append(seen.version())

    run = fit(tmp_path / "run", callbacks=[Look()])
    assert states == [("going on", 5), ("going on", 10), ("done", 15)]
    assert len(set(versions)) == 3
    assert seen.position().step == run.steps


def test_of_a_record_that_grows_only_what_is_new_is_parsed(folder, monkeypatch):
    whole = (folder / DIAGNOSTICS).read_bytes().splitlines(keepends=True)
    parsed = []
    parse = diagnostics.parse_sealed_json
    monkeypatch.setattr(diagnostics, "parse_sealed_json", lambda line, name: parsed.append(name) or parse(line, name))
    seen = SavedRun(folder)
    with (folder / DIAGNOSTICS).open("wb") as file:
        for line in whole[:3]:
            file.write(line)
        file.write(whole[3][:20])  # it is being written
        file.flush()
        assert seen.diagnostics().steps == [0, 2]
        series = PANELS["health"].data(seen, Query())
        file.write(whole[3][20:] + b"".join(whole[4:]))
    assert seen.diagnostics().steps == list(range(0, 15, 2))
    assert len(parsed) == len(whole)
    assert parsed[-1].endswith(f"line {len(whole)}")
    again = PANELS["health"].data(seen, Query())
    assert again == PANELS["health"].data(SavedRun(folder), Query())
    assert (series["steps"], again["steps"]) == (2, 8)
    (folder / "other").write_bytes(b"".join(whole[:2]))  # another sitting
    (folder / "other").replace(folder / DIAGNOSTICS)
    assert seen.diagnostics().steps == [0]
    assert PANELS["health"].data(seen, Query())["steps"] == 1


def test_a_run_that_was_left_long_ago_counts_as_stopped(folder):
    config = dict(SavedRun(folder).config()) | {"total_steps": 10**6}
    (folder / CONFIG).write_bytes(sealed_json(config))
    seen = SavedRun(folder)
    assert seen.state() == "going on"
    for path in folder.iterdir():
        os.utime(path, (1, 1))
    assert seen.state() == "stopped"


def test_a_run_that_goes_on_elsewhere_is_asked_to_stop_once(folder):
    assert SavedRun(folder).actions() == ()
    with pytest.raises(ConfigError, match="cannot stop from here now: it is done"):
        SavedRun(folder).ask("stop")
    (folder / CONFIG).write_bytes(sealed_json(dict(SavedRun(folder).config()) | {"total_steps": 10**6}))
    with served(SavedRun(folder)) as client:
        (name,) = ids(client)
        assert client(f"/api/runs/{name}/ask/resume", "POST").status == 422
        assert not (folder / STOP).exists()
        assert client(f"/api/runs/{name}/ask/stop", "POST").status == 200
        assert (folder / STOP).read_bytes() == b""
        assert client(f"/api/runs/{name}/ask/stop", "POST").status == 422
    seen = SavedRun(folder)
    assert "asked to stop" in seen.summary()["hint"]
    for path in folder.iterdir():
        os.utime(path, (1, 1))
    assert seen.summary()["hint"] == f"go on with: glassnet.fit(..., folder='{folder}', resume=True)"


def test_a_run_in_memory(tmp_path):
    run = fit(None)
    seen = FinishedRun(run)
    assert seen.state() == "done"
    for panel in PANELS.values():
        assert panel.data(seen, Query())
    assert seen.dataset().train.x.shape == (72, 4)
    run.save(tmp_path / "saved", keep_rows=0)
    for loaded in (FinishedRun(gn.Run.load(tmp_path / "saved")), SavedRun(tmp_path / "saved")):
        with pytest.raises(ConfigError, match="there are none in the folder of this run"):
            loaded.dataset()
    saved = fit_digits(tmp_path / "digits")
    assert FinishedRun(saved).dataset().classes == SavedRun(tmp_path / "digits").dataset().classes


def test_the_rows_that_a_program_kept_fill_every_panel(tmp_path):
    run = fit(tmp_path / "run", keep_rows=16)
    for seen in (SavedRun(tmp_path / "run"), FinishedRun(gn.Run.load(tmp_path / "run"))):
        for panel in PANELS.values():
            assert panel.data(seen, Query())
        assert len(PANELS["health"].data(seen, Query({"layer": "4", "show": "map"}))["rows"][0]) == 16
        results = PANELS["results"].data(seen, Query())
        assert (results["split"], results["rows"], results["total"]) == ("val", 16, 18)
        assert PANELS["results"].data(seen, Query({"split": "train"}))["total"] == 72
    whole = PANELS["results"].data(FinishedRun(run), Query())
    assert (whole["rows"], whole["total"]) == (18, 18)


def test_a_folder_of_runs_is_looked_through_again(tmp_path):
    fit(tmp_path / "a")
    (tmp_path / "no run").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "a")
    runs = runs_in(tmp_path)
    first = runs.summaries()
    assert [one["name"] for one in first] == ["a"]
    fit(tmp_path / "b")
    runs._next = 0.0
    second = runs.summaries()
    assert [one["name"] for one in second] == ["a", "b"]
    assert second[0]["id"] == first[0]["id"]
    assert len({one["id"] for one in second}) == 2
    (tmp_path / "a" / CONFIG).unlink()
    runs._next = 0.0
    assert runs.summaries() == second[1:]


@pytest.mark.parametrize(("make", "sentence"), [(None, "there is no folder"), ("empty", "holds no run")])
def test_places_without_a_run(tmp_path, make, sentence):
    if make:
        (tmp_path / "place").mkdir()
    with pytest.raises(ConfigError, match=sentence):
        gn.view(tmp_path / "place")


def test_the_position_in_a_checkpoint_that_is_none(tmp_path):
    path = tmp_path / LATEST
    for content, sentence in [
        (b"", "holds no JSON"),
        (struct.pack("<Q", 2**60) + b"{}", "its head would have"),
        (struct.pack("<Q", 2) + b"{}", "not a checkpoint"),
        (struct.pack("<Q", 2) + b"[]", "object of JSON"),
        (b"\xff" * 100, "its head would have"),
    ]:
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match=sentence):
            read_position(path)
    with pytest.raises(CheckpointError, match="does not exist"):
        read_position(tmp_path / "nothing")


def hostile(folder):
    """Ways to spoil a run, each with a word of the sentence that the page shows."""
    long = "x" * 10_000
    html = "<img src=x onerror=alert(1)>"
    config = dict(SavedRun(folder).config())

    def write(name, content):
        return lambda: (folder / name).write_bytes(content)

    def pipe():
        (folder / LATEST).unlink()
        os.mkfifo(folder / LATEST)

    def link():
        (folder / DIAGNOSTICS).unlink()
        (folder / DIAGNOSTICS).symlink_to("/etc/hostname")

    def sparse():
        with (folder / DIAGNOSTICS).open("r+b") as file:
            file.truncate(2**40)

    def a_folder():
        (folder / DOCTOR).unlink()
        (folder / DOCTOR).mkdir()

    return {
        "no seal": (write(CONFIG, b"{}"), "no seal"),
        "no JSON": (write(CONFIG, b"\x00" * 1000), "seal"),
        "deep": (write(CONFIG, b"[" * 100_000), "seal"),
        "html": (write(CONFIG, sealed_json({**config, "optimizer": {"name": html, "lr": long}, "data": html})), None),
        "types": (write(CONFIG, sealed_json({**config, "total_steps": "many", "batch_size": {}})), None),
        "network": (write(CONFIG, sealed_json({**config, "network": {"layer": html}})), "there is no layer"),
        "huge network": (
            write(CONFIG, sealed_json({**config, "network": {"layer": "OneHot", "num_classes": 10**9}})),
            "asks for more",
        ),
        "pipe": (pipe, "not a file"),
        "link": (link, "is a link"),
        "sparse": (sparse, "at most"),
        "checkpoint": (write(LATEST, b"\xff" * 100), "head"),
        "findings": (write(DOCTOR, sealed_json({"findings": [1]})), "not the evidence"),
        "no findings": (write(DOCTOR, b"{"), "seal"),
        "a folder": (a_folder, "not a file"),
    }  # fmt: skip


KINDS = ["no seal", "no JSON", "deep", "html", "types", "network", "huge network", "pipe", "link", "sparse"]
KINDS += ["checkpoint", "findings", "no findings", "a folder"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_hostile_folder_is_answered_with_a_sentence(folder, kind):
    ways = hostile(folder)
    assert list(ways) == KINDS
    spoil, word = ways[kind]
    spoil()
    with served(SavedRun(folder)) as client:
        (name,) = ids(client)
        answers = [client("/api/events"), *(client(f"/api/runs/{name}/{panel}") for panel in PANELS)]
    said = b" ".join(answer.body for answer in answers).decode()
    assert all(answer.status in (200, 422) for answer in answers), said
    assert len(said) < 200_000
    assert "Traceback" not in said
    if word is not None:
        assert word in said


@pytest.mark.parametrize("name", ["<script>alert(1)<", "a&b", "%2e%2e", "\udcff\udcfe", "x" * 200, "..."])
def test_names_of_folders_are_only_text(tmp_path, name):
    fit(tmp_path / "run")
    (tmp_path / "run").rename(tmp_path / name)
    with served(folder=tmp_path) as client:
        (one,) = ids(client)
        assert client(f"/api/runs/{one}/run").status == 200
        assert client(f"/api/runs/{name.encode('utf-8', 'replace').hex()}/run").status == 404


def test_an_unknown_run_is_no_run():
    with pytest.raises(KeyError):
        Runs()["../a"]


def test_the_panel_of_a_million_epochs_is_small(tmp_path):
    run = fit(None)
    falling = np.geomspace(2.0, 0.1, 10**6).tolist()
    run.history = dict.fromkeys(("loss", "val_loss", "accuracy", "val_accuracy", "lr", "seconds"), falling)
    answer = to_json(PANELS["run"].data(FinishedRun(run), Query()))
    assert len(answer) < 200_000
    assert json.loads(answer)["curves"]["loss"]["y"][-1] == falling[-1]

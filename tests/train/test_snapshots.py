"""Snapshots: the weights of some epochs are kept, few and sealed, and a resumed run has the same."""

import numpy as np
import pytest

import glassnet as gn
from glassnet.train import snapshots
from glassnet.train.checkpoint import SNAPSHOTS, read_arrays, write_arrays
from glassnet.train.snapshots import is_due, read_snapshots

from .training import InterruptAt, train


@pytest.fixture(autouse=True)
def every_epoch(monkeypatch):
    monkeypatch.setattr("glassnet.train.run_folder.INTERVAL", 0.0)


def test_epochs_are_spaced_geometrically_and_few():
    assert [epoch for epoch in range(40) if is_due(epoch)] == [0, 1, 2, 3, 4, 6, 8, 11, 15, 20, 27, 37]
    assert sum(map(is_due, range(10_000))) < 35


def test_a_run_keeps_the_weights_that_it_had(tmp_path):
    seen = {}

    class Note(gn.Callback):
        def on_fit_start(self, loop):
            seen[0] = loop.net.state_dict()

        def on_epoch_end(self, loop):
            seen[loop.epoch] = loop.net.state_dict()

    run = train(tmp_path, callbacks=[Note()])
    found = read_snapshots(tmp_path)
    assert list(found) == list(run.snapshots) == [epoch for epoch in seen if is_due(epoch)]
    assert len(found) > 2
    for epoch, weights in found.items():
        assert {k: a.tobytes() for k, a in weights.items()} == {k: a.tobytes() for k, a in seen[epoch].items()}
    run.save(tmp_path / "saved")
    saved = read_snapshots(tmp_path / "saved")
    assert all((saved[epoch][name] == array).all() for epoch in found for name, array in found[epoch].items())
    assert any((found[0][name] != found[1][name]).any() for name in found[0])


def test_a_resumed_run_has_the_same_snapshots(tmp_path):
    train(tmp_path / "whole")
    train(tmp_path / "cut", callbacks=[InterruptAt(7)])
    before = read_snapshots(tmp_path / "cut")
    train(tmp_path / "cut", resume=True)
    whole, cut = (read_snapshots(tmp_path / name) for name in ("whole", "cut"))
    assert len(before) < len(cut) == len(whole)
    for epoch in whole:
        assert {k: a.tobytes() for k, a in cut[epoch].items()} == {k: a.tobytes() for k, a in whole[epoch].items()}


def test_a_network_that_is_too_large_keeps_fewer(tmp_path, monkeypatch):
    size = sum(array.nbytes for array in train(tmp_path / "a").net.state_dict().values())
    monkeypatch.setattr(snapshots, "LARGEST", 2 * size)
    assert list(train(tmp_path / "b").snapshots) == [0, 1]
    monkeypatch.setattr(snapshots, "LARGEST", 1)
    train(tmp_path / "c")
    assert not (tmp_path / "c" / SNAPSHOTS).exists()


def test_a_damaged_file_says_what_to_do(tmp_path):
    train(tmp_path, callbacks=[InterruptAt(7)])
    path = tmp_path / SNAPSHOTS
    content = bytearray(path.read_bytes())
    content[-5] ^= 4
    path.write_bytes(content)
    for read in (lambda: read_snapshots(tmp_path), lambda: train(tmp_path, resume=True)):
        with pytest.raises(gn.CheckpointError, match=rf"{SNAPSHOTS} is damaged.*Remove the file to go on without"):
            read()
    path.unlink()
    assert min(train(tmp_path, resume=True).snapshots) > 0


def test_a_foreign_file_is_refused(tmp_path):
    path = tmp_path / SNAPSHOTS
    for name in ("net/weight", "-1/weight", "1", "\u0661/weight"):
        write_arrays(path, {name: np.zeros(1)}, {})
        with pytest.raises(gn.CheckpointError, match="holds no snapshots"):
            read_snapshots(tmp_path)
    assert read_arrays(path)

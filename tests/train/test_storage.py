"""The files of a run: every changed byte is noticed, and whatever goes wrong, the last good state is still there."""

import numpy as np
import pytest

import glassnet as gn
from glassnet.train import run_folder
from glassnet.train.checkpoint import LATEST, PREVIOUS, SNAPSHOTS, read_arrays, write_arrays
from glassnet.train.diagnostics import DIAGNOSTICS, Diagnostics
from glassnet.train.kept_rows import ROWS
from glassnet.train.run import read_config
from glassnet.train.run_folder import CONFIG, LOG, write_config
from glassnet.train.snapshots import read_snapshots, write_snapshots

from .disturbed import assert_goes_on, interrupted, undisturbed
from .training import train

ARRAYS = {"net/a": np.arange(6, dtype=np.float32).reshape(2, 3), "optimizer/steps": np.array(7)}


def flips(content):
    """The content with each byte changed in turn: one bit, all bits, and to what JSON reads as a blank or a digit."""
    for position, byte in enumerate(content):
        for other in {byte ^ 1, byte ^ 0xFF, 0x0A, 0x20, 0x30, 0x65} - {byte}:
            yield content[:position] + bytes([other]) + content[position + 1 :]


def cuts(content):
    return (content[:end] for end in range(len(content)))


def write(folder):
    """A small file of each kind with what reads it."""
    write_arrays(folder / LATEST, ARRAYS, {"text": '"sha256 of this file": "' + "0" * 64})
    write_config(folder, {"network": None, "optimizer": {}, "seed": 10, "note": [1.5, None]})
    diagnostics = Diagnostics()
    diagnostics.kinds = {"0": "Linear"}
    diagnostics._add({"step": 3, "layers": {"0": {"mean": 0.5}}, "parameters": {}})
    (folder / DIAGNOSTICS).write_bytes(diagnostics.text())
    write_snapshots(folder, {0: {"a": ARRAYS["net/a"]}})
    return {
        LATEST: read_arrays,
        CONFIG: lambda path: read_config(path.parent),
        DIAGNOSTICS: Diagnostics.read,
        SNAPSHOTS: lambda path: read_snapshots(path.parent),
    }


@pytest.mark.parametrize("name", [LATEST, CONFIG, DIAGNOSTICS, SNAPSHOTS])
@pytest.mark.parametrize("damage", [flips, cuts])
def test_every_changed_byte_and_every_cut_is_noticed(tmp_path, name, damage):
    read, path = write(tmp_path)[name], tmp_path / name
    content = path.read_bytes()
    read(path)
    tried = 0
    for damaged in damage(content):
        path.write_bytes(damaged)
        if name == DIAGNOSTICS and damaged == content[: content.rstrip().rfind(b"\n") + 1]:
            assert Diagnostics.read(path).steps == []  # a line that is missing altogether was never written
        elif name == DIAGNOSTICS and damaged[-1:] != b"\n" and damaged.count(b"\n"):
            assert set(Diagnostics.read(path).steps) <= {3}  # a line without an end was cut by a kill
        else:
            with pytest.raises(gn.CheckpointError, match=name) as caught:
                read(path)
            assert any(word in str(caught.value) for word in ("Restore it", "Remove the file"))
        tried += 1
    assert tried >= len(content)


def test_what_follows_the_end_is_noticed(tmp_path):
    for name, read in write(tmp_path).items():
        with (tmp_path / name).open("ab") as file:
            file.write(b"\n")
        with pytest.raises(gn.CheckpointError, match=name):
            read(tmp_path / name)


def test_arrays_and_notes_come_back_and_safetensors_can_read_them(tmp_path):
    from safetensors.numpy import load_file

    write(tmp_path)
    arrays, notes = read_arrays(tmp_path / LATEST)
    assert notes["text"] == '"sha256 of this file": "' + "0" * 64
    for found in (arrays, load_file(tmp_path / LATEST)):
        assert {name: (a.dtype, a.shape, a.tobytes()) for name, a in found.items()} == {
            name: (a.dtype, a.shape, a.tobytes()) for name, a in ARRAYS.items()
        }


@pytest.fixture(autouse=True)
def every_epoch(monkeypatch):
    monkeypatch.setattr("glassnet.train.run_folder.INTERVAL", 0.0)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return undisturbed(tmp_path_factory.mktemp("whole") / "run")


def test_a_damaged_checkpoint_says_that_the_one_before_leads_to_the_same_bits(tmp_path, whole):
    interrupted(tmp_path)
    content = bytearray((tmp_path / LATEST).read_bytes())
    content[-5] ^= 4
    (tmp_path / LATEST).write_bytes(content)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    for read in (gn.Run.load, lambda folder: train(folder, resume=True, diagnostics=None)):
        with pytest.raises(gn.CheckpointError, match=rf"{LATEST} is damaged.*Remove it to go on.*{PREVIOUS}"):
            read(tmp_path)
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    (tmp_path / LATEST).unlink()
    assert gn.Run.load(tmp_path).steps == 5
    assert_goes_on(tmp_path, whole)


def test_a_run_can_be_saved_over_the_loaded_file(tmp_path):
    write(tmp_path)
    arrays, notes = read_arrays(tmp_path / LATEST)
    write_arrays(tmp_path / LATEST, arrays, notes)
    assert read_arrays(tmp_path / LATEST)[0].keys() == arrays.keys()
    np.testing.assert_array_equal(read_arrays(tmp_path / LATEST)[0]["net/a"], ARRAYS["net/a"])


def test_a_folder_of_a_run_that_was_killed_before_it_began_is_used_anew(tmp_path, whole):
    interrupted(tmp_path)
    (tmp_path / CONFIG).unlink()  # it is written last
    (tmp_path / f".{LATEST}.123.tmp").write_bytes(b"half")

    class Look(gn.Callback):
        def on_epoch_start(self, loop):
            assert {path.name for path in tmp_path.iterdir()} == {CONFIG, LOG, LATEST, ROWS}
            raise KeyboardInterrupt

    train(tmp_path, callbacks=[Look()], diagnostics=None)
    assert_goes_on(tmp_path, whole)


def test_what_is_only_a_network_is_not_continued(tmp_path):
    train(tmp_path / "run").save(tmp_path / "saved")
    with pytest.raises(gn.CheckpointError, match="a finished network and not a training that could be continued"):
        train(tmp_path / "saved", resume=True)


@pytest.mark.parametrize("best", [True, False])
def test_a_saved_run_has_the_weights_of_the_run(tmp_path, best):
    run = train(tmp_path / "run", keep_best=best)
    run.save(tmp_path / "saved")
    for folder in ("run", "saved"):
        loaded = gn.Run.load(tmp_path / folder)
        assert (loaded.best_epoch, loaded.steps, loaded.history) == (run.best_epoch, run.steps, run.history)
        for name, array in run.net.state_dict().items():
            np.testing.assert_array_equal(loaded.net.state_dict()[name], array)


def test_writing_takes_a_small_share_of_the_time_however_long_the_history_is(tmp_path, monkeypatch):
    now, written = [0.0], []

    def save(folder, loop, best):
        written.append(loop.epoch)
        now[0] += 0.125  # it takes so long

    class Epoch(gn.Callback):
        def on_epoch_end(self, loop):
            now[0] += 1.0

    monkeypatch.setattr(run_folder, "INTERVAL", 1.0)
    monkeypatch.setattr(run_folder.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(run_folder, "save_checkpoint", save)
    train(tmp_path, callbacks=[Epoch()], diagnostics=None)
    assert written == [0, 3, 6, 6]

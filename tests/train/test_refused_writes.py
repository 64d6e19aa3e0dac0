"""A disk that is full, read-only or refuses for another reason: an error, and the last good state is still there."""

import errno
import os
import resource
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

import glassnet as gn
from glassnet.train.checkpoint import LATEST, PREVIOUS
from glassnet.train.diagnostics import DIAGNOSTICS
from glassnet.train.run_folder import CONFIG
from glassnet.train.storage import write_atomically

from .disturbed import assert_goes_on, interrupted, undisturbed
from .training import train


@pytest.fixture(autouse=True)
def every_epoch(monkeypatch):
    monkeypatch.setattr("glassnet.train.run_folder.INTERVAL", 0.0)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return undisturbed(tmp_path_factory.mktemp("whole") / "run")


def test_a_limit_anywhere_in_the_file_leaves_the_old_one(tmp_path):
    """The kernel ends the write after so many bytes, for every number of them, as a full disk does."""
    path, old = tmp_path / LATEST, b"old"
    path.write_bytes(old)
    length = 300
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        for limit in range(length):
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
            try:
                with pytest.raises(gn.CheckpointError, match=f"{LATEST} cannot be written: File too large"):
                    write_atomically(path, bytes(length), keep=tmp_path / PREVIOUS)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            assert [p.name for p in tmp_path.iterdir()] == [LATEST]
            assert path.read_bytes() == old
    finally:
        signal.signal(signal.SIGXFSZ, handler)
    write_atomically(path, bytes(length), keep=tmp_path / PREVIOUS)
    assert (path.read_bytes(), (tmp_path / PREVIOUS).read_bytes()) == (bytes(length), old)


class Full:
    """The n-th call of the functions by which files are written fails, and all after it, as on a full disk."""

    def __init__(self, monkeypatch, calls):
        self.left = calls
        for owner, name in ((os, "fsync"), (Path, "replace"), (Path, "open")):
            monkeypatch.setattr(owner, name, self.failing(getattr(owner, name)))

    def failing(self, function):
        def call(*arguments, **options):
            if arguments[1:] != ("rb",):
                self.left -= 1
                if self.left < 0:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return function(*arguments, **options)

        return call


def error_of_resuming(folder):
    try:
        train(folder, resume=True, diagnostics=None)
    except gn.CheckpointError as error:
        return str(error)
    return None


def test_a_training_whose_disk_refuses_at_any_call_can_go_on(tmp_path, whole):
    interrupted(tmp_path / "run")
    tried = 0
    for calls in range(10**6):
        folder = tmp_path / str(calls)
        shutil.copytree(tmp_path / "run", folder)
        with pytest.MonkeyPatch.context() as patch:
            full = Full(patch, calls)
            message = error_of_resuming(folder)
        if message is None:
            assert full.left >= 0
            break
        assert "cannot be written: No space left on device" in message
        assert "is unchanged" in message
        tried += 1
        if gn.Run.load(folder).steps < 30:
            assert_goes_on(folder, whole)
    assert tried > 40


def mounted(folder, options):
    folder.mkdir()
    command = ["/bin/mount", "-t", "tmpfs", "-o", options, "tmpfs", folder]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        pytest.skip("only root can mount a small disk")


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 64 KiB."""
    mounted(tmp_path / "disk", "size=64k")
    yield tmp_path / "disk"
    subprocess.run(["/bin/umount", tmp_path / "disk"], check=True)


def test_a_disk_that_fills_up(small_disk, whole):
    class Fill(gn.Callback):
        def on_step_end(self, loop):
            if loop.step == 12:
                with pytest.raises(OSError, match="No space left"):
                    (small_disk / "other").write_bytes(bytes(2**20))

    with pytest.raises(gn.CheckpointError, match=r"cannot be written: No space left on device.*is unchanged"):
        train(small_disk / "run", callbacks=[Fill()], diagnostics=None)
    assert gn.Run.load(small_disk / "run").steps == 10
    (small_disk / "other").unlink()
    assert_goes_on(small_disk / "run", whole)


def test_a_read_only_disk(small_disk):
    interrupted(small_disk / "run")
    before = {path.name: path.read_bytes() for path in (small_disk / "run").iterdir()}
    subprocess.run(["/bin/mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(gn.CheckpointError, match="Read-only file system"):
        train(small_disk / "run", resume=True, diagnostics=None)
    with pytest.raises(gn.CheckpointError, match="cannot be made: Read-only file system"):
        train(small_disk / "another")
    assert {path.name: path.read_bytes() for path in (small_disk / "run").iterdir()} == before
    assert gn.Run.load(small_disk / "run").steps == 7


def test_files_that_are_folders_or_pipes_are_named(tmp_path):
    train(tmp_path / "run")
    for name in (LATEST, CONFIG, DIAGNOSTICS):
        for make in (Path.mkdir, os.mkfifo):
            folder = tmp_path / f"{name} {make.__name__}"
            shutil.copytree(tmp_path / "run", folder)
            (folder / name).unlink()
            make(folder / name)
            with pytest.raises(gn.CheckpointError, match=f"{name} cannot be read: it is not a file"):
                gn.Run.load(folder)


def test_the_file_reaches_the_disk_before_its_name_and_the_name_after_it(tmp_path, monkeypatch):
    seen = []
    flush = os.fsync
    monkeypatch.setattr(os, "fsync", lambda descriptor: seen.append(os.fstat(descriptor).st_ino) or flush(descriptor))
    write_atomically(tmp_path / LATEST, b"new")
    assert seen == [(tmp_path / LATEST).stat().st_ino, tmp_path.stat().st_ino]

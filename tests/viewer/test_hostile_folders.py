"""More folders that someone made to do harm: whatever is whole in itself but belongs to nothing, or is far too much."""

import os

import numpy as np
import pytest

from glassnet.train.checkpoint import LATEST, SNAPSHOTS, read_arrays, write_arrays
from glassnet.train.kept_rows import ROWS
from glassnet.train.run_folder import CONFIG, STOP
from glassnet.train.storage import sealed_json
from glassnet.viewer.panels import PANELS
from glassnet.viewer.saved import SavedRun

from .pages import fit, ids, served

ASKED = [*PANELS, "health?layer=4&show=map", "landscape?part=line", "landscape?part=plane&kind=path"]
ASKED += [f"results?part={part}" for part in ("embedding", "boundary", "samples")]


def config(folder, **changes):
    (folder / CONFIG).write_bytes(sealed_json({**SavedRun(folder).config(), **changes}))


def checkpoint(folder, arrays=lambda array: array, **position):
    found, notes = read_arrays(folder / LATEST)
    notes["position"].update(position)
    write_arrays(folder / LATEST, {name: arrays(array) for name, array in found.items()}, notes)


def without_bounds(array):
    return (array * 0 + 3e38).astype(array.dtype) if array.dtype.kind == "f" else array


def rows(folder, **changes):
    found, notes = read_arrays(folder / ROWS)
    write_arrays(folder / ROWS, found | {name.replace("_", "/"): array for name, array in changes.items()}, notes)


def snapshots(folder, epochs, shape):
    weights = {f"{epoch}/0.weight": np.zeros(shape, np.float32) for epoch in epochs}
    write_arrays(folder / SNAPSHOTS, weights, {})


def nested(depth, inside, around):
    for _ in range(depth):
        inside = around(inside)
    return inside


def instead(folder, name, make):
    (folder / name).unlink(missing_ok=True)
    make(folder / name)


HOSTILE = {
    "many values": (lambda f: checkpoint(f, history={f"{'m' * 200}{i}": [1.0] for i in range(20_000)}), None),
    "no numbers": (lambda f: checkpoint(f, history={"loss": [float("nan")], "lr": [1e308]}, seconds=1e-308), None),
    "a long reason": (lambda f: checkpoint(f, stopped="<b>" * 100_000), None),
    "wrong shapes": (lambda f: checkpoint(f, lambda array: np.zeros((3, 3), np.float32)), "do not belong to this"),
    "weights without bounds": (lambda f: checkpoint(f, without_bounds), None),
    "deep": (lambda f: config(f, optimizer=nested(400, {}, lambda one: {"a": one})), None),
    "a deep network": (
        lambda f: config(
            f, network=nested(300, {"layer": "ReLU"}, lambda one: {"layer": "Sequential", "layers": [one]})
        ),
        "nested deeper",
    ),
    "more steps than digits": (lambda f: config(f, total_steps=10**4000), None),
    "a recipe": (lambda f: config(f, recipe={"data": "/etc/passwd"}), "not made by"),
    "snapshots of another network": (lambda f: snapshots(f, [0, 1], (7, 7)), "belong to another network"),
    "thousands of snapshots": (lambda f: snapshots(f, range(5000), (4, 8)), "belong to another network"),
    "targets that are no classes": (
        lambda f: rows(f, train_y=np.full(72, 10**12), val_y=np.full(18, 10**12)),
        "numbers below 10,000",
    ),
    "rows of another width": (
        lambda f: rows(f, train_x=np.zeros((72, 400), np.float32), val_x=np.zeros((18, 400), np.float32)),
        "expected inputs with 4 features",
    ),
    "a pipe for rows": (lambda f: instead(f, ROWS, os.mkfifo), "not a file"),
    "a link to rows": (lambda f: instead(f, ROWS, lambda path: path.symlink_to("/dev/zero")), "is a link"),
    "a link in a circle": (lambda f: instead(f, CONFIG, lambda path: path.symlink_to(path)), "is a link"),
    "a link for a request": (lambda f: instead(f, STOP, lambda path: path.symlink_to("/etc/passwd")), "is a link"),
    "nothing": (lambda f: [path.unlink() for path in f.iterdir()], "does not exist"),
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
def test_it_is_answered_with_a_sentence_and_little_of_it(tmp_path, kind, capfd):
    folder = tmp_path / "run"
    fit(folder)
    spoil, word = HOSTILE[kind]
    spoil(folder)
    with served(SavedRun(folder)) as client:
        (name,) = ids(client)
        answers = [client("/api/events"), *(client(f"/api/runs/{name}/{asked}") for asked in ASKED)]
    said = b" ".join(answer.body for answer in answers).decode()
    assert all(answer.status in (200, 422) for answer in answers), said
    assert len(said) < 250_000
    assert "Traceback" not in capfd.readouterr().err
    if word is not None:
        assert word in said

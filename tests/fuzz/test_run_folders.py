"""Run folders that someone changed, and sealed again: only errors that glassnet raises on purpose.

Without a new seal every change is noticed; ``tests/train/test_storage.py`` tries all of them.
"""

import json
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save

import glassnet as gn
from glassnet import nn, optim
from glassnet.data.encoder import TableEncoder
from glassnet.data.text import Vocabulary
from glassnet.engine.errors import GlassnetError
from glassnet.recipe.recipe import Recipe
from glassnet.train.checkpoint import LATEST, read_arrays
from glassnet.train.diagnostics import DIAGNOSTICS
from glassnet.train.run import read_config
from glassnet.train.run_folder import CONFIG
from glassnet.train.storage import _PLACE, SEAL, UNSEALED, seal, sealed_json

from .mutations import contents, read_or_refuse

X = np.random.default_rng(0).standard_normal((40, 4)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64)

#: What is put in the place of a value.
ODD = [
    None,
    True,
    -1,
    0,
    3,
    0.5,
    2**63,
    10**400,
    float("nan"),
    float("inf"),
    "",
    "Linear",
    [],
    [1],
    {},
    {"layer": "ReLU"},
]


def train(folder, **options):
    gn.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 2))
    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    options = {"steps": 3, "batch_size": 8, "validation": 0.25, "diagnostics": 1, "progress": False, **options}
    notes = {
        "recipe": Recipe("digits", hidden=(3,)).as_json(),
        "encoder": {
            "columns": [
                {"name": "a", "mean": 0.0, "std": 1.0, "fill": None},
                {"name": "b", "categories": ["x", "y"], "fill": "x"},
            ],
            "target": "kind",
            "classes": ["u", "v"],
            "target_mean": 0.0,
            "target_std": 1.0,
        },
        "vocabulary": {"characters": "abc"},
    }
    return gn.fit(net, (X, Y), loss=nn.CrossEntropyLoss(), optimizer=optimizer, folder=folder, notes=notes, **options)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz") / "run"
    train(folder)
    return folder


def resealed(content):
    """The content with the seal that belongs to it, where there is a place for one."""
    place = _PLACE.search(content)
    if place is None:
        return content
    return seal(content[: place.start(1)] + UNSEALED.encode() + content[place.end(1) :])


def load(folder):
    """Read all that the commands read of a run."""
    run = gn.Run.load(folder)
    Recipe.from_config(run.config)
    TableEncoder.from_json(run.config.get("encoder"))
    Vocabulary.from_json(run.config.get("vocabulary"))


@st.composite
def with_an_odd_value(draw, value):
    """A value for JSON with one part of it replaced or left out."""
    value = json.loads(json.dumps(value))
    place = value
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = draw(st.sampled_from(keys))
        inner = place[key]
        if not isinstance(inner, dict | list) or not inner or draw(st.booleans()):
            break
        place = inner
    if draw(st.integers(0, 4)):
        place[key] = draw(st.sampled_from(ODD))
    else:
        del place[key]
    return value


def refused_or_done(action, *arguments):
    try:
        action(*arguments)
    except GlassnetError as error:
        return str(error)
    return None


@given(st.data())
def test_a_changed_configuration(folder, data):
    path = folder / CONFIG
    content = path.read_bytes()
    try:
        path.write_bytes(sealed_json(data.draw(with_an_odd_value(read_config(folder)))))
        refused_or_done(load, folder)
    finally:
        path.write_bytes(content)


@given(st.data())
def test_a_changed_position(folder, data):
    path = folder / LATEST
    content = path.read_bytes()
    arrays, notes = read_arrays(path)
    try:
        changed = json.dumps(data.draw(with_an_odd_value(notes)))
        path.write_bytes(seal(save(arrays, {"glassnet": changed, SEAL: UNSEALED})))
        refused_or_done(load, folder)
        again = folder.with_name("again")
        shutil.copytree(folder, again)
        refused_or_done(lambda: train(again, steps=6, resume=True))
    finally:
        path.write_bytes(content)
        shutil.rmtree(folder.with_name("again"), ignore_errors=True)


@given(st.data())
def test_changed_bytes_under_a_new_seal(folder, data):
    name = data.draw(st.sampled_from([LATEST, CONFIG, DIAGNOSTICS]))
    path = folder / name
    content = path.read_bytes()
    try:
        words = [b"{", b"[", b"null", b"-1", b"1e999", b"NaN", b"F64", b"BF16", b'"net/', b"[" * 2000]
        changed = data.draw(contents([content], words))
        read_or_refuse(lambda _: refused_or_done(load, folder), path, resealed(changed))
    finally:
        path.write_bytes(content)


@given(
    contents([save({"a": np.zeros(3)}, {"glassnet": '{"format": 2}', SEAL: UNSEALED})], [b"F16", b"BF16", b"F8_E4M3"])
)
def test_safetensors(folder, content):
    read_or_refuse(read_arrays, folder.with_name("file.safetensors"), resealed(content))


def test_the_run_that_is_changed_can_be_read(folder):
    assert refused_or_done(load, folder) is None

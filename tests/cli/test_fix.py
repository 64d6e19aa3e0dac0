"""``glassnet doctor RUN --fix``: the recipe of a run with its remedy, trained into a new folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from glassnet.cli.remedy import MEANING, SAME, changed
from glassnet.doctor.changes import CHANGES
from glassnet.engine.errors import ConfigError
from glassnet.recipe.allowed import ALLOWED
from glassnet.recipe.recipe import Recipe
from glassnet.train.run import Run, read_config

from .command import glassnet


def test_fix_trains_again_beside_the_old_run(tmp_path: Path) -> None:
    made = glassnet("train", "digits", "--epochs", 1, "--lr", 5, "--hidden", "8", "--folder", "old", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    before = {path.name: path.read_bytes() for path in (tmp_path / "old").iterdir()}
    done = glassnet("doctor", "old", "--fix", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "treated learning-rate-too-high: lr=" in done.stdout
    assert {path.name: path.read_bytes() for path in (tmp_path / "old").iterdir()} == before
    (new,) = (path for path in tmp_path.iterdir() if path.name != "old")
    assert f"saved in {new}" in done.stdout
    assert read_config(new)["recipe"] == {
        **read_config(tmp_path / "old")["recipe"],
        "lr": Run.load(new).config["recipe"]["lr"],
    }
    assert Run.load(new).history["val_loss"][-1] < Run.load(tmp_path / "old").history["val_loss"][-1]
    both = glassnet("doctor", "old", "--fix", "--json", cwd=tmp_path)
    assert (both.returncode, "Leave out --deep and --json" in both.stderr) == (2, True)


def test_a_healthy_run_needs_no_fix(tmp_path: Path) -> None:
    assert glassnet("train", "digits", "--epochs", 5, "--folder", "fine", cwd=tmp_path).returncode == 0
    done = glassnet("doctor", "fine", "--fix", cwd=tmp_path)
    assert (done.returncode, "nothing to treat" in done.stderr) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["fine"]


def test_changes_of_a_recipe() -> None:
    recipe = Recipe("digits", hidden=(8, 40), l2=0.1, steps=100)
    found = changed(recipe, {"hidden": "wider", "penalty": None, "epochs": 7, "clip_norm": 1.0})
    assert found.recipe == Recipe("digits", hidden=(32, 80), l2=0.0, epochs=7)
    assert found.left_out == ["clip_norm"]
    assert found.done == {"hidden": (32, 80), "l2": 0.0, "epochs": 7, "steps": None}
    with pytest.raises(ConfigError, match="no option of a recipe does it: clip_norm"):
        changed(recipe, {"clip_norm": 1.0})
    with pytest.raises(ConfigError, match="no option of a recipe does it: batch_norm"):
        changed(recipe, {"batch_norm": False})  # it has none


def test_names_of_changes_exist() -> None:
    assert {*MEANING, *SAME} <= {*CHANGES}
    assert {*SAME} <= {*ALLOWED}

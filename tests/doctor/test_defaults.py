"""What glassnet itself proposes is healthy: the defaults and presets of the command, shortened."""

from __future__ import annotations

import pytest

from glassnet.cli.building import train_network
from glassnet.recipe.recipe import Recipe


@pytest.mark.parametrize(
    ("data", "options"),
    [
        ("digits", {"epochs": 3}),
        ("digits", {"epochs": 5, "batch_norm": True, "dropout": 0.2}),
        ("names", {"model": "bigram", "epochs": 2}),
        ("names", {"steps": 1500}),
        ("names", {"preset": "lecture-mlp", "steps": 3000}),
    ],
)
def test_defaults_are_healthy(data, options):
    recipe = Recipe.from_options(data, options, None)
    run = train_network(recipe, recipe.load_data(), None, progress=False)
    assert run.findings.healthy, run.findings.text()

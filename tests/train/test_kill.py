"""Trainings that are killed with SIGKILL go on to the same bits. ``kill_runs.py`` does it 100 times, by hand."""

import random

import pytest

from . import kill_runs


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """An uninterrupted training, and the number of lines that it executes."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    return folder, kill_runs.uninterrupted(folder)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_runs_killed_at_random_lines_end_with_the_same_bits(whole, tmp_path, seed):
    folder, lines = whole
    kills = kill_runs.by_line(tmp_path / "run", random.Random(seed), lines)  # noqa: S311  # which moments, no secrets
    assert kills > 0
    assert kill_runs.differences(tmp_path / "run", kill_runs.ending(folder)) == []


def test_compiled_runs_too(tmp_path):
    lines = kill_runs.uninterrupted(tmp_path / "whole", "--compile")
    kills = kill_runs.by_line(tmp_path / "run", random.Random(1), lines, "--compile")  # noqa: S311  # as above
    assert kills > 0
    assert kill_runs.differences(tmp_path / "run", kill_runs.ending(tmp_path / "whole")) == []


def test_the_comparison_sees_a_difference(whole, tmp_path):
    expected = kill_runs.ending(whole[0])
    name = next(name for name in expected if name.startswith("optimizer/"))
    dtype, shape, content = expected[name]
    assert kill_runs.differences(whole[0], {**expected, name: (dtype, shape, content[:-1] + b"?")}) == [name]

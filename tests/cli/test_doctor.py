"""``glassnet doctor``: what it says about a run of the command."""

import json

from .command import glassnet


def test_a_sick_run_is_diagnosed_as_text_and_json_and_deeply(tmp_path):
    options = ("--epochs", 2, "--lr", 1e-7, "--optimizer", "sgd", "--folder", "sick")
    done = glassnet("train", "digits", *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "warning: learning-rate-too-low" in done.stdout  # the short block at the end of a training
    text = glassnet("doctor", "sick", cwd=tmp_path).stdout
    assert "update of the weights in relation to their size" in text
    found = json.loads(glassnet("doctor", "sick", "--json", cwd=tmp_path).stdout)
    assert found[0]["code"] == "learning-rate-too-low"
    assert found[0]["remedy"]["change"]["lr"] > 1e-7
    deep = glassnet("doctor", "sick", "--deep", "--json", cwd=tmp_path)
    assert deep.returncode == 0, deep.stderr
    assert json.loads(deep.stdout)[0]["code"] == "learning-rate-too-low"
    (tmp_path / "sick" / "doctor.json").unlink()
    gone = glassnet("doctor", "sick", cwd=tmp_path)
    assert (gone.returncode, gone.stdout) == (2, "")
    assert "sick holds no doctor.json" in gone.stderr

"""The report: one file, small, whole, and with nothing in it that a run could have smuggled in."""

import json
import re

import pytest

from glassnet.engine.errors import ConfigError
from glassnet.viewer import report as module
from glassnet.viewer.panels import PANELS
from glassnet.viewer.runs import Runs, runs_in
from glassnet.viewer.saved import SavedRun

from .pages import fit, fit_digits


def data_of(content):
    return json.loads(re.search(rb'id="report-data">(.*?)</script>', content, re.DOTALL)[1])


def test_a_report_holds_every_answer(tmp_path):
    fit_digits(tmp_path / "a")
    fit_digits(tmp_path / "b")
    path = tmp_path / "out.html"
    size = module.write_report(runs_in(tmp_path), path)
    content = path.read_bytes()
    assert len(content) == size < module.LARGEST
    found = data_of(content)
    assert [one["name"] for one in found["runs"]] == ["a", "b"]
    for one in found["runs"]:
        for panel in PANELS:
            own = [answer for key, answer in found["answers"].items() if key.startswith(f"{one['id']}/{panel}?")]
            assert own
            assert not any("error" in answer for answer in own)
        assert f'{one["id"]}/health?[["layer","2"]]' in found["answers"]
    assert b"http://" not in re.sub(rb'<script type="text/plain".*?</script>', b"", content, flags=re.DOTALL)


def test_what_stands_in_a_run_cannot_end_the_script(tmp_path):
    fit(tmp_path / "run", notes={"data": "</script><script>alert(1)</script><!--"})
    (tmp_path / "run").rename(tmp_path / "<!-- body --><script>")
    content = module.report(runs_in(tmp_path))
    assert content.count(b"<script") == 4
    assert b"alert(1)</script>" not in content
    (one,) = data_of(content)["runs"]
    assert one["name"] == "<!-- body --><script>"


def test_a_report_that_would_be_too_large_leaves_the_largest_out(tmp_path, monkeypatch):
    fit(tmp_path / "run")
    whole = len(module.report(runs_in(tmp_path)))
    monkeypatch.setattr(module, "LARGEST", whole - 100)
    content = module.report(runs_in(tmp_path))
    assert len(content) <= whole - 100
    left_out = [answer for answer in data_of(content)["answers"].values() if "left out" in answer.get("error", "")]
    assert left_out


def test_a_broken_run_is_reported_as_such(tmp_path):
    fit(tmp_path / "run")
    (tmp_path / "run" / "config.json").write_bytes(b"{}")
    found = data_of(module.report(Runs([SavedRun(tmp_path / "run")])))
    assert "no seal" in found["runs"][0]["error"]
    assert all("no seal" in answer["error"] for key, answer in found["answers"].items() if "/run?" in key)


def test_no_run():
    with pytest.raises(ConfigError, match="no run to report"):
        module.report(Runs())

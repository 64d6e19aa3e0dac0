"""The commands of the page, and ``glassnet.view``; with and without the packages that the page needs."""

import re
import sys

import pytest

import glassnet as gn
from glassnet.viewer import page

from ..cli.command import glassnet
from .pages import Client, fit, fit_digits


@pytest.mark.parametrize("missing", ["starlette", "uvicorn", "plotly"])
def test_without_the_extra_the_page_says_what_to_install(monkeypatch, tmp_path, missing):
    for name in list(sys.modules):
        if name.split(".")[0] == missing or name.startswith("glassnet.viewer.app"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    page.plotly.cache_clear()
    fit(tmp_path / "run")
    done = glassnet("view", tmp_path / "run")
    assert done.returncode == 2
    assert re.search(rf"the page .*{missing}.* is missing\. Install it: pip install 'glassnet\[view\]'", done.stderr)
    assert len(done.stderr.splitlines()) == 1


def test_view_serves_a_run_of_memory_a_folder_and_a_path(tmp_path):
    run = fit(tmp_path / "run")
    for shown in (run, tmp_path / "run", str(tmp_path)):
        with gn.view(shown) as server:
            assert str(server) == f"the page is at {server.address}"
            assert server.address in server._repr_html_()
            assert Client(server)("/").status == 200


def test_the_command_prints_the_address_and_serves_until_ctrl_c(tmp_path, monkeypatch):
    fit(tmp_path / "run")
    answers = []

    def wait():
        address = re.search(r"http://127\.0\.0\.1:(\d+)/\?token=(\S+)", sys.stdout.getvalue())
        server = type("Server", (), {"port": int(address[1]), "token": address[2]})
        answers.append(Client(server)("/").status)
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["glassnet.cli.view"], "wait", wait)
    done = glassnet("view", tmp_path / "run")
    assert answers == [200]
    assert (done.returncode, done.stderr) == (130, "")


def test_the_report_command(tmp_path):
    fit_digits(tmp_path / "run")
    done = glassnet("report", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r".*report\.html \(2\.\d MB\)\n", done.stdout)
    assert (tmp_path / "run" / "report.html").read_bytes().startswith(b"<!doctype html>")
    done = glassnet("report", tmp_path, "--output", tmp_path / "nowhere" / "r.html")
    assert done.returncode == 2
    assert "cannot be written" in done.stderr

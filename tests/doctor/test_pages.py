"""The pages about the codes: each has one, and its example shows the illness and the cure."""

from __future__ import annotations

import re
from typing import Any

import pytest
from rich.console import Console

import glassnet as gn
from glassnet.doctor import CODES, Findings
from glassnet.doctor.explain import PAGES, overview

from ..cli.command import glassnet
from .sick import every

HEADINGS = ["What it means", "How it looks", "Why it happens", "What to do", "Example"]


def run(code: str, page: str) -> dict[str, Any]:
    """What the names in the example of a page are in the end."""
    (example,) = re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    names: dict[str, Any] = {}
    exec(compile(example, f"{code}.md", "exec"), names)  # noqa: S102  # a page of the project
    return names


def check(code: str, sick: Findings, cured: Findings) -> None:
    assert code in every(sick), sick.text()
    assert code not in every(cured), cured.text()
    assert cured.healthy, cured.text()


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    assert sorted(path.name for path in PAGES.iterdir()) == sorted(f"{code}.md" for code in CODES)


@pytest.mark.parametrize("code", CODES)
def test_its_example_shows_the_illness_and_the_cure(code: str) -> None:
    names = run(code, gn.doctor.explain(code))
    check(code, names["sick"], names["cured"])


def test_an_example_that_shows_nothing_is_found() -> None:
    page = gn.doctor.explain("symmetric-initialization")
    for broken in (page.replace("constant=True", "constant=False"), page.replace("constant=False", "constant=True")):
        names = run("symmetric-initialization", broken)
        with pytest.raises(AssertionError):
            check("symmetric-initialization", names["sick"], names["cured"])


@pytest.mark.parametrize("code", CODES)
def test_its_page_says_the_same_things_in_the_same_order(code: str) -> None:
    lines = gn.doctor.explain(code).splitlines()
    title = CODES[code].title
    assert lines[:3] == [f"# {code}", "", f"{title[0].upper()}{title[1:]}."]
    assert [line.removeprefix("## ") for line in lines if line.startswith("## ")] == HEADINGS
    assert max(map(len, lines)) <= 120


def test_the_command_prints_a_page() -> None:
    assert glassnet("explain", "dead-units").stdout == gn.doctor.explain("dead-units")
    assert glassnet("explain").stdout == overview()
    for code, one in CODES.items():
        assert f"- **{code}**: {one.title}\n" in overview()


def test_on_a_terminal_it_is_laid_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Console, "is_terminal", True)
    shown = glassnet("explain", "dead-units").stdout
    assert "## What it means" not in shown
    assert "What it means" in shown


def test_a_code_that_does_not_exist() -> None:
    done = glassnet("explain", "dead-unit")
    assert done.returncode == 2
    assert done.stderr == "glassnet: the doctor has no code 'dead-unit'. Did you mean dead-units?\n"
    assert "The codes are nonfinite-input, " in glassnet("explain", "zzz").stderr

"""Findings as text for a terminal, JSON for programs, and HTML for notebooks."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

from glassnet.doctor.finding import SEVERITIES, Finding
from glassnet.train.notebook import in_notebook

#: Findings that the block at the end of a training shows; the others are counted.
SHOWN = 3


class Findings(list[Finding]):
    """The findings of a run, causes first: a list that can print itself."""

    @property
    def healthy(self) -> bool:
        """Whether there is neither an error nor a warning."""
        return all(one.severity == "hint" for one in self)

    def codes(self) -> list[str]:
        """The codes, each once, in order."""
        return list(dict.fromkeys(one.code for one in self))

    def worse(self) -> list[str]:
        """The codes of errors and warnings, each once, in order."""
        return list(dict.fromkeys(one.code for one in self if one.severity != "hint"))

    def to_json(self) -> list[dict[str, Any]]:
        """A value for ``json.dumps``."""
        return [one.to_json() for one in self]

    def text(self, *, full: bool = True) -> str:
        """For a terminal. full: all of it; otherwise the block at the end of a training, without hints if there is
        something worse, and with nothing at all if there is nothing.
        """
        groups = _grouped(self)
        if full:
            return "\n\n".join(_paragraph(group, full=True) for group in groups) or "nothing found: the run is healthy"
        worse = [group for group in groups if group[0].severity != "hint"]
        shown = (worse or groups)[:SHOWN]
        lines = [_paragraph(group, full=False) for group in shown]
        rest = len(groups) - len(shown)
        lines += [f"and {rest} more in run.findings"] if rest else []
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        if not self:
            return "<p>nothing found: the run is healthy</p>"
        head = "".join(f"<th>{name}</th>" for name in ("", "finding", "where", "evidence", "what to do"))
        return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(map(_row, _grouped(self)))}</tbody></table>"


def figure_text(finding: Finding) -> str:
    """The figure beside its threshold, such as ``share of dead units 0.83, threshold 0.4``."""
    value, threshold = finding.evidence["value"], finding.evidence["threshold"]
    return f"{finding.evidence['figure']}: {_number(value)}, threshold {_number(threshold)}"


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else f"{value:,}" if type(value) is int else str(value)


def _grouped(findings: Iterable[Finding]) -> list[list[Finding]]:
    """Those of the same code and severity together: several layers can have the same trouble."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for one in findings:
        groups.setdefault((one.code, one.severity), []).append(one)
    return sorted(groups.values(), key=lambda group: SEVERITIES.index(group[0].severity))


def _where(group: list[Finding]) -> str:
    layers = [one.layer or "the network" for one in group if one.layer is not None]
    more = f" and {len(layers) - 3} more" if len(layers) > 3 else ""
    return ", ".join(layers[:3]) + more


def _paragraph(group: list[Finding], *, full: bool) -> str:
    first = group[0]
    where, when = _where(group), "" if first.step is None else f" at step {first.step:,}"
    place = f" in {where}" if where else ""
    lines = [f"{first.severity}: {first.code}{place}{when}: {first.message}"]
    if full:
        lines += [f"  {figure_text(first)}"]
        lines += [f"  {first.why}"] if first.why else []
    lines += [f"  {first.remedy.text}"]
    explained = list(dict.fromkeys(one.code for finding in group for one in finding.explains))
    lines += [f"  it explains {', '.join(explained)}"] if explained else []
    return "\n".join(lines)


def _row(group: list[Finding]) -> str:
    first = group[0]
    explained = list(dict.fromkeys(one.code for finding in group for one in finding.explains))
    also = f"<br><small>explains {escape(', '.join(explained))}</small>" if explained else ""
    cells = (
        first.severity,
        f"<b>{escape(first.code)}</b><br>{escape(first.message)}{also}",
        escape(_where(group)),
        escape(figure_text(first)),
        f"<code>{escape(first.remedy.text)}</code>",
    )
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def say(text: str) -> None:
    """Print, as ``train.progress`` does; nothing for no text."""
    if not text:
        return
    if in_notebook():
        print(text)
    else:
        from rich.console import Console

        Console(highlight=False, soft_wrap=True, markup=False).print(text)

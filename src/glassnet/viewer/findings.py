"""What the doctor has found in a run, as cards of the page."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from glassnet.doctor.file import DOCTOR
from glassnet.doctor.finding import Finding
from glassnet.doctor.of_run import of_run
from glassnet.engine.errors import CheckpointError

#: Findings that are shown at most, and characters of a text.
MOST, LONGEST = 100, 1000


def cards(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """The findings as values for JSON, with texts of limited length."""
    return [card(one) for one in list(findings)[:MOST]]


def card(finding: Finding) -> dict[str, Any]:
    """One finding: its figures as text, and of those that it explains the sentences."""
    found = finding.to_json()
    texts = {name: str(found[name])[:LONGEST] for name in ("code", "severity", "message", "why")}
    return {
        **texts,
        "layer": None if finding.layer is None else finding.layer[:LONGEST],
        "step": finding.step,
        "evidence": {str(name)[:80]: _figure(value) for name, value in list(finding.evidence.items())[:12]},
        "remedy": finding.remedy.text[:LONGEST],
        "explains": [one.message[:LONGEST] for one in finding.explains[:10]],
    }


def findings_in(folder: Path) -> list[dict[str, Any]] | None:
    """What the rules of now find in the evidence in the folder of a run; None where none was gathered.

    Raises CheckpointError for evidence that is damaged or cannot be judged.
    """
    if not (folder / DOCTOR).exists():
        return None
    try:
        return cards(of_run(folder))
    except (ArithmeticError, AttributeError, LookupError, TypeError) as error:  # evidence that someone made up
        raise CheckpointError(f"{DOCTOR} of {folder.name} cannot be judged: {error!r:.200}.") from error


def _figure(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)[:200]

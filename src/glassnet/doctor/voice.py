"""What the doctor says while a training goes on, and at its end."""

from __future__ import annotations

from glassnet.doctor.doctor import Doctor
from glassnet.doctor.evidence import Evidence
from glassnet.doctor.report import Findings, say


class Voice:
    """Says each error once. speak: whether anything is printed."""

    def __init__(self, doctor: Doctor, speak: bool) -> None:
        self.doctor, self.speak = doctor, speak
        self._said: set[tuple[str, str | None]] = set()

    def errors(self, evidence: Evidence) -> None:
        """The errors that are certain by now."""
        for one in self.doctor.diagnose(evidence, at_once=True):
            if one.severity == "error" and (one.code, one.layer) not in self._said:
                self._said.add((one.code, one.layer))
                if self.speak:
                    say(str(one))

    def end(self, findings: Findings) -> None:
        """The short block at the end."""
        if self.speak:
            say(findings.text(full=False))

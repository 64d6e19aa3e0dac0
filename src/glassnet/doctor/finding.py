"""Finding: one thing that is wrong with a training, with the evidence for it and what to change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from glassnet.doctor.codes import CODES

#: An error makes the training worthless, a warning makes it worse, a hint is worth knowing.
Severity = Literal["error", "warning", "hint"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "hint")


@dataclass(frozen=True)
class Remedy:
    """What to do about a finding.

    text: what to type, such as ``optim.SGD(net.parameters(), lr=0.01)``.
    change: the same as options of the run, such as {"lr": 0.01}, or None where no option does it. The names are those
        of ``fit`` and of a recipe (lr, clip_norm, schedule, epochs, batch_size, shuffle, weight_decay, penalty,
        activation, batch_norm, dropout, hidden ...) and: ``standardise`` ("x" or "y", by the training split), ``init``
        ("default": draw the weights anew), ``zero_bias``, ``drop_last_layer``, ``class_weights``, ``loss``.
    """

    text: str
    change: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Finding:
    """code: what it is, see ``codes.CODES``. layer: the path of the layer or parameter, or None for the whole run.
    step: when it was seen, from 0, or None for what does not depend on a step.
    evidence: "figure" (what was measured), "value" and "threshold", and more where that helps.
    explains: the findings that this one is the cause of.
    """

    code: str
    severity: Severity
    layer: str | None
    step: int | None
    message: str
    evidence: Mapping[str, Any]
    remedy: Remedy
    explains: tuple[Finding, ...] = field(default=())

    @property
    def why(self) -> str:
        """Why it matters, in one sentence."""
        return CODES[self.code].why if self.code in CODES else ""

    def folding(self, consequences: tuple[Finding, ...]) -> Finding:
        """This finding with those that it explains."""
        return replace(self, explains=consequences)

    def to_json(self) -> dict[str, Any]:
        """The finding as a value for ``json.dumps``."""
        return {
            "code": self.code,
            "severity": self.severity,
            "layer": self.layer,
            "step": self.step,
            "message": self.message,
            "evidence": dict(self.evidence),
            "why": self.why,
            "remedy": {
                "text": self.remedy.text,
                "change": None if self.remedy.change is None else dict(self.remedy.change),
            },
            "explains": [one.to_json() for one in self.explains],
        }

    def __str__(self) -> str:
        where = f" in {self.layer}" if self.layer else ""
        return f"{self.severity}: {self.code}{where}: {self.message} {self.remedy.text}"

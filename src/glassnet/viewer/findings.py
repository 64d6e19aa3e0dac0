"""What the doctor has found in a run, as the page shows it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from glassnet.engine.errors import CheckpointError
from glassnet.train.storage import parse_sealed_json, read_file

FINDINGS = "doctor.json"
#: Bytes of that file that are read at most, and findings that are shown.
LONGEST, MOST = 2**24, 100
_TEXTS = ("code", "severity", "message", "why")


def read_findings(folder: Path) -> list[dict[str, Any]]:
    """The findings that stand in the folder of a run; none where there is no such file.

    Raises CheckpointError for a file that is damaged or holds something else.
    """
    path = folder / FINDINGS
    if not path.exists():
        return []
    found = parse_sealed_json(read_file(path, LONGEST), FINDINGS).get("findings", [])
    if not isinstance(found, list):
        raise CheckpointError(f"{FINDINGS} holds no list of findings.")
    return [checked(one) for one in found[:MOST]]


def checked(finding: Any) -> dict[str, Any]:
    """A finding with the parts that are shown, each of its type. Raises CheckpointError for what is none."""
    if not isinstance(finding, dict) or not isinstance(finding.get("message"), str):
        raise CheckpointError(f"expected a finding of the doctor, got {finding!r:.80}.")
    texts = {name: str(finding.get(name) or "")[:1000] for name in _TEXTS}
    layer, step, evidence = finding.get("layer"), finding.get("step"), finding.get("evidence")
    remedy, explains = finding.get("remedy"), finding.get("explains")
    return {
        **texts,
        "layer": layer[:200] if isinstance(layer, str) else None,
        "step": step if isinstance(step, int) else None,
        "evidence": {str(name)[:80]: str(value)[:200] for name, value in list(evidence.items())[:12]}
        if isinstance(evidence, dict)
        else {},
        "remedy": str(remedy.get("text") or "")[:1000] if isinstance(remedy, dict) else "",
        "explains": [str(one.get("message") or "")[:1000] for one in explains[:10] if isinstance(one, dict)]
        if isinstance(explains, list)
        else [],
    }

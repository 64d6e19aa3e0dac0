"""Causes before consequences."""

from __future__ import annotations

from glassnet.doctor import CODES, Finding, Remedy
from glassnet.doctor.ranking import EXPLAINS, explained_by, rank


def finding(code: str, severity: str = "warning", layer: str | None = None, step: int | None = 0) -> Finding:
    evidence = {"figure": "f", "value": 1.0, "threshold": 0.0}
    return Finding(code, severity, layer, step, "message.", evidence, Remedy("remedy."))  # type: ignore[arg-type]


def test_the_graph_has_no_cycle_and_knows_only_codes():
    assert set(EXPLAINS) | {one for many in EXPLAINS.values() for one in many} <= set(CODES)
    assert [code for code in EXPLAINS if code in explained_by(code)] == []


def test_consequences_are_folded_under_their_cause():
    found = rank(
        [
            finding("underfitting", step=9),
            finding("dead-units", layer="1", step=8),
            finding("learning-rate-too-high", step=4),
        ]
    )
    assert [one.code for one in found] == ["learning-rate-too-high"]
    assert [one.code for one in found[0].explains] == ["dead-units", "underfitting"]


def test_a_hint_explains_no_warning():
    found = rank([finding("unscaled-targets", "hint"), finding("underfitting")])
    assert [one.code for one in found] == ["underfitting", "unscaled-targets"]


def test_errors_come_first():
    found = rank([finding("constant-feature", "hint"), finding("split-leak"), finding("stale-gradients", "error")])
    assert [one.severity for one in found] == ["error", "warning", "hint"]

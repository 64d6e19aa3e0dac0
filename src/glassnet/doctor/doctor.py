"""Doctor: what it is told about a run, and what it has found out."""

from __future__ import annotations

from collections.abc import Iterable

from glassnet.doctor.evidence import Evidence
from glassnet.doctor.finding import Finding
from glassnet.doctor.ranking import rank
from glassnet.doctor.report import Findings
from glassnet.doctor.rule import RULES, Rule, Silence, checked_silence, judge
from glassnet.engine.options import integer_option


class Doctor:
    """Watches a run: ``gn.fit(..., doctor=gn.doctor.Doctor(silence=["dead-units"]))``.

    silence: codes that are not to be reported, or pairs of a code and the path of a layer.
    looks: how many steps to look into; by default as many as cost about 2 % of the training.
    rules: more rules than those that everyone uses, see ``gn.doctor.rule``.

    Raises ConfigError for a code that does not exist.
    """

    def __init__(
        self, *, silence: Iterable[Silence] = (), looks: int | None = None, rules: Iterable[Rule] = ()
    ) -> None:
        self.rules = list(rules)
        self.silence = checked_silence(silence)
        self.looks = None if looks is None else integer_option("Doctor looks", looks, 1)

    def diagnose(self, evidence: Evidence, *, at_once: bool = False) -> Findings:
        """What the rules find, causes first. at_once: only by rules that are certain whenever they are asked."""
        rules: list[Rule] = [*RULES.values(), *self.rules]
        chosen = [one for one in rules if one.at_once or not at_once]
        found: list[Finding] = rank(judge(evidence, chosen, self.silence))
        return Findings(found)

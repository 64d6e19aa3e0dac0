"""Rules: functions from evidence to findings, each declared with its code, what it needs and its thresholds.

>>> @gn.doctor.rule("too-many-steps", needs=["setup"], severity="hint", most=10)
... def too_many_steps(evidence, rule):
...     if evidence.setup.total_steps > rule["most"]:
...         yield rule.finding("more steps than I like.", figure="steps", value=evidence.setup.total_steps,
...                            threshold=rule["most"], remedy="Make fewer steps.")
>>> gn.doctor.RULES.pop("too-many-steps").severity
'hint'
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from glassnet.doctor.evidence import Evidence
from glassnet.doctor.finding import SEVERITIES, Finding, Remedy, Severity
from glassnet.engine.errors import ConfigError

#: A code, or a code and the layer in which it is to be silent.
Silence = str | tuple[str, str]


@dataclass(frozen=True)
class Rule:
    """What a rule is declared with; ``rule["share"]`` is one of its thresholds."""

    code: str
    needs: tuple[str, ...]
    severity: Severity
    at_once: bool
    thresholds: Mapping[str, float]
    function: Callable[[Evidence, Rule], Iterator[Finding]]

    def __getitem__(self, name: str) -> float:
        return self.thresholds[name]

    def finding(
        self,
        message: str,
        *,
        figure: str,
        value: Any,
        threshold: Any,
        remedy: str,
        change: Mapping[str, Any] | None = None,
        layer: str | None = None,
        step: int | None = None,
        severity: Severity | None = None,
        **more: Any,
    ) -> Finding:
        """A finding of this rule: a sentence, the figure and its threshold, and what to do."""
        evidence = {"figure": figure, "value": value, "threshold": threshold, **more}
        return Finding(
            self.code, severity or self.severity, layer, step, message, evidence, Remedy(remedy, change or None)
        )

    def __call__(self, evidence: Evidence) -> list[Finding]:
        """What the rule finds; nothing where the evidence that it needs was not gathered."""
        if not all(evidence.has(name) for name in self.needs):
            return []
        return list(self.function(evidence, self))


RULES: dict[str, Rule] = {}
"""All rules by their code."""


def rule(
    code: str, *, needs: Sequence[str] = (), severity: Severity = "warning", at_once: bool = False, **thresholds: float
) -> Callable[[Callable[[Evidence, Rule], Iterator[Finding]]], Rule]:
    """Declare a rule: the function gets the evidence and the rule, and yields ``rule.finding(...)``.

    code: its own name; one that exists already is replaced. needs: the parts of the evidence without which it cannot
    judge. at_once: judge at every look into a training rather than at its end, as what is certain can be.

    Raises ConfigError for a severity or a need that does not exist.
    """
    if severity not in SEVERITIES:
        raise ConfigError(f"severity must be {', '.join(SEVERITIES[:-1])} or {SEVERITIES[-1]}, got {severity!r}.")
    if unknown := [name for name in needs if name not in Evidence.__dataclass_fields__]:
        raise ConfigError(
            f"there is no evidence called {unknown[0]!r}; there is {', '.join(Evidence.__dataclass_fields__)}."
        )

    def declare(function: Callable[[Evidence, Rule], Iterator[Finding]]) -> Rule:
        RULES[code] = Rule(code, tuple(needs), severity, at_once, thresholds, function)
        return RULES[code]

    return declare


def judge(evidence: Evidence, rules: Iterable[Rule], silence: Collection[Silence] = ()) -> list[Finding]:
    """What the rules find, without what is to be silent."""
    found = [finding for one in rules for finding in one(evidence)]
    return [one for one in found if one.code not in silence and (one.code, one.layer) not in silence]


def checked_silence(silence: Iterable[Any]) -> frozenset[Silence]:
    """The silences. Raises ConfigError for a code that no rule has: a misspelt one would silence nothing."""
    if isinstance(silence, str):
        silence = [silence]
    found = frozenset(tuple(one) if isinstance(one, list) else one for one in silence)
    for one in found:
        code = one[0] if isinstance(one, tuple) and len(one) == 2 else one
        if code not in RULES:
            raise ConfigError(f"silence: no rule has the code {code!r}; the codes are {', '.join(sorted(RULES))}.")
    return found

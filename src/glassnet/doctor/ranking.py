"""Ranking: causes before their consequences. A finding that another one explains is folded under it."""

from __future__ import annotations

from collections.abc import Iterable

from glassnet.doctor.finding import SEVERITIES, Finding
from glassnet.doctor.rule import RULES

_LEARNS_BADLY = (
    "learning-rate-too-low",
    "stopped-early",
    "underfitting",
    "labels-unrelated",
    "class-imbalance",
    "schedule-ends-early",
)
_STUCK = ("vanishing-gradients", "saturated-activations", "dead-units", *_LEARNS_BADLY)
_WILD = (
    "nonfinite-loss",
    "exploding-gradients",
    "learning-rate-too-high",
    "oscillating-loss",
    "high-initial-loss",
    "bad-initial-scale",
)

#: code -> the codes that it explains when both are found. Without a cycle; what is explained in turn counts, too.
EXPLAINS: dict[str, tuple[str, ...]] = {
    "nonfinite-input": ("nonfinite-loss",),
    "ascending": (*_WILD, *_STUCK, "over-regularised", "overfitting"),
    "wrong-loss": (*_WILD, *_STUCK, "probabilities-as-logits", "unscaled-targets"),
    "probabilities-as-logits": (*_STUCK, "over-regularised"),
    "unscaled-targets": (*_WILD, *_STUCK, "over-regularised"),
    "unnormalised-inputs": (*_WILD, *_STUCK, "batchnorm-mismatch", "oscillating-loss"),
    "parameters-not-updated": (*_STUCK, "parameter-not-in-optimizer", "trained-in-eval-mode"),
    "parameter-not-in-optimizer": (*_STUCK,),
    "detached-parameter": (*_STUCK,),
    "stale-gradients": (*_WILD, *_STUCK, "overfitting"),
    "trained-in-eval-mode": (*_WILD, *_STUCK, "overfitting"),
    "missing-nonlinearity": ("underfitting", "stopped-early", "label-noise"),
    "symmetric-initialization": (*_STUCK, "detached-parameter", "bad-initial-scale"),
    "bad-initial-scale": (
        "nonfinite-loss",
        "exploding-gradients",
        "high-initial-loss",
        "learning-rate-too-high",
        "oscillating-loss",
        "over-regularised",
        *_STUCK,
    ),
    "exploding-gradients": ("nonfinite-loss", "oscillating-loss", "dead-units", *_LEARNS_BADLY),
    "learning-rate-too-high": (
        "nonfinite-loss",
        "exploding-gradients",
        "oscillating-loss",
        "dead-units",
        "saturated-activations",
        "vanishing-gradients",
        *_LEARNS_BADLY,
    ),
    "saturated-activations": ("vanishing-gradients", "exploding-gradients", "high-initial-loss", *_LEARNS_BADLY),
    "dead-units": ("vanishing-gradients", *_LEARNS_BADLY),
    "vanishing-gradients": _LEARNS_BADLY,
    "unshuffled-data": ("oscillating-loss", "learning-rate-too-high", "batchnorm-mismatch", "overfitting", *_STUCK),
    "batchnorm-tiny-batch": ("batchnorm-mismatch", "oscillating-loss", *_STUCK),
    "batchnorm-mismatch": ("overfitting", "underfitting", "label-noise"),
    "over-regularised": ("learning-rate-too-high", "dead-units", "vanishing-gradients", *_LEARNS_BADLY),
    "schedule-ends-early": ("learning-rate-too-low", "stopped-early", "underfitting"),
    "learning-rate-too-low": ("stopped-early", "underfitting", "labels-unrelated", "class-imbalance"),
    "labels-unrelated": ("overfitting", "underfitting", "stopped-early", "label-noise"),
    "conflicting-labels": ("label-noise", "underfitting"),
    "split-shift": ("overfitting",),
    "overfitting": ("stopped-early",),
    "label-noise": ("overfitting",),
    "oscillating-loss": ("stopped-early", "underfitting"),
    "high-initial-loss": (
        "nonfinite-loss",
        "exploding-gradients",
        "oscillating-loss",
        "dead-units",
        *_LEARNS_BADLY,
    ),
    "class-imbalance": ("underfitting",),
    "stopped-early": ("underfitting",),
}


def explained_by(code: str) -> set[str]:
    """All codes that a code explains, directly or through others."""
    found: set[str] = set()
    waiting = list(EXPLAINS.get(code, ()))
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += EXPLAINS.get(one, ())
    return found


def rank(findings: Iterable[Finding]) -> list[Finding]:
    """One finding for each code and layer that no other explains, each with those that it explains folded under it.

    By severity, then what is certain before what is judged by its harm, then causes that explain more before those that
    explain less, then by step.
    A hint explains no warning and no error, and nothing explains what was seen before it.
    """
    given = list(findings)
    codes = {code: explained_by(code) for code in {one.code for one in given}}

    def causes(one: Finding) -> list[Finding]:
        return [
            other
            for other in given
            if one.code in codes[other.code]
            and (other.severity != "hint" or one.severity == "hint")
            and (other.step is None or one.step is None or other.step <= one.step)
        ]

    roots = [one for one in given if not causes(one)]
    folded: dict[int, list[Finding]] = {id(one): [] for one in roots}
    rooted = {id(one) for one in roots}
    for one in given:
        above = [other for other in causes(one) if id(other) in rooted]
        if above:
            folded[id(min(above, key=_order))].append(one)
    named = [one.folding(tuple(sorted(folded[id(one)], key=_order))) for one in roots]
    return sorted(
        named, key=lambda one: (SEVERITIES.index(one.severity), not _certain(one), -len(one.explains), _order(one))
    )


def _certain(one: Finding) -> bool:
    """Whether the rule is one that can judge at once."""
    return one.code in RULES and RULES[one.code].at_once


def _order(one: Finding) -> tuple[int, int, int, str]:
    return (
        SEVERITIES.index(one.severity),
        -len(explained_by(one.code)),
        -1 if one.step is None else one.step,
        one.layer or "",
    )

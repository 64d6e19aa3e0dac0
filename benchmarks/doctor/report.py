"""What was counted, as tables in Markdown with Wilson intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rivals import NAMES

if TYPE_CHECKING:
    from run import Result

OURS = "glassnet"
TARGETS = {
    "detection": 0.97,
    "top-1": 0.92,
    "false alarms": 0.01,
    "look-alikes": 0.05,
    "fixes": 0.85,
    "invariants": 1.0,
    "overhead": 0.05,
}


def wilson(hits: int, count: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson, 1927)."""
    if count == 0:
        return 0.0, 1.0
    share = hits / count
    middle = share + z * z / (2 * count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    scale = 1 + z * z / count
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def share(hits: Sequence[bool]) -> str:
    """``96.0 % (120 of 125; 91.0 to 98.3)``."""
    if not hits:
        return "-"
    low, high = wilson(sum(hits), len(hits))
    return f"{100 * sum(hits) / len(hits):.1f} % ({sum(hits)} of {len(hits)}; {100 * low:.1f} to {100 * high:.1f})"


def said(result: Result, who: str) -> list[str]:
    """The codes that someone says of a run, the first of them first."""
    return result.codes if who == OURS else result.rivals.get(who, [])


def figures(results: Sequence[Result], who: str = OURS) -> dict[str, list[bool]]:
    """Each figure as one yes or no for every run that counts. Rivals do not see loops of one's own, nor what is
    examined before a training: such runs are left out for them.
    """
    seen = [one for one in results if one.counts and (who == OURS or one.rivals)]
    ill = [one for one in seen if one.wanted]
    healthy = [one for one in seen if not one.wanted]
    found: dict[str, list[bool]] = {
        "detection": [bool(said(one, who)) for one in ill],
        "top-1": [said(one, who)[:1] != [] and said(one, who)[0] in one.wanted for one in ill],
        "top-3": [bool({*said(one, who)[:3]} & {*one.wanted}) for one in ill],
        "false alarms": [bool(said(one, who)) for one in healthy],
        "plain": [bool(said(one, who)) for one in healthy if not one.resembles],
        "look-alikes": [bool(said(one, who)) for one in healthy if one.resembles],
    }
    if who == OURS:
        found["fixes"] = [one.cured for one in ill if one.cured is not None]
        found["invariants"] = [_soon(one) for one in ill if one.begins is not None]
    return found


def _soon(result: Result) -> bool:
    """Whether a broken invariant was named within two steps; what is about whole splits or outputs, at least named."""
    steps = [result.first[code] for code in result.wanted if code in result.first]
    return bool({*result.wanted} & {*result.codes}) and (not steps or min(steps) <= (result.begins or 0) + 2)


def table(results: Sequence[Result]) -> str:
    """All figures of a split, ours beside those of the re-implementations."""
    columns = {who: figures(results, who) for who in (OURS, *NAMES)}
    heads = [OURS, *(f"{name} (re-implemented)" for name in NAMES)]
    lines = ["| | target | " + " | ".join(heads) + " |", "|---|---|" + "---|" * len(heads)]
    for name in columns[OURS]:
        goal = TARGETS.get(name)
        sign = "at most" if name in ("false alarms", "look-alikes") else "at least"
        wanted = "" if goal is None else f"{sign} {100 * goal:g} %"
        cells = [share(columns[who].get(name, [])) for who in columns]
        lines.append(f"| {name} | {wanted} | {' | '.join(cells)} |")
    ill = [one for one in results if one.wanted]
    fit = [one for one in results if not one.wanted]
    lines.append("")
    lines.append(
        f"{sum(one.counts for one in ill)} of {len(ill)} faults hurt or broke an invariant, and count; "
        f"{sum(one.counts for one in fit)} of {len(fit)} healthy runs were as good as they should be, and count."
    )
    uncured = sum(one.counts and one.cured is None for one in ill)
    lines.append(f"{uncured} of the faults that count cost nothing, or have no remedy that is an option of a training.")
    return "\n".join(lines) + "\n"


def wrong(results: Sequence[Result]) -> str:
    """What was judged wrong, one a line."""
    lines = []
    for one in results:
        if not one.counts:
            continue
        figures_ = f"{one.base:.2f} -> {one.score:.2f}"
        if one.wanted and one.codes[:1] not in [[code] for code in one.wanted]:
            lines.append(f"  {one.case}: {figures_}: is {one.code}, said {one.codes}")
        if one.wanted and one.begins is not None and not _soon(one):
            lines.append(f"  {one.case}: late: {one.first}")
        if one.cured is False:
            lines.append(f"  {one.case}: {figures_}: not cured by {one.treated}")
        if not one.wanted and one.codes:
            lines.append(f"  {one.case}: {figures_}: healthy, said {one.codes}")
    return "\n".join(lines) + "\n"

"""What rules about the optimisation read off the evidence: how large steps are, what they did, how the loss swings."""

from __future__ import annotations

import math
from statistics import median

from glassnet.doctor.evidence import Evidence
from glassnet.doctor.facts import LINEAR
from glassnet.doctor.observed import Probe

#: How much of its running mean RMSprop keeps in a step, unless told otherwise.
RMSPROP_ALPHA = 0.99


def gradient_ratio(evidence: Evidence, probe: Probe) -> float | None:
    """The norm of the gradient at the output of the first linear layer by that at the last."""
    linear = [
        probe.layers[one.path] for one in evidence.setup.layers if one.kind in LINEAR and one.path in probe.layers
    ]
    known = [one.gradient for one in linear if one.gradient is not None and math.isfinite(one.gradient)]
    return known[0] / known[-1] if len(known) >= 2 and known[-1] > 0 else None


def rates(evidence: Evidence) -> list[tuple[Probe, float]]:
    """The probes with a rate of updates: how large they are in relation to the weights. RMSprop's first steps, by a
    running mean that starts at 0, are larger than those after them; that is taken out.
    """
    found = [(one, one.ratio) for one in evidence.probes if one.ratio is not None and math.isfinite(one.ratio)]
    if evidence.setup.optimizer != "RMSprop":
        return found
    return [(one, ratio * math.sqrt(1 - RMSPROP_ALPHA ** (one.step + 1))) for one, ratio in found]


def moved(evidence: Evidence) -> float:
    """How far the weights have come from where they were drawn, beside their size then: the median over matrices."""
    return median([one.moved for one in evidence.probes[-1].matrices if one.moved is not None] or [0.0])


def killed(evidence: Evidence) -> list[str]:
    """The layers of which many units died after the first step, in which they were alive."""
    first = evidence.probes[0].layers if evidence.probes else {}
    before = {path: one.zero for path, one in first.items() if one.zero is not None}
    return [path for path, one in evidence.checkup.units.items() if one.dead > 0.4 and before.get(path, 1.0) < 0.2]


def swing(evidence: Evidence) -> float:
    """How much the losses of single steps vary around their mean in the second half, beside what batches of that many
    rows vary by themselves; 0 where that is not known.
    """
    late = [one for one in evidence.probes[len(evidence.probes) // 2 :] if one.row_std is not None]
    progress = evidence.progress
    if not late or progress.steps < 20 or not evidence.setup.batch_size:
        return 0.0
    rows = min(evidence.setup.batch_size, evidence.setup.rows or evidence.setup.batch_size)
    scatter = median(one.row_std or 0.0 for one in late)
    check = evidence.checkup.train  # over many rows: a few seldom have the rare large losses
    expected = max(scatter, (check.row_std or 0.0) if check is not None else 0.0) / math.sqrt(rows)
    spread = median(progress.stds[len(progress.stds) // 2 :]) if progress.block >= 8 else progress.noise
    floor = 0.02 * (evidence.data.constant or abs(progress.start))
    return spread / max(expected, floor) if max(expected, floor) > 0 else 0.0


def clipping(evidence: Evidence) -> str:
    """What to type to bound the gradient."""
    return {
        "loop": "optim.clip_grad_norm_(net.parameters(), 1.0) before optimizer.step()",
        "torch": "torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0) before optimizer.step()",
    }.get(evidence.setup.place, "clip_norm=1.0")


def lasting(evidence: Evidence, epochs: int) -> str:
    """What to type to train for so many epochs."""
    if evidence.setup.place == "fit":
        return f"epochs={epochs}"
    return f"{epochs} times as many steps" if not evidence.progress.history else f"{epochs} epochs"


def takes_away(gain: float) -> str:
    """What a gain means, in words."""
    return "is worse than a constant" if gain < 0 else f"takes away {gain:.0%} of a constant's error"

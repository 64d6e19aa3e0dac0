"""Rules about what holds for new rows."""

from __future__ import annotations

import math
from collections.abc import Iterator

from glassnet.doctor.evidence import Evidence
from glassnet.doctor.finding import Finding
from glassnet.doctor.rule import Rule, rule


@rule(
    "overfitting", needs=["progress", "checkup"], errors=1.5, by_heart=0.5, gap=3.0, evaluations=3, share=0.1, mild=0.03
)
def overfitting(evidence: Evidence, this: Rule) -> Iterator[Finding]:
    """Validation that got worse by more than its noise, for several evaluations, while training got better."""
    history, val = evidence.progress.history, evidence.checkup.val
    losses, training = history.get("val_loss", []), history.get("loss", [])
    if val is None or len(losses) < this["evaluations"] + 1:
        return
    error = 0.0 if val.row_std is None else val.row_std / math.sqrt(max(evidence.data.val_rows, 1))
    best = min(losses)
    at = losses.index(best)
    later = losses[at + 1 :]
    last = later[-int(this["evaluations"]) :]
    end = sum(last) / len(last) if last else best
    # The rows of validation are the same at each evaluation, so that much of their noise is, too. Of rows learned by
    # heart by a network that says less of new ones than simple means, a smaller rise is no accident.
    found = evidence.reference
    by_heart = end - training[-1] > this["gap"] * error and (
        evidence.has("reference") and val.gain is not None and val.gain < found.gain - found.spread
    )
    errors = this["by_heart"] if by_heart else this["errors"]
    limit = max(errors * error, (this["share"] if by_heart else this["mild"]) * abs(best))
    if len(later) < this["evaluations"] or not all(one - best > limit for one in last):
        return
    if not training[-1] < training[at]:
        return
    level = max(abs(best), 0.1 * (evidence.data.constant or 0.0))
    rise = (end - best) / level if level > 0 else 0.0
    option = " (keep_best=True)" if evidence.setup.place == "fit" else ""
    kept = evidence.setup.keep_best  # then the network is that of the best epoch, and nothing was lost but time
    yield this.finding(
        f"the validation loss was {best:.4g} after epoch {at + 1} and is {end:.4g} now, while the training loss fell "
        f"from {training[at]:.4g} to {training[-1]:.4g}.{' The weights of that epoch were kept.' if kept else ''}",
        figure="validation loss above its best",
        value=end - best,
        threshold=limit,
        step=(at + 1) * evidence.progress.per_epoch,
        severity="warning" if rise > this["share"] and not kept else "hint",
        remedy=f"Stop after epoch {at + 1}, where the validation loss was best, or keep the weights of then{option}; "
        "use dropout or weight decay, or get more data.",
        change={"epochs": at + 1},
        epoch=at + 1,
    )

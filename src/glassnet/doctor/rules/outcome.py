"""Rules about what came of a training: kept from learning, ended too soon, or not able to."""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import median

from glassnet.doctor.evidence import Evidence
from glassnet.doctor.facts import LINEAR, NORMS, TRANSPARENT
from glassnet.doctor.finding import Finding
from glassnet.doctor.observed import Probe
from glassnet.doctor.progress import FEWEST
from glassnet.doctor.rule import Rule, rule
from glassnet.doctor.rules.signs import lasting, takes_away


@rule(
    "over-regularised",
    needs=["setup", "probes", "progress"],
    times=2.0,
    grown=1.5,
    shrunk=0.7,
    equal=0.2,
    drop=0.7,
    dead=0.9,
    freed=0.2,
    learned=0.12,
    right=0.1,
    few=0.01,
    least=5e-3,
)
def over_regularised(evidence: Evidence, this: Rule) -> Iterator[Finding]:
    """A regulariser without which some more steps make new rows cost clearly less; one that pulls more than the data,
    or dropout of nearly everything, in a network that learns little.
    """
    name = "penalty" if evidence.setup.penalty else "weight_decay"
    change = {"penalty": None, "weight_decay": 0.0}
    freed = _freed(evidence, this)
    if freed is not None:
        same, free, where = freed
        yield this.finding(
            f"a few more steps without {name} bring the loss on {where} down to {free:.4g}; with it, they bring it to "
            f"{same:.4g}.",
            figure="share of the loss that some steps without the regulariser take away",
            value=1 - free / same,
            threshold=this["freed"],
            step=evidence.progress.steps,
            remedy=f"Lower {name} to a tenth or less.",
            change=change,
        )
        return
    if evidence.solved:
        return
    first = evidence.probes[0]
    if any((one.zero or 0.0) > this["dead"] for one in first.layers.values()):
        return  # dead units leave nothing that could pull against it
    # Weights that have grown since are the work of something else.
    sizes = {one.step: size(one) / max(size(evidence.probes[0]), 1e-30) for one in evidence.probes}
    pulls = [(one, one.regulariser / one.data) for one in evidence.probes if one.regulariser is not None and one.data]
    pulls = [(one, ratio) for one, ratio in pulls if sizes[one.step] < this["grown"]]
    shrunk = min(sizes.values()) < this["shrunk"]
    above = [(one, ratio) for one, ratio in pulls if ratio > this["times"] or (shrunk and ratio > this["equal"])]
    # In a network that learns weights grow: where they shrink as strongly as the data pulls, it has been held back.
    if above and (evidence.harmed or (shrunk and above[0][1] > this["times"])):
        probe, ratio = above[0]
        yield this.finding(
            f"the regulariser pulls at the weights {ratio:.1f} times as hard as the data.",
            figure="gradient of the regulariser by that of the data",
            value=ratio,
            threshold=this["times"],
            step=probe.step,
            remedy=f"Lower {name} to a tenth or less.",
            change=change,
        )
    elif evidence.setup.dropout > this["drop"] and evidence.harmed:
        yield this.finding(
            f"dropout leaves {1 - evidence.setup.dropout:.0%} of the units.",
            figure="share that dropout leaves out",
            value=evidence.setup.dropout,
            threshold=this["drop"],
            remedy="nn.Dropout(0.2)",
            change={"dropout": 0.2},
        )


def _freed(evidence: Evidence, this: Rule) -> tuple[float, float, str] | None:
    """The loss after some more steps with the regulariser and without it, if that takes away a clear part of it on
    rows of training and on new ones; and of which rows it is.
    """
    same, free = (evidence.trials.get(name) for name in ("same", "free"))
    if same is None or free is None:
        return None
    pairs = [(same.train, free.train, "rows of training")]
    if same.val is not None and free.val is not None:
        pairs.append((same.val, free.val, "rows not seen"))
    constant = evidence.data.constant or abs(evidence.progress.start)
    # A clear part of what is left, or of what was learned: much of what is left can be what no network can know.
    clear = (
        min(
            max(this["freed"] * a, this["least"] * constant),
            max(this["learned"] * (constant - a), this["least"] * constant),
        )
        for a, _, _ in pairs
    )
    # Small weights make a network unsure, which costs; that it is not right more often with larger ones is no harm.
    counts = evidence.setup.classification and not evidence.data.symbols
    if counts and same.gain is not None and free.gain is not None:
        pairs = pairs if free.gain - same.gain > max(this["right"] * (1 - same.gain), this["few"]) else []
    held = all(a - b > least for (a, b, _), least in zip(pairs, clear, strict=False))
    return pairs[-1] if pairs and held else None


def size(probe: Probe) -> float:
    """The median rms of the matrices of weights."""
    return median([one.rms for one in probe.matrices] or [0.0])


@rule("stopped-early", needs=["progress", "data", "setup"], share=0.06, hint=0.03, longer=30.0)
def stopped_early(evidence: Evidence, this: Rule) -> Iterator[Finding]:
    """A loss that fell clearly to the very end, with a learning rate that was not meant to end."""
    progress = evidence.progress
    done = evidence.solved or evidence.settled
    if done or evidence.has("failure") or len(progress.losses) < 6 or progress.steps < progress.total_steps:
        return  # also of one that was stopped because it did not get better
    planned = [rate for _, rate in evidence.setup.rates]
    if planned and planned[-1] < 0.1 * max(planned):
        return
    fell = progress.val_fall
    if progress.falling:
        fell = max(fell, progress.fall(0.67)[0], progress.fall(0.5)[0] * 2 / 3)
    level = evidence.data.constant or abs(progress.start)
    helped = progress.val_gain
    if helped is not None and not evidence.behind:  # it is rows not seen that longer training is to help
        fell = min(fell, helped)
    share = fell / level if level else 0.0
    if share <= this["hint"]:
        return
    epochs = _epochs(evidence)
    times = min(3 + round(this["longer"] * share), 10)
    yield this.finding(
        f"in the last third the loss fell by {fell:.3g}, to {progress.end:.4g}.",
        figure="fall within the last third, in relation to the loss of a constant",
        value=share,
        threshold=this["hint"],
        step=progress.steps,
        severity="warning" if share > this["share"] or evidence.behind or progress.begun else "hint",
        remedy=f"Train longer: {lasting(evidence, times * epochs)}.",
        change={"epochs": times * epochs},
    )


@rule("underfitting", margin=0.15, share=0.3, loss=1.04, times=4.0, least=0.08)
def underfitting(evidence: Evidence, this: Rule) -> Iterator[Finding]:
    """Worse than simple means on the very rows that it was trained on, and not getting better."""
    train, overfit = evidence.checkup.train, evidence.overfit
    if evidence.has("failure") or not math.isfinite(evidence.progress.losses[-1] if evidence.progress.losses else 0.0):
        return
    if evidence.has("overfit") and overfit.gain < 0.5:
        yield this.finding(
            f"{overfit.steps} steps on {overfit.rows} rows do not even learn these by heart: the loss went from "
            f"{overfit.first:.4g} to {overfit.last:.4g}.",
            figure="share of the constant's loss that is gone",
            value=overfit.gain,
            threshold=0.5,
            remedy="Look for a bug in the network or the loss; then take wider layers.",
            change={"hidden": "wider"},
        )
    elif evidence.has("reference") and train is not None and train.gain is not None:
        found = evidence.reference
        dear = found.loss is not None and not evidence.setup.weighted and train.loss > this["loss"] * found.loss
        # Of quantities that others give nearly exactly, what is left is many times as much.
        left = train.most is not None and 1 - train.gain > this["times"] * (1 - found.gain)
        margin = this["least"] if left else this["margin"]
        limit = found.gain - found.margin(margin, this["share"])
        worse = found.beats(train, margin, this["share"])
        if not worse and not dear:
            return
        if not worse and found.loss is not None:
            yield this.finding(
                f"its own training rows cost the network {train.loss:.4g} each, and {found.name} would cost "
                f"{found.loss:.4g} on rows not seen.",
                figure="loss on the training rows by that of the reference",
                value=train.loss / found.loss,
                threshold=this["loss"],
                step=evidence.checkup.step,
                remedy=_likeliest(evidence),
                change={"hidden": "wider"},
            )
            return
        known = f" {overfit.rows} rows it does learn by heart, so that it is no bug." if evidence.has("overfit") else ""
        yield this.finding(
            f"on its own training rows the network {takes_away(train.gain)}; {found.name} "
            f"take{'s' if found.name.startswith('a ') else ''} away {found.gain:.0%} of a constant's error on rows not "
            "seen.",
            figure="share of the constant's error that is taken away",
            value=train.gain,
            threshold=limit,
            step=evidence.checkup.step,
            remedy=_likeliest(evidence) + known,
            change={"hidden": "wider"},
        )


def _likeliest(evidence: Evidence) -> str:
    """What most likely helps a network that stays behind on its own rows."""
    setup = evidence.setup
    kinds = {one.kind for one in setup.layers}
    if setup.layers and kinds <= {*LINEAR, *NORMS, *TRANSPARENT, "Embedding"}:
        return (
            "It can only add up its inputs: put a hidden layer with an activation, such as nn.ReLU(), before the last."
        )
    if evidence.progress.falling or evidence.progress.steps < FEWEST:
        return f"Its loss has not come to rest: train longer, {lasting(evidence, 4 * _epochs(evidence))}."
    if setup.dropout >= 0.4:
        return f"Drop less than {setup.dropout:.0%} of the units: nn.Dropout(0.1)."
    return "Take wider layers, about twice as wide."


def _epochs(evidence: Evidence) -> int:
    return max(1, round(evidence.progress.steps / evidence.progress.per_epoch))

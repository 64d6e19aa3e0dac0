"""Rules about gradients, learning rates and how the loss goes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from statistics import median

from glassnet.doctor.evidence import POOR, Evidence
from glassnet.doctor.facts import BATCH_NORMS, LINEAR
from glassnet.doctor.finding import Finding
from glassnet.doctor.rule import Rule, rule
from glassnet.doctor.rules.signs import clipping, gradient_ratio, killed, moved, rates, swing


@rule("nonfinite-loss", needs=["failure"], severity="error", at_once=True)
def nonfinite_loss(evidence: Evidence, this: Rule) -> Iterator[Finding]:
    """The training ended with a loss that is no number."""
    lr = evidence.setup.lr  # 0 where the very first step failed, before there was anything to see
    yield this.finding(
        evidence.failure.message.partition(" The network holds")[0],
        figure="loss",
        value="not finite",
        threshold="finite",
        layer=evidence.failure.layer,
        step=evidence.failure.step,
        remedy=f"Lower the learning rate, such as lr={lr / 10:g}, and bound the gradient: {clipping(evidence)}."
        if lr > 0
        else "Look at what the loss computes: a logarithm or a root of numbers that are not above 0, a division by 0.",
        change={"lr": lr / 10, "clip_norm": 1.0} if lr > 0 else None,
    )


@rule("exploding-gradients", needs=["setup", "probes"], across=70.0, times=10.0, jump=5.0)
def exploding_gradients(evidence: Evidence, this: Rule) -> Iterator[Finding]:
    """Gradients that grow from the last layer to the first, or far above what they were, with harm."""
    data, progress = evidence.data, evidence.progress
    if evidence.has("progress") and (evidence.solved or not (evidence.harmed or progress.rising or data.outliers)):
        return
    change = {"clip_norm": 1.0, "lr": evidence.setup.lr / 10}
    remedy = f"Bound them: {clipping(evidence)}; or lower the learning rate: lr={evidence.setup.lr / 10:g}."
    first = evidence.probes[0]
    across = gradient_ratio(evidence, first)
    if across is not None and across > this["across"]:
        yield this.finding(
            f"the gradient at the first layer is {across:,.0f} times that at the last.",
            figure="gradient at the first layer by that at the last",
            value=across,
            threshold=this["across"],
            step=first.step,
            remedy=remedy,
            change=change,
        )
        return
    # The first batch can be one of those that jump.
    level = max(median(progress.losses), data.constant or progress.start) if progress.losses else math.inf
    highest = max(progress.highs, default=0.0)
    bounded = evidence.setup.clip_norm is not None and not evidence.harmed  # already, and that was enough
    if data.outliers and not bounded and (highest > this["jump"] * level > 0 or evidence.has("failure")):
        listed = ", ".join(map(str, data.outliers[:5]))
        yield this.finding(
            f"the loss of a step was {highest / level:,.0f} times the usual one, and rows such as {listed} are far "
            "from all others: their gradient undoes what the others have taught.",
            figure="largest loss of a step by the usual one",
            value=highest / level,
            threshold=this["jump"],
            step=next((i for i, high in enumerate(progress.highs) if high > this["jump"] * level), 0) * progress.block,
            remedy=f"Bound them: {clipping(evidence)}; and look at these rows (evidence['rows']).",
            change={"clip_norm": 1.0},
            rows=data.outliers,
        )
        return
    if not evidence.harmed and not progress.rising:
        return
    norms = [one.gradient for one in evidence.probes if math.isfinite(one.gradient)]
    if len(norms) < 3:
        return
    usual = median(norms[: max(2, len(norms) // 2)])
    above = [one for one in evidence.probes[1:] if one.gradient > this["times"] * usual]
    if usual > 0 and above and (len(above) > 1 or evidence.has("failure")):
        yield this.finding(
            f"the gradient is {above[0].gradient / usual:,.0f} times as large as before.",
            figure="gradient by its median before",
            value=above[0].gradient / usual,
            threshold=this["times"],
            step=above[0].step,
            remedy=remedy,
            change=change,
        )


@rule("vanishing-gradients", needs=["setup", "probes"], across=1e-3, nothing=0.05, more=5.0)
def vanishing_gradients(evidence: Evidence, this: Rule) -> Iterator[Finding]:
    """Hardly any gradient at the first layer while there is one at the last, and no progress."""
    if (evidence.has("progress") and not evidence.harmed) or evidence.setup.narrow:
        return
    early = evidence.probes[: max(1, len(evidence.probes) // 2)]
    found = [(one, ratio) for one in early if (ratio := gradient_ratio(evidence, one)) is not None]
    nothing = evidence.learned is not None and evidence.learned < this["nothing"]
    limit = this["across"] * (this["more"] if nothing else 1)
    if not found or median(ratio for _, ratio in found) >= limit:
        return
    probe, ratio = next((one, ratio) for one, ratio in found if ratio < limit)
    yield this.finding(
        f"the gradient at the first layer is {ratio:.2g} of that at the last.",
        figure="gradient at the first layer by that at the last",
        value=float(median(ratio for _, ratio in found)),
        threshold=limit,
        layer=next(one.path for one in evidence.setup.layers if one.kind in LINEAR),
        step=probe.step,
        remedy="Use ReLU, put nn.BatchNorm1d before the activations, draw the weights with the right gain, or take "
        "fewer layers.",
        change={"activation": "relu", "batch_norm": True, "init": "default"},
    )


@rule(
    "learning-rate-too-low",
    needs=["setup", "probes", "progress"],
    ratio=1e-3,
    moved=0.15,
    smooth=4e-3,
    learned=0.7,
    aim=2e-2,
)
def learning_rate_too_low(evidence: Evidence, this: Rule) -> Iterator[Finding]:
    """Weights that have hardly moved at the end of a training that has hardly begun to learn."""
    found = rates(evidence)
    lr = evidence.setup.lr
    if not found or evidence.solved or lr <= 0 or evidence.has("failure"):
        return
    if evidence.learned is not None and evidence.learned > this["learned"]:
        return
    if evidence.has("reference") and not evidence.behind:  # it has come as far as others
        return
    usual = median(ratio for _, ratio in found)
    change = moved(evidence)
    losses = evidence.progress.history.get("loss", [])
    # Steps so small that each epoch is better than the one before, and the last is still far behind.
    smooth = len(losses) >= 5 and all(b < a for a, b in pairwise(losses)) and not evidence.setup.narrow
    # Momentum makes of many steps in one direction one that is so much longer.
    longest = max(ratio for _, ratio in found) * _longer(evidence)
    smooth = smooth and 0 < longest < this["smooth"] and evidence.behind
    if (0 < usual < this["ratio"] and change < this["moved"]) or smooth:
        better = _round(lr * min(max(this["aim"] / max(ratio for _, ratio in found), 10.0), 1e4))
        yield this.finding(
            f"a step changes the weights by {usual:.1e} of their size, and the whole training by {change:.1%}.",
            figure="update of the weights in relation to their size",
            value=usual,
            threshold=this["ratio"],
            step=found[0][0].step,
            remedy=f"Raise the learning rate: lr={better:g}.",
            change={"lr": better},
            moved=change,
        )


def _longer(evidence: Evidence) -> float:
    """How much longer than one step momentum makes many in one direction."""
    return 1 / max(1 - evidence.setup.momentum, 1e-3)


def _round(value: float) -> float:
    """Two digits."""
    return float(f"{value:.1e}")


@rule(
    "learning-rate-too-high",
    needs=["setup", "probes", "progress"],
    ratio=0.045,
    leaps=0.5,
    thrown=4.0,
    restless=0.015,
    swings=3.0,
    sure=3.0,
    aim=1.5e-2,
    better=0.02,
)
def learning_rate_too_high(evidence: Evidence, this: Rule) -> Iterator[Finding]:
    """Updates that are large beside the weights, while the loss jumps, rises or swings, with harm; or a network that
    comes further in a few steps with a tenth of the learning rate than in all.
    """
    progress = evidence.progress
    again, train = evidence.trials.get("again"), evidence.checkup.train
    level = evidence.data.constant or abs(progress.start)
    if again is not None and train is not None and train.loss - again.train > this["better"] * level:
        lr = evidence.setup.lr / 10
        yield this.finding(
            f"from the first weights, a few steps with lr={_round(lr):g} bring the loss to {again.train:.4g}; the "
            f"whole training brought it to {train.loss:.4g}.",
            figure="loss above that of a few steps with a tenth of the learning rate, by that of a constant",
            value=(train.loss - again.train) / level,
            threshold=this["better"],
            step=progress.steps,
            remedy=f"Lower the learning rate: lr={_round(lr):g}.",
            change={"lr": _round(lr)},
        )
        return
    if evidence.data.outliers or evidence.solved:  # it is these rows; or it did no harm
        return
    found = rates(evidence)[: max(2, len(evidence.probes) // 2)]
    above = [(one, ratio) for one, ratio in found if ratio > this["ratio"]]
    if above and above[0][0] is not found[0][0] and 2 * len(above) <= len(found):
        above = []  # a single large step is the work of its batch
    wild = evidence.has("failure") or progress.rising or swing(evidence) > this["swings"]
    little = evidence.learned is not None and evidence.learned < POOR
    leaps = bool(above) and above[0][1] > this["leaps"] and not evidence.solved
    thrown = progress.jumped or moved(evidence) > this["thrown"] or bool(killed(evidence))
    wild = wild or ((evidence.harmed or leaps) and thrown) or (little and progress.soared)
    # These take steps of that size however small the gradient is: at the end of the descent they only wander.
    restless = evidence.setup.optimizer in ("Adam", "AdamW", "RMSprop") and evidence.harmed and progress.stalled
    later = [ratio for one, ratio in rates(evidence) if 0.1 * progress.steps <= one.step <= 0.6 * progress.steps]
    wild = wild or (restless and bool(later) and median(later) > this["restless"])
    if not above and evidence.harmed and progress.soared:
        longer = _longer(evidence)
        above = [(one, ratio * longer) for one, ratio in found if ratio * longer > this["ratio"]]
    if not above or not wild:
        return
    # A network that is sure of wrong answers has large gradients whatever the learning rate.
    constant = evidence.data.constant
    sure = evidence.setup.classification and constant and evidence.probes[0].loss > this["sure"] * constant
    if sure and not evidence.has("failure"):
        return
    lr = evidence.setup.lr
    probe, ratio = above[0]
    # Momentum makes steps larger than the first one shows.
    lower = min(0.1, max(this["aim"] * (0.5 if evidence.setup.momentum else 1.0) / ratio, 1e-3))
    yield this.finding(
        f"a step changes the weights by {ratio:.0%} of their size.",
        figure="update of the weights in relation to their size",
        value=ratio,
        threshold=this["ratio"],
        step=probe.step,
        remedy=f"Lower the learning rate: lr={_round(lr * lower):g}.",
        change={"lr": _round(lr * lower)},
    )


@rule("oscillating-loss", needs=["setup", "probes", "progress"], swings=3.0)
def oscillating_loss(evidence: Evidence, this: Rule) -> Iterator[Finding]:
    """Losses that swing far more than the choice of the rows explains."""
    found = swing(evidence)
    setup = evidence.setup
    # What BatchNorm over few rows, or dropout, adds to the loss of a step says nothing of the network as it ended.
    noisy = setup.dropout > 0 or any(one.kind in BATCH_NORMS for one in setup.layers)
    if found > this["swings"] and not evidence.solved and not (noisy and evidence.settled):
        lr = evidence.setup.lr
        yield this.finding(
            f"the loss swings {found:.1f} times as much as batches of {evidence.setup.batch_size} rows do.",
            figure="swing of the loss beside the noise of a batch",
            value=found,
            threshold=this["swings"],
            step=evidence.progress.steps // 2,
            remedy=f"Lower the learning rate: lr={_round(lr / 3):g}; or use larger batches.",
            change={"lr": _round(lr / 10)},
        )


@rule("schedule-ends-early", needs=["setup", "progress"], rest=0.01, share=0.25)
def schedule_ends_early(evidence: Evidence, this: Rule) -> Iterator[Finding]:
    """A learning rate near 0 for a large part of the training, which had not done its work before."""
    planned = evidence.setup.rates
    if not planned or evidence.solved:
        return
    peak = max(rate for _, rate in planned)
    late = [step for step, rate in planned if rate < this["rest"] * peak and step > planned[_peak(planned)][0]]
    share = len(late) / len(planned)
    if share < this["share"]:
        return
    start = late[0]
    before = evidence.progress.part(0, start)
    if evidence.harmed or (before is not None and before.falling):
        yield this.finding(
            f"from step {start:,} on, {share:.0%} of the training, the learning rate is below 1 % of its peak, and the "
            "loss was still falling before.",
            figure="share of the training at less than 1 % of the learning rate",
            value=share,
            threshold=this["share"],
            step=start,
            remedy=f"Let the schedule take as long as the training: {evidence.setup.total_steps:,} steps.",
            change={"schedule": "cosine"},
        )


def _peak(planned: list[tuple[int, float]]) -> int:
    return max(range(len(planned)), key=lambda i: planned[i][1])

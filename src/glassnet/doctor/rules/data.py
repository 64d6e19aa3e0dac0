"""Rules about the rows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import median

from glassnet.doctor.evidence import Evidence
from glassnet.doctor.finding import Finding
from glassnet.doctor.rule import Rule, rule


@rule("nonfinite-input", needs=["data"], severity="error", at_once=True)
def nonfinite_input(evidence: Evidence, this: Rule) -> Iterator[Finding]:
    """NaN or infinity in inputs or targets."""
    rows = evidence.data.nonfinite_rows
    if rows:
        listed = ", ".join(map(str, rows[:5])) + (" ..." if len(rows) > 5 else "")
        step, which = evidence.data.nonfinite_step, "y" if evidence.data.nonfinite_targets else "x"
        where = "" if step is None else f" of the batch at step {step + 1:,}"
        what = "the target" if which == "y" else "it"
        holds = f"row {listed}{where}: {what} holds" if len(rows) == 1 else f"rows {listed}{where} hold"
        these, their = ("this row", "its") if len(rows) == 1 else ("these rows", "their")
        theirs = " in their targets" if which == "y" and len(rows) > 1 else ""
        yield this.finding(
            f"{holds} NaN or infinity{theirs} (counted from 0).",
            figure="rows with NaN or infinity",
            value=len(rows),
            threshold=0,
            step=step,
            remedy=f"Drop {these}, or fill in {their} values: x = np.nan_to_num(x)."
            if which == "x"
            else f"Drop {these}: keep = np.isfinite(y).reshape(len(y), -1).all(1); x, y = x[keep], y[keep].",
            change={"drop_nonfinite": True},
            rows=rows,
        )


@rule("unnormalised-inputs", needs=["data"], spread=100.0, offset=3.0, size=20.0, small=0.02, distinct=20)
def unnormalised_inputs(evidence: Evidence, this: Rule) -> Iterator[Finding]:
    """Features of very different scale, far from 0, or large, where that did harm. Only features with many values
    count: flags, counts of few and one-hot columns do not.
    """
    found = evidence.data.features
    if found is None or (evidence.has("progress") and not unfinished(evidence)):
        return
    chosen = [i for i, n in enumerate(found.distinct) if n >= this["distinct"] and found.std[i] > 0]
    if not chosen or any(layer.kind in ("BatchNorm1d", "LayerNorm") for layer in evidence.setup.layers[:1]):
        return
    if evidence.data.outliers:
        return  # it is some rows, not the scale
    stds = [found.std[i] for i in chosen]
    offsets = [abs(found.mean[i]) / found.std[i] for i in chosen]
    size = max(max(abs(found.mean[i]), found.std[i]) for i in chosen)
    spread, offset, typical = max(stds) / min(stds), median(offsets), median(stds)
    signs = [
        ("largest standard deviation of a feature by the smallest", spread, this["spread"], size > 3),
        ("mean of a feature in its standard deviations", offset, this["offset"], True),
        ("size of a feature", size, this["size"], True),
    ]
    for figure, value, threshold, counts in signs:
        if counts and value > threshold:
            yield _unnormalised(this, figure, value, threshold)
            return
    if size < this["small"]:
        yield _unnormalised(this, "size of the largest feature, too small", typical, this["small"])


def _unnormalised(this: Rule, figure: str, value: float, threshold: float) -> Finding:
    return this.finding(
        "the features differ in scale, are far from 0, or are large or tiny, and the network has not coped with it.",
        figure=figure,
        value=float(value),
        threshold=threshold,
        remedy="Standardise with the training split: mean, std = x.mean(0), x.std(0); x = (x - mean) / std.",
        change={"standardise": "x"},
    )


def unfinished(evidence: Evidence) -> bool:
    """Whether clearly something is left to learn, by what is known."""
    return (
        evidence.has("failure")
        or evidence.behind
        or evidence.learned is None
        or (not evidence.has("reference") and not evidence.solved)
    )


@rule("constant-feature", needs=["data"], severity="hint", most=0.2, widest=200)
def constant_feature(evidence: Evidence, this: Rule) -> Iterator[Finding]:
    """Columns of a table that never change. Pictures have such at their borders."""
    found = evidence.data.features
    if found is None or len(found.std) > this["widest"]:
        return
    flat = [i for i, (low, high) in enumerate(zip(found.low, found.high, strict=True)) if low == high]
    if flat and len(flat) <= max(1, this["most"] * len(found.std)) and len(found.std) > 1:
        yield this.finding(
            f"feature {', '.join(map(str, flat[:5]))} never changes.",
            figure="features with standard deviation 0",
            value=len(flat),
            threshold=0,
            remedy="Drop it.",
            features=flat,
        )


@rule("unscaled-targets", needs=["data", "setup"], size=10.0)
def unscaled_targets(evidence: Evidence, this: Rule) -> Iterator[Finding]:
    """Targets far from 0 or of a large scale with the squared error, where that did harm."""
    data = evidence.data
    size = max(abs(data.target_mean), data.target_std)
    if evidence.setup.loss != "mse" or size <= this["size"]:
        return
    yield this.finding(
        f"the targets have mean {data.target_mean:.4g} and standard deviation {data.target_std:.4g}.",
        figure="size of the targets",
        value=size,
        threshold=this["size"],
        severity="hint" if evidence.has("progress") and evidence.solved else "warning",
        remedy="Standardise them with the training split: y = (y - y.mean()) / y.std(), and scale predictions back.",
        change={"standardise": "y"},
    )


@rule("unshuffled-data", needs=["data", "setup"], at_once=True, errors=4.0, variety=0.5, within=0.3, trend=0.8)
def unshuffled_data(evidence: Evidence, this: Rule) -> Iterator[Finding]:
    """Classes one after the other, taken in that order: p < 1e-4 of the test of runs, and few classes in a batch. Or
    quantities that rise or fall from batch to batch, with harm: a series in its order may do so.
    """
    data = evidence.data
    sorted_by = data.within is not None and data.within < this["within"] and data.trend > this["trend"]
    if data.within is not None and sorted_by and evidence.has("progress") and evidence.harmed:
        yield this.finding(
            f"the rows come sorted by target: within a batch it varies {data.within:.0%} as much as over all rows.",
            figure="share of the variance of the targets within a batch",
            value=data.within,
            threshold=this["within"],
            step=0,
            remedy="Shuffle: leave out shuffle=False, or permute the rows.",
            change={"shuffle": True},
        )
        return
    if data.runs_z is None or data.per_batch is None:
        return
    # Of two classes one after the other, as in a series of states, any batch may have one only.
    harmless = len(data.classes) <= 2 and evidence.has("progress") and not evidence.harmed
    if data.runs_z > this["errors"] and data.per_batch < this["variety"] and not harmless:
        yield this.finding(
            f"the rows come sorted by class: beyond one class, a batch has {data.per_batch:.0%} of those that it would "
            "have mixed.",
            figure="standard errors by which the class changes too seldom",
            value=data.runs_z,
            threshold=this["errors"],
            step=0,
            remedy="Shuffle: leave out shuffle=False, or permute the rows.",
            change={"shuffle": True},
        )


@rule("class-imbalance", needs=["data", "checkup"], ratio=10.0, recall=0.3, others=0.6, rows=3)
def class_imbalance(evidence: Evidence, this: Rule) -> Iterator[Finding]:
    """A rare class that is missed by a network that knows the frequent ones. Of the next character of a text the rare
    ones are not meant to be guessed.
    """
    if evidence.data.symbols:
        return
    check = evidence.checkup.val or evidence.checkup.train
    if check is None or len(check.recall) < 2:
        return
    counts = evidence.data.classes or check.counts
    if not counts or len(counts) != len(check.recall):
        return
    known = [(n, r) for n, r in zip(counts, check.recall, strict=True) if n and r is not None]
    most = max(counts)
    frequent = [r for n, r in known if n * 2 > most]
    if not frequent or min(frequent) < this["others"]:
        return
    for label, (count, recall, rows) in enumerate(zip(counts, check.recall, check.counts, strict=True)):
        if not count or recall is None or rows < this["rows"]:
            continue
        if most / count > this["ratio"] and recall < this["recall"]:
            yield this.finding(
                f"class {label} has {count:,} rows where the largest has {most:,}, and {recall:.0%} of it are "
                "recognised.",
                figure="share of the rare class that is recognised",
                value=recall,
                threshold=this["recall"],
                step=evidence.checkup.step,
                remedy="Weigh the classes, nn.CrossEntropyLoss(weight=...), or repeat the rare rows.",
                change={"class_weights": True},
                ratio=most / count,
                label=label,
            )


@rule("label-noise", needs=["data", "checkup", "setup"], share=0.045, unclear=0.45, believed=0.35, rows=8)
def label_noise(evidence: Evidence, this: Rule) -> Iterator[Finding]:
    """Labels that contradict whatever knows something of the rows, also where that is surest: classes that only overlap
    do so where nothing is sure.
    """
    found, val = evidence.reference, evidence.checkup.val
    judges: list[tuple[float, float, float]] = []  # the share, how many rows, the gain of who says so
    if found.odd is not None and found.gain > 3 * found.spread:
        judges.append((found.odd, len(found.odd_rows), found.gain))
    if val is not None and val.contradicted is not None and (val.gain or 0.0) > this["believed"]:
        judges.append((val.contradicted, val.contradicted * val.rows / 4, val.gain or 0.0))
    if not judges or not evidence.setup.float_inputs:  # the next character of a text is seldom certain
        return
    share, rows, _ = min(judges)
    limit = this["share"] + this["unclear"] * (1 - max(one[2] for one in judges)) ** 2  # all err where classes meet
    if rows < this["rows"] or share * (1 - 1 / math.sqrt(rows)) <= limit:  # clearly above: by a standard error
        return
    listed = found.odd_rows[:20]
    such = f", such as those of rows {', '.join(map(str, listed[:5]))}" if listed else ""
    yield this.finding(
        f"where the label should be clear, {share:.1%} of the rows have another one{such}.",
        figure="share of labels that contradict what is surest",
        value=share,
        threshold=limit,
        remedy="Review these rows (evidence['rows']), correct or drop them."
        if listed
        else "Review the labels, correct those that are wrong or drop their rows.",
        rows=listed,
    )


@rule("labels-unrelated", needs=["reference", "checkup", "progress"], errors=2.0, gain=0.05, best=0.9, power=0.35)
def labels_unrelated(evidence: Evidence, this: Rule) -> Iterator[Finding]:
    """Neither the network nor simple means do better on new rows than a constant."""
    found, val = evidence.reference, evidence.checkup.val
    own = val.gain if val is not None else (evidence.checkup.train.gain if evidence.checkup.train else None)
    if own is None or evidence.has("failure"):
        return
    best = min(evidence.progress.history.get("val_loss", []), default=math.inf)
    data = evidence.data
    constant = data.val_target_std**2 if evidence.setup.loss == "mse" else data.constant
    if constant and best < this["best"] * constant:
        return  # it knew something about new rows once
    if this["errors"] * found.spread > this["power"]:
        return  # with so few rows, or so few of a rare class, neighbours prove nothing
    if own <= this["gain"] and found.gain <= max(this["errors"] * found.spread, this["gain"]):
        yield this.finding(
            f"on rows that it has not seen the network is no better than a constant, and neither is {found.name}.",
            figure="share of the constant's error that the reference takes away",
            value=found.gain,
            threshold=max(this["errors"] * found.spread, this["gain"]),
            remedy="Check that row i of x belongs to row i of y: was one of them sorted or shuffled alone?",
        )


@rule("conflicting-labels", needs=["data", "setup"], share=0.02)
def conflicting_labels(evidence: Evidence, this: Rule) -> Iterator[Finding]:
    """Equal rows with different labels; contexts of characters have such by nature."""
    data = evidence.data
    if not evidence.setup.float_inputs or data.target_kind != "classes" or data.conflicting <= this["share"]:
        return
    few = data.features is not None and math.prod(min(n, 1000) for n in data.features.distinct[:20]) < data.rows
    if few and data.repeated > 0.5:  # so few different rows that they must meet
        return
    yield this.finding(
        f"{data.conflicting:.1%} of the rows equal another row with another label.",
        figure="share of rows with a twin of another label",
        value=data.conflicting,
        threshold=this["share"],
        remedy="Keep one row of each, with the label that is right.",
    )


@rule("target-leak", needs=["data"], alone=0.96, others=0.9, exact=0.9999, better=5.0)
def target_leak(evidence: Evidence, this: Rule) -> Iterator[Finding]:
    """One feature among several that gives the target by itself: exactly, or far better than all others together, and
    none of them nearly does. The last value of a series nearly tells the next, as those before it do.
    """
    shares = evidence.data.giveaway
    if len(shares) < 2:
        return
    ranked = sorted(range(len(shares)), key=lambda i: -shares[i])
    best, second = ranked[0], ranked[1]
    left, of_others = 1 - shares[best], 1 - evidence.data.together
    far = shares[best] > this["exact"] or left * this["better"] < of_others
    if shares[best] > this["alone"] and shares[second] < this["others"] and far:
        yield this.finding(
            f"feature {best} gives the target away: it alone explains {shares[best]:.1%} of it, and the next best "
            f"{shares[second]:.1%}.",
            figure="share of the target that one feature explains",
            value=shares[best],
            threshold=this["alone"],
            remedy=f"Drop feature {best}, unless it is known when predictions are made.",
            change={"drop_features": [best]},
            feature=best,
        )

"""Rules about training and validation beside each other."""

from __future__ import annotations

import math
from collections.abc import Iterator

from glassnet.doctor.evidence import Evidence
from glassnet.doctor.facts import Features
from glassnet.doctor.finding import Finding
from glassnet.doctor.rule import Rule, rule


@rule("split-leak", needs=["data"], share=0.05)
def split_leak(evidence: Evidence, this: Rule) -> Iterator[Finding]:
    """Rows of validation that are rows of training, in data whose rows seldom repeat."""
    data = evidence.data
    if data.leaked > this["share"] and data.leaked > 2 * data.repeated:
        yield this.finding(
            f"{data.leaked:.1%} of the rows of validation are in training, too.",
            figure="share of validation rows that are in training",
            value=data.leaked,
            threshold=this["share"],
            remedy="Drop repeated rows before the split, or split by group: data.load_table(..., group=...).",
        )


@rule("split-shift", needs=["data"], labels=0.2, features=0.5, errors=6.0, expected=14.0, distinct=20)
def split_shift(evidence: Evidence, this: Rule) -> Iterator[Finding]:
    """Labels, targets or features that are distributed differently in validation, or a class that only one has."""
    data = evidence.data
    if not data.val_rows:
        return
    for here, there, name in (
        (data.classes, data.val_classes, "validation"),
        (data.val_classes, data.classes, "training"),
    ):
        for label, count in enumerate(here):
            expected = count / sum(here) * sum(there)
            if expected > this["expected"] and (label >= len(there) or not there[label]):  # by chance: exp(-expected)
                figure = f"rows of class {label} in {name}, where about so many would be expected"
                yield _shifted(this, figure, 0, round(expected), "classes")
                return
    apart, noise = _classes_apart(data.classes, data.val_classes)
    if apart > max(this["labels"], this["errors"] * noise):
        yield _shifted(this, "share of rows that would have to change class", apart, this["labels"], "classes")
        return
    if data.features is not None and data.val_features is not None:
        moved, which = _features_apart(data.features, data.val_features)
        error = this["errors"] * math.sqrt(1 / min(data.rows, 512) + 1 / min(data.val_rows, 512))
        if moved > max(this["features"], error):
            yield _shifted(this, "shift of a feature's mean in its standard deviations", moved, this["features"], which)
            return
        column = _ranges_apart(data.features, data.val_features, int(this["distinct"]))
        if column is not None:
            yield _shifted(this, "values of a feature that both have", 0, 1, f"feature {column}")


def _shifted(this: Rule, figure: str, value: float, threshold: float, what: str) -> Finding:
    return this.finding(
        f"training and validation differ in their {what}.",
        figure=figure,
        value=value,
        threshold=threshold,
        remedy="Split anew, from mixed rows and stratified by class.",
    )


def _classes_apart(train: list[int], val: list[int]) -> tuple[float, float]:
    """The total variation distance of the classes, and what chance would give."""
    if not train or not val or not sum(train) or not sum(val):
        return 0.0, 0.0
    count = max(len(train), len(val))
    p = [one / sum(train) for one in [*train, *[0] * (count - len(train))]]
    q = [one / sum(val) for one in [*val, *[0] * (count - len(val))]]
    distance = sum(abs(a - b) for a, b in zip(p, q, strict=True)) / 2
    rows = 1 / (1 / sum(train) + 1 / sum(val))
    return distance, sum(math.sqrt(a * (1 - a) / rows) for a in p) / 2 / max(1.0, math.sqrt(count))


def _ranges_apart(train: Features, val: Features, distinct: int) -> int | None:
    """A feature of many values of which all in the one split are above all in the other, as after a sort."""
    columns = zip(train.low, train.high, val.low, val.high, train.distinct, val.distinct, strict=True)
    for i, (low, high, val_low, val_high, *different) in enumerate(columns):
        if min(different) >= distinct and (val_low >= high or val_high <= low):
            return i
    return None


def _features_apart(train: Features, val: Features) -> tuple[float, str]:
    """The largest typical shift: that of a tenth of the features, at least of one."""
    shifts = sorted(
        (
            (abs(a - b) / max(s, t), i)
            for i, (a, b, s, t) in enumerate(zip(train.mean, val.mean, train.std, val.std, strict=True))
            if max(s, t) > 0
        ),
        reverse=True,
    )
    if not shifts:
        return 0.0, ""
    value, which = shifts[len(shifts) // 10]
    return value, f"feature {which}" if len(shifts) < 10 else "features"

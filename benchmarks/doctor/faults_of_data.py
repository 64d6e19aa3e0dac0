"""Faults of the rows and their splits."""

from __future__ import annotations

import numpy as np
from fault import both, fault, rows_of
from workloads import Rows, Setting


@fault("nonfinite-input", "waves", "digits", "table", invariant=True)
def holes(s: Setting, severe: bool) -> Setting:
    x = s.train[0].copy()
    x[rows_of(s).integers(0, len(x), 40 if severe else 1), 3] = np.nan
    return s.but(train=(x, s.train[1]), loop="examine")


@fault("unnormalised-inputs", "waves", "digits", "blobs", "table")
def far_from_zero(s: Setting, severe: bool) -> Setting:
    size, offset = (200, 500) if severe else (30, 60)
    return both(s, lambda x: (size * x + offset).astype(np.float32))


@fault("unnormalised-inputs", "table", "blobs")
def units_apart(s: Setting, severe: bool) -> Setting:
    powers = np.linspace(0, 4.5 if severe else 3, s.train[0].shape[1])
    return both(s, lambda x: (x * 10.0**powers).astype(np.float32))


@fault("unscaled-targets", "table", also=("high-initial-loss",))
def large_targets(s: Setting, severe: bool) -> Setting:
    size, offset = (300, 2000) if severe else (20, 80)
    train, val, clean = ((x, size * y + np.float32(offset)) for x, y in (s.train, s.val, s.clean))
    return s.but(train=train, val=val, clean=clean)


@fault("unshuffled-data", "waves", "digits", "blobs", invariant=True)
def sorted_rows(s: Setting, severe: bool) -> Setting:
    x, y = s.train
    part = np.arange(len(y)) * (1 if severe else 2) // len(y)
    order = np.lexsort((y, part))
    return s.but(train=(x[order], y[order]), shuffle=False)


@fault("class-imbalance", "waves", "digits", "blobs")
def rare_class(s: Setting, severe: bool) -> Setting:
    rare = [0, 1] if s.classes < 8 else [3, 5, 8, 9]

    def thinned(rows: Rows) -> Rows:
        x, y = rows
        left = max(4, round((0.03 if severe else 0.08) * (y == 2).sum()))
        kept = [np.flatnonzero(~np.isin(y, rare)), *(np.flatnonzero(y == label)[:left] for label in rare)]
        return x[np.concatenate(kept)], y[np.concatenate(kept)]

    return s.but(train=thinned(s.train), val=thinned(s.val), epochs=s.epochs * 3 // 2)


@fault("label-noise", "waves", "digits", "blobs")
def wrong_labels(s: Setting, severe: bool) -> Setting:
    rng = rows_of(s)
    train, val = (_mislabelled(rng, rows, s.classes, 0.4 if severe else 0.25) for rows in (s.train, s.val))
    return s.but(train=train, val=val)


def _mislabelled(rng: np.random.Generator, rows: Rows, classes: int, share: float) -> Rows:
    x, y = rows
    wrong = rng.random(len(y)) < share
    return x, np.where(wrong, (y + rng.integers(1, classes, len(y))) % classes, y)


@fault("labels-unrelated", "waves", "digits", "blobs", "table", mild=False)
def mixed_up_labels(s: Setting, _severe: bool) -> Setting:
    rng = rows_of(s)
    train, val = ((x, rng.permutation(y)) for x, y in (s.train, s.val))
    return s.but(train=train, val=val)


@fault("conflicting-labels", "waves", "digits", "blobs", invariant=True)
def contradictions(s: Setting, severe: bool) -> Setting:
    x, y = s.train
    again = rows_of(s).permutation(len(y))[: int((0.4 if severe else 0.08) * len(y))]
    return s.but(train=(np.concatenate([x, x[again]]), np.concatenate([y, (y[again] + 1) % s.classes])))


@fault("split-leak", "waves", "digits", "table", "blobs", invariant=True)
def same_rows(s: Setting, severe: bool) -> Setting:
    count = int((0.7 if severe else 0.15) * len(s.val[0]))
    chosen = rows_of(s).permutation(len(s.train[0]))[:count]
    val = tuple(np.concatenate([a[count:], b[chosen]]) for a, b in zip(s.val, s.train, strict=True))
    return s.but(val=val)


@fault("target-leak", "table", "blobs", invariant=True)
def answer_inside(s: Setting, severe: bool) -> Setting:
    rng = rows_of(s)

    def with_answer(rows: Rows, known: bool) -> Rows:
        x, y = rows
        leak = y.reshape(-1) + (0.0 if severe else 0.05) * rng.standard_normal(len(y))
        leak = leak if known else rng.permutation(leak)  # where it is used, the answer is not there
        return np.concatenate([x, leak[:, None]], 1).astype(np.float32), y

    return s.but(train=with_answer(s.train, True), val=with_answer(s.val, True), clean=with_answer(s.clean, False))


@fault("split-shift", "waves", "digits", "table", "blobs", invariant=True)
def other_rows(s: Setting, severe: bool) -> Setting:
    x, y = s.val
    if s.classes:
        kept = y < s.classes * (0.4 if severe else 0.7)
        return s.but(val=(x[kept], y[kept]))
    return s.but(val=(x + np.float32(2.5 if severe else 1.0), y))

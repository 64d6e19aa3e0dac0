"""What simple means reach on the same rows: the nearest neighbours, a linear or a smooth fit, or counts of the last
index.

It tells a training that went wrong from data that says little. It takes some milliseconds, and is taken only where a
network has not learned all that there is.
"""

from __future__ import annotations

import math

import numpy as np

from glassnet.doctor.observed import Reference
from glassnet.doctor.probes.near import NEIGHBOURS, neighbours, sample, scaled
from glassnet.engine.namespace import Array

#: Rows that are looked at.
ROWS = 800
#: With fewer rows there is no telling.
FEWEST = 40
#: Rows for counts of indices.
COUNTED = 20_000
#: Quantities of a row that are predicted at once.
MOST_VALUES = 64
#: Rows of which neighbours or a fit are sure, by which labels can be judged; and the share of the constant's error that
#: a fit must take away to be believed where it is sure.
FEWEST_SURE, BELIEVED = 75, 0.3
#: Features of a row from which on sums over them are in single precision.
WIDE = 64
#: The share of rows that may be exceptions.
EXCEPTIONS = 0.02
#: How much a smooth fit is held back, beside the 1 of each row with itself.
RIDGE = 0.1
#: What is added to each count, so that what was not seen has a share.
SMOOTHING = 0.5


def reference(x: Array, y: Array, kind: str) -> Reference:
    """The reference for rows x (N, ...) and targets y (N, ...); empty where there is none. kind: of the loss."""
    if len(x) < FEWEST:
        return Reference()
    if y.dtype.kind in "iu" and y.ndim == 1 and kind in ("cross_entropy", "nll"):
        if (y < 0).any():
            return Reference()
        if x.dtype.kind != "f":
            return _counts(x, y)
        return _of_classes(x, y)
    if x.dtype.kind == "f" and kind == "bce" and y.size == len(y):
        return _of_classes(x, (y.reshape(-1) > 0.5).astype(np.int64))
    if x.dtype.kind == "f" and kind in ("mse", "l1", "huber") and y.size <= MOST_VALUES * len(y):
        return _of_values(x, y.reshape(len(y), -1).astype(np.float64))
    return Reference()


def _of_classes(x: Array, y: Array) -> Reference:
    rows = sample(len(x), ROWS)
    labels = y[rows]
    classes = int(labels.max()) + 1
    flat = _flat(x[rows])
    near = neighbours(flat)
    votes = np.zeros((len(rows), classes))
    np.add.at(votes, (np.arange(len(rows))[:, None], labels[near]), 1)
    constant = float(1 - np.bincount(labels).max() / len(labels))
    if constant == 0:
        return Reference()
    missed = votes.argmax(1) != labels
    wrong = float(missed.mean())
    name = "the nearest neighbours"
    # Of each, the rows of which it is sure, and which of these have another label.
    judged = [(wrong, votes.max(1) == NEIGHBOURS, missed)]
    halves = _halves(len(rows))
    for fit, of_fit in FITS.items():
        scores = np.zeros((len(rows), classes))
        for train, test in (halves, halves[::-1]):
            scores[test] = of_fit(flat[train], np.eye(classes)[labels[train]], flat[test])
        missed = scores.argmax(1) != labels
        judged.append((float(missed.mean()), surest(scores), missed))
        if (other := float(missed[halves[1]].mean())) < wrong:
            name, wrong = fit, other
    spread = math.sqrt(max(wrong * (1 - wrong), 1 / len(halves[1])) / len(halves[1])) / constant
    found = Reference(name, 1 - wrong / constant, spread)
    known = [
        (float(missed[sure].mean()), np.flatnonzero(sure & missed))
        for error, sure, missed in judged
        if sure.sum() >= FEWEST_SURE and 1 - error / constant > BELIEVED
    ]
    if known:  # labels that are wrong contradict all that know something of the rows
        found.odd, odd = min(known, key=lambda one: one[0])
        found.odd_rows = rows[odd].tolist()
    return found


def _flat(x: Array) -> Array:
    """Rows (N, D) for fits and neighbours. Of many features single precision is enough, and takes half the time."""
    flat = scaled(x)
    return flat.astype(np.float32) if flat.shape[1] > WIDE else flat


def surest(scores: Array) -> Array:
    """The quarter of rows (N, K) of which the highest score is farthest above the second, as (N,) of booleans."""
    two = np.partition(scores, -2, axis=1)[:, -2:]
    margin = two[:, 1] - two[:, 0]
    found: Array = margin >= np.quantile(margin, 0.75)
    return found


def _of_values(x: Array, y: Array) -> Reference:
    rows = sample(len(x), ROWS)
    target = y[rows]
    constant = float(target.var(0).mean())
    if constant == 0:
        return Reference()
    flat = _flat(x[rows])
    errors = ((target[neighbours(flat)].mean(1) - target) ** 2).mean(1)
    aim = target
    train, test = _halves(len(rows))
    name = "the nearest neighbours"
    for fit, of_fit in FITS.items():
        others = ((of_fit(flat[train], target[train], flat[test]) - target[test]) ** 2).mean(1)
        if others.mean() < errors.mean():
            name, errors, aim = fit, others, target[test]
    spread = float(errors.std() / math.sqrt(len(errors)) / constant)
    return Reference(name, float(1 - errors.mean() / constant), spread, most=gain_of_most(errors, aim))


def gain_of_most(errors: Array, targets: Array) -> float | None:
    """The share of a constant's squared error that is taken away, without the few rows that are missed by most.

    errors: (N,), the mean squares of each row. targets: (N, K).
    """
    kept = errors <= np.quantile(errors, 1 - EXCEPTIONS)
    constant = float(targets[kept].var(0).mean())
    return 1 - float(errors[kept].mean()) / constant if constant > 0 else None


def _counts(x: Array, y: Array) -> Reference:
    """The class that came most often after the last index."""
    rows = sample(len(x), COUNTED)
    last, labels = x[rows].reshape(len(rows), -1)[:, -1].astype(np.int64), y[rows]
    if last.min() < 0 or last.max() > 100_000:
        return Reference()
    train, test = _halves(len(rows))
    table = np.zeros((int(last.max()) + 1, int(labels.max()) + 1))
    np.add.at(table, (last[train], labels[train]), 1)
    wrong = float((table[last[test]].argmax(1) != labels[test]).mean())
    constant = float((np.bincount(labels[train]).argmax() != labels[test]).mean())
    if constant == 0:
        return Reference()
    spread = math.sqrt(wrong * (1 - wrong) / len(test)) / constant
    shares = table + SMOOTHING
    shares /= shares.sum(1, keepdims=True)
    loss = float(-np.log(shares[last[test], labels[test]]).mean())
    return Reference("counts of the last index", 1 - wrong / constant, spread, loss)


def _halves(count: int) -> tuple[Array, Array]:
    """Two halves of the rows: every other one, so that neither depends on their order."""
    rows = np.arange(count)
    return rows[rows % 2 == 0], rows[rows % 2 == 1]


def _line(x: Array, y: Array, new: Array) -> Array:
    """Ridge regression with a bias: (N, D), (N, K) and (M, D) -> (M, K)."""
    scale = math.sqrt(float((x**2).mean())) or 1.0
    x, new = x / scale, new / scale
    centre = y.mean(0)
    if x.shape[1] > len(x):  # the smaller of two equal systems
        weights = x.T @ np.linalg.solve(x @ x.T + len(x) * 0.1 * np.eye(len(x)), y - centre)
    else:
        weights = np.linalg.solve(x.T @ x + len(x) * 0.1 * np.eye(x.shape[1]), x.T @ (y - centre))
    return np.asarray(new @ weights + centre)


def _bumps(x: Array, y: Array, new: Array) -> Array:
    """Ridge regression on a bump around each row, as wide as rows are apart: (N, D), (N, K) and (M, D) -> (M, K)."""
    centre = y.mean(0)
    wide = 2 * x.shape[1] * float(x.var()) or 1.0  # the mean square of how far two rows are apart
    own, others = (np.exp(-_squares(one, x) / wide) for one in (x, new))
    return np.asarray(others @ np.linalg.solve(own + RIDGE * np.eye(len(x)), y - centre) + centre)


def _squares(a: Array, b: Array) -> Array:
    """The squared distances of rows (N, D) and (M, D): (N, M)."""
    found: Array = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
    return found


#: What is fitted to half of the rows and tried on the other half.
FITS = {"a linear fit": _line, "a smooth fit": _bumps}

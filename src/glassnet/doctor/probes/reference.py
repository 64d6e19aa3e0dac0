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
    if x.dtype.kind == "f" and kind in ("mse", "l1", "huber") and y.size == len(y):
        return _of_values(x, y.reshape(-1).astype(np.float64))
    return Reference()


def _of_classes(x: Array, y: Array) -> Reference:
    rows = sample(len(x), ROWS)
    labels = y[rows]
    classes = int(labels.max()) + 1
    flat = scaled(x[rows])
    near = neighbours(flat)
    votes = np.zeros((len(rows), classes))
    np.add.at(votes, (np.arange(len(rows))[:, None], labels[near]), 1)
    constant = float(1 - np.bincount(labels).max() / len(labels))
    if constant == 0:
        return Reference()
    wrong = float((votes.argmax(1) != labels).mean())
    train, test = _halves(len(rows))
    name = "the nearest neighbours"
    for fit, of_fit in FITS.items():
        found = of_fit(flat[train], np.eye(classes)[labels[train]], flat[test])
        if (other := float((found.argmax(1) != labels[test]).mean())) < wrong:
            name, wrong = fit, other
    agreed = votes.max(1) == NEIGHBOURS
    odd = np.flatnonzero(agreed & (votes.argmax(1) != labels))
    spread = math.sqrt(max(wrong * (1 - wrong), 1 / len(test)) / len(test)) / constant
    return Reference(
        name, 1 - wrong / constant, spread, odd=len(odd) / max(1, int(agreed.sum())), odd_rows=rows[odd].tolist()
    )


def _of_values(x: Array, y: Array) -> Reference:
    rows = sample(len(x), ROWS)
    target = y[rows]
    constant = float(target.var())
    if constant == 0:
        return Reference()
    flat = scaled(x[rows])
    errors = (target[neighbours(flat)].mean(1) - target) ** 2
    train, test = _halves(len(rows))
    name = "the nearest neighbours"
    for fit, of_fit in FITS.items():
        others = (of_fit(flat[train], target[train, None], flat[test])[:, 0] - target[test]) ** 2
        if others.mean() < errors.mean():
            name, errors = fit, others
    return Reference(name, float(1 - errors.mean() / constant), float(errors.std() / math.sqrt(len(errors)) / constant))


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

"""The order in which a training takes its targets."""

from __future__ import annotations

import numpy as np

from glassnet.engine.namespace import Array

#: Epochs of which the targets of a loop may be.
MOST_EPOCHS = 40


def runs(labels: Array, batch_size: int) -> tuple[float, float]:
    """How many standard errors fewer changes of the label there are than in mixed rows (Wald and Wolfowitz, 1940), and
    how many different labels a batch has beyond the first, as a share of what a mixed one would.
    """
    shares = np.bincount(labels) / len(labels)
    same = float((shares**2).sum())
    expected = (len(labels) - 1) * (1 - same)
    changes = int((labels[1:] != labels[:-1]).sum())
    error = np.sqrt(max(expected * same, 1e-12))
    size = min(batch_size, len(labels))
    whole = labels[: len(labels) // size * size].reshape(-1, size)[:200]
    found = np.mean([len(np.unique(batch)) for batch in whole])
    mixed = float((1 - (1 - shares) ** size).sum())
    return float((expected - changes) / error), float((found - 1) / (mixed - 1)) if mixed > 1.001 else 1.0


def steady(values: Array, batch_size: int) -> tuple[float | None, float]:
    """The share of the variance of targets (N,) that is within batches, and the square of the correlation of the mean
    of a batch with its number in the first epoch, of one or more. (None, 0.0) for fewer than four batches, or of
    single rows.
    """
    size = min(batch_size, len(values))
    whole = values[: len(values) // size * size].reshape(-1, size)
    total = float(whole.var())
    if len(whole) < 4 or size < 2 or total == 0:
        return None, 0.0
    means = whole.mean(1)
    trend = 0.0
    for epochs in range(1, MOST_EPOCHS + 1):  # how many of them these are is not known
        first = means[: len(means) // epochs]
        if len(first) >= 4 and first.var() > 0.7 * means.var() > 0:
            trend = max(trend, float(np.corrcoef(first, np.arange(len(first)))[0, 1] ** 2))
    return float(whole.var(1).mean() / total), trend

"""What the rows are like: looked at once, before the first step, on a sample where there are many."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

import numpy as np

from glassnet.doctor.facts import Data, Features
from glassnet.doctor.probes.costs import class_counts, constant_loss
from glassnet.doctor.probes.near import NEIGHBOURS, neighbours, sample, scaled
from glassnet.doctor.probes.order import runs, steady
from glassnet.doctor.probes.reference import FITS
from glassnet.engine.namespace import Array

#: Rows of a sample for sums, for counting different values, and for comparing whole rows.
SAMPLE, FEW, MOST = 1024, 256, 5000
#: Columns of wide rows that are compared first.
COLUMNS = 32
#: Features of a row beyond which fewer rows are looked at, and beyond which they are not looked at one by one.
WIDE, WIDEST = 100, 4096
#: Different whole numbers that may be labels, and so few of them that all their orders are tried.
LABELS, FEW_NUMBERS = 50, 6
#: How many times as far as half of the rows those are that are far from all others, in inputs and in targets, and the
#: largest share of rows of which that can be said.
FAR, FAR_AIM, MOST_ODD = 8.0, 30.0, 0.05
#: Rows by which an order is judged; and the share of the mismatches of mixed rows beyond which near rows say nothing.
ORDERED, INFORMED = 512, 0.85
#: How well a feature alone gives the target from where on others are asked, too, and on how many rows.
TOLD, FITTED = 0.9, 600


def look_at_data(
    x: Array,
    y: Array,
    val: tuple[Array, Array] | None = None,
    *,
    loss: str = "",
    taken: Array | None = None,
    batch_size: int = 32,
    finite: bool = False,
) -> Data:
    """The evidence about rows x (N, ...) and targets y (N, ...), and those of validation.

    loss: its kind, see ``costs.loss_kind``. taken: targets as the training takes them, if the rows are not shuffled.
    finite: whether it is known that all numbers are.
    """
    found = Data(rows=len(x), val_rows=0 if val is None else len(val[0]))
    found.nonfinite_rows = [] if finite else nonfinite_rows(x, y)
    found.nonfinite_targets = bool(found.nonfinite_rows) and not nonfinite_rows(x, x)
    if found.nonfinite_rows:
        keep = np.setdiff1d(np.arange(len(x)), found.nonfinite_rows)
        x, y = x[keep], y[keep]
        if not len(x):
            return found
        taken = None
    rows = sample(len(x), SAMPLE if x[0].size <= WIDE else SAMPLE // 2)
    _targets(found, y, loss)
    if x.dtype.kind == "f":
        flat = x[rows].reshape(len(rows), -1)
        if flat.shape[1] <= WIDEST:
            found.features = features(flat)
            found.giveaway = giveaway(flat, y[rows], found.target_kind)
            if len(found.giveaway) > 1 and max(found.giveaway) > TOLD:
                rest = np.delete(flat, int(np.argmax(found.giveaway)), axis=1)
                found.together = together(rest, y[rows], found.target_kind)
            if found.target_kind == "numbers" or (_own(loss) and _named(y)):
                found.ordered = ordered(flat, y[rows])
    if x.dtype.kind == "f":
        many = sample(len(x), MOST)
        found.outliers = many[outliers(_some(x[many].reshape(len(many), -1)), y[many])].tolist()
        of_x, of_val = _prints(x, None if val is None else val[0].astype(x.dtype, copy=False))
        if len(set(of_x)) < len(of_x):
            targets = _hashes(y[sample(len(y), MOST)].reshape(len(of_x), -1))
            found.repeated, found.conflicting = _repeated(of_x, targets)
        if of_val:
            known = set(of_x)
            found.leaked = min(1.0, sum(one in known for one in of_val) / len(of_val) * len(x) / len(of_x))
    if x.dtype.kind in "iu" and y.dtype.kind in "iu":
        inputs, labels = np.unique(x[rows]), np.unique(y[rows])
        # Two classes of texts are numbers of characters, too, and are no alphabet.
        found.symbols = 2 * len(labels) > max(len(inputs), 4) and bool(np.isin(labels, inputs).mean() > 0.9)
    if val is not None:
        _compare(found, *val)
    if taken is not None and found.classes and taken.ndim == 1 and taken.min() >= 0:
        found.runs_z, found.per_batch = runs(taken, batch_size)
    elif taken is not None and found.target_kind in ("values", "numbers") and taken.size == len(taken):
        found.within, found.trend = steady(taken.reshape(-1).astype(np.float64), batch_size)
    return found


def nonfinite_rows(x: Array, y: Array) -> list[int]:
    """The first rows with NaN or infinity in inputs or targets, at most 20."""
    bad: set[int] = set()
    for array in (x, y):
        if array.dtype.kind == "f" and not np.isfinite(array.sum(dtype=np.float64)):
            bad |= set(np.flatnonzero(~np.isfinite(array.reshape(len(array), -1)).all(1))[:20].tolist())
    return sorted(bad)[:20]


def note_nonfinite(found: Data, x: Array, y: Array | None, step: int) -> None:
    """Note the rows of a batch with which a step failed, if it is they: their inputs, or else their targets."""
    rows = nonfinite_rows(x, x)
    found.nonfinite_targets = not rows and y is not None and len(y) == len(x)
    if found.nonfinite_targets and y is not None:
        rows = nonfinite_rows(y, y)
    found.nonfinite_rows, found.nonfinite_step = rows, step if rows else None


def features(flat: Array) -> Features:
    """Columns of x (N, D)."""
    few = np.sort(flat[sample(len(flat), FEW)], axis=0)
    distinct = 1 + (few[1:] != few[:-1]).sum(0)
    centre = flat.mean(0, dtype=np.float64)
    return Features(
        mean=centre.tolist(),
        std=np.sqrt(np.maximum(((flat - centre.astype(flat.dtype)) ** 2).mean(0, dtype=np.float64), 0.0)).tolist(),
        low=flat.min(0).tolist(),
        high=flat.max(0).tolist(),
        distinct=distinct.tolist(),
    )


def outliers(flat: Array, y: Array) -> Array:
    """The rows that are many times as far from the middle as half of all rows, the farthest first, at most 20: in
    (N, D) or in targets of quantities. What they do to the weights no other row does.
    """
    centred = flat - flat.mean(0)
    scale = np.sqrt((centred**2).mean(0))
    # A column that is hardly ever anything, such as a pixel at the border, makes no row odd where it is something.
    scale = np.maximum(scale, np.sqrt((scale**2).mean()) / 3) + 1e-30
    far = np.sqrt(((centred / scale) ** 2).sum(1))
    excess = far / (FAR * np.median(far) or 1.0)
    if y.dtype.kind == "f":
        away = np.abs(y.reshape(len(y), -1) - np.median(y.reshape(len(y), -1), 0)).max(1)
        excess = np.maximum(excess, away / (FAR_AIM * np.median(away) or 1.0))
    if (excess > 1).mean() > MOST_ODD:  # so many are no exceptions
        return np.zeros(0, np.int64)
    found: Array = np.argsort(-excess)[: min(20, int((excess > 1).sum()))]
    return found


def _some(flat: Array) -> Array:
    """Some columns of wide rows."""
    width = flat.shape[1]
    return flat if width <= COLUMNS else flat[:, np.linspace(0, width - 1, COLUMNS).astype(np.int64)]


def giveaway(flat: Array, y: Array, kind: str) -> list[float]:
    """How well each feature alone gives the target: the share of its variance between classes, or the square of the
    correlation with a value. (N, D) and (N,) or (N, 1).
    """
    x = flat if flat.shape[1] > 64 else flat.astype(np.float64)
    centred = x - x.mean(0)
    total = (centred**2).sum(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        if kind == "classes" and y.ndim == 1:
            between = np.zeros(x.shape[1])
            for one in np.unique(y):
                mine = centred[y == one]
                between += len(mine) * mean_of(mine) ** 2
            share = between / total
        elif kind in ("values", "numbers") and y.size == len(y):
            target = y.reshape(-1).astype(np.float64)
            target = target - target.mean()
            share = (centred * target[:, None]).sum(0) ** 2 / (total * (target**2).sum())
        else:
            return []
    return [float(one) for one in np.nan_to_num(share)]


def together(flat: Array, y: Array, kind: str) -> float:
    """How well features (N, D) together give the target on rows not seen: the share of its variance, or of that of the
    marks of classes, that the better of two simple fits takes away.
    """
    rows = sample(len(flat), FITTED)
    x = scaled(flat[rows])
    aim = np.eye(int(y.max()) + 1)[y[rows]] if kind == "classes" else y[rows].reshape(-1, 1).astype(np.float64)
    here, there = np.arange(0, len(rows), 2), np.arange(1, len(rows), 2)
    total = float(aim[there].var(0).mean())
    if total == 0:
        return 0.0
    return max(
        1 - float(((fit(x[here], aim[here], x[there]) - aim[there]) ** 2).mean()) / total for fit in FITS.values()
    )


def mean_of(rows: Array) -> Array:
    """The mean over the first axis."""
    centre: Array = rows.mean(0)
    return centre


def ordered(flat: Array, y: Array) -> float | None:
    """How many orders of the numbers fit the rows as well as their own, as a share: few for quantities, of which near
    rows have near numbers, and any for names of classes. None where the rows say too little about the numbers.

    It goes by the numbers of the rows nearest to each, where these are others.
    """
    rows = sample(len(flat), ORDERED)
    labels = np.searchsorted(numbers := np.unique(y), y.reshape(-1)[rows])
    near = labels[neighbours(scaled(flat[rows]))]
    count = len(numbers)
    met = np.zeros((count, count))
    np.add.at(met, (np.repeat(labels, NEIGHBOURS), near.ravel()), 1)
    sizes = np.bincount(labels, minlength=count) / len(labels)
    chance = np.outer(sizes, sizes) * met.sum()
    if 1 - np.trace(met) / met.sum() > INFORMED * (1 - (sizes**2).sum()):
        return None
    closeness = (met + met.T + 1) / (chance + chance.T + 1)
    i, j = np.triu_indices(count, 1)
    rng = np.random.default_rng(0)
    orders = list(permutations(range(count))) if count <= FEW_NUMBERS else [rng.permutation(count) for _ in range(500)]
    places = np.array(orders)
    costs = (closeness[i, j] * np.abs(places[:, i] - places[:, j])).sum(1)
    own = (closeness[i, j] * (j - i)).sum()
    return float((costs <= own * (1 + 1e-9)).mean())


def _targets(found: Data, y: Array, loss: str) -> None:
    found.target_kind = target_kind(y, loss)
    found.constant = constant_loss(loss, y)
    if found.target_kind == "classes":
        found.classes = class_counts(y)
    values = y.astype(np.float64)
    found.target_mean, found.target_std = float(values.mean()), float(values.std())
    found.target_low, found.target_high = float(values.min()), float(values.max())


def target_kind(y: Array, loss: str) -> str:
    """What targets are: class numbers, whole numbers given as quantities, shares of classes, or values."""
    if loss in ("cross_entropy", "nll"):
        return "classes" if y.dtype.kind in "iu" else "shares"
    if loss == "bce":
        return "values"
    if y.dtype.kind in "iu" and y.ndim == 1 and loss not in ("mse", "l1", "huber"):
        return "classes"
    return "numbers" if _named(y) else "values"


def _named(y: Array) -> bool:
    """Whether targets are one of the numbers from 0 on each, as those of classes are."""
    if y.size != len(y):
        return False
    numbers = np.unique(y[sample(len(y), SAMPLE)])
    return 3 <= len(numbers) <= LABELS and bool((numbers == np.arange(len(numbers))).all())


def _own(loss: str) -> bool:
    """Whether a loss is none that the doctor knows, so that class numbers may be taken for quantities by it."""
    return loss not in ("", "cross_entropy", "nll", "bce", "mse", "l1", "huber")


def _prints(x: Array, val: Array | None) -> tuple[list[int], list[int]]:
    """A number for each row of training and of validation, on samples: equal rows have equal numbers.

    Of wide rows only some columns are read; those that are equal there are then compared as a whole.
    """
    parts = [x[sample(len(x), MOST)]] + ([] if val is None else [val[sample(len(val), SAMPLE)]])
    rows = [part.reshape(len(part), -1) for part in parts]
    found = [one for part in rows for one in _hashes(_some(part))]
    if rows[0].shape[1] > COLUMNS:
        times = Counter(found)
        unsure = [i for i, one in enumerate(found) if times[one] > 1]
        for i in unsure:
            part, row = (0, i) if i < len(rows[0]) else (1, i - len(rows[0]))
            found[i] = _hashes(rows[part][row : row + 1])[0]
    return found[: len(rows[0])], found[len(rows[0]) :]


def _hashes(rows: Array) -> list[int]:
    """A number for the bytes of each row (N, D)."""
    plain = np.ascontiguousarray(rows + 0.0) if rows.dtype.kind == "f" else np.ascontiguousarray(rows)  # one zero
    width = plain.shape[1] * plain.itemsize
    content = plain.tobytes()
    return [hash(content[i : i + width]) for i in range(0, len(content), width)]


def _repeated(of_x: list[int], targets: list[int]) -> tuple[float, float]:
    """The share of rows that equal an earlier one, and of those that equal one with another target."""
    labels: dict[int, set[int]] = {}
    for one, target in zip(of_x, targets, strict=True):
        labels.setdefault(one, set()).add(target)
    torn = sum(len(labels[one]) > 1 for one in of_x)
    return 1 - len(labels) / len(of_x), torn / len(of_x)


def _compare(found: Data, x: Array, y: Array) -> None:
    """How the rows of validation are distributed."""
    if found.target_kind == "classes" and y.dtype.kind in "iu":
        found.val_classes = class_counts(y, len(found.classes))
    found.val_target_mean, found.val_target_std = float(y.mean(dtype=np.float64)), float(y.std(dtype=np.float64))
    if found.features is not None:
        width = len(found.features.mean)
        found.val_features = features(x[sample(len(x), SAMPLE if width <= WIDE else SAMPLE // 2)].reshape(-1, width))

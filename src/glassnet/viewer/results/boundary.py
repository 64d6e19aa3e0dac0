"""What a network says for every point of a plane, where its inputs are two numbers, at each moment of its training."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.data.batches import batches
from glassnet.data.dataset import Dataset
from glassnet.data.encoder import NumberColumn
from glassnet.engine.errors import ConfigError
from glassnet.engine.namespace import Array
from glassnet.nn.module import Module
from glassnet.nn.predict import outputs, probabilities_of
from glassnet.viewer.moments import moments
from glassnet.viewer.results.examples import names_of
from glassnet.viewer.seen import SeenRun

#: Points along each side of the picture, and rows that are drawn in it.
SIDE, POINTS = 61, 600


def exists(dataset: Dataset) -> bool:
    """Whether the inputs are two numbers."""
    encoder = dataset.encoder
    numbers = encoder is None or all(isinstance(column, NumberColumn) for column in encoder.columns)
    return numbers and dataset.train.x.shape[1:] == (2,) and dataset.train.x.dtype.kind == "f"


def data(run: SeenRun) -> dict[str, Any]:
    """The moments that there are pictures of, and rows of the training split, in the units of the data.

    Raises ConfigError where the inputs are not two numbers.
    """
    net, dataset = run.network(), _dataset(run)
    train = dataset.train
    rows = np.arange(len(train)) if len(train) <= POINTS else np.sort(batches(train, POINTS, seed=0).rows(0))
    names, scales = ["x0", "x1"], [(0.0, 1.0), (0.0, 1.0)]
    if dataset.encoder is not None:
        columns = [column for column in dataset.encoder.columns if isinstance(column, NumberColumn)]
        names, scales = [column.name[:80] for column in columns], [(column.mean, column.std) for column in columns]
    (x, y), (across, up) = (
        [mean + std * one.astype(np.float64) for one, (mean, std) in zip(pair, scales, strict=True)]
        for pair in (_sides(dataset), train.x[rows].T)
    )
    return {
        "names": names,
        "x": x,
        "y": y,
        "moments": [moment.name for moment in moments(run, net)],
        "classes": names_of(dataset, _classes(net, dataset)),
        "target": "target" if dataset.encoder is None else dataset.encoder.target[:80],
        "points": {"x": across, "y": up, "z": _targets(net, dataset, rows)},
    }


def picture(run: SeenRun, number: int) -> dict[str, Any]:
    """What the network said at a moment of its training, by its number.

    Raises ConfigError for a moment that there is not, and where the inputs are not two numbers.
    """
    net, dataset = run.network(), _dataset(run)
    known = moments(run, net)
    if number >= len(known):
        raise ConfigError(f"{len(known)} moments of this training are known, counted from 0; {number} is none of them.")
    net.load_state_dict(known[number].weights)
    grid = np.stack(np.meshgrid(*_sides(dataset)), -1).reshape(-1, 2)  # the first feature runs fastest
    return {"name": known[number].name, **_said(net, dataset, grid)}


def _dataset(run: SeenRun) -> Dataset:
    dataset = run.dataset()
    if not exists(dataset):
        raise ConfigError("a decision boundary is drawn for inputs of two numbers; these are others.")
    return dataset


def _sides(dataset: Dataset) -> list[Array]:
    """The two sides of the picture, a little beyond the training rows, each (SIDE,)."""
    low, high = dataset.train.x.min(0), dataset.train.x.max(0)
    margin = 0.08 * np.maximum(high - low, 1e-6)
    return [np.linspace(low[i] - margin[i], high[i] + margin[i], SIDE) for i in range(2)]


def _said(net: Module, dataset: Dataset, grid: Array) -> dict[str, Any]:
    """Of each point of the grid the class and how sure that is in per cent, or the predicted quantity."""
    found = outputs(net, grid, 1024)
    if net.task == "regression":
        return {"value": _quantities(dataset, found[:, :1]).round(6).reshape(SIDE, SIDE)}
    probabilities = probabilities_of(net, found).reshape(len(grid), -1)
    if net.task == "binary":
        probabilities = np.stack([1 - probabilities[:, 0], probabilities[:, 0]], 1)
    return {
        "class": probabilities.argmax(1).reshape(SIDE, SIDE),
        "sure": (100 * probabilities.max(1)).round().astype(np.int64).reshape(SIDE, SIDE),
    }


def _targets(net: Module, dataset: Dataset, rows: Array) -> Array:
    y = dataset.train.y[rows]
    return _quantities(dataset, y.reshape(len(rows), -1)[:, :1]) if net.task == "regression" else y.reshape(-1)


def _quantities(dataset: Dataset, array: Array) -> Array:
    found = array.reshape(-1) if dataset.encoder is None else np.asarray(dataset.encoder.decode_target(array))
    return found.astype(np.float64)


def _classes(net: Module, dataset: Dataset) -> int:
    if net.task == "regression":
        return 0
    return max(2, len(dataset.classes) if dataset.classes else int(dataset.train.y.max()) + 1)

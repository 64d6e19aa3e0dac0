"""What a network says for every point of a plane, where its inputs are two numbers, at each moment of its training."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.data.dataset import Dataset
from glassnet.data.encoder import NumberColumn
from glassnet.data.split import split_indices
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
    """The picture at each moment, and rows of the training split in it, in the units of the data.

    Raises ConfigError where the inputs are not two numbers.
    """
    net, dataset = run.network(), run.dataset()
    if not exists(dataset):
        raise ConfigError("a decision boundary is drawn for inputs of two numbers; these are others.")
    train = dataset.train
    rows = np.arange(len(train))
    if len(train) > POINTS:
        rows = np.sort(split_indices(len(train), (POINTS / len(train), 1 - POINTS / len(train)), seed=0)[0])
    low, high = train.x.min(0), train.x.max(0)
    margin = 0.08 * np.maximum(high - low, 1e-6)
    sides = [np.linspace(low[i] - margin[i], high[i] + margin[i], SIDE) for i in range(2)]
    grid = np.stack(np.meshgrid(*sides), -1).reshape(-1, 2)  # (SIDE * SIDE, 2), the first feature runs fastest
    pictures = []
    for moment in moments(run, net):
        net.load_state_dict(moment.weights)
        pictures.append({"name": moment.name, **_said(net, dataset, grid)})
    names, scales = ["x0", "x1"], [(0.0, 1.0), (0.0, 1.0)]
    if dataset.encoder is not None:
        columns = [column for column in dataset.encoder.columns if isinstance(column, NumberColumn)]
        names, scales = [column.name[:80] for column in columns], [(column.mean, column.std) for column in columns]
    place = [mean + std * train.x[rows, i].astype(np.float64) for i, (mean, std) in enumerate(scales)]
    return {
        "names": names,
        "x": sides[0] * scales[0][1] + scales[0][0],
        "y": sides[1] * scales[1][1] + scales[1][0],
        "pictures": pictures,
        "classes": names_of(dataset, _classes(net, dataset)),
        "target": "target" if dataset.encoder is None else dataset.encoder.target[:80],
        "points": {"x": place[0], "y": place[1], "z": _targets(net, dataset, rows)},
    }


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

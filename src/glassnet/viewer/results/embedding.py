"""What a network has learned to tell apart: its embedding, or what its last layer gets to see, as points in a plane."""

from __future__ import annotations

from typing import Any

from glassnet.data.batches import batches
from glassnet.data.dataset import Dataset
from glassnet.engine.errors import ConfigError
from glassnet.engine.namespace import Array
from glassnet.engine.tensor import Tensor
from glassnet.nn.embedding import Embedding
from glassnet.nn.linear import Linear
from glassnet.nn.module import Module
from glassnet.nn.predict import evaluating
from glassnet.plots import principal_components
from glassnet.plots.embedding import VOWELS
from glassnet.train.loop import cast
from glassnet.viewer.numbers import digits
from glassnet.viewer.results.examples import names_of
from glassnet.viewer.seen import SeenRun

#: Rows whose activations are drawn, and classes at most.
ROWS, MOST_CLASSES = 600, 10_000


def table_of(net: Module) -> Array | None:
    """The table of the first embedding that can be drawn in a plane."""
    tables = (module.weight.numpy() for module in net.modules() if isinstance(module, Embedding))
    return next((table for table in tables if table.shape[1] > 1), None)


def exists(net: Module, dataset: Dataset) -> bool:
    """Whether there is something to draw."""
    table = table_of(net)
    if table is not None and dataset.vocabulary is not None:
        return len(table) == len(dataset.vocabulary)
    last = _last(net)
    return net.task == "classification" and last is not None and last.in_features > 1 and dataset.train.y.ndim == 1


def data(run: SeenRun) -> dict[str, Any]:
    """Points with their labels. Raises ConfigError where there is neither an embedding nor a last layer."""
    net, dataset = run.network(), run.dataset()
    if not exists(net, dataset):
        raise ConfigError("this network has neither an embedding nor a last linear layer to draw.")
    table = table_of(net)
    if table is not None and dataset.vocabulary is not None:
        symbols = list(dataset.vocabulary.symbols)
        groups = [1 if symbol in VOWELS else 0 for symbol in symbols]
        return {"kind": "symbols", "labels": symbols, "groups": groups, "names": ["others", "vowels"], **_plane(table)}
    name = next(name for name in ("val", "test", "train") if name in dataset.splits)
    split = cast(dataset.splits[name], net.dtype)
    x, y = batches(split, min(ROWS, len(split)), seed=0)[0]
    if y.data.dtype.kind not in "iu" or not (y.data >= 0).all() or not (y.data < MOST_CLASSES).all():
        raise ConfigError(f"points are drawn of classes, numbers below {MOST_CLASSES:,}; these targets are others.")
    seen = _inputs_of_last(net, x)
    names = names_of(dataset, int(max(y.data.max() + 1, len(dataset.classes or ()))))
    return {"kind": "rows", "split": name, "groups": y.data, "names": names, **_plane(seen)}


def _plane(table: Array) -> dict[str, Any]:
    """The rows of a table in a plane; shares of the variance where it had more columns."""
    width, shares = table.shape[1], None
    if width > 2:
        table, shares = principal_components(table, 2)
    x, y = (digits(column, 5) for column in table.T)
    return {"x": x, "y": y, "width": width, "shares": shares}


def _last(net: Module) -> Linear | None:
    layers = [module for module in net.modules() if isinstance(module, Linear)]
    return layers[-1] if layers else None


def _inputs_of_last(net: Module, x: Tensor) -> Array:
    """What the last linear layer gets to see, (N, in_features)."""
    last, seen = _last(net), []
    assert last is not None  # noqa: S101  # as ``exists`` found
    remove = last.register_forward_hook(lambda _module, inputs, _output: seen.append(inputs[0].data))
    try:
        with evaluating(net):
            net(x)
    finally:
        remove()
    found: Array = seen[-1].reshape(-1, last.in_features)
    if len(found) != len(x):
        raise ConfigError("the last linear layer sees other things than one row for each input: they are not drawn.")
    return found

"""The panel of the network: what an input does in it, layer by layer, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from glassnet.data.dataset import Dataset
from glassnet.data.text import contexts
from glassnet.engine.namespace import Array
from glassnet.nn.module import Module
from glassnet.nn.predict import probabilities_of
from glassnet.viewer.examples import DRAWN, Example, class_names, example, held_out, kinds
from glassnet.viewer.numbers import digit, digits, packed
from glassnet.viewer.query import Query
from glassnet.viewer.seen import SeenRun
from glassnet.viewer.stages import Flow, Stage, flow, incoming

#: Neurons of a layer that are shown, and edges between two layers; of larger layers a sample, evenly spaced.
MOST, EDGES = 256, 150
#: Neurons of a layer whose edges are looked for, layers, and examples that are offered.
WITH_EDGES, STAGES, OFFERED = 64, 40, 10


def data(run: SeenRun, _query: Query) -> dict[str, Any]:
    """What there is to choose from: examples, epochs, and ways to give an input."""
    dataset = run.dataset()
    name, split = held_out(dataset)
    return {
        "split": name,
        "rows": len(split),
        "of": run.sizes()[name],
        "offered": [{"row": row, **show_input(dataset, split.x[row], split.y[row])} for row in offered(dataset)],
        "epochs": list(run.snapshots()),
        "kinds": kinds(dataset),
        "drawn": DRAWN,
        "shape": list(dataset.input_shape or ()),
        "characters": "" if dataset.vocabulary is None else "".join(dataset.vocabulary.characters),
    }


def offered(dataset: Dataset) -> list[int]:
    """Rows to begin with: the first of each class, or the first ones."""
    _, split = held_out(dataset)
    if dataset.classes is None or split.y.ndim != 1:
        return list(range(min(OFFERED, len(split))))
    return [int(row) for row in np.unique(split.y, return_index=True)[1][:OFFERED]]


def show_input(dataset: Dataset, x: Array, y: Array | None) -> dict[str, Any]:
    """A row of inputs (...) as people see it, with its target: a picture, characters, or numbers with names."""
    found: dict[str, Any] = {}
    if dataset.vocabulary is not None:
        found["text"] = dataset.vocabulary.decode(x.reshape(-1))
    elif dataset.input_shape is not None and len(dataset.input_shape) == 2:
        found["picture"] = packed(x)
    else:
        found["numbers"] = digits(x.reshape(-1)[:MOST], 4)
    if y is not None:
        found["target"] = show_target(dataset, y)
    return found


def show_target(dataset: Dataset, y: Any) -> str:
    """A target as text: the name of a class, a character, or a number in its own units."""
    array = np.asarray(y).reshape(-1)
    if dataset.vocabulary is not None:
        return dataset.vocabulary.decode(array)
    if dataset.classes is not None and array.dtype.kind in "iu" and 0 <= array[0] < len(dataset.classes):
        return dataset.classes[int(array[0])]
    if dataset.encoder is not None and dataset.encoder.classes is None:
        return f"{np.asarray(dataset.encoder.decode_target(array)).item():.4g}"
    return ", ".join(f"{value:.4g}" for value in array[:8].tolist())


def flow_data(run: SeenRun, query: Query) -> dict[str, Any]:
    """What an input (see ``examples.example``) does with the weights after ``epoch`` or of now."""
    net, chosen, found = look(run, query)
    dataset = run.dataset()
    return {
        "name": chosen.name,
        **show_input(dataset, chosen.x[0], None if chosen.y is None else chosen.y[0]),
        "loss": None if found.loss is None or chosen.y is None else digit(found.loss.data),
        "stages": [
            _stage(dataset, found, i, stage, last=i == len(found.stages) - 1)
            for i, stage in enumerate(found.stages[:STAGES])
        ],
        "left_out": max(0, len(found.stages) - STAGES),
        "prediction": _prediction(net, dataset, found),
        "letters": _letters(net, dataset, chosen),
    }


def look(run: SeenRun, query: Query) -> tuple[Module, Example, Flow]:
    """The network, the example and what it does, as a query asks for. Where no target is known, the gradients are
    those of the loss if the network were right.
    """
    epoch = query.whole("epoch", 0, 2**53, default=-1)
    net = run.network_at(None if epoch < 0 else epoch)
    chosen = example(net, run.dataset(), query)
    y = chosen.y
    if y is None and net.task == "classification":
        y = flow(net, chosen.x).outputs.data.argmax(-1)
    return net, chosen, flow(net, chosen.x, None if net.task is None else y)


def shown(size: int, most: int = MOST) -> Array:
    """Which neurons of so many are shown."""
    return np.arange(size) if size <= most else np.unique(np.linspace(0, size - 1, most).round().astype(np.int64))


def _stage(dataset: Dataset, found: Flow, number: int, stage: Stage, *, last: bool) -> dict[str, Any]:
    values = stage.out.data.reshape(-1)
    gradient = found.gradient(stage.out)
    picture = number == 0 and dataset.input_shape is not None and len(dataset.input_shape) == 2
    chosen = np.arange(stage.size) if picture else shown(stage.size)
    result: dict[str, Any] = {
        "path": stage.path,
        "layers": [{"path": part.path, "text": part.text} for part in stage.parts],
        "size": stage.size,
        "shape": list(stage.out.shape[1:]),
        "neurons": None if len(chosen) == stage.size else chosen,
        "labels": _labels(dataset, number, stage, values[chosen], last=last),
    }
    if picture:
        result["picture"] = packed(values)
        result["gradient_picture"] = None if gradient is None else packed(gradient, signed=True)
    else:
        result["values"] = digits(values[chosen])
        result["gradients"] = None if gradient is None else digits(gradient.reshape(-1)[chosen])
    before = None if number == 0 else found.stages[number - 1]
    whole = number == 1 and dataset.input_shape is not None and len(dataset.input_shape) == 2
    if before is not None:
        sources = np.arange(before.size) if whole else shown(before.size)
        result["edges"] = _edges(before, stage, sources, chosen)
    return result


def _labels(dataset: Dataset, number: int, stage: Stage, values: Array, *, last: bool) -> list[str] | None:
    """The names of neurons that have some: characters, features, classes."""
    if number == 0 and dataset.vocabulary is not None and stage.out.data.dtype.kind in "iu":
        return [dataset.vocabulary.decode([int(value)]) for value in values]
    if number == 0 and dataset.encoder is not None:
        return list(dataset.encoder.feature_names)[: len(values)]
    return class_names(dataset, len(values)) if last else None


def _edges(before: Stage, stage: Stage, sources: Array, neurons: Array) -> list[list[float]]:
    """The strongest weights [from, to, weight] between neurons that are shown, by their places among these."""
    if not stage.parts or stage.given.size != before.out.size:
        return []
    places = shown(len(neurons), WITH_EDGES)
    found = incoming(stage, neurons[places])
    if found is None:
        return _from_indices(before, stage, neurons)
    weights = found[:, sources]
    each = max(2, EDGES // max(len(places), 1))
    edges = []
    for place, row in zip(places.tolist(), weights, strict=True):
        strong = np.argsort(-np.abs(row), kind="stable")[:each].tolist()
        edges += [[source, place, digit(row[source], 4)] for source in strong if row[source]]
    return sorted(edges, key=lambda edge: -abs(edge[2]))[:EDGES]


def _from_indices(before: Stage, stage: Stage, neurons: Array) -> list[list[float]]:
    """Of a table that is read by indices: what was read, from the index that chose it."""
    if before.size == 0 or stage.size % before.size or stage.out.data.dtype.kind != "f":
        return []
    values, each = stage.parts[0].out.data.reshape(-1), stage.size // before.size
    edges = [[int(j) // each, place, digit(values[j], 4)] for place, j in enumerate(neurons.tolist()) if values[j]]
    return sorted(edges, key=lambda edge: -abs(edge[2]))[:EDGES]


def _prediction(net: Module, dataset: Dataset, found: Flow) -> dict[str, Any] | None:
    """The likeliest classes with their probabilities, or the value."""
    if net.task is None:
        return None
    if net.task == "regression":
        return {"value": show_target(dataset, found.outputs.data[0])}
    probabilities = probabilities_of(net, found.outputs.data)[0].reshape(-1)
    names = class_names(dataset, len(probabilities)) or [str(i) for i in range(len(probabilities))]
    best = np.argsort(-probabilities, kind="stable")[:5].tolist()
    return {
        "classes": [{"name": names[i], "neuron": i, "probability": digit(probabilities[i], 4)} for i in best],
        "probabilities": digits(probabilities[:MOST], 4),
    }


def _letters(net: Module, dataset: Dataset, chosen: Example) -> list[dict[str, Any]] | None:
    """Of a typed text, how likely each character was after those before it."""
    if not chosen.text or dataset.vocabulary is None or dataset.context is None or net.task != "classification":
        return None
    x, y = contexts([chosen.text], dataset.vocabulary, dataset.context)
    likely = net.predict_proba(x)[np.arange(len(y)), y]
    return [
        {"text": character, "probability": digit(p, 4), "chosen": place == chosen.place}
        for place, (character, p) in enumerate(zip(dataset.vocabulary.decode(y), likely.tolist(), strict=True))
    ]


def queries(run: SeenRun) -> list[dict[str, str]]:
    """What a report holds: the examples that are offered, and the first of them after each epoch that was kept."""
    rows = offered(run.dataset())
    first: list[Mapping[str, str]] = [{"row": str(rows[0]), "epoch": str(epoch)} for epoch in run.snapshots()]
    return [*({"row": str(row)} for row in rows), *map(dict, first)]

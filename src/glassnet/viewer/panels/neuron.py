"""One neuron: its equation with numbers, its incoming weights, its gradient, and the inputs that excite it most."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.data.dataset import Dataset, Split
from glassnet.engine.namespace import Array
from glassnet.engine.scope import no_grad
from glassnet.nn.conv import Conv1d, Conv2d
from glassnet.nn.linear import Linear
from glassnet.train.loop import cast
from glassnet.viewer.chain_rule import layer_rule
from glassnet.viewer.examples import held_out
from glassnet.viewer.numbers import digit, digits, packed
from glassnet.viewer.panels.network import MOST, look, offered, show_input, shown
from glassnet.viewer.query import Query
from glassnet.viewer.seen import SeenRun
from glassnet.viewer.stages import Flow, Part, Stage, flow, incoming

#: Terms of the equation that are written out, rows that are searched for what excites it, and how many are shown.
TERMS, SEARCHED, EXCITING = 6, 2000, 12
#: Neurons and examples of which a report holds this.
NEURONS_IN_REPORT, EXAMPLES_IN_REPORT = 80, 1


def data(run: SeenRun, query: Query) -> dict[str, Any]:
    """Neuron ``neuron`` of stage ``stage`` for the input and epoch of the query, see ``panels.network``."""
    _, _, found = look(run, query)
    dataset = run.dataset()
    number, neuron = place_in(found, query)
    stage = found.stages[number]
    gradient = found.gradient(stage.out)
    result: dict[str, Any] = {
        "stage": number,
        "neuron": neuron,
        "path": stage.path,
        "value": digit(stage.out.data.reshape(-1)[neuron]),
        "gradient": None if gradient is None else digit(gradient.reshape(-1)[neuron]),
        "steps": [_step(found, part, neuron) for part in stage.parts],
        "exciting": _exciting(run, query, dataset, number, neuron) if stage.parts else [],
    }
    weights = incoming(stage, np.array([neuron]))
    if weights is not None:
        source = found.stages[number - 1]
        result["equation"] = _equation(found, stage, neuron, weights[0])
        result["weights"] = _weights(dataset, source, number, weights[0])
    return result


def place_in(found: Flow, query: Query) -> tuple[int, int]:
    """The stage and the neuron that a query names. Raises ConfigError for one that is not there."""
    number = query.whole("stage", 0, len(found.stages) - 1, default=min(1, len(found.stages) - 1))
    return number, query.whole("neuron", 0, found.stages[number].size - 1, default=0)


def bias_of(stage: Stage, neuron: int) -> float:
    """What the first layer adds to its product for this neuron; its outputs lie channels-last."""
    bias = getattr(stage.parts[0].layer, "bias", None) if is_affine(stage) else None
    return 0.0 if bias is None else float(bias.data[neuron % len(bias.data)])


def is_affine(stage: Stage) -> bool:
    """Whether a neuron of the first layer is a sum of weights times inputs, plus a bias."""
    return bool(stage.parts) and isinstance(stage.parts[0].layer, Linear | Conv1d | Conv2d)


def strongest(products: Array, count: int) -> list[int]:
    """The places of the largest products, by size."""
    order = np.argsort(-np.abs(products), kind="stable")[:count].tolist()
    return [int(i) for i in order if products[i]]


def weight_gradient(found: Flow, stage: Stage, source: int, neuron: int) -> float | None:
    """The gradient of the loss by the weight from one to the other, of a Linear that is used once."""
    layer = stage.parts[0].layer
    if not isinstance(layer, Linear) or stage.given.size != layer.in_features:
        return None
    gradient = found.gradient(layer.weight)
    return None if gradient is None else digit(gradient[source, neuron])


def _equation(found: Flow, stage: Stage, neuron: int, weights: Array) -> dict[str, Any] | None:
    """z = sum of the weights times what comes in, the largest terms written out."""
    if not is_affine(stage):
        return None
    inputs = stage.given.data.reshape(-1)
    products = weights * inputs
    chosen = strongest(products, TERMS)
    rest = np.delete(products, chosen)
    return {
        "terms": [
            {
                "source": source,
                "weight": digit(weights[source]),
                "input": digit(inputs[source]),
                "product": digit(products[source]),
                "gradient": weight_gradient(found, stage, source, neuron),
            }
            for source in chosen
        ],
        "rest": {"count": int(np.count_nonzero(rest)), "sum": digit(rest.sum(dtype=np.float64))},
        "bias": None if getattr(stage.parts[0].layer, "bias", None) is None else digit(bias_of(stage, neuron)),
        "z": digit(stage.parts[0].out.data.reshape(-1)[neuron]),
    }


def _step(found: Flow, part: Part, neuron: int) -> dict[str, Any]:
    """What a layer of the stage makes of the neuron, and the gradient by that."""
    gradient = found.gradient(part.out)
    return {
        "path": part.path,
        "text": part.text,
        "formula": layer_rule(part.layer).forward,
        "value": digit(part.out.data.reshape(-1)[neuron]),
        "gradient": None if gradient is None else digit(gradient.reshape(-1)[neuron]),
    }


def _weights(dataset: Dataset, source: Stage, number: int, weights: Array) -> dict[str, Any]:
    """The incoming weights, as a picture where the inputs are one."""
    shape = dataset.input_shape
    if number == 1 and shape is not None and len(shape) == 2:
        return {"shape": list(shape), "picture": packed(weights, signed=True)}
    chosen = shown(len(weights), MOST)
    names = None
    if number == 1 and dataset.encoder is not None:
        names = list(dataset.encoder.feature_names)[:MOST]
    return {
        "sources": None if len(chosen) == len(weights) else chosen,
        "values": digits(weights[chosen], 4),
        "names": names,
        "from": source.path,
    }


def _exciting(run: SeenRun, query: Query, dataset: Dataset, number: int, neuron: int) -> list[dict[str, Any]]:
    """Of the first rows of the held-out split, those for which the neuron is largest."""
    _, split = held_out(dataset)
    epoch = query.whole("epoch", 0, 2**53, default=-1)
    net = run.network_at(None if epoch < 0 else epoch)
    rows = cast(Split(split.x[:SEARCHED], split.y[:SEARCHED]), net.dtype)
    with no_grad():
        stages = flow(net, rows.x).stages
    if number >= len(stages):  # a program computes something else for several rows
        return []
    values = stages[number].out.data.reshape(len(rows), -1)[:, neuron]
    best = np.argsort(-values, kind="stable")[:EXCITING].tolist()
    return [{"row": row, "value": digit(values[row]), **show_input(dataset, rows.x[row], rows.y[row])} for row in best]


def queries(run: SeenRun) -> list[dict[str, str]]:
    """What a report holds: the neurons of small networks, for some of the examples."""
    rows = offered(run.dataset())[:EXAMPLES_IN_REPORT]
    _, _, found = look(run, Query({"row": str(rows[0])}))
    places = [(i, j) for i, stage in enumerate(found.stages) if stage.parts for j in shown(stage.size).tolist()]
    return [{"row": str(row), "stage": str(i), "neuron": str(j)} for row in rows for i, j in places[:NEURONS_IN_REPORT]]

"""The panel of backpropagation: an expression, a neuron or a whole network, forwards and backwards step by step."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.engine.errors import ConfigError
from glassnet.engine.tensor import Tensor
from glassnet.nn import activation, dropout, norm
from glassnet.nn.module import Module
from glassnet.viewer.examples import held_out
from glassnet.viewer.expressions import LONGEST, Expression, read_values
from glassnet.viewer.numbers import digit
from glassnet.viewer.panels.network import look, offered
from glassnet.viewer.panels.neuron import bias_of, is_affine, place_in, strongest
from glassnet.viewer.query import Query
from glassnet.viewer.seen import SeenRun
from glassnet.viewer.stages import Flow, Part, incoming
from glassnet.viewer.steps import in_steps

KINDS = ("expression", "neuron", "layers")
#: Expressions to begin with: their text, and the values of their names.
PRESETS = (
    ("a * b + c", "a=2,b=-3,c=10"),
    ("tanh(x1 * w1 + x2 * w2 + b)", "x1=2,w1=-3,x2=0,w2=1,b=6.8814"),
    ("(a + a) * a", "a=3"),
    ("(sigmoid(w * x + b) - y) ** 2", "w=0.5,x=2,b=-1,y=1"),
    ("relu(a * b) + relu(a * c)", "a=2,b=-1,c=1.5"),
)
#: Terms of a neuron that are followed; the others are one number.
TERMS = 3
#: Neurons in a report.
IN_REPORT = 40


def data(run: SeenRun, query: Query) -> dict[str, Any]:
    """The graph and its steps: of ``text`` with ``values`` for its names; of a neuron; of the layers.

    Without a ``kind``, what there is to choose from.
    """
    if "kind" not in query.values:
        return {"presets": [{"text": text, "values": values} for text, values in PRESETS], **_choices(run)}
    kind = query.choice("kind", KINDS, "expression")
    if kind == "expression":
        return expression(query)
    net, chosen, found = look(run, query)
    if found.loss is None:
        raise ConfigError("there is no loss to go back from: the network has no task, or the input no target.")
    if kind == "layers":
        names = {"x": found.stages[0].out, "target": found.targets}
        return {"name": chosen.name, **in_steps(found.loss, net=net, names=names, folded=True)}
    return {"name": chosen.name, **neuron(found, query)}


def _choices(run: SeenRun) -> dict[str, Any]:
    dataset = run.dataset()
    _, _, found = look(run, Query({"row": str(offered(dataset)[0])}))
    stages = [
        {
            "stage": i,
            "path": stage.path,
            "text": ", ".join(part.text for part in stage.parts),
            "size": stage.size,
            "liveliest": _liveliest(found, stage.parts[0]),
        }
        for i, stage in enumerate(found.stages)
        if is_affine(stage)
    ]
    return {"stages": stages, "rows": len(held_out(dataset)[1]), "offered": offered(dataset)}


def _liveliest(found: Flow, part: Part) -> int:
    """The neuron with the largest gradient: one that the loss depends on."""
    gradient = found.gradient(part.out)
    return 0 if gradient is None else int(np.abs(gradient).argmax())


def expression(query: Query) -> dict[str, Any]:
    """A typed expression. Raises ConfigError for what is none."""
    values = read_values(query.text("values", PRESETS[0][1], 200))
    found = Expression(query.text("text", PRESETS[0][0], LONGEST), values)
    leaves = {name: digit(leaf.data) for name, leaf in found.leaves.items()}
    return {"text": found.text, "values": leaves, **in_steps(found.output, names=found.leaves)}


def neuron(found: Flow, query: Query) -> dict[str, Any]:
    """A neuron as an expression of numbers: its largest terms one by one, the others as one number. The gradient that
    it begins with is that of the loss by the neuron, from the whole network.
    """
    number, place = place_in(found, query)
    stage = found.stages[number]
    weights = incoming(stage, np.array([place]))
    if weights is None or not is_affine(stage):
        raise ConfigError(f"a neuron of {stage.path or 'the input'} is no sum of weights times inputs: choose another.")
    inputs = stage.given.data.reshape(-1)
    products = weights[0] * inputs
    names: dict[str, Tensor] = {}

    def leaf(name: str, value: Any) -> Tensor:
        names[name] = Tensor(np.array(value, np.float64), requires_grad=True)
        return names[name]

    chosen = strongest(products, TERMS)
    names["rest"] = rest = Tensor(np.array(np.delete(products, chosen).sum(dtype=np.float64)))
    total: Any = None
    for source in chosen:
        term = leaf(f"w[{source}]", weights[0][source]) * leaf(f"x[{source}]", inputs[source])
        total = term if total is None else total + term
    if total is None:
        raise ConfigError("this neuron gets nothing but zeros: choose another, or another input.")
    if len(products) > len(chosen):
        total = total + rest
    bias = getattr(stage.parts[0].layer, "bias", None)
    last, out = stage.parts[0], total if bias is None else total + leaf("b", bias_of(stage, place))
    for part in stage.parts[1:]:
        step = _alone(part, out, place)
        if step is None:  # it depends on the other neurons, too
            break
        last, out = part, step
    gradient = found.gradient(last.out)
    seed = np.array(0.0 if gradient is None else gradient.reshape(-1)[place], np.float64)
    return {
        "title": f"neuron {place} of {stage.path} {last.text}",
        "rest": len(products) - len(chosen),
        "seed": digit(seed),
        **in_steps(out, seed=seed.reshape(out.shape), names={"z": total, **names}),
    }


def _alone(part: Part, z: Tensor, place: int) -> Any:
    """What a layer makes of one neuron; None for a layer that takes the others into account."""
    layer: Module = part.layer
    if isinstance(layer, activation.Activation):
        return layer(z)
    if isinstance(layer, dropout.Dropout):
        return z
    if isinstance(layer, norm.BatchNorm1d):
        channel = place % layer.num_features
        mean, variance, gain, shift = (
            float(tensor.data[channel]) for tensor in (layer.running_mean, layer.running_var, layer.weight, layer.bias)
        )
        return (z - mean) * (gain / float(np.sqrt(variance + layer.eps))) + shift
    return None


def queries(run: SeenRun) -> list[dict[str, str]]:
    """What a report holds: the choices, the given expressions, the layers and some neurons for the first example."""
    found = [{"kind": "expression", "text": text, "values": values} for text, values in PRESETS]
    row = str(offered(run.dataset())[0])
    choices = _choices(run)
    neurons = [
        (one["stage"], j) for one in choices["stages"] for j in sorted({*range(min(one["size"], 8)), one["liveliest"]})
    ][:IN_REPORT]
    found += [{"kind": "neuron", "row": row, "stage": str(i), "neuron": str(j)} for i, j in neurons]
    return [{}, *found, {"kind": "layers", "row": row}]

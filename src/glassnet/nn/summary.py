"""The summary of a network: a table of its layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from glassnet.engine.namespace import Shape
from glassnet.engine.tensor import Tensor
from glassnet.nn.predict import evaluating

if TYPE_CHECKING:
    from glassnet.nn.module import Module


class LayerRow(NamedTuple):
    """What the summary says about one layer."""

    path: str
    layer: str
    output_shape: str  # "" where no input shape was given
    parameters: int  # how many numbers are trained


def layer_rows(net: Module, input_shape: Shape | None = None) -> list[LayerRow]:
    """A row for each module that has parameters of its own or no parts."""
    shapes = {} if input_shape is None else output_shapes(net, input_shape)
    counted: set[int] = set()
    rows = []
    for path, module in net.named_modules():
        own = [tensor for _, tensor in module.own_parameters() if id(tensor) not in counted]
        counted.update(map(id, own))  # shared parameters count where they come first
        if own or not any(module.named_children()):
            shape = shapes.get(id(module))
            text = "" if shape is None else f"({', '.join(['N', *map(str, shape[1:])])})"
            layer = f"{type(module).__name__} {module.extra_repr()}".strip()
            rows.append(LayerRow(path or "(root)", layer, text, sum(tensor.size for tensor in own)))
    return rows


def summary(net: Module, input_shape: Shape | None = None) -> str:
    """The table of the layers as text, with the total number of parameters."""
    head = ("path", "layer", "output shape", "parameters")
    table = [(*row[:3], f"{row.parameters:,}") for row in layer_rows(net, input_shape)]
    total = f"{sum(row.parameters for row in layer_rows(net)):,}"
    lines = [head, *table, ("total", "", "", total)]
    columns = [i for i in range(4) if i != 2 or input_shape is not None]
    widths = {i: max(len(line[i]) for line in lines) for i in columns}
    texts = [
        "  ".join(line[i].rjust(widths[i]) if i == 3 else line[i].ljust(widths[i]) for i in columns) for line in lines
    ]
    rule = "-" * len(texts[0])
    return "\n".join([texts[0], rule, *texts[1:-1], rule, texts[-1]])


def output_shapes(net: Module, input_shape: Shape) -> dict[int, Shape]:
    """The output shape of every module, by its id, for a batch of two rows of zeros."""
    shapes: dict[int, Shape] = {}

    def note(module: Module, _inputs: tuple[Any, ...], output: Any) -> None:
        if isinstance(output, Tensor):
            shapes[id(module)] = output.shape

    first = next(module for module in net.modules() if not any(module.named_children()))
    zeros = np.zeros((2, *input_shape), np.int64 if first.takes_indices else net.dtype)
    removers = [module.register_forward_hook(note) for module in net.modules()]
    try:
        with evaluating(net):
            net(Tensor(zeros))
    finally:
        for remove in removers:
            remove()
    return shapes

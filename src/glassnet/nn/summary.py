"""The summary of a network: a table of its layers."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from glassnet.engine.errors import ConfigError
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
    weights: str  # what its weights were drawn from, "" without weights


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
            rows.append(
                LayerRow(path or "(root)", layer, text, sum(tensor.size for tensor in own), module.initialisation())
            )
    return rows


HEAD = LayerRow("path", "layer", "output shape", "parameters", "initial weights")  # type: ignore[arg-type]


def _table(net: Module, input_shape: Shape | None) -> list[tuple[str, ...]]:
    """Head, rows and total as text; without the columns that would be empty."""
    rows = [row._replace(parameters=f"{row.parameters:,}") for row in layer_rows(net, input_shape)]  # type: ignore[arg-type]
    total = sum(row.parameters for row in layer_rows(net))
    lines: list[Any] = [HEAD, *rows, ("total", "", "", f"{total:,}", "")]
    used = [i for i in range(len(HEAD)) if i < 2 or i == 3 or any(row[i] for row in rows)]
    return [tuple(str(line[i]) for i in used) for line in lines]


def summary(net: Module, input_shape: Shape | None = None) -> str:
    """The table of the layers as text, with the total number of parameters."""
    lines = _table(net, input_shape)
    right = lines[0].index("parameters")
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    texts = [
        "  ".join(
            cell.rjust(w) if i == right else cell.ljust(w) for i, (cell, w) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    ]
    rule = "-" * len(texts[0])
    return "\n".join(text.rstrip() for text in [texts[0], rule, *texts[1:-1], rule, texts[-1]])


def summary_html(net: Module) -> str:
    """The table of the layers as HTML, which a notebook shows for the network itself."""
    head, *lines = _table(net, None)
    right = head.index("parameters")

    def row(cells: tuple[str, ...], tag: str) -> str:
        styles = [f' style="text-align: {"right" if i == right else "left"}"' for i in range(len(cells))]
        inside = "".join(f"<{tag}{style}>{escape(cell)}</{tag}>" for cell, style in zip(cells, styles, strict=True))
        return f"<tr>{inside}</tr>"

    body = "".join(row(line, "td") for line in lines[:-1])
    return (
        f"<table><caption>{escape(type(net).__name__)}</caption><thead>{row(head, 'th')}</thead>"
        f"<tbody>{body}</tbody><tfoot>{row(lines[-1], 'th')}</tfoot></table>"
    )


def output_shapes(net: Module, input_shape: Shape) -> dict[int, Shape]:
    """The output shape of every module, by its id, for a batch of two rows of zeros."""
    if not isinstance(input_shape, tuple | list):
        raise ConfigError(f"input_shape must be the shape of one input, such as (784,), got {input_shape!r}.")
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

"""An expression graph as DOT, the language of Graphviz."""

from __future__ import annotations

from collections.abc import Sequence

from glassnet.plots.expression.description import GraphNode
from glassnet.plots.expression.style import EDGE, STYLES, TEXT


def to_dot(nodes: Sequence[GraphNode]) -> str:
    """The text; node i is called ``n<i>``. ``dot -Tpdf`` makes a picture of it."""
    lines = [
        "digraph expression {",
        "  rankdir=TB; ordering=in; bgcolor=transparent;",
        f'  node [shape=box, style=filled, fontname="Helvetica", fontsize=11, fontcolor="{TEXT}"];',
        f'  edge [color="{EDGE}", arrowsize=0.7];',
    ]
    for i, node in enumerate(nodes):
        style = STYLES[node.kind]
        label = "\n".join(filter(None, [node.title, *node.lines, node.gradient_line, node.layer_line]))
        shape = "filled,dashed" if style.dashed else "filled,rounded" if style.round else "filled"
        lines.append(
            f"  n{i} [label={_quoted(label)}, tooltip={_quoted(node.details)}, "
            f'style="{shape}", color="{style.border}", fillcolor="{style.fill}"];'
        )
    for i, node in enumerate(nodes):
        lines += [
            f"  n{source} -> n{i}{'' if flow else ' [style=dashed]'};"
            for source, flow in zip(node.inputs, node.flows, strict=True)
        ]
    return "\n".join([*lines, "}", ""])


def _quoted(text: str) -> str:
    r"""A quoted string of DOT. There ``\N`` is the node's name and ``&amp;`` an entity: both are made plain text."""
    for plain, escaped in (("\\", "\\\\"), ('"', '\\"'), ("&", "&amp;"), ("\n", "\\n")):
        text = text.replace(plain, escaped)
    return f'"{text}"'

"""An expression graph as SVG: boxes where ``layout`` puts them, edges as curves between them.

There are neither ids nor style sheets in it, so that several pictures can stand in one page.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import pairwise
from unicodedata import east_asian_width

from glassnet.plots.expression.description import GraphNode
from glassnet.plots.expression.layout import Box, Run, layout
from glassnet.plots.expression.style import EDGE, FAINT, GRADIENT, STYLES, TEXT

FONT = "Helvetica, Arial, 'Liberation Sans', sans-serif"
TITLE, BODY, SMALL = 13.0, 11.5, 10.0  # sizes of text in pixels
LEADING = 1.32  # from line to line, in sizes of the text
PADDING = 9.0
PORT = 9.0  # at least, between two edges that arrive
ARROW = 6.0

#: The text of a line, its size, its colour.
Line = tuple[str, float, str]


def to_svg(nodes: Sequence[GraphNode]) -> str:
    """The picture; every box has a tooltip."""
    texts = [_lines(node) for node in nodes]
    sizes = [_size(lines, len(node.inputs)) for lines, node in zip(texts, nodes, strict=True)]
    picture = layout(sizes, [node.inputs for node in nodes])
    title = f"Expression graph of {len(nodes)} nodes; the last one is {nodes[-1].title}"
    width, height = f"{picture.width:.1f}", f"{picture.height:.1f}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'font-family="{FONT}" role="img">',
        f"<title>{escape(title)}</title>",
    ]
    for node, trunk in zip(nodes, picture.trunks, strict=True):
        if any(run.bottom > run.top for run in trunk):
            parts.append(_line(trunk, node.kind != "constant"))
    for node, edges in zip(nodes, picture.edges, strict=True):
        for source, flow, edge in zip(node.inputs, node.flows, edges, strict=True):
            fork = picture.trunks[source][edge.shared - 1]
            tip = edge.end.bottom
            end = Run(edge.end.x, min(edge.end.top, tip - ARROW), tip - ARROW)
            parts.append(_line([fork._replace(top=fork.bottom), end], flow))
            parts.append(f'<path d="M{edge.end.x:.1f} {tip:.1f}l-3.6 -{ARROW + 2}h7.2z" fill="{EDGE}"/>')
    parts += map(_box, nodes, texts, picture.boxes)
    return "\n".join([*parts, "</svg>", ""])


def _lines(node: GraphNode) -> list[Line]:
    """What stands in a box, its title first."""
    title = "white" if STYLES[node.kind].banner else TEXT
    lines = [(node.title, TITLE, title), *((line, BODY, TEXT) for line in node.lines)]
    lines += [(node.gradient_line, BODY, GRADIENT)] if node.gradient else []
    return [*lines, (node.layer_line, SMALL, FAINT)] if node.layer_line else lines


def _size(lines: Sequence[Line], inputs: int) -> tuple[float, float]:
    """Width and height of a box with these lines and inputs."""
    widest = max(_width(text, size) * (1.08 if i == 0 else 1.0) for i, (text, size, _) in enumerate(lines))
    height = sum(size * LEADING for _, size, _ in lines) + PADDING + 4
    return round(max(widest + 2 * PADDING, PORT * (inputs + 1), 44.0), 1), round(height, 1)


def _width(text: str, size: float) -> float:
    """About as wide as the text is, whichever of the fonts there is."""
    return size * sum(
        1.0
        if east_asian_width(c) in "WF" or c in "mwMW@%—"
        else 0.34
        if c in "ijl.,:;|'()[]! "
        else 0.7
        if c.isupper()
        else 0.58
        for c in text
    )


def _box(node: GraphNode, lines: Sequence[Line], box: Box) -> str:
    style = STYLES[node.kind]
    x, y, width, height = (f"{number:.1f}" for number in box)
    radius = 12 if style.round else 3
    dashes = ' stroke-dasharray="4 3"' if style.dashed else ""
    rect = f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="{radius}"'
    parts = [
        f"<g><title>{escape(node.details)}</title>",
        f'{rect} fill="{style.fill}" stroke="{style.border}" stroke-width="1.4"{dashes}/>',
    ]
    if style.banner:
        band = TITLE * LEADING + 5
        parts.append(f'<rect x="{x}" y="{y}" width="{width}" height="{band:.1f}" rx="{radius}" fill="{style.border}"/>')
    baseline = box.y + 3
    for i, (text, size, colour) in enumerate(lines):
        baseline += size * LEADING + (3 if i == 1 else 0)
        bold = ' font-weight="bold"' if i == 0 else ""
        parts.append(
            f'<text x="{box.x + box.width / 2:.1f}" y="{baseline - 0.22 * size:.1f}" font-size="{size}"'
            f' text-anchor="middle" fill="{colour}"{bold}>{escape(text)}</text>'
        )
    return "\n".join([*parts, "</g>"])


def _line(runs: Sequence[Run], flow: bool) -> str:
    """A line along the runs; dashed where no gradient goes back."""
    dashes = "" if flow else ' stroke-dasharray="4 3"'
    return f'<path d="{way(runs)}" fill="none" stroke="{EDGE}" stroke-width="1.5"{dashes}/>'


def way(runs: Sequence[Run]) -> str:
    """The way along the runs, in curves from one to the next, as the ``d`` of a path."""
    found = [f"M{runs[0].x:.1f} {runs[0].top:.1f}V{runs[0].bottom:.1f}"]
    for upper, lower in pairwise(runs):
        middle = (upper.bottom + lower.top) / 2
        found.append(f"C{upper.x:.1f} {middle:.1f} {lower.x:.1f} {middle:.1f} {lower.x:.1f} {lower.top:.1f}")
        found.append(f"V{lower.bottom:.1f}")
    return "".join(found)

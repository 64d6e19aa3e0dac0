"""Colours of an expression graph, legible on light and on dark pages: boxes bring their own background along."""

from __future__ import annotations

from typing import NamedTuple

from glassnet.plots.expression.collect import Kind


class Style(NamedTuple):
    """How a kind of box looks. banner: whether the title stands on a band in the colour of the border."""

    border: str
    fill: str
    banner: bool = False
    round: bool = False
    dashed: bool = False


STYLES: dict[Kind, Style] = {
    "constant": Style("#767676", "#F1F1F1", dashed=True),
    "leaf": Style("#00785A", "#DFF4EB", round=True),
    "parameter": Style("#B06A00", "#FFF0D2", round=True),
    "operation": Style("#0067A3", "#EDF5FA", banner=True),
    "layer": Style("#6E4496", "#F4EEF9", banner=True),
}
TEXT = "#1B1B1B"
FAINT = "#5C5C5C"
GRADIENT = "#A83200"
EDGE = "#808080"  # seen on white and on black

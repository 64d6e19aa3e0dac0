"""The panels: what stands in each, as values for JSON.

To add one:

1. ``panels/NAME.py`` with ``def data(run: SeenRun, query: Query) -> dict[str, Any]``: values for JSON, thinned where
   they may be long (``viewer.thin``), nothing that needs a path. A GlassnetError that it raises is shown as a card.
   What the page may ask for comes from ``query``, each value checked by its methods.
2. A line in ``PANELS`` below. ``queries`` says what a report holds besides the plain one: reports cannot ask again.
3. ``page/panels/NAME.js``, which exports a panel (see ``page/panels/table.js``), and a line in the table there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassnet.viewer.panels import backprop, health, landscape, network, neuron, results, run
from glassnet.viewer.query import Query
from glassnet.viewer.seen import SeenRun


def _plain(_run: SeenRun) -> list[dict[str, str]]:
    return [{}]


@dataclass(frozen=True)
class Panel:
    """data: what stands in it. queries: those whose answers a report holds."""

    data: Callable[[SeenRun, Query], dict[str, Any]]
    queries: Callable[[SeenRun], Iterable[dict[str, str]]] = _plain

    def answer(self, run: SeenRun, query: Query) -> dict[str, Any]:
        """``data``, without warnings on the terminal: what is not finite is seen on the page."""
        with np.errstate(all="ignore"):
            return self.data(run, query)


PANELS: dict[str, Panel] = {
    "run": Panel(run.data),
    "network": Panel(network.data),
    "flow": Panel(network.flow_data, network.queries),
    "neuron": Panel(neuron.data, neuron.queries),
    "backprop": Panel(backprop.data, backprop.queries),
    "health": Panel(health.data, health.queries),
    "landscape": Panel(landscape.data, landscape.queries),
    "results": Panel(results.data, results.queries),
}

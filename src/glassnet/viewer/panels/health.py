"""The panel of health: activations, gradients and updates of each layer over the training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from glassnet.engine.errors import ConfigError
from glassnet.engine.namespace import Array
from glassnet.train.diagnostics import Diagnostics
from glassnet.train.histograms import BINS, Histogram
from glassnet.train.inside import look_inside
from glassnet.viewer.query import Query
from glassnet.viewer.seen import SeenRun
from glassnet.viewer.thin import Grown, thin

Table = Mapping[str, Mapping[str, Sequence[float | None]]]

#: Layers and parameters that are drawn at most; moments and values of a picture of histograms.
MOST, MOMENTS, VALUES = 60, 100, 40
#: Of each series: there are many of them.
BUCKETS = 100
#: Rows of the batch and units of the map of saturated and dead units.
ROWS, UNITS = 64, 96


def data(run: SeenRun, query: Query) -> dict[str, Any]:
    """What the diagnostics recorded as series over the steps; with ``layer`` its histograms over the steps, or, with
    ``show=map``, which of its units are flat for which examples now.
    """
    layer = query.text("layer", longest=500)
    if query.choice("show", ("histograms", "map"), "histograms") == "map":
        return flat_units(run, layer)
    found = run.diagnostics()
    if found is None or not found.steps:
        return {"steps": 0}
    return histograms(found, layer) if layer else series(found, run.grown)


def queries(run: SeenRun) -> list[dict[str, str]]:
    """What a report holds: all of it, layer by layer."""
    found = run.diagnostics()
    paths = [] if found is None else list(found.histograms)[:MOST]
    return [{}, *({"layer": path} for path in paths), *({"layer": path, "show": "map"} for path in paths)]


def series(found: Diagnostics, grown: Grown) -> dict[str, Any]:
    """Everything that is a number for each recorded step."""
    steps = grown.array("steps", found.steps)
    tables = {"layers": found.layers, "parameters": found.parameters, "buffers": found.buffers}
    return {
        "steps": len(steps),
        "kinds": dict(found.kinds),
        **{name: _series(steps, table, name, grown) for name, table in tables.items()},
        "histograms": list(found.histograms)[:MOST],
    }


def _series(steps: Array, table: Table, place: str, grown: Grown) -> dict[str, Any]:
    """Of each layer its values that are any, thinned."""
    shown: dict[str, Any] = {}
    for path, lists in list(table.items())[:MOST]:
        arrays = {name: grown.array(f"{place}/{path}/{name}", values) for name, values in list(lists.items())}
        shown[path] = {name: thin(steps, one, BUCKETS) for name, one in arrays.items() if np.isfinite(one).any()}
    return shown


def histograms(found: Diagnostics, layer: str) -> dict[str, Any]:
    """The histograms of a layer over the steps, as pictures. Raises ConfigError for a layer that has none."""
    kept = list(found.histograms.get(layer, ()))
    if not kept:
        raise ConfigError(f"there are no histograms of a layer {layer!r:.80}.")
    kept = [kept[i] for i in np.unique(np.linspace(0, len(kept) - 1, MOMENTS).round().astype(int))]
    steps = [step for step, _, _ in kept]
    return {
        "outputs": picture(steps, [outputs for _, outputs, _ in kept]),
        "gradients": picture(steps, [gradients for _, _, gradients in kept]),
    }


def picture(steps: Sequence[int], kept: Sequence[Histogram | None]) -> dict[str, Any] | None:
    """A row for each of some equally wide bins that all histograms share, a column for each step: the share of the
    values, in per cent. None where there is nothing.
    """
    known = [one for one in kept if one is not None]
    if not known:
        return None
    low, high = min(one.low for one in known), max(one.high for one in known)
    high = high if high > low else low + (abs(low) or 1.0)
    edges = np.linspace(low, high, VALUES + 1)
    columns = [np.full(VALUES, np.nan) if one is None else _spread(one, edges) for one in kept]
    return {"x": list(steps), "y": ((edges[:-1] + edges[1:]) / 2).tolist(), "z": np.stack(columns, 1).round(2)}


def _spread(one: Histogram, edges: Array) -> Array:
    """The shares of a histogram in other bins, as if the values in each of its bins were spread evenly."""
    own = np.linspace(one.low, one.high if one.high > one.low else np.nextafter(one.low, np.inf), BINS + 1)
    below = np.interp(edges, own, np.concatenate([[0.0], np.cumsum(one.counts)]))
    below[0] = 0.0
    shares: Array = np.diff(below) / max(1, sum(one.counts)) * 100
    return shares


def flat_units(run: SeenRun, layer: str) -> dict[str, Any]:
    """Which units of an activation lie in a flat part of it, for which rows of a training batch, with the weights of
    now: 1 for those that do. "rows" is empty for a layer without flat parts.
    """
    look = look_inside(run.network(), run.dataset(), batch_size=ROWS)
    found = look.flat_part(layer)
    if found is None:
        return {"rows": []}
    units = np.unique(np.linspace(0, found.shape[1] - 1, UNITS).round().astype(int))
    shown = found[:ROWS, units].T
    return {
        "rows": shown.astype(int),
        "units": units,
        "share": float(found.mean()),
        "dead": int(found.all(0).sum()),
        "count": found.shape[1],
    }

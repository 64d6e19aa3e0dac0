"""The panel of health: activations, gradients and updates of each layer over the training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from glassnet.viewer.query import Query
from glassnet.viewer.seen import SeenRun
from glassnet.viewer.thin import thin

#: Layers and parameters that are drawn at most.
MOST = 60


def data(run: SeenRun, _query: Query) -> dict[str, Any]:
    """What the diagnostics recorded, as series over the steps: of each layer, and of each parameter."""
    found = run.diagnostics()
    if found is None or not found.steps:
        return {"steps": 0}
    steps = list(found.steps)
    return {
        "steps": len(steps),
        "kinds": dict(found.kinds),
        "layers": _series(steps, found.layers),
        "parameters": _series(steps, found.parameters),
    }


def queries(_run: SeenRun) -> list[dict[str, str]]:
    """What a report holds."""
    return [{}]


def _series(steps: Sequence[int], table: Mapping[str, Mapping[str, Sequence[float | None]]]) -> dict[str, Any]:
    """Of each layer its values that are any, thinned."""
    return {
        path: {
            name: thin(steps, [None if one is None else one for one in list(y)])
            for name, y in list(values.items())
            if any(one is not None for one in list(y))
        }
        for path, values in list(table.items())[:MOST]
    }

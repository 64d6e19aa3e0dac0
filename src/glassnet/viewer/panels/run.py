"""The panel of a run: its curves, how it was set up, its layers, and what the doctor says."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.engine.errors import GlassnetError
from glassnet.engine.namespace import Array
from glassnet.viewer.query import Query
from glassnet.viewer.seen import SeenRun
from glassnet.viewer.thin import thin

#: Layers and curves that are shown at most.
MOST_LAYERS, MOST_CURVES = 200, 40


def data(run: SeenRun, _query: Query) -> dict[str, Any]:
    """The history as curves over the epochs, those of batches beside them, and the doctor's findings."""
    position, config = run.position(), run.config()
    moments, losses = run.batch_losses()
    curves = [(name, values) for name, values in list(position.history.items()) if values][:MOST_CURVES]
    return {
        "curves": {name[:80]: _curve(run.grown.array(name, values)) for name, values in curves},
        "batch": thin(moments, losses),
        "setup": setup(config),
        "layers": [
            {"path": row.path, "text": row.layer, "parameters": row.parameters} for row in run.layers()[:MOST_LAYERS]
        ],
        **_findings(run),
    }


def _curve(values: Array) -> dict[str, list[float | None]]:
    return thin(np.arange(1, len(values) + 1), values)


def setup(config: Any) -> dict[str, str]:
    """How the run was set up, as short texts by name."""
    optimizer, schedule = config.get("optimizer"), config.get("schedule")
    found = {
        "data": config.get("data"),
        "loss": config.get("loss"),
        "optimizer": optimizer.get("name") if isinstance(optimizer, dict) else None,
        "learning rate": optimizer.get("lr") if isinstance(optimizer, dict) else None,
        "schedule": schedule.get("name") if isinstance(schedule, dict) else None,
        "batch size": config.get("batch_size"),
        "seed": config.get("seed"),
    }
    return {name: str(value)[:80] for name, value in found.items() if value is not None}


def _findings(run: SeenRun) -> dict[str, Any]:
    try:
        return {"findings": run.findings()}
    except GlassnetError as error:  # the curves are to be seen all the same
        return {"findings": [], "findings_error": str(error)}

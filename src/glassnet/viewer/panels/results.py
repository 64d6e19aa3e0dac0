"""The panel of data and results: what the network does with the rows of a split, and where it is wrong."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.viewer.moments import Kept
from glassnet.viewer.query import Query
from glassnet.viewer.results import boundary, embedding, language
from glassnet.viewer.results.outcome import outcome
from glassnet.viewer.seen import SeenRun

#: Rows that are evaluated at most, and beside a training that goes on.
MOST_ROWS, MOST_BESIDE = 10_000, 1_000
#: Cells with mistakes whose examples a report holds.
REPORTED = 40
#: No training keeps more moments.
MOST_MOMENTS = 1000
PARTS = ("overview", "cell", "boundary", "embedding", "samples", "score")

_kept = Kept()


def data(run: SeenRun, query: Query) -> dict[str, Any]:
    """The scores of a split with its worst mistakes; with another part, one of the other pictures."""
    part = query.choice("part", PARTS, PARTS[0])
    if part == "boundary":
        if "moment" in query.values:
            return boundary.picture(run, query.whole("moment", 0, MOST_MOMENTS, 0))
        return _kept.get(run, part, lambda: boundary.data(run))
    if part == "embedding":
        return _kept.get(run, part, lambda: embedding.data(run))
    if part in ("samples", "score"):
        return (language.samples if part == "samples" else language.score)(run, query)
    return _outcome(run, query, part)


def queries(run: SeenRun) -> list[dict[str, str]]:
    """What a report holds: the usual split, with the examples of the cells that have the most mistakes."""
    overview = data(run, Query())
    found: list[dict[str, str]] = [{}, *({"part": part} for part in overview["parts"])]
    if "boundary" in overview["parts"]:
        known = len(data(run, Query({"part": "boundary"}))["moments"])
        found += [{"part": "boundary", "moment": str(number)} for number in range(known)]
    if "confusion" in overview:
        counts, numbers = np.array(overview["confusion"]), overview["numbers"]
        np.fill_diagonal(counts, 0)
        order = np.argsort(-counts, axis=None, kind="stable")[:REPORTED]
        cells = [divmod(place, len(counts)) for place in order.tolist()]
        found += [
            {"part": "cell", "true": str(numbers[i]), "predicted": str(numbers[j])} for i, j in cells if counts[i, j]
        ]
    return found


def _outcome(run: SeenRun, query: Query, part: str) -> dict[str, Any]:
    dataset, running = run.dataset(), run.state() == "running"
    usual = ("val", "test", "train") if running else ("test", "val", "train")  # what is tested is not looked at before
    name = query.choice("split", tuple(dataset.splits), next(name for name in usual if name in dataset.splits))
    most = MOST_BESIDE if running else MOST_ROWS
    # The cells belong to the matrix that the page shows.
    found = _kept.get(
        run, f"outcome {name}", lambda: outcome(run.network(), dataset, name, most), also_older=part == "cell"
    )
    if part == "cell":
        return found.cell(query.whole("true", 0, 10**9, 0), query.whole("predicted", 0, 10**9, 0))
    layers = embedding.exists(run.network(), dataset)
    return {
        **found.overview(),
        "total": run.sizes()[name],
        "parts": [
            *(["boundary"] if boundary.exists(dataset) else []),
            *(["embedding"] if layers else []),
            *(["samples"] if dataset.vocabulary is not None else []),
        ],
    }

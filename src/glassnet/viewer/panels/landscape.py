"""The panel of the landscape: the loss along a line and on a plane through weights of the training, the way that the
training took there, and the learning-rate finder.

All losses are of the same rows of the training split. How much is computed is bounded by the size of the network; a
plane comes in levels, each of which halves the distance between its points and keeps those that are known.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.api import lr_find
from glassnet.data.batches import batches
from glassnet.data.dataset import Split
from glassnet.engine.errors import ConfigError
from glassnet.engine.random import undisturbed
from glassnet.nn.module import Module
from glassnet.plots.training import sweep_range
from glassnet.recipe.parts import loss_for, network, optimizer_for
from glassnet.recipe.recipe import Recipe
from glassnet.train.blas import one_blas_thread
from glassnet.train.landscape import Surface, Weights, between, plane_around, plane_through
from glassnet.train.loop import cast
from glassnet.train.metrics import loss_of_task
from glassnet.viewer.moments import Kept, moments
from glassnet.viewer.query import Query
from glassnet.viewer.seen import SeenRun

#: Points along each side of a plane, level by level, and along a line.
SIDES, LINE = (9, 17, 33), 41
#: Multiplications that a plane may take, about, and rows that the loss is a mean of.
WORK, FEWEST_ROWS, MOST_ROWS = 2e10, 64, 512
#: Steps of the learning-rate finder, and the multiplications that they may take.
SWEEP, SWEEP_WORK = 150, 5e10
PATH, AROUND = KINDS = ("path", "around")
PARTS = ("overview", "line", "plane", "rates")

_kept = Kept()


def data(run: SeenRun, query: Query) -> dict[str, Any]:
    """What can be drawn; with part=line, plane or rates, one of the pictures."""
    with one_blas_thread():
        return _part(run, query, query.choice("part", PARTS, PARTS[0]))


def _part(run: SeenRun, query: Query, part: str) -> dict[str, Any]:
    if part == "rates":
        return _kept.get(run, "rates", lambda: rates(run), also_older=True)
    if part == "plane":
        kind, level = query.choice("kind", KINDS, AROUND), query.whole("level", 0, len(SIDES) - 1, 0)
        # A picture that gets finer stays one of the same moment, also while the training goes on.
        return _kept.get(run, kind, lambda: PlaneSurvey(run, kind), also_older=level > 0).level(level)
    survey = _kept.get(run, "line", lambda: Survey(run), also_older=part == "line")
    if part == "overview":
        return survey.overview()
    last = len(survey.moments) - 1
    return survey.line(query.whole("from", 0, last, 0), query.whole("to", 0, last, last))


def queries(run: SeenRun) -> list[dict[str, str]]:
    """What a report holds: everything, each plane at its finest."""
    found = data(run, Query())
    kinds = [kind for kind in KINDS if kind in found["planes"]]
    planes = [{"part": "plane", "kind": kind, "level": str(found["levels"] - 1)} for kind in kinds]
    return [{}, {"part": "line"}, *planes, *([{"part": "rates"}] if found["rates"] else [])]


class Survey:
    """The weights of a run at its moments, and the loss as a function of weights.

    Raises GlassnetErrors where the data or the loss of the run is not known.
    """

    def __init__(self, run: SeenRun) -> None:
        self.net, dataset = run.network(), run.dataset()
        self.moments = moments(run, self.net)
        self.parameters = sum(parameter.data.size for parameter in self.net.parameters())
        affordable = [side for side in SIDES if side**2 * FEWEST_ROWS * self.parameters <= WORK]
        self.levels = max(1, len(affordable))
        points = SIDES[self.levels - 1] ** 2
        affordable_rows = int(np.clip(WORK / (points * max(1, self.parameters)), FEWEST_ROWS, MOST_ROWS))
        self.rows = min(affordable_rows, len(dataset.train))
        self.has_rates = "recipe" in run.config()
        self.surfaces = {
            name: Surface(self.net, _some_rows(self.net, split, self.rows), loss_of_task(self.net, "the landscape"))
            for name, split in (("training", dataset.train), ("validation", dataset.val))
            if split is not None
        }
        names = [name for name, _ in self.net.named_parameters()]
        self.path: list[Weights] = [{name: one.weights[name] for name in names} for one in self.moments]

    def overview(self) -> dict[str, Any]:
        """What there is to draw."""
        return {
            "moments": [moment.name for moment in self.moments],
            "parameters": self.parameters,
            "rows": self.rows,
            "levels": self.levels,
            "rates": self.has_rates,
            "planes": list(KINDS) if len(self.path) > 2 else [AROUND],
        }

    def line(self, first: int, last: int) -> dict[str, Any]:
        """The loss along the line from one moment to another, and half as far beyond."""
        shares = np.linspace(-0.5, 1.5, LINE).tolist()
        points = [between(self.path[first], self.path[last], share) for share in shares]
        return {
            "x": shares,
            "from": self.moments[first].name,
            "to": self.moments[last].name,
            "lines": {name: [surface(point) for point in points] for name, surface in self.surfaces.items()},
            "rows": self.rows,
        }


class PlaneSurvey(Survey):
    """The loss on a plane: PATH is laid through the moments of the training, AROUND about the weights of now."""

    def __init__(self, run: SeenRun, kind: str) -> None:
        super().__init__(run)
        self.plane = plane_through(self.path) if kind == PATH else plane_around(self.net)
        first = 0 if kind == PATH else len(self.path) - 1  # only the last one lies in a plane of random directions
        shadows = [self.plane.shadow(weights) for weights in self.path[first:]]
        losses = [self.surfaces["training"](weights) for weights in self.path[first:]]
        self.way = [
            {"name": moment.name, "x": x, "y": y, "loss": loss}
            for moment, (x, y), loss in zip(self.moments[first:], shadows, losses, strict=True)
        ]
        bounds = [(_around(column) if kind == PATH else (-1.0, 1.0)) for column in zip(*shadows, strict=True)]
        self.across, self.up = (np.linspace(low, high, SIDES[self.levels - 1]).tolist() for low, high in bounds)
        self._known: dict[tuple[int, int], float] = {}

    def level(self, level: int) -> dict[str, Any]:
        """The loss on the plane at one of its levels, and the way of the training in it."""
        sides = len(self.across) - 1
        places = range(0, sides + 1, sides // (SIDES[min(level, self.levels - 1)] - 1))
        return {
            "x": [self.across[i] for i in places],
            "y": [self.up[j] for j in places],
            "z": [[self._loss(i, j) for i in places] for j in places],
            "way": self.way,
            "shares": list(self.plane.shares),
            "rows": self.rows,
        }

    def _loss(self, i: int, j: int) -> float:
        if (i, j) not in self._known:
            self._known[i, j] = self.surfaces["training"](self.plane.at(self.across[i], self.up[j]))
        return self._known[i, j]


def rates(run: SeenRun) -> dict[str, Any]:
    """The sweep of the learning-rate finder from the first weights of the run. Raises ConfigError for a run that the
    command did not make, and for a network that is too large to be trained beside the page.
    """
    config, dataset = run.config(), run.dataset()
    if "recipe" not in config:
        raise ConfigError("the learning-rate finder needs a run of the command; in a program, use glassnet.lr_find.")
    recipe = Recipe.from_config(config)
    with undisturbed():
        net = network(recipe, dataset)
    work = SWEEP * 3 * recipe.batch_size * sum(parameter.data.size for parameter in net.parameters())
    if work > SWEEP_WORK:
        raise ConfigError("this network is too large to be trained here for a sweep. Use `glassnet lr-find`.")
    found = lr_find(
        net,
        dataset,
        loss=loss_for(recipe, dataset),
        optimizer=optimizer_for(recipe, net),
        steps=SWEEP,
        batch_size=recipe.batch_size,
        seed=recipe.seed,
    )
    return {
        "x": found.lrs,
        "losses": found.losses,
        "smoothed": found.smoothed,
        "suggestion": found.suggestion,
        "used": recipe.learning_rate,
        "diverged": found.diverged,
        "range": sweep_range(found.smoothed),
    }


def _some_rows(net: Module, split: Split, count: int) -> Split:
    """The same rows each time, drawn once for all."""
    x, y = batches(cast(split, net.dtype), min(count, len(split)), seed=0)[0]
    return Split(x.data, y.data)


def _around(places: tuple[float, ...]) -> tuple[float, float]:
    """Where one side of a plane begins and ends, so that these places are well inside."""
    low, high = min(places), max(places)
    margin = 0.3 * (high - low) or 1.0
    return low - margin, high + margin

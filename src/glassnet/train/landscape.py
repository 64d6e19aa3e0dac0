"""The landscape of the loss: what it is along lines and on planes through the weights of a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from glassnet.data.dataset import Split
from glassnet.engine.errors import ConfigError
from glassnet.engine.namespace import Array
from glassnet.engine.random import seeded
from glassnet.engine.tensor import Tensor
from glassnet.nn.embedding import Embedding
from glassnet.nn.module import Module
from glassnet.nn.norm import BatchNorm1d
from glassnet.nn.predict import evaluating
from glassnet.plots import principal_components
from glassnet.train.evaluate import Loss, modules_of

#: Parameters by path; also a direction in their space.
Weights = Mapping[str, Array]


@dataclass(frozen=True)
class Plane:
    """The points ``centre + a * across + b * up``: parameters by path, float64.

    shares: which part of the differences that it was laid through each direction shows, if it was laid through any.
    """

    centre: Weights
    across: Weights
    up: Weights
    shares: tuple[float, ...] = ()

    def at(self, a: float, b: float) -> dict[str, Array]:
        """The parameters at a point of the plane."""
        return {name: self.centre[name] + a * self.across[name] + b * self.up[name] for name in self.centre}

    def shadow(self, weights: Weights) -> tuple[float, float]:
        """The point (a, b) of the plane that is nearest to some parameters."""
        directions = np.stack([flat(self.across), flat(self.up)], 1)
        found = np.linalg.lstsq(directions, flat(weights) - flat(self.centre), rcond=None)[0]
        return float(found[0]), float(found[1])


class Surface:
    """The loss of a network as a function of its parameters, on the same rows each time, which are one batch.

    net: the caller's own copy, whose parameters are replaced again and again. Layers are in evaluation mode, but for
    BatchNorm, which normalises with these rows: its running statistics belong to other weights.
    """

    def __init__(self, net: Module, rows: Split, loss: Loss) -> None:
        self.net, self.loss = net, loss
        self.x, self.y = Tensor(rows.x), Tensor(rows.y)
        self._parameters = dict(net.named_parameters())
        self._norms = [module for module in net.modules() if isinstance(module, BatchNorm1d)]

    def __call__(self, weights: Weights) -> float:
        """The loss with these parameters by path; NaN or infinity where it is none."""
        for name, parameter in self._parameters.items():
            parameter.data = np.asarray(weights[name]).astype(parameter.dtype)
        with evaluating(*modules_of(self.net, self.loss)), np.errstate(all="ignore"):
            for module in self._norms:
                module.training = True
            value: float = self.loss(self.net(self.x), self.y).item()
        return value


def flat(weights: Weights) -> Array:
    """All numbers in a row, float64."""
    return np.concatenate([np.asarray(array, np.float64).ravel() for array in weights.values()])


def parameters_of(net: Module) -> dict[str, Array]:
    """The parameters of now by path, as they are: nothing is copied, since updates make new arrays."""
    return {name: parameter.data for name, parameter in net.named_parameters()}


def random_direction(net: Module, seed: int, number: int) -> dict[str, Array]:
    """A direction drawn at random and normalised filter by filter: the numbers that lead into one unit have the norm of
    its weights, so that the landscapes of networks can be compared (Li et al., Visualizing the loss landscape of neural
    nets, 2018). The rows of an embedding are filters, too. Biases and scales, which have one axis, stay.

    number: tells the directions of a seed apart.
    """
    random = seeded(seed, number)
    tables = {id(module.weight) for module in net.modules() if isinstance(module, Embedding)}
    found = {}
    for name, parameter in net.named_parameters():
        weight = parameter.data.astype(np.float64)
        drawn = random.standard_normal(weight.shape)
        if weight.ndim < 2:
            found[name] = np.zeros(weight.shape)
            continue
        axes = (1,) if id(parameter) in tables else tuple(range(weight.ndim - 1))  # weights are stored (..., in, out)
        norms = [np.sqrt((array**2).sum(axes, keepdims=True)) for array in (weight, drawn)]
        found[name] = drawn * norms[0] / np.maximum(norms[1], np.finfo(float).tiny)
    return found


def plane_around(net: Module, seed: int = 0) -> Plane:
    """The plane through the weights of a network along two random directions, see ``random_direction``."""
    centre = {name: np.asarray(array, np.float64) for name, array in parameters_of(net).items()}
    return Plane(centre, random_direction(net, seed, 0), random_direction(net, seed, 1))


def plane_through(points: Sequence[Weights]) -> Plane:
    """The plane that comes nearest to some points of a training: through their mean, along their two principal
    components, directions of length 1. Raises ConfigError for less than three points.
    """
    if len(points) < 3:
        raise ConfigError(f"a plane goes through at least three states of a training, and {len(points)} are kept.")
    rows = np.stack([flat(point) for point in points])
    coordinates, shares = principal_components(rows, 2)
    centre = rows.mean(0)
    directions = []
    for column in coordinates.T:  # of the rows: centred.T @ column is the direction times the column's squared norm
        along = (rows - centre).T @ column
        directions.append(_shaped(along / max(float(np.linalg.norm(along)), np.finfo(float).tiny), points[0]))
    return Plane(_shaped(centre, points[0]), directions[0], directions[1], tuple(float(share) for share in shares))


def between(first: Weights, second: Weights, share: float) -> dict[str, Array]:
    """The parameters at a share of the way from the first to the second: below 0 and above 1 are beyond them
    (Goodfellow et al., Qualitatively characterizing neural network optimization problems, 2015).
    """
    return {name: (1 - share) * first[name].astype(np.float64) + share * second[name] for name in first}


def _shaped(row: Array, like: Weights) -> dict[str, Array]:
    ends = np.cumsum([np.size(array) for array in like.values()])[:-1]
    parts = np.split(row, ends)
    return {name: part.reshape(np.shape(array)) for (name, array), part in zip(like.items(), parts, strict=True)}

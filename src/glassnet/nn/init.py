"""Initial values of weights, drawn so that activations and gradients keep their size from layer to layer.

The functions end in _ as in PyTorch: they change the parameter that they are given. Weights are (in, out), so fan_in
is the first axis and fan_out the last. Without a ``generator`` the one that ``glassnet.manual_seed`` starts is used.
"""

from __future__ import annotations

import math

import numpy as np

from glassnet.engine import random
from glassnet.engine.errors import ConfigError, ShapeError
from glassnet.engine.namespace import Array
from glassnet.engine.tensor import Tensor

#: How much an activation shrinks the size (root mean square) of what passes through it; weights make up for it.
GAINS = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5.0 / 3.0, "relu": math.sqrt(2.0)}


def calculate_gain(nonlinearity: str) -> float:
    """The recommended gain: 1 for linear and sigmoid, 5/3 for tanh, sqrt(2) for relu.

    Raises ConfigError for another name.
    """
    if nonlinearity not in GAINS:
        raise ConfigError(f"there is no gain for {nonlinearity!r}; expected one of {', '.join(GAINS)}.")
    return GAINS[nonlinearity]


def normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: np.random.Generator | None = None
) -> Tensor:
    """Normal distribution with the given mean and standard deviation."""
    draws = (generator or random.generator()).standard_normal(tensor.shape)
    return _fill(tensor, mean + std * draws)


def uniform_(
    tensor: Tensor, low: float = 0.0, high: float = 1.0, generator: np.random.Generator | None = None
) -> Tensor:
    """Uniform distribution over [low, high)."""
    return _fill(tensor, (generator or random.generator()).uniform(low, high, tensor.shape))


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: np.random.Generator | None = None) -> Tensor:
    """Standard deviation gain * sqrt(2 / (fan_in + fan_out)) (Glorot and Bengio, 2010)."""
    fan_in, fan_out = _fans(tensor)
    return normal_(tensor, std=gain * math.sqrt(2.0 / (fan_in + fan_out)), generator=generator)


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: np.random.Generator | None = None) -> Tensor:
    """Uniform over +- gain * sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio, 2010)."""
    fan_in, fan_out = _fans(tensor)
    bound = gain * math.sqrt(6.0 / (fan_in + fan_out))
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor, nonlinearity: str = "relu", mode: str = "fan_in", generator: np.random.Generator | None = None
) -> Tensor:
    """Standard deviation gain / sqrt(fan) (He et al., 2015, https://arxiv.org/abs/1502.01852).

    ``mode`` "fan_in" keeps the size of the activations, "fan_out" that of the gradients.
    """
    return normal_(tensor, std=calculate_gain(nonlinearity) / math.sqrt(_fan(tensor, mode)), generator=generator)


def kaiming_uniform_(
    tensor: Tensor, nonlinearity: str = "relu", mode: str = "fan_in", generator: np.random.Generator | None = None
) -> Tensor:
    """Uniform over +- gain * sqrt(3 / fan): the same standard deviation as ``kaiming_normal_``."""
    bound = calculate_gain(nonlinearity) * math.sqrt(3.0 / _fan(tensor, mode))
    return uniform_(tensor, -bound, bound, generator)


def _fans(tensor: Tensor) -> tuple[int, int]:
    if tensor.ndim != 2:
        raise ShapeError(f"fan_in and fan_out need weights of shape (in, out), got {tensor.shape}.")
    return tensor.shape[0], tensor.shape[1]


def _fan(tensor: Tensor, mode: str) -> int:
    if mode not in ("fan_in", "fan_out"):
        raise ConfigError(f"mode must be 'fan_in' or 'fan_out', got {mode!r}.")
    return _fans(tensor)[mode == "fan_out"]


def _fill(tensor: Tensor, values: Array) -> Tensor:
    tensor.data = values.astype(tensor.dtype)
    return tensor

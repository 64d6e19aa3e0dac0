"""Initial values of weights, drawn so that activations and gradients keep their size from layer to layer.

The functions end in _ as in PyTorch: they change the parameter that they are given. Weights are (in, out), those of a
convolution (*kernel, in, out). Without a ``generator`` the one that ``glassnet.manual_seed`` starts is used.
"""

from __future__ import annotations

import math

import numpy as np

from glassnet.engine import random
from glassnet.engine.errors import ConfigError, ShapeError
from glassnet.engine.namespace import Array
from glassnet.engine.tensor import Tensor

#: How much an activation shrinks the size (root mean square) of what passes through it; weights make up for it.
#: tanh and relu as in PyTorch; elu, gelu, silu and softplus by He's criterion, 1 / sqrt(E[f(z) ** 2]) for a standard
#: normal z, which gives relu its sqrt(2). leaky_relu is that of the slope 0.01.
GAINS = {
    "linear": 1.0,
    "sigmoid": 1.0,
    "tanh": 5.0 / 3.0,
    "relu": math.sqrt(2.0),
    "leaky_relu": math.sqrt(2.0 / (1 + 0.01**2)),
    "elu": 1.2452,
    "gelu": 1.5335,
    "silu": 1.6765,
    "softplus": 1.0419,
}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The recommended gain: 1 for linear and sigmoid, 5/3 for tanh, sqrt(2) for relu, and so on (``GAINS``).

    ``param`` is the negative slope of leaky_relu: sqrt(2 / (1 + slope ** 2)). Raises ConfigError for another name.
    """
    if nonlinearity not in GAINS:
        raise ConfigError(f"there is no gain for {nonlinearity!r}; expected one of {', '.join(GAINS)}.")
    if param is None:
        return GAINS[nonlinearity]
    if nonlinearity != "leaky_relu":
        raise ConfigError(f"the gain of {nonlinearity!r} has no parameter, got {param!r}.")
    return math.sqrt(2.0 / (1 + param**2))


def normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: np.random.Generator | None = None
) -> Tensor:
    """Normal distribution with the given mean and standard deviation."""
    draws = (generator or random.generator()).standard_normal(tensor.shape)
    return _fill(tensor, mean + std * draws)


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: np.random.Generator | None = None) -> Tensor:
    """Uniform distribution over [a, b)."""
    return _fill(tensor, (generator or random.generator()).uniform(a, b, tensor.shape))


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Every element ``val``."""
    return _fill(tensor, np.full(tensor.shape, val))


def zeros_(tensor: Tensor) -> Tensor:
    """Every element 0; for biases. Weights that are all equal stay equal: such units never learn different things."""
    return constant_(tensor, 0.0)


def ones_(tensor: Tensor) -> Tensor:
    """Every element 1."""
    return constant_(tensor, 1.0)


def orthogonal_(tensor: Tensor, gain: float = 1.0, generator: np.random.Generator | None = None) -> Tensor:
    """Columns or rows, whichever are fewer, that are orthogonal and of length ``gain``: a product with it keeps
    lengths (Saxe et al., 2014, https://arxiv.org/abs/1312.6120). The matrix is (product of the axes before, out).
    """
    if tensor.ndim < 2:
        raise ShapeError(f"orthogonal_ needs weights of shape (..., in, out), got {tensor.shape}.")
    rows, columns = math.prod(tensor.shape[:-1]), tensor.shape[-1]
    draws = (generator or random.generator()).standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(draws)
    q *= np.sign(np.diag(r))  # without it the signs, and so the distribution, would be the algorithm's choice
    return _fill(tensor, gain * (q if rows >= columns else q.T).reshape(tensor.shape))


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: np.random.Generator | None = None) -> Tensor:
    """Standard deviation gain * sqrt(2 / (fan_in + fan_out)) (Glorot and Bengio, 2010)."""
    fan_in, fan_out = fans(tensor)
    return normal_(tensor, std=gain * math.sqrt(2.0 / (fan_in + fan_out)), generator=generator)


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: np.random.Generator | None = None) -> Tensor:
    """Uniform over +- gain * sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio, 2010)."""
    fan_in, fan_out = fans(tensor)
    bound = gain * math.sqrt(6.0 / (fan_in + fan_out))
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: np.random.Generator | None = None,
) -> Tensor:
    """Standard deviation gain / sqrt(fan) (He et al., 2015, https://arxiv.org/abs/1502.01852).

    ``mode`` "fan_in" keeps the size of the activations, "fan_out" that of the gradients. ``a`` is the negative slope
    of leaky_relu; 0, the default, is relu.
    """
    return normal_(tensor, std=_kaiming_std(tensor, a, mode, nonlinearity), generator=generator)


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: np.random.Generator | None = None,
) -> Tensor:
    """Uniform over +- gain * sqrt(3 / fan): the same standard deviation as ``kaiming_normal_``."""
    bound = math.sqrt(3.0) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def fans(tensor: Tensor) -> tuple[int, int]:
    """fan_in and fan_out: how many inputs an output is summed from, and how many outputs an input goes to."""
    if tensor.ndim < 2:
        raise ShapeError(f"fan_in and fan_out need weights of shape (..., in, out), got {tensor.shape}.")
    *kernel, inputs, outputs = tensor.shape
    return math.prod(kernel) * inputs, math.prod(kernel) * outputs


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise ConfigError(f"mode must be 'fan_in' or 'fan_out', got {mode!r}.")
    gain = calculate_gain(nonlinearity, a if nonlinearity == "leaky_relu" else None)
    return gain / math.sqrt(fans(tensor)[mode == "fan_out"])


def _fill(tensor: Tensor, values: Array) -> Tensor:
    tensor.data = values.astype(tensor.dtype)
    return tensor

"""Activation functions as layers: element by element, except Softmax and LogSoftmax."""

from __future__ import annotations

from glassnet.engine.options import number_option
from glassnet.engine.tensor import Tensor
from glassnet.nn import functional
from glassnet.nn.init import calculate_gain
from glassnet.nn.module import Module


class Activation(Module):
    """Base of the element-wise activations; the weights before one are drawn for its gain."""

    #: The name that ``init.calculate_gain`` knows.
    nonlinearity = ""

    def gain(self) -> float:
        """By how much larger the weights before it are drawn."""
        return calculate_gain(self.nonlinearity)


class ReLU(Activation):
    """max(x, 0)."""

    nonlinearity = "relu"

    def forward(self, x: Tensor) -> Tensor:
        """Same shape as x."""
        return functional.relu(x)


class LeakyReLU(Activation):
    """x above 0, negative_slope * x below: no unit dies."""

    nonlinearity = "leaky_relu"

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = number_option("LeakyReLU negative_slope", negative_slope)

    def gain(self) -> float:
        """sqrt(2 / (1 + negative_slope ** 2))."""
        return calculate_gain("leaky_relu", self.negative_slope)

    def forward(self, x: Tensor) -> Tensor:
        """Same shape as x."""
        return functional.leaky_relu(x, self.negative_slope)


class ELU(Activation):
    """x above 0, alpha * (e ** x - 1) below."""

    nonlinearity = "elu"

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = number_option("ELU alpha", alpha, above=0)

    def forward(self, x: Tensor) -> Tensor:
        """Same shape as x."""
        return functional.elu(x, self.alpha)


class GELU(Activation):
    """x * P(X < x) for a standard normal X; the exact form, not the approximation by tanh."""

    nonlinearity = "gelu"

    def forward(self, x: Tensor) -> Tensor:
        """Same shape as x."""
        return functional.gelu(x)


class SiLU(Activation):
    """x * sigmoid(x), also called swish."""

    nonlinearity = "silu"

    def forward(self, x: Tensor) -> Tensor:
        """Same shape as x."""
        return functional.silu(x)


class Softplus(Activation):
    """log(1 + e ** x): a smooth relu, always positive."""

    nonlinearity = "softplus"

    def forward(self, x: Tensor) -> Tensor:
        """Same shape as x."""
        return functional.softplus(x)


class Tanh(Activation):
    """tanh(x), range (-1, 1)."""

    nonlinearity = "tanh"

    def forward(self, x: Tensor) -> Tensor:
        """Same shape as x."""
        return functional.tanh(x)


class Sigmoid(Activation):
    """1 / (1 + e ** -x), range (0, 1)."""

    nonlinearity = "sigmoid"

    def forward(self, x: Tensor) -> Tensor:
        """Same shape as x."""
        return functional.sigmoid(x)


class Softmax(Module):
    """exp(x) / sum(exp(x)) along an axis. CrossEntropyLoss takes logits: leave Softmax out of what it trains."""

    def __init__(self, dim: int = -1) -> None:
        self.dim = dim

    def forward(self, x: Tensor) -> Tensor:
        """Same shape as x, positive, sums to 1 along the axis."""
        return functional.softmax(x, self.dim)


class LogSoftmax(Module):
    """log(softmax(x)) along an axis; what NLLLoss takes."""

    def __init__(self, dim: int = -1) -> None:
        self.dim = dim

    def forward(self, x: Tensor) -> Tensor:
        """Same shape as x, at most 0."""
        return functional.log_softmax(x, self.dim)

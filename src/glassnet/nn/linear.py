"""Linear: the layer of weights and biases."""

from __future__ import annotations

import numpy as np

from glassnet.engine.convert import FLOAT
from glassnet.engine.errors import ShapeError
from glassnet.engine.options import integer_option
from glassnet.engine.tensor import Tensor
from glassnet.nn import functional
from glassnet.nn.module import Parameter
from glassnet.nn.projection import Projection


class Linear(Projection):
    """x @ weight + bias, from (..., in_features) to (..., out_features).

    weight: (in_features, out_features), normal with standard deviation gain / sqrt(in_features), where the gain is
        that of the activation that follows in a Sequential, or of the one that ``nonlinearity`` names
        (see ``nn.projection``).
    bias: (out_features,), zeros; ``bias=False`` leaves it out, as before a BatchNorm, which would subtract it.

    >>> layer = nn.Linear(3, 2)
    >>> layer(np.zeros((5, 3))).shape
    (5, 2)
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, *, nonlinearity: str | None = None
    ) -> None:
        self.in_features = integer_option("Linear in_features", in_features, 1)
        self.out_features = integer_option("Linear out_features", out_features, 1)
        self.draw_weight((in_features, out_features), nonlinearity)
        self.bias = Parameter(np.zeros(out_features, FLOAT)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """(..., in_features) -> (..., out_features)."""
        if not x.shape or x.shape[-1] != self.in_features:
            raise ShapeError(f"expected inputs with {self.in_features} features, got shape {x.shape}. {self._hint(x)}")
        return functional.linear(x, self.weight, self.bias)

    def _hint(self, x: Tensor) -> str:
        if x.ndim > 2 and x.size == x.shape[0] * self.in_features:
            return "Put a Flatten() before it."
        if not x.shape:
            return "Give it a row of numbers."
        return f"Is the layer before it {x.shape[-1]} wide? Use Linear({x.shape[-1]}, {self.out_features})."

    def config(self) -> dict[str, object]:
        """The arguments that make an equal layer."""
        return {
            "in_features": self.in_features,
            "out_features": self.out_features,
            "bias": self.bias is not None,
            "nonlinearity": self.nonlinearity,
        }

    def extra_repr(self) -> str:
        """Width in and out."""
        return f"{self.in_features} -> {self.out_features}{'' if self.bias is not None else ', no bias'}"

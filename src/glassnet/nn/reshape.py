"""Layers that change the shape, or nothing at all."""

from __future__ import annotations

from collections.abc import Sequence

from glassnet.engine.errors import ShapeError
from glassnet.engine.options import integer_option
from glassnet.engine.tensor import Tensor
from glassnet.nn.module import Module


class Identity(Module):
    """What comes in goes out: in the place of a layer that is left out."""

    def forward(self, x: Tensor) -> Tensor:
        """x itself."""
        return x


class Flatten(Module):
    """The axes from ``start_dim`` to ``end_dim`` (inclusive) joined into one: (N, 28, 28) becomes (N, 784)."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, x: Tensor) -> Tensor:
        """(N, ...) -> (N, product of the other axes) with the defaults."""
        return x.flatten(self.start_dim, self.end_dim)


class Unflatten(Module):
    """One axis divided into several: with ``dim=1`` and ``(28, 28, 1)``, (N, 784) becomes (N, 28, 28, 1)."""

    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        self.dim = dim
        self.unflattened_size = [integer_option("Unflatten size", size, 1) for size in unflattened_size]

    def forward(self, x: Tensor) -> Tensor:
        """(..., product of the sizes, ...) -> (..., *sizes, ...)."""
        axis = self.dim % max(x.ndim, 1)
        return x.reshape(*x.shape[:axis], *self.unflattened_size, *x.shape[axis + 1 :])

    def extra_repr(self) -> str:
        """The sizes."""
        return f"{tuple(self.unflattened_size)}"


class FlattenConsecutive(Module):
    """The features of each ``n`` positions in a row joined: (N, T, C) becomes (N, T / n, n * C).

    If one position is left, its axis goes: (N, n, C) becomes (N, n * C). Stacked with linear layers between, it fuses
    a context pair by pair, as a WaveNet does (van den Oord et al., 2016, https://arxiv.org/abs/1609.03499).

    >>> nn.FlattenConsecutive(2)(np.zeros((4, 8, 10))).shape  # 8 characters become 4 pairs
    (4, 4, 20)
    """

    def __init__(self, n: int) -> None:
        self.n = integer_option("FlattenConsecutive n", n, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, T, C) -> (N, T / n, n * C), or (N, n * C) if T = n."""
        if x.ndim != 3 or x.shape[1] % self.n:
            raise ShapeError(
                f"expected inputs (N, T, C) with T a multiple of {self.n}, got shape {x.shape}. "
                f"Choose a context that is a multiple of {self.n}."
            )
        rows, positions, channels = x.shape
        joined = x.reshape(rows, positions // self.n, self.n * channels)
        return joined.squeeze(1) if positions == self.n else joined

    def extra_repr(self) -> str:
        """How many positions are joined."""
        return f"{self.n}"

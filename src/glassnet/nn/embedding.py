"""Indices as vectors: Embedding, a table with a row of numbers for each, and OneHot, a 1 in its place; JoinIndices
makes one index of several.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.engine.checks import check_indices
from glassnet.engine.convert import FLOAT, as_array
from glassnet.engine.errors import ShapeError
from glassnet.engine.options import integer_option
from glassnet.engine.tensor import Tensor
from glassnet.nn import functional, init
from glassnet.nn.module import Module, Parameter


class Embedding(Module):
    """Row ``weight[i]`` for each index i: from (...) whole numbers to (..., embedding_dim).

    weight: (num_embeddings, embedding_dim), drawn from the standard normal distribution.

    >>> nn.Embedding(27, 10)([[0, 5, 13], [5, 13, 1]]).shape  # two contexts of three characters
    (2, 3, 10)
    """

    takes_indices = True

    def __init__(self, num_embeddings: int, embedding_dim: int) -> None:
        self.num_embeddings = integer_option("Embedding num_embeddings", num_embeddings, 1)
        self.embedding_dim = integer_option("Embedding embedding_dim", embedding_dim, 1)
        self.weight = Parameter(np.zeros((num_embeddings, embedding_dim), FLOAT))
        init.normal_(self.weight)

    @classmethod
    def from_pretrained(cls, embeddings: Any, freeze: bool = True) -> Embedding:
        """The layer with this table, (num_embeddings, embedding_dim), of which nothing is drawn; with ``freeze`` it is
        not trained.

        >>> nn.Embedding.from_pretrained(np.eye(3, dtype=np.float32))([2, 0]).numpy()
        array([[0., 0., 1.],
               [1., 0., 0.]], dtype=float32)
        """
        table = as_array(embeddings)
        if table.ndim != 2 or not table.size or table.dtype.kind != "f":
            raise ShapeError(
                f"Embedding.from_pretrained() takes a table of numbers (num_embeddings, embedding_dim), got "
                f"{table.dtype} of shape {table.shape}."
            )
        layer = cls.__new__(cls)
        layer.num_embeddings, layer.embedding_dim = table.shape
        layer.weight = Parameter(table, requires_grad=not freeze)
        return layer

    def forward(self, indices: Tensor) -> Tensor:
        """(...) -> (..., embedding_dim). Raises DataError for an index that has no row."""
        return functional.embedding(indices, self.weight)

    def extra_repr(self) -> str:
        """Rows and width of the table."""
        return f"{self.num_embeddings} -> {self.embedding_dim}"


class OneHot(Module):
    """A row of zeros with a 1 at the index: from (...) whole numbers to (..., num_classes).

    ``OneHot(n)`` followed by a Linear without bias computes what an Embedding looks up.
    """

    takes_indices = True

    def __init__(self, num_classes: int) -> None:
        self.num_classes = integer_option("OneHot num_classes", num_classes, 1)

    def forward(self, indices: Tensor) -> Tensor:
        """(...) -> (..., num_classes). Raises DataError for an index that has no place."""
        return functional.one_hot(indices, self.num_classes)

    def extra_repr(self) -> str:
        """The number of classes."""
        return f"{self.num_classes}"


class JoinIndices(Module):
    """Several indices as one: from (..., T) whole numbers to (...), read as the digits of a number in base num_classes.

    Before ``Embedding(num_classes ** T, ...)`` it gives each combination a row of its own, as in a table of n-grams.

    >>> nn.JoinIndices(27)([[0, 5], [1, 0]])
    tensor([ 5, 27])
    """

    takes_indices = True

    def __init__(self, num_classes: int) -> None:
        self.num_classes = integer_option("JoinIndices num_classes", num_classes, 1)

    def forward(self, indices: Tensor) -> Tensor:
        """(..., T) -> (...). Raises DataError for an index that is no digit."""
        check_indices(indices.data, self.num_classes, "indices")
        return (indices * self.num_classes ** np.arange(indices.shape[-1] - 1, -1, -1)).sum(-1)

    def extra_repr(self) -> str:
        """The base."""
        return f"{self.num_classes}"

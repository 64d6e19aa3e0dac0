"""Multi-layer perceptrons: linear layers with an activation between them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from glassnet.engine.errors import ConfigError
from glassnet.nn import (
    ELU,
    GELU,
    BatchNorm1d,
    Dropout,
    Embedding,
    Flatten,
    LeakyReLU,
    Linear,
    Module,
    ReLU,
    Sequential,
    Sigmoid,
    SiLU,
    Softplus,
    Tanh,
)

#: The activations that a builder takes by name.
ACTIVATIONS: dict[str, type[Module]] = {
    "relu": ReLU,
    "leaky_relu": LeakyReLU,
    "elu": ELU,
    "gelu": GELU,
    "silu": SiLU,
    "softplus": Softplus,
    "tanh": Tanh,
    "sigmoid": Sigmoid,
}


def check_activation(name: str) -> None:
    """Raise ConfigError for an activation that is not in ``ACTIVATIONS``."""
    if name not in ACTIVATIONS:
        raise ConfigError(f"there is no activation {name!r}; expected one of {', '.join(ACTIVATIONS)}.")


def hidden_layers(width_in: int, width_out: int, activation: str, batch_norm: bool, dropout: float) -> list[Module]:
    """A linear layer, (BatchNorm,) the activation (and Dropout). Raises ConfigError for an unknown activation."""
    check_activation(activation)
    # The mean that BatchNorm subtracts would take a bias with it.
    layers: list[Module] = [Linear(width_in, width_out, bias=not batch_norm)]
    layers += [BatchNorm1d(width_out)] if batch_norm else []
    layers.append(ACTIVATIONS[activation]())
    return layers + ([Dropout(dropout)] if dropout else [])


def mlp_layers(widths: Sequence[int], activation: str, batch_norm: bool, dropout: float) -> list[Module]:
    """Linear layers from width to width, each but the last followed by (BatchNorm,) the activation (and Dropout)."""
    check_activation(activation)  # also where no layer has one
    *hidden, last = pairwise(widths)
    layers = [layer for pair in hidden for layer in hidden_layers(*pair, activation, batch_norm, dropout)]
    return [*layers, Linear(*last)]


def mlp(
    in_features: int,
    hidden: Sequence[int],
    out_features: int,
    *,
    activation: str = "relu",
    batch_norm: bool = False,
    dropout: float = 0.0,
) -> Sequential:
    """A multi-layer perceptron from (N, in_features) to (N, out_features); ``mlp(784, [16, 16], 10)`` is the network
    of the digits. Raises ConfigError for an unknown activation (``ACTIVATIONS`` lists them).

    >>> gn.models.mlp(4, [8], 3, activation="tanh", batch_norm=True)
    Sequential(
      (0): Linear(4 -> 8, no bias)
      (1): BatchNorm1d(8)
      (2): Tanh()
      (3): Linear(8 -> 3)
    )
    """
    return Sequential(*mlp_layers([in_features, *hidden, out_features], activation, batch_norm, dropout))


def character_mlp(
    vocabulary_size: int,
    context: int,
    *,
    embedding_dim: int = 10,
    hidden: Sequence[int] = (200,),
    activation: str = "tanh",
    batch_norm: bool = True,
    dropout: float = 0.0,
) -> Sequential:
    """A language model that embeds the last ``context`` characters and predicts the next one with a perceptron
    (Bengio et al., A neural probabilistic language model, 2003).

    From (N, context) indices to the logits (N, vocabulary_size).
    """
    widths = [context * embedding_dim, *hidden, vocabulary_size]
    layers = mlp_layers(widths, activation, batch_norm, dropout)
    return Sequential(Embedding(vocabulary_size, embedding_dim), Flatten(), *layers)

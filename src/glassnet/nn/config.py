"""Networks as JSON: the layers by name, out of a closed list, with the arguments that made them."""

from __future__ import annotations

import math
from typing import Any

from glassnet.engine.errors import CheckpointError, ConfigError
from glassnet.nn import activation, conv, dropout, embedding, example_norm, linear, norm, pool, reshape
from glassnet.nn.container import Sequential
from glassnet.nn.module import Module

#: The layers that can be read from a file. Nothing else is ever constructed from one.
LAYERS: dict[str, type[Module]] = {
    layer.__name__: layer
    for layer in (
        *(linear.Linear, embedding.Embedding, embedding.OneHot, embedding.JoinIndices),
        *(conv.Conv1d, conv.Conv2d),
        *(pool.MaxPool1d, pool.MaxPool2d, pool.AvgPool1d, pool.AvgPool2d),
        *(norm.BatchNorm1d, norm.BatchNorm2d),
        *(example_norm.LayerNorm, example_norm.GroupNorm, example_norm.InstanceNorm),
        dropout.Dropout,
        *(reshape.Identity, reshape.Flatten, reshape.Unflatten, reshape.FlattenConsecutive),
        *(activation.ReLU, activation.LeakyReLU, activation.ELU, activation.GELU, activation.SiLU),
        *(activation.Softplus, activation.Tanh, activation.Sigmoid, activation.Softmax, activation.LogSoftmax),
    )
}

#: A file cannot ask for a network with more numbers than this: sizes are checked before memory is taken.
LARGEST = 2**28
#: Nor for a Sequential in a Sequential and so on deeper than this.
DEEPEST = 50


def to_config(module: Module) -> dict[str, Any]:
    """The module as a value for ``json.dump``. Raises ConfigError for a class that is not in the closed list."""
    if type(module) is Sequential:
        return {"layer": "Sequential", "layers": [to_config(layer) for layer in module]}
    name = type(module).__name__
    if LAYERS.get(name) is not type(module):
        raise ConfigError(
            f"{name} cannot be written as a configuration: only {', '.join(LAYERS)} and Sequential can. "
            "Keep its weights (state_dict) and build the network in your program."
        )
    return {"layer": name, **module.config()}


def from_config(config: Any) -> Module:
    """The untrained module that ``to_config`` described. Raises CheckpointError for anything else."""
    if _numbers(config) > LARGEST:
        raise CheckpointError(f"the configuration of a network asks for more than {LARGEST:,} numbers.")
    return _build(config)


def _numbers(config: Any, depth: int = 0) -> int:
    """At most how many numbers the layers hold."""
    if not isinstance(config, dict):
        raise CheckpointError(f"a layer's configuration is an object with the key 'layer', got {config!r:.100}.")
    if depth > DEEPEST:
        raise CheckpointError(f"the configuration of a network is nested deeper than {DEEPEST} times.")
    if isinstance(layers := config.get("layers"), list):
        return sum(_numbers(layer, depth + 1) for layer in layers)
    return math.prod(size for value in config.values() for size in _whole_numbers(value) if size > 0)


def _build(config: dict[str, Any]) -> Module:
    arguments = dict(config)
    name = arguments.pop("layer", None)
    if name == "Sequential" and isinstance(arguments.get("layers"), list):
        return Sequential(*map(_build, arguments["layers"]))
    if not isinstance(name, str) or name not in LAYERS:
        raise CheckpointError(f"there is no layer {name!r:.100}; known are {', '.join(LAYERS)} and Sequential.")
    try:
        return LAYERS[name](**arguments)
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"the configuration of layer {name} cannot be used: {error}") from error


def _whole_numbers(value: Any) -> list[int]:
    """The whole numbers in a value or a list."""
    return [number for number in (value if isinstance(value, list) else [value]) if isinstance(number, int)]

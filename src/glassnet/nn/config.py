"""Networks as JSON: the layers by name, out of a closed list, with the arguments that made them."""

from __future__ import annotations

import math
from typing import Any

from glassnet.engine.errors import CheckpointError, ConfigError
from glassnet.nn.activation import ReLU, Sigmoid, Softmax, Tanh
from glassnet.nn.container import Sequential
from glassnet.nn.embedding import Embedding
from glassnet.nn.linear import Linear
from glassnet.nn.module import Module
from glassnet.nn.norm import BatchNorm1d
from glassnet.nn.reshape import Flatten

#: The layers that can be read from a file. Nothing else is ever constructed from one.
LAYERS: dict[str, type[Module]] = {
    layer.__name__: layer for layer in (Linear, Embedding, BatchNorm1d, Flatten, ReLU, Tanh, Sigmoid, Softmax)
}

#: A file cannot ask for a layer with more numbers than this: sizes are checked before memory is taken.
LARGEST = 2**28


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
    if not isinstance(config, dict):
        raise CheckpointError(f"a layer's configuration is an object with the key 'layer', got {config!r:.100}.")
    arguments = dict(config)
    name = arguments.pop("layer", None)
    if name == "Sequential" and isinstance(arguments.get("layers"), list):
        return Sequential(*(from_config(layer) for layer in arguments["layers"]))
    if not isinstance(name, str) or name not in LAYERS:
        raise CheckpointError(f"there is no layer {name!r:.100}; known are {', '.join(LAYERS)} and Sequential.")
    sizes = [value for value in arguments.values() if isinstance(value, int) and value > 0]
    if math.prod(sizes) > LARGEST:
        raise CheckpointError(f"the configuration of layer {name} asks for more than {LARGEST:,} numbers: {sizes}.")
    try:
        return LAYERS[name](**arguments)
    except (TypeError, ConfigError) as error:
        raise CheckpointError(f"the configuration of layer {name} cannot be used: {error}") from error

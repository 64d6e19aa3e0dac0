"""Networks with other layers: what a remedy changes in them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from glassnet.engine.errors import ConfigError
from glassnet.models.mlp import ACTIVATIONS, check_activation
from glassnet.nn import BatchNorm1d, Dropout, LayerNorm, Linear, Module, Sequential
from glassnet.nn.config import LAYERS
from glassnet.nn.state import named_tensors

_ACTIVATIONS = tuple(ACTIVATIONS.values())
#: Hidden layers are made at least twice as wide, and at least this wide.
WIDE = 32

Edit = Callable[[list[Module]], list[Module]]


def edited(module: Module, edit: Edit) -> Module:
    """The network with the layers of each Sequential changed; layers that stay keep their weights."""
    for name, child in list(module.named_children()):
        new = edited(child, edit)
        if new is not child:
            setattr(module, name, new)
    if type(module) is not Sequential:
        return module
    layers = list(module)
    new_layers = edit(layers)
    same = len(layers) == len(new_layers) and all(a is b for a, b in zip(layers, new_layers, strict=True))
    return module if same else Sequential(*new_layers)


def with_activation(name: str) -> Edit:
    """Another activation in place of each; where linear layers are back to back, one between them instead."""
    check_activation(name)
    kind = ACTIVATIONS[name]

    def edit(layers: list[Module]) -> list[Module]:
        bare = [a for a, b in pairwise(_without(layers, Dropout)) if isinstance(b, Linear) and _is_linear(a)]
        if bare:
            return [part for one in layers for part in ([one, kind()] if one in bare else [one])]
        return [kind() if isinstance(one, _ACTIVATIONS) else one for one in layers]

    return edit


def _is_linear(layer: Module) -> bool:
    return isinstance(layer, Linear | BatchNorm1d)


def _without(layers: Sequence[Module], kind: type[Module]) -> list[Module]:
    return [one for one in layers if not isinstance(one, kind)]


def with_batch_norm(layers: list[Module]) -> list[Module]:
    """BatchNorm between each linear layer and its activation."""
    found = layers[:1]
    for before, one in pairwise(layers):
        if isinstance(before, Linear) and isinstance(one, _ACTIVATIONS):
            found.append(BatchNorm1d(before.out_features))
        found.append(one)
    return found


def without_batch_norm(layers: list[Module]) -> list[Module]:
    """No BatchNorm; the linear layers before it get a bias."""
    found: list[Module] = []
    for one in layers:
        if not isinstance(one, BatchNorm1d):
            found.append(one)
        elif found and isinstance(found[-1], Linear) and found[-1].bias is None:
            found[-1] = Linear(found[-1].in_features, found[-1].out_features)
    return found


def with_dropout(share: float) -> Edit:
    """Dropout of this share where there is more of it."""
    return lambda layers: [Dropout(share) if isinstance(one, Dropout) and one.p > share else one for one in layers]


def wider(net: Module) -> Module:
    """The hidden layers twice as wide, and at least ``WIDE``. Raises ConfigError for a network without such layers."""
    linear = [one for one in net.modules() if isinstance(one, Linear)]
    if len(linear) < 2:
        raise ConfigError("there is no hidden layer to make wider.")
    first, last = linear[0], linear[-1]
    times = max(2, math.ceil(WIDE / min(one.out_features for one in linear[:-1])))

    def edit(layers: list[Module]) -> list[Module]:
        found: list[Module] = []
        for one in layers:
            if isinstance(one, Linear):
                width_in = one.in_features * (1 if one is first else times)
                width_out = one.out_features * (1 if one is last else times)
                found.append(Linear(width_in, width_out, bias=one.bias is not None))
            elif isinstance(one, BatchNorm1d):
                found.append(BatchNorm1d(one.num_features * times))
            elif isinstance(one, LayerNorm):
                raise ConfigError("a network with LayerNorm has to be made wider by hand.")
            else:
                found.append(one)
        return found

    return edited(net, edit)


def with_outputs(net: Module, count: int) -> Module:
    """The last linear layer with another number of outputs, freshly drawn."""
    last = last_linear(net)
    fresh = Linear(last.in_features, count, bias=last.bias is not None)
    return edited(net, lambda layers: [fresh if one is last else one for one in layers])


def without_last_layer(net: Module) -> Module:
    """A Sequential without its last layer. Raises ConfigError for another network."""
    if type(net) is not Sequential or len(net) < 2:
        raise ConfigError("the last layer can be left out of a Sequential only.")
    return Sequential(*list(net)[:-1])


def last_linear(net: Module) -> Linear:
    """The last linear layer. Raises ConfigError if there is none."""
    found = [one for one in net.modules() if isinstance(one, Linear)]
    if not found:
        raise ConfigError("the network has no linear layer.")
    return found[-1]


def draw_anew(net: Module) -> None:
    """Give each layer the first weights that one of its kind is made with."""
    for layer in net.modules():
        if LAYERS.get(type(layer).__name__) is not type(layer):
            continue
        fresh = type(layer)(**layer.config())
        for (_, own), (_, new) in zip(named_tensors(layer), named_tensors(fresh), strict=True):
            own.data = new.data.astype(own.data.dtype)

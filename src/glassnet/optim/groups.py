"""Groups of parameters for an optimizer."""

from __future__ import annotations

from typing import Any

from glassnet.engine.errors import ConfigError
from glassnet.nn.module import Module
from glassnet.nn.penalty import weights_of


def decay_weights_only(net: Module, weight_decay: float) -> list[dict[str, Any]]:
    """The parameters of a network in two groups for an optimizer: weights, which decay, and the rest, which does not:
    biases, and what belongs to normalisations (He et al., Bag of tricks for image classification, 2019, section 3.1).
    Frozen parameters are left out.

    Raises ConfigError for a network without weights.

    >>> net = gn.models.mlp(4, [8], 3, batch_norm=True)
    >>> optimizer = optim.AdamW(optim.decay_weights_only(net, 0.1), lr=3e-3)
    >>> [(group["weight_decay"], len(group["params"])) for group in optimizer.param_groups]
    [(0.1, 2), (0.0, 3)]
    """
    trained = [parameter for parameter in net.parameters() if parameter.requires_grad]
    weights = {id(parameter) for parameter in weights_of(net)}
    decaying = [parameter for parameter in trained if id(parameter) in weights]
    others = [parameter for parameter in trained if id(parameter) not in weights]
    if not decaying:
        raise ConfigError(f"decay_weights_only: {type(net).__name__} has no weights that are trained.")
    groups = [{"params": decaying, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]
    return groups if others else groups[:1]

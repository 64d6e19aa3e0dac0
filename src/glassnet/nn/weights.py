"""Which parameters of a network are weights: those that can overfit, and that penalties and weight decay keep small."""

from __future__ import annotations

from glassnet.nn.example_norm import ExampleNorm
from glassnet.nn.module import Module, Parameter
from glassnet.nn.norm import BatchNorm1d


def weights_of(net: Module) -> list[Parameter]:
    """The parameters without biases (whatever has one axis) and without those of normalisations: they do not overfit,
    and pulling them to 0 changes what the network can express.
    """
    norms = [module for module in net.modules() if isinstance(module, BatchNorm1d | ExampleNorm)]
    gains = {id(parameter) for module in norms for parameter in module.parameters()}
    return [parameter for parameter in net.parameters() if parameter.ndim > 1 and id(parameter) not in gains]

"""Layers, initialisation and losses."""

from glassnet.nn import functional, init
from glassnet.nn.activation import ReLU, Sigmoid, Softmax, Tanh
from glassnet.nn.config import from_config, to_config
from glassnet.nn.container import Sequential
from glassnet.nn.embedding import Embedding
from glassnet.nn.linear import Linear
from glassnet.nn.losses import CrossEntropyLoss, MSELoss
from glassnet.nn.module import Buffer, Module, Parameter
from glassnet.nn.norm import BatchNorm1d
from glassnet.nn.reshape import Flatten

__all__ = [
    "Module",
    "Parameter",
    "Buffer",
    "Sequential",
    "Linear",
    "Embedding",
    "Flatten",
    "BatchNorm1d",
    "ReLU",
    "Tanh",
    "Sigmoid",
    "Softmax",
    "CrossEntropyLoss",
    "MSELoss",
    "functional",
    "init",
    "from_config",
    "to_config",
]

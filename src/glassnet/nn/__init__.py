"""Layers, initialisation and losses."""

import sys
from typing import TYPE_CHECKING, Any

from glassnet.engine.hints import missing_attribute
from glassnet.nn import functional, init
from glassnet.nn.activation import ELU, GELU, LeakyReLU, LogSoftmax, ReLU, Sigmoid, SiLU, Softmax, Softplus, Tanh
from glassnet.nn.config import from_config, to_config
from glassnet.nn.container import ModuleList, Sequential
from glassnet.nn.conv import Conv1d, Conv2d
from glassnet.nn.dropout import Dropout
from glassnet.nn.embedding import Embedding, JoinIndices, OneHot
from glassnet.nn.example_norm import GroupNorm, InstanceNorm, LayerNorm
from glassnet.nn.linear import Linear
from glassnet.nn.losses import BCEWithLogitsLoss, CrossEntropyLoss, HuberLoss, L1Loss, MSELoss, NLLLoss
from glassnet.nn.module import Buffer, Module, Parameter
from glassnet.nn.norm import BatchNorm1d, BatchNorm2d
from glassnet.nn.penalty import L1Penalty, L2Penalty
from glassnet.nn.pool import AvgPool1d, AvgPool2d, MaxPool1d, MaxPool2d
from glassnet.nn.reshape import Flatten, FlattenConsecutive, Identity, Unflatten

__all__ = [
    "Module",
    "Parameter",
    "Buffer",
    "Sequential",
    "ModuleList",
    "Linear",
    "Embedding",
    "OneHot",
    "JoinIndices",
    "Conv1d",
    "Conv2d",
    "MaxPool1d",
    "MaxPool2d",
    "AvgPool1d",
    "AvgPool2d",
    "BatchNorm1d",
    "BatchNorm2d",
    "LayerNorm",
    "GroupNorm",
    "InstanceNorm",
    "Dropout",
    "Identity",
    "Flatten",
    "Unflatten",
    "FlattenConsecutive",
    "ReLU",
    "LeakyReLU",
    "ELU",
    "GELU",
    "SiLU",
    "Softplus",
    "Tanh",
    "Sigmoid",
    "Softmax",
    "LogSoftmax",
    "CrossEntropyLoss",
    "NLLLoss",
    "BCEWithLogitsLoss",
    "MSELoss",
    "L1Loss",
    "HuberLoss",
    "L1Penalty",
    "L2Penalty",
    "functional",
    "init",
    "from_config",
    "to_config",
]

if not TYPE_CHECKING:  # for a type checker every name would then exist

    def __getattr__(name: str) -> Any:
        hints = {
            "BCELoss": "nn.BCEWithLogitsLoss(), which takes logits",
            "KLDivLoss": "nn.CrossEntropyLoss(), whose targets may be probabilities",
            "SmoothL1Loss": "nn.HuberLoss()",
            "utils": "optim.clip_grad_norm_(...) or optim.clip_grad_value_(...)",
        }
        raise missing_attribute(sys.modules[__name__], "glassnet.nn", name, hints)

"""Optimizers, gradient clipping and learning-rate schedules."""

import sys
from typing import TYPE_CHECKING, Any

from glassnet.engine.hints import missing_attribute
from glassnet.optim.adam import Adam, AdamW
from glassnet.optim.base import Optimizer
from glassnet.optim.clip import clip_grad_norm_, clip_grad_value_
from glassnet.optim.groups import decay_weights_only
from glassnet.optim.plateau import ReduceLROnPlateau
from glassnet.optim.rmsprop import RMSprop
from glassnet.optim.schedules import (
    ConstantLR,
    CosineAnnealingLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    OneCycleLR,
    Schedule,
    SequentialLR,
    StepLR,
)
from glassnet.optim.sgd import SGD

__all__ = [
    "Optimizer",
    "SGD",
    "RMSprop",
    "Adam",
    "AdamW",
    "decay_weights_only",
    "clip_grad_norm_",
    "clip_grad_value_",
    "Schedule",
    "ConstantLR",
    "StepLR",
    "ExponentialLR",
    "CosineAnnealingLR",
    "LinearLR",
    "OneCycleLR",
    "LambdaLR",
    "SequentialLR",
    "ReduceLROnPlateau",
]

if not TYPE_CHECKING:  # for a type checker every name would then exist

    def __getattr__(name: str) -> Any:
        hints = {"lr_scheduler": "optim.StepLR and so on: the schedules are in optim itself"}
        raise missing_attribute(sys.modules[__name__], "glassnet.optim", name, hints)

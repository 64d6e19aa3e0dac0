"""Optimizers, gradient clipping and learning-rate schedules."""

from glassnet.optim.adam import Adam, AdamW
from glassnet.optim.base import Optimizer
from glassnet.optim.clip import clip_grad_norm_, clip_grad_value_
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

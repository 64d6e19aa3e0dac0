"""Optimizers and learning-rate schedules."""

from glassnet.optim.adam import Adam, AdamW
from glassnet.optim.base import Optimizer
from glassnet.optim.schedules import ConstantLR, CosineAnnealingLR, Schedule, StepLR
from glassnet.optim.sgd import SGD

#: The optimizers and schedules that can be named in a file or on the command line.
OPTIMIZERS: dict[str, type[Optimizer]] = {"SGD": SGD, "Adam": Adam, "AdamW": AdamW}
SCHEDULES: dict[str, type[Schedule]] = {
    "ConstantLR": ConstantLR,
    "StepLR": StepLR,
    "CosineAnnealingLR": CosineAnnealingLR,
}

__all__ = [
    "Optimizer",
    "SGD",
    "Adam",
    "AdamW",
    "Schedule",
    "ConstantLR",
    "StepLR",
    "CosineAnnealingLR",
    "OPTIMIZERS",
    "SCHEDULES",
]

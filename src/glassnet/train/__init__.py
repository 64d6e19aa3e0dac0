"""Training: the loop, its callbacks, diagnostics, checkpoints and runs."""

from glassnet.train.average import WeightAverage
from glassnet.train.callbacks import Callback, EarlyStopping
from glassnet.train.diagnostics import Diagnostics
from glassnet.train.evaluation import Evaluation
from glassnet.train.inside import look_inside
from glassnet.train.look import Look
from glassnet.train.loop import Loop
from glassnet.train.lr_finder import LRFinder
from glassnet.train.metrics import accuracy, binary_accuracy, mean_absolute_error, r2_score
from glassnet.train.run import Run

__all__ = [
    "Callback",
    "Diagnostics",
    "EarlyStopping",
    "Evaluation",
    "LRFinder",
    "Look",
    "Loop",
    "Run",
    "WeightAverage",
    "accuracy",
    "binary_accuracy",
    "look_inside",
    "mean_absolute_error",
    "r2_score",
]

"""Training: the loop, its callbacks, checkpoints and runs."""

from glassnet.train.callbacks import Callback, EarlyStopping
from glassnet.train.loop import Loop
from glassnet.train.metrics import accuracy
from glassnet.train.run import Run

__all__ = ["Callback", "EarlyStopping", "Loop", "Run", "accuracy"]

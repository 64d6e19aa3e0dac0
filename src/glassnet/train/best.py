"""The best weights of a training, by the validation loss."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from glassnet.engine.namespace import Array
from glassnet.train.callbacks import Callback

if TYPE_CHECKING:
    from glassnet.train.loop import Loop


class BestWeights(Callback):
    """Keeps the weights and buffers of the epoch with the smallest validation loss.

    epoch: its number, counted from 1; 0 while there is none, as without a validation split.
    """

    def __init__(self) -> None:
        self.epoch = 0
        self.loss = math.inf
        self.arrays: dict[str, Array] = {}

    def on_epoch_end(self, loop: Loop) -> None:
        """Keep these weights if they are the best so far. No copy: an update makes new arrays."""
        losses = loop.history.get("val_loss")
        if losses and losses[-1] < self.loss:
            self.epoch, self.loss = loop.epochs_ended, losses[-1]
            self.arrays = loop.weights()

    def restore(self, loop: Loop) -> None:
        """Put the best weights, if there are any, into the network."""
        if self.arrays:
            loop.net.load_state_dict(self.arrays)

"""Weight averaging: the mean of the weights over the last steps is often better than the last weights alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from glassnet.engine.namespace import Array
from glassnet.engine.options import number_option
from glassnet.engine.tensor import Tensor
from glassnet.nn.module import Buffer, Module
from glassnet.nn.state import named_tensors


class WeightAverage:
    """The exponential moving average of the weights of a network, beside which they are trained as ever: after step t,
    average = average + (1 - decay) / (1 - decay ** t) * (weights - average), which is the mean of all weights so far,
    those of k steps ago counted decay ** k (Polyak and Juditsky, 1992; with this correction for the first steps in
    Kingma and Ba, 2015, section 7.2, https://arxiv.org/abs/1412.6980). It reaches about 1 / (1 - decay) steps back.

    It is a part of the step: it is compiled with it, and costs no call. The running statistics of BatchNorm are
    averaged in the same way and not computed anew from the training data, as Izmailov et al. (2018,
    https://arxiv.org/abs/1803.05407) do: the average is validated after each epoch, and each time would take another
    pass over the data. On the names that pass would change the validation loss by less than 0.0002.

    decay: above 0 and below 1.
    """

    def __init__(self, net: Module, decay: float) -> None:
        self.decay = number_option("average", decay, above=0, below=1)
        self._pairs = {name: (tensor, Buffer(tensor.data)) for name, tensor in named_tensors(net)}

    def update(self, step: Any) -> None:
        """Take in the weights after a step; ``step`` counts from 1."""
        rate = (1 - self.decay) / (1 - self.decay**step)
        for tensor, average in self._pairs.values():
            floating = average.dtype.kind == "f"
            average.data = average.data + rate * (tensor.data - average.data) if floating else tensor.data

    def tensors(self) -> dict[str, Tensor]:
        """The averages as a part of the state of a step, by names that no part of a network has."""
        return {f"{name}.average": average for name, (_, average) in self._pairs.items()}

    def arrays(self) -> dict[str, Array]:
        """The averages by the names of the parameters and buffers."""
        return {name: average.data for name, (_, average) in self._pairs.items()}

    def begin(self) -> None:
        """Go on from what is in the network now."""
        for tensor, average in self._pairs.values():
            average.data = tensor.data

    def apply(self) -> None:
        """Put the averages into the network, in place of its weights."""
        for tensor, average in self._pairs.values():
            tensor.data = average.data

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The averages are in the network meanwhile; afterwards its own weights are."""
        before = [(tensor, tensor.data) for tensor, _ in self._pairs.values()]
        try:
            self.apply()
            yield
        finally:
            for tensor, data in before:
                tensor.data = data

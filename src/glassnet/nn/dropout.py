"""Dropout: noise that keeps units from relying on each other."""

from __future__ import annotations

import zlib

from glassnet.engine.options import number_option
from glassnet.engine.tensor import Tensor
from glassnet.nn import functional
from glassnet.nn.module import Module


class Dropout(Module):
    """In training, each element is set to 0 with probability p and the others are divided by 1 - p; in evaluation
    nothing happens (Srivastava et al., 2014, https://jmlr.org/papers/v15/srivastava14a.html).

    What is dropped is a function of the seed, the step and the layer: a training repeats and resumes bit for bit.

    >>> sorted(set(nn.Dropout(0.2)(np.ones((10, 10))).numpy().ravel().tolist()))
    [0.0, 1.25]
    >>> nn.Dropout(0.2).eval()([1.0, 1.0])
    tensor([1., 1.])
    """

    #: Tells the layers of a network apart; ``glassnet.fit`` sets it from the path of the layer.
    stream = 0

    def __init__(self, p: float = 0.5) -> None:
        self.p = number_option("Dropout p", p, 0, below=1)

    def forward(self, x: Tensor) -> Tensor:
        """Same shape as x."""
        return functional.dropout(x, self.p, self.training, self.stream)

    def extra_repr(self) -> str:
        """The probability."""
        return f"p={self.p:g}"


def name_streams(net: Module) -> None:
    """Let every Dropout of a network draw its own random bits, by the path of the layer."""
    for path, module in net.named_modules():
        if isinstance(module, Dropout):
            module.stream = zlib.crc32(path.encode())

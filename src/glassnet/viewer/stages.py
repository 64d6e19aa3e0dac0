"""A network as people draw it: columns of neurons, each with its activations for an input and the gradients by them.

A stage is a layer with the activation, normalisation and dropout that follow it, for these keep the neurons apart:
neuron j of the stage goes through all of them. Layers that only change the shape are no stage; they keep the order of
the numbers, so that number i of what comes in is neuron i of the stage before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from glassnet.engine.backward import gradient_flow
from glassnet.engine.namespace import Array
from glassnet.engine.tensor import Tensor
from glassnet.nn import activation, dropout, example_norm, norm
from glassnet.nn.module import Module
from glassnet.train.look import RESHAPING, leaves
from glassnet.train.metrics import loss_of_task

#: Layers that join the stage before them.
JOINING = (
    *(activation.Activation, activation.Softmax, activation.LogSoftmax),
    *(norm.BatchNorm1d, example_norm.ExampleNorm, dropout.Dropout),
)


@dataclass
class Part:
    """A layer of a stage: its path, and what it gives."""

    path: str
    layer: Module
    out: Tensor

    @property
    def text(self) -> str:
        """Such as ``Linear 784 -> 16``."""
        return f"{type(self.layer).__name__} {self.layer.extra_repr()}".strip()


@dataclass
class Stage:
    """given: what comes into its first layer. out: what its last one gives. The first stage is the input, which has
    no parts, and so has whatever a program computes between layers.
    """

    given: Tensor
    out: Tensor
    parts: list[Part] = field(default_factory=list)

    @property
    def path(self) -> str:
        """That of the first layer; "" for what is none."""
        return self.parts[0].path if self.parts else ""

    @property
    def size(self) -> int:
        """How many neurons it has for one input."""
        return self.out.size // self.out.shape[0]


@dataclass
class Flow:
    """What happens in a network with some inputs. loss, gradients: of the targets, where they were given; gradients by
    the id of a tensor.
    """

    stages: list[Stage]
    outputs: Tensor
    targets: Tensor | None
    loss: Tensor | None
    gradients: dict[int, Array]

    def gradient(self, tensor: Tensor) -> Array | None:
        """The gradient of the loss by a tensor, or None."""
        return self.gradients.get(id(tensor))


def flow(net: Module, x: Array, y: Array | None = None) -> Flow:
    """Send rows x (N, ...) through a network in evaluation mode; with targets y (N, ...) their loss back through it."""
    net.eval()
    entering = Tensor(x, requires_grad=x.dtype.kind == "f")
    stages = [Stage(entering, entering)]
    removers: list[Callable[[], None]] = []

    def listener(path: str) -> Callable[[Module, tuple[Any, ...], Any], None]:
        def listen(layer: Module, inputs: tuple[Any, ...], output: Any) -> None:
            if isinstance(output, Tensor) and output.ndim and inputs and isinstance(inputs[0], Tensor):
                _add(stages, Part(path, layer, output), inputs[0])

        return listen

    try:
        removers += [layer.register_forward_hook(listener(path)) for path, layer in leaves(net)]
        outputs = net(entering)
    finally:
        for remove in removers:
            remove()
    if not _same(stages[-1].out, outputs):
        stages.append(Stage(outputs, outputs))
    if y is None:
        return Flow(stages, outputs, None, None, {})
    targets = Tensor(y)
    loss = loss_of_task(net, "the gradient")(outputs, targets)
    return Flow(stages, outputs, targets, loss, {id(tensor): gradient for tensor, gradient in gradient_flow(loss)})


def _add(stages: list[Stage], part: Part, given: Tensor) -> None:
    last = stages[-1]
    if isinstance(part.layer, RESHAPING):
        return
    if not _same(last.out, given):  # a program has computed something between two layers
        stages.append(Stage(given, given))
        last = stages[-1]
    if isinstance(part.layer, JOINING) and last.parts and last.out.shape == part.out.shape:
        last.parts.append(part)
        last.out = part.out
    else:
        stages.append(Stage(given, part.out, [part]))


def _same(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors have the same numbers in the same order."""
    return a is b or (a.size == b.size and np.array_equal(a.data.reshape(-1), b.data.reshape(-1)))


def incoming(stage: Stage, neurons: Array) -> Array | None:
    """How much each of the stage's first layer's neurons (K,) depends on each number that comes in: (K, inputs), the
    derivatives, by backpropagation. Of a Linear or convolution they are its weights. None where there are none, as for
    indices. The stage is that of one row.
    """
    if not stage.parts or stage.given.data.dtype.kind != "f":
        return None
    rows = np.repeat(stage.given.data, len(neurons), 0)
    x = Tensor(rows, requires_grad=True)
    out = stage.parts[0].layer(x)
    seed = np.zeros((len(neurons), out.size // len(neurons)), out.dtype)
    seed[np.arange(len(neurons)), neurons] = 1
    found = next((g for t, g in gradient_flow(out, seed.reshape(out.shape)) if t is x), np.zeros_like(rows))
    return found.reshape(len(neurons), -1)

"""A look inside of a step: it is made eagerly on the same batch and state, noted down, and undone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from glassnet.engine.namespace import Array
from glassnet.engine.tensor import Tensor
from glassnet.nn.module import Module
from glassnet.train.batch_step import BatchStep


@dataclass(frozen=True)
class Look:
    """What happens in one step.

    outputs: path -> the layer and what it gives out, with the gradient of the loss by it in ``grad``.
    before, after: path -> the values of a parameter before and after the update. gradients: that of the loss by it,
    after clipping, or None.
    """

    outputs: dict[str, tuple[Module, Tensor]]
    before: dict[str, Array]
    after: dict[str, Array]
    gradients: dict[str, Array | None]


def look(step: BatchStep, x: Tensor, y: Tensor) -> Look:
    """Make a step in training mode for show: afterwards network and optimizer are as before."""
    net, optimizer = step.net, step.optimizer
    tensors = [(tensor, tensor.data, tensor.grad) for tensor in step.tensors().values()]
    states, steps = list(optimizer.states), optimizer.steps
    before = {name: parameter.data for name, parameter in net.named_parameters()}
    outputs: dict[str, tuple[Module, Tensor]] = {}
    removers: list[Callable[[], None]] = []

    def listener(path: str) -> Callable[[Module, tuple[Any, ...], Any], None]:
        def listen(module: Module, _inputs: tuple[Any, ...], output: Any) -> None:
            if isinstance(output, Tensor) and output.requires_grad:
                output.retain_grad()
                outputs[path] = (module, output)

        return listen

    try:
        removers += [module.register_forward_hook(listener(path)) for path, module in leaves(net)]
        step(x, y)
        after = {name: parameter.data for name, parameter in net.named_parameters()}
        gradients = {name: parameter.grad for name, parameter in net.named_parameters()}
    finally:
        for remove in removers:
            remove()
        for tensor, data, gradient in tensors:
            tensor.data, tensor.grad = data, gradient
        optimizer.states, optimizer.steps = states, steps
    return Look(outputs, before, after, gradients)


def leaves(net: Module) -> list[tuple[str, Module]]:
    """The layers without parts, each with its path."""
    return [(path, module) for path, module in net.named_modules() if not any(module.named_children())]

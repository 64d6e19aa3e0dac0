"""A look inside of a step: it is made eagerly on the same batch and state, noted down, and undone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glassnet.engine.backward import topological_order
from glassnet.engine.namespace import Array
from glassnet.engine.tensor import Tensor
from glassnet.nn.module import Module
from glassnet.nn.reshape import Flatten, FlattenConsecutive, Identity, Unflatten
from glassnet.train.batch_step import BatchStep
from glassnet.train.saturation import flat_part

#: Layers whose outputs are the numbers that came in.
RESHAPING = (Flatten, FlattenConsecutive, Identity, Unflatten)
#: Operations whose results are activations, before or after the nonlinear function.
_ACTIVATIONS = {"linear", "project", "matmul", "conv", "add", "batch_norm", "layer_norm"} | {
    *("tanh", "sigmoid", "softplus", "relu", "leaky_relu", "elu", "gelu", "silu", "softmax", "log_softmax")
}


@dataclass(frozen=True)
class Look:
    """What happens in one step.

    outputs: path -> the layer and what it gives out, with the gradient of the loss by it in ``grad``.
    before, after: path -> the values of a parameter before and after the update. gradients: that of the loss by it,
    after clipping, or None.
    batch: the inputs and targets. output: that of the network, with its graph and the gradient of the loss by it.
    values: what the step told, such as "loss". called: the paths of the modules whose forward() was run.
    """

    outputs: dict[str, tuple[Module, Tensor]]
    before: dict[str, Array]
    after: dict[str, Array]
    gradients: dict[str, Array | None]
    batch: tuple[Tensor, Tensor]
    output: Tensor | None
    values: dict[str, Any]
    called: frozenset[str]

    def plot_histograms(self, path: str | Path | None = None) -> Any:
        """A matplotlib figure: how the outputs of each layer are distributed, and the gradients by them; saved if a
        path is given. Layers that only change the shape are left out.
        """
        from glassnet.plots import histograms, save_figure

        shown = {name: found for name, found in self.outputs.items() if not isinstance(found[0], RESHAPING)}
        activations = {self._label(name): output.data for name, (_, output) in shown.items()}
        gradients = {self._label(name): output.grad for name, (_, output) in shown.items() if output.grad is not None}
        return save_figure(histograms(activations, gradients), path)

    def plot_saturation(self, path: str | Path | None = None) -> Any:
        """A matplotlib figure: which units of each activation lie in a flat part of it, for which rows of the batch;
        saved if a path is given. Raises ConfigError for a network without Tanh, Sigmoid and ReLU.
        """
        from glassnet.plots import saturation, save_figure

        return save_figure(saturation(self.flat_parts()), path)

    def flat_parts(self) -> dict[str, Array]:
        """Of each activation that has a flat part, by its label: where its outputs lie in it, booleans (N, units). Of
        outputs with more axes, such as positions, each position is a row.
        """
        parts = {self._label(path): self.flat_part(path) for path in self.outputs}
        return {label: part for label, part in parts.items() if part is not None}

    def flat_part(self, path: str) -> Array | None:
        """The same of the layer with this path; None for one that has no flat part or gave nothing out."""
        if path not in self.outputs:
            return None
        module, output = self.outputs[path]
        flat = flat_part(module, output.data)
        return None if flat is None or flat.ndim < 2 else flat.reshape(-1, flat.shape[-1])

    def _label(self, name: str) -> str:
        """Such as ``3 Tanh``."""
        return f"{name} {type(self.outputs[name][0]).__name__}".strip()


def look(step: BatchStep, x: Tensor, y: Tensor) -> Look:
    """Make a step in training mode for show: afterwards network and optimizer are as before."""
    net, optimizer = step.net, step.optimizer
    tensors = [(tensor, tensor.data, tensor.grad) for tensor in step.tensors().values()]
    states, steps = list(optimizer.states), optimizer.steps
    metrics, step.metrics = step.metrics, {}  # they may be the user's own, and count how often they are called
    before = {name: parameter.data for name, parameter in net.named_parameters()}
    outputs: dict[str, tuple[Module, Tensor]] = {}
    whole: list[Tensor] = []

    def listen_to_all(_module: Module, _inputs: tuple[Any, ...], output: Any) -> None:
        if isinstance(output, Tensor) and output.requires_grad:
            retain_activations(output)
            whole[:] = [output]

    called: set[str] = set()

    def listener(path: str, is_leaf: bool) -> Callable[[Module, tuple[Any, ...], Any], None]:
        def listen(module: Module, _inputs: tuple[Any, ...], output: Any) -> None:
            called.add(path)
            if is_leaf and isinstance(output, Tensor) and output.requires_grad:
                output.retain_grad()
                outputs[path] = (module, output)

        return listen

    try:
        with without_hooks(net):
            inner = {id(module) for _, module in leaves(net)}
            for path, module in net.named_modules():
                module.register_forward_hook(listener(path, id(module) in inner))
            net.register_forward_hook(listen_to_all)
            values = step(x, y)
        after = {name: parameter.data for name, parameter in net.named_parameters()}
        gradients = {name: parameter.grad for name, parameter in net.named_parameters()}
    finally:
        for tensor, data, gradient in tensors:
            tensor.data, tensor.grad = data, gradient
        optimizer.states, optimizer.steps = states, steps
        step.metrics = metrics
    output = next(iter(whole), None)
    return Look(outputs, before, after, gradients, (x, y), output, values, frozenset(called))


def retain_activations(output: Tensor) -> None:
    """Let the activations that an output was computed from keep their gradients, also where no layer made them."""
    for tensor in topological_order(output):
        if tensor.node is not None and tensor.node.operation.name in _ACTIVATIONS:
            tensor.retain_grad()
    if output.requires_grad:
        output.retain_grad()


@contextmanager
def without_hooks(net: Module) -> Iterator[None]:
    """Meanwhile the hooks of a network are not called, and afterwards it has those that it had: what is computed for
    show is nothing that they should count.
    """
    hooks = [(module, module._forward_hooks) for module in net.modules()]
    for module, _ in hooks:
        module._forward_hooks = ()
    try:
        yield
    finally:
        for module, own in hooks:
            module._forward_hooks = own


def leaves(net: Module) -> list[tuple[str, Module]]:
    """The layers without parts, each with its path."""
    return [(path, module) for path, module in net.named_modules() if not any(module.named_children())]

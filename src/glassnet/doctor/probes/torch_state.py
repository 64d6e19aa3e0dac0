"""A PyTorch network over rows that were seen, in evaluation mode; afterwards it is as it was, bit for bit."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from glassnet.doctor.observed import CheckUp, Comparison, SplitCheck
from glassnet.doctor.probes.costs import named_kind
from glassnet.doctor.probes.data import SAMPLE
from glassnet.doctor.probes.step import FLAT
from glassnet.doctor.probes.torch_graph import Trace, numbers
from glassnet.doctor.probes.units import split_check, units
from glassnet.engine.namespace import Array

#: The names of BatchNorm's classes begin so.
BATCH_NORM = "BatchNorm"


def modal_layers(net: Any) -> Iterator[tuple[str, Any]]:
    """The layers that behave differently in training: dropout that drops something, and BatchNorm."""
    for path, module in net.named_modules():
        name = type(module).__name__
        if name.startswith(BATCH_NORM) or ("Dropout" in name and getattr(module, "p", 0) > 0):
            yield path, module


class Cost:
    """A loss of what a network gave, as a mean, without the hooks of the loss.

    kind: see ``costs.loss_kind``; "" if unknown. shape: of one row of the output as the loss got it, None if unknown:
    a loop may take an axis away between the two.
    """

    def __init__(self, loss_fn: Any) -> None:
        import torch

        module = isinstance(loss_fn, torch.nn.Module)
        self.loss_fn = loss_fn
        self.kind = named_kind(getattr(loss_fn, "__name__", type(loss_fn).__name__))
        self.shape: tuple[int, ...] | None = None
        self._summed = getattr(loss_fn, "reduction", "") == "sum"
        self._function = loss_fn.forward if module else loss_fn
        self._shapes = not module and not self.kind  # a function of one's own changes the shape itself

    def __call__(self, output: Any, targets: Any) -> float:
        """What a network gave costs."""
        return float(self.tensor(output, targets).item())

    def tensor(self, output: Any, targets: Any) -> Any:
        """The same as a tensor, with its graph."""
        loss = self._function(output if self._shapes else self.shaped(output), targets)
        loss = loss.mean() if loss.ndim else loss
        return loss / targets.numel() if self._summed else loss

    def of_arrays(self, shaped: Array, output: Any, targets: Any) -> float:
        """The same for an array as the loss gets it, instead of what a network gave."""
        import torch

        with torch.no_grad():
            return self(torch.as_tensor(shaped).to(output.device).reshape(output.shape), targets)

    def shaped(self, output: Any) -> Any:
        """What a network gave, as the loss got it."""
        return output if self.shape is None else output.reshape(-1, *self.shape)

    def note_shape(self, given: Any, output: Any) -> None:
        """Note in which shape the loss got an output, if it has the same numbers."""
        if self.shape is None and given is not None and output is not None and given.numel() == output.numel():
            self.shape = tuple(given.shape[1:]) if len(given) == len(output) else None

    def mean(self, loss: Any, targets: Any) -> float:
        """What the loss function gave, as a mean."""
        total: float = (loss.mean() if loss.ndim else loss).item()
        return total / targets.numel() if self._summed else total


class Seen:
    """Rows that went through a loop, as far as they are kept, and their losses."""

    def __init__(self) -> None:
        self.x: list[Any] = []
        self.y: list[Any] = []
        self.kept = 0
        self.rows = 0  # since the last mean
        self.most = 0  # rows of the longest time between two means
        self._sum = 0.0
        self._sure = 0

    def add(self, x: Any, y: Any, loss: float) -> None:
        """Add a batch, if it is known. Rows are kept as copies: a loop may write into its batches."""
        count = 1 if x is None else len(x)
        self._sum += loss * count
        self.rows += count
        if self.kept >= SAMPLE or x is None or y is None or y.ndim < 1 or len(y) != count:
            return
        if self.x and (x.shape[1:], y.shape[1:]) != (self.x[0].shape[1:], self.y[0].shape[1:]):
            return  # such as sequences of another length
        import torch

        with torch.inference_mode(False):
            self.x.append(x.detach().clone())
            self.y.append(y.detach().clone())
        self.kept += len(x)

    def sure(self) -> None:
        """What was added is certain: a step was made with it."""
        self._sure = len(self.x)

    def undo(self) -> None:
        """Forget the rows that were added since: no step was made with them."""
        if len(self.x) > self._sure:
            del self.x[self._sure :], self.y[self._sure :]
            self.kept = sum(map(len, self.x))

    def all(self) -> tuple[Any, Any]:
        """Inputs and targets that were kept."""
        import torch

        return torch.cat(self.x), torch.cat(self.y)

    def mean(self) -> float:
        """The mean loss since the last mean."""
        found = self._sum / max(1, self.rows)
        self.most = max(self.most, self.rows)
        self.rows, self._sum = 0, 0.0
        return found


@contextmanager
def aside(net: Any) -> Iterator[None]:
    """Meanwhile the network is in evaluation mode, its hooks are not called, and what it writes into its buffers and
    draws at random is undone afterwards.
    """
    import torch

    modules = list(net.modules())
    modes = [module.training for module in modules]
    hooks = [module._forward_hooks for module in modules]
    buffers = [dict(module._buffers) for module in modules]
    net.eval()
    for module in modules:
        module._forward_hooks = OrderedDict()
        module._buffers.update({name: one.clone() for name, one in module._buffers.items() if one is not None})
    try:
        with torch.random.fork_rng():
            yield
    finally:
        for module, mode, own, kept in zip(modules, modes, hooks, buffers, strict=True):
            module.training = mode
            module._forward_hooks = own
            module._buffers.update(kept)


def check_up(net: Any, cost: Cost, step: int, trained: Seen, validated: Seen) -> tuple[CheckUp, Comparison]:
    """The check-up of a network, and BatchNorm in both modes on the first batch of training; nothing for a network
    that cannot take these rows alone.
    """
    try:
        return _checked(net, cost, step, trained, validated)
    except (RuntimeError, TypeError, ValueError):
        return CheckUp(), Comparison()


def _checked(net: Any, cost: Cost, step: int, trained: Seen, validated: Seen) -> tuple[CheckUp, Comparison]:
    import torch

    found, comparison = CheckUp(step), Comparison()
    x, y = trained.all()
    with aside(net), np.errstate(all="ignore"):
        with torch.enable_grad():  # the graph says which layers there are
            trace = Trace(net)
            output = net(x)
        found.train = split_of(cost, output, y)
        trace.layers(output)
        for place in trace.places:
            out = place.out
            if out is not None and place.kind == "ReLU" and out.ndim > 1:
                found.units[place.path] = units(out)
            if out is not None and place.kind in FLAT:
                found.flat[place.path] = float(FLAT[place.kind](out).mean())
        with torch.no_grad():
            if validated.kept:
                x_val, y_val = validated.all()
                found.val = split_of(cost, net(x_val), y_val)
            norms = [module for module in net.modules() if type(module).__name__.startswith(BATCH_NORM)]
            if norms:
                rows = (x_val, y_val) if validated.kept else (x, y)
                kept = found.val or found.train
                x, y = trained.x[0], trained.y[0]
                evaluation = cost(net(x), y)
                for module in norms:
                    module.training = True
                renewed = split_of(cost, net(rows[0]), rows[1]).gain
                comparison = Comparison(step, cost(net(x), y), evaluation, kept.gain, renewed)
    return found, comparison


def split_of(cost: Cost, output: Any, targets: Any) -> SplitCheck:
    """How good the outputs of a network are."""
    return split_check(numbers(cost.shaped(output)), numbers(targets), cost.kind, lambda: cost(output, targets))

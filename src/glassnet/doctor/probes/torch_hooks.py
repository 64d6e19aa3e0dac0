"""How PyTorch says what a loop does: hooks of its modules, and of each backward pass before it runs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any


class Hook(partial[None]):
    """A hook of a module. A copy of the module, such as that of the best one so far, and a file with it have something
    in its place that does nothing: they are not watched, and must not take all that is watched along.
    """

    def __reduce__(self) -> tuple[Any, ...]:
        return partial, (sys.audit, "glassnet.hook")  # takes any arguments, gives None, and is there without glassnet


_listeners: list[Callable[[Any], None]] = []


def listen(listener: Callable[[Any], None]) -> None:
    """Tell a listener of each backward pass. PyTorch has no hook for it, so its function is replaced meanwhile."""
    import torch

    if not _listeners:
        original = torch.autograd.backward

        def backward(tensors: Any, *args: Any, **kwargs: Any) -> None:
            for one in tuple(_listeners):
                one(tensors if isinstance(tensors, torch.Tensor) else tensors[0])
            original(tensors, *args, **kwargs)

        backward.original = original  # type: ignore[attr-defined]
        torch.autograd.backward = backward
    _listeners.append(listener)


def forget(listener: Callable[[Any], None]) -> None:
    """Tell it no more."""
    import torch

    _listeners.remove(listener)
    if not _listeners:
        torch.autograd.backward = torch.autograd.backward.original

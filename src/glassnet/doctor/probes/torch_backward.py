"""Who is told of each backward pass of PyTorch, before it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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

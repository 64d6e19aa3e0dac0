"""The state of a module: its parameters and buffers by path, as NumPy arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from glassnet.engine.errors import CheckpointError
from glassnet.engine.namespace import Array
from glassnet.engine.tensor import Tensor

if TYPE_CHECKING:
    from glassnet.nn.module import Module


def named_tensors(module: Module) -> Iterator[tuple[str, Tensor]]:
    """Parameters, then buffers, by path."""
    yield from module.named_parameters()
    yield from module.named_buffers()


def state_dict(module: Module) -> dict[str, Array]:
    """A copy of every parameter and buffer, by path."""
    return {name: tensor.data.copy() for name, tensor in named_tensors(module)}


def load_state_dict(module: Module, state: Mapping[str, ArrayLike]) -> None:
    """Put the arrays of a state into a module; all are checked before the first is changed."""
    tensors = dict(named_tensors(module))
    problems = []
    if missing := [name for name in tensors if name not in state]:
        problems.append(f"missing: {', '.join(missing)}")
    if unexpected := [name for name in state if name not in tensors]:
        problems.append(f"unexpected: {', '.join(unexpected)}")
    arrays = {name: np.asarray(array) for name, array in state.items() if name in tensors}
    problems.extend(
        f"{name} has shape {array.shape} where {tensors[name].shape} is needed"
        for name, array in arrays.items()
        if array.shape != tensors[name].shape
    )
    if problems:
        raise CheckpointError(f"these weights do not belong to this {type(module).__name__}: {'; '.join(problems)}.")
    for name, array in arrays.items():
        tensors[name].data = np.array(array, tensors[name].dtype)

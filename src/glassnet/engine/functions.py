"""The operations as functions of tensors, arrays and numbers: ``glassnet.exp(x)``, ``glassnet.where(c, a, b)``."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from glassnet.engine import ops
from glassnet.engine.convert import as_array
from glassnet.engine.operation import Operation
from glassnet.engine.tensor import Tensor, TensorLike, apply


def _function(operation: Operation) -> Callable[..., Tensor]:
    def function(*inputs: TensorLike) -> Tensor:
        return apply(operation, *inputs)

    function.__name__ = function.__qualname__ = operation.name
    function.__doc__ = operation.__doc__
    return function


exp = _function(ops.exp)
expm1 = _function(ops.expm1)
log = _function(ops.log)
log1p = _function(ops.log1p)
sqrt = _function(ops.sqrt)
sin = _function(ops.sin)
cos = _function(ops.cos)
abs = _function(ops.abs_)  # noqa: A001  # as in NumPy: glassnet.abs
tanh = _function(ops.tanh)
sigmoid = _function(ops.sigmoid)
relu = _function(ops.relu)
maximum = _function(ops.maximum)
minimum = _function(ops.minimum)
where = _function(ops.where)
matmul = _function(ops.matmul)


def concatenate(tensors: Sequence[TensorLike], axis: int = 0) -> Tensor:
    """Tensors joined along an axis that they have; the other axes must agree."""
    return apply(ops.concatenate, *_as_arrays(tensors), axis=axis)


def stack(tensors: Sequence[TensorLike], axis: int = 0) -> Tensor:
    """Tensors of one shape joined along a new axis."""
    return apply(ops.stack, *_as_arrays(tensors), axis=axis)


def _as_arrays(tensors: Sequence[TensorLike]) -> list[TensorLike]:
    """Numbers and lists among the tensors as arrays of the tensors' type."""
    floats = [value.dtype for value in tensors if isinstance(value, Tensor) and value.dtype.kind == "f"]
    dtype = np.result_type(*floats) if floats else None
    return [value if isinstance(value, Tensor | np.ndarray) else as_array(value, dtype) for value in tensors]

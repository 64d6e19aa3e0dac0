"""The engine: tensors that remember how they were computed, and backpropagation through that memory."""

from glassnet.engine.backward import Node, topological_order
from glassnet.engine.errors import (
    CheckpointError,
    ConfigError,
    DataError,
    GlassnetError,
    GradientError,
    NonFiniteError,
    ShapeError,
    TraceError,
)
from glassnet.engine.gradcheck import gradcheck
from glassnet.engine.operation import Operation, operation
from glassnet.engine.random import manual_seed
from glassnet.engine.scope import enable_grad, no_grad
from glassnet.engine.tensor import Tensor, apply, apply_keeping, as_tensor, tensor

__all__ = [
    "CheckpointError",
    "ConfigError",
    "DataError",
    "GlassnetError",
    "GradientError",
    "Node",
    "NonFiniteError",
    "Operation",
    "ShapeError",
    "TraceError",
    "Tensor",
    "apply",
    "apply_keeping",
    "as_tensor",
    "enable_grad",
    "gradcheck",
    "manual_seed",
    "no_grad",
    "operation",
    "tensor",
    "topological_order",
]

"""Tensor: an array that remembers how it was computed.

``apply`` is the one door through which every operation goes: it takes the arrays out of the tensors, lets the row
compute, and, if a gradient will be wanted, writes down the node that ``backward`` walks.
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import index
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike

from glassnet.engine.backward import Node, backward
from glassnet.engine.convert import FLOAT, as_array, as_constant, is_float, unify
from glassnet.engine.errors import DataError, GradientError, ShapeError
from glassnet.engine.methods import TensorMethods
from glassnet.engine.namespace import Array, Shape
from glassnet.engine.operation import Operation
from glassnet.engine.scope import scope

#: What an operation takes: tensors, and constants (arrays, numbers, nested lists of numbers).
TensorLike: TypeAlias = Any


def tensor(value: TensorLike, dtype: DTypeLike | None = None, requires_grad: bool = False) -> Tensor:
    """A tensor with a copy of ``value``.

    Python floats become float32, integers int64, booleans bool; NumPy arrays keep their type. ``dtype`` overrides.
    Raises DataError for what is not made of numbers and GradientError if integers are to require a gradient.

    >>> w = gn.tensor([1.0, 2.0], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> w.grad
    array([2., 4.], dtype=float32)
    """
    if _holds_tensors(value):
        raise DataError("tensor() would cut the given tensors off their graph. Join them with glassnet.stack().")
    return Tensor(np.array(as_array(value, dtype)), requires_grad)


def _holds_tensors(value: Any) -> bool:
    return isinstance(value, list | tuple) and any(isinstance(v, Tensor) or _holds_tensors(v) for v in value)


def _as_data(value: Any) -> Any:
    """Numbers and lists as an array; an array of another namespace as it is."""
    if isinstance(value, np.generic):  # what a reduction of NumPy's returns
        return np.asarray(value)
    return as_array(value) if isinstance(value, int | float | list | tuple) else value


def as_tensor(value: TensorLike) -> Tensor:
    """``value`` itself if it is a tensor, otherwise a tensor over it, without a copy where possible."""
    return value if isinstance(value, Tensor) else Tensor(as_array(value))


def apply(operation: Operation, *inputs: TensorLike, **static: Any) -> Tensor:
    """The result of an operation on tensors and constants, recorded if a gradient will be wanted.

    Raises ShapeError, with the shapes, where the inputs do not fit each other.
    """
    return _compute(operation, inputs, static)[0]


def apply_keeping(operation: Operation, *inputs: TensorLike, **static: Any) -> tuple[Tensor, tuple[Any, ...]]:
    """As ``apply``, with the arrays that the row keeps for its backward computation (``Operation.keeps``)."""
    return _compute(operation, inputs, static)


def _compute(
    operation: Operation, inputs: tuple[TensorLike, ...], static: dict[str, Any]
) -> tuple[Tensor, tuple[Any, ...]]:
    if operation.defaults:
        static = {**operation.defaults, **static}
    found: Any  # the type of the array at hand
    arrays: list[Any] = []
    parents: list[Tensor | None] = []
    dtype: Any = None  # of the first array
    mixed = wanted = False
    for value in inputs:
        if isinstance(value, Tensor):
            array = value.data
            found = array.dtype
            if value.requires_grad:
                wanted = True
                parents.append(value)
            else:
                parents.append(None)
        else:
            array = as_constant(value, inputs)
            found = getattr(array, "dtype", None)  # a Python number takes the type of what it meets
            parents.append(None)
        arrays.append(array)
        if found is not dtype and found is not None:
            mixed = mixed or dtype is not None
            dtype = dtype or found
    if mixed:
        arrays = unify(operation, arrays, [isinstance(value, Tensor) for value in inputs])
    try:
        result = operation.forward(scope.xp, *arrays, **static)
    except (ValueError, IndexError) as error:
        shapes = " and ".join(str(np.shape(array)) for array in arrays)
        reason = str(error).rstrip(".")
        raise ShapeError(f"{operation.name} cannot take shapes {shapes}: {reason}.") from error
    out, kept = result if operation.keeps else (result, ())
    if out.dtype != FLOAT and out.dtype.kind == "f" and not any(is_float(array) for array in arrays):
        # NumPy's answer to integers, as in exp(2); to short ones it is float16, which holds too little.
        if out.dtype.itemsize < FLOAT.itemsize:
            return _compute(operation, tuple(np.asarray(array, np.int64) for array in arrays), static)
        out = out.astype(FLOAT)
    if wanted and scope.recording:
        node = Node(operation, tuple(parents), tuple(arrays), kept, static, scope.layer)
        return Tensor(out, True, node), kept
    return Tensor(out), kept


class Tensor(TensorMethods):
    """An array with a gradient.

    ``data`` is the NumPy array itself; ``grad`` is None or a NumPy array of the same shape and dtype, filled by
    ``backward()`` and added to by every further one until it is set to None. ``node`` is None for leaves and tells
    how a computed tensor came about. Writing into ``data`` is not recorded.
    """

    __slots__ = ("__weakref__", "data", "grad", "node", "requires_grad", "retains_grad")
    __array_ufunc__ = None  # NumPy hands `array * tensor` to Tensor.__rmul__ instead of looping over elements
    __hash__ = object.__hash__  # identity, because == compares elements

    def __init__(self, data: Array, requires_grad: bool = False, node: Node | None = None) -> None:
        self.data: Array = data if isinstance(data, np.ndarray) else _as_data(data)
        self.grad: Array | None = None
        self.node = node
        self.requires_grad = requires_grad
        self.retains_grad = False
        if requires_grad and self.data.dtype.kind != "f":
            raise GradientError(
                f"only floating tensors can require a gradient, got {self.data.dtype}. Write the numbers as floats, "
                "such as 2.0 instead of 2."
            )

    _apply = staticmethod(apply)

    @classmethod
    def _new(cls, data: Array) -> Tensor:
        return Tensor(data)

    # What it holds

    @property
    def shape(self) -> Shape:
        """Length of each axis; () for a scalar."""
        return self.data.shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.data.ndim

    @property
    def size(self) -> int:
        """Number of elements."""
        return self.data.size

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the elements."""
        return self.data.dtype

    def item(self) -> Any:
        """The value of a tensor with one element as a Python number. Raises ShapeError for more."""
        if self.size != 1:
            raise ShapeError(f"item() needs a tensor with one element, got shape {self.shape}. Use numpy().")
        return self.data.item()

    def numpy(self) -> Array:
        """The NumPy array itself, not a copy."""
        return self.data

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> Array:
        return np.array(self.data, dtype=dtype, copy=copy)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("a tensor without axes has no length")
        return self.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        return bool(self.data) if self.size == 1 else bool(self.item())  # a recorded step hears what is asked

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        return index(self.item())

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec else repr(self)

    def __repr__(self) -> str:
        parts = [np.array2string(self.data, separator=", ", prefix="tensor(")]
        if self.dtype not in (FLOAT, np.int64, np.bool_):
            parts.append(f"dtype={self.dtype}")
        if self.node is not None:
            parts.append(f"from={self.node.operation.name}")
        elif self.requires_grad:
            parts.append("requires_grad=True")
        return f"tensor({', '.join(parts)})"

    # Gradients

    def backward(self, gradient: TensorLike | None = None) -> None:
        """Add the gradient of this tensor to ``grad`` of every leaf that it depends on.

        A single number starts with the gradient 1.0; any other shape needs ``gradient`` of that shape.
        Raises GradientError otherwise, or if no leaf requires a gradient.
        """
        backward(self, gradient.data if isinstance(gradient, Tensor) else gradient)

    def retain_grad(self) -> None:
        """Ask ``backward`` to keep the gradient of this computed tensor too."""
        if not self.requires_grad:
            raise GradientError("retain_grad() needs a tensor that requires a gradient.")
        self.retains_grad = True

    def detach(self) -> Tensor:
        """The same array, cut off the graph: gradients do not flow through it."""
        return Tensor(self.data)

    def _in_place(self, result: Tensor) -> Tensor:
        """What ``w -= step`` means: the update of a leaf under no_grad(), otherwise a new tensor under the old name."""
        if not self.requires_grad or self.node is not None:
            return result
        if scope.recording:
            raise GradientError(
                "a leaf that requires a gradient cannot be changed in place while the graph is recorded. "
                "Write the update inside `with glassnet.no_grad():`, or make a new tensor, as in w = w - step."
            )
        if result.shape != self.shape:
            raise ShapeError(f"an update in place must keep the shape {self.shape}, got {result.shape}.")
        self.data = result.data.astype(self.dtype, copy=False)
        return self

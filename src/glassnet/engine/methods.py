"""What can be done with a tensor: its operators and methods, each a line over its row.

The names are PyTorch's; reductions take NumPy's ``axis`` and ``keepdims``, which PyTorch accepts as well.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike

from glassnet.engine import indexing, ops
from glassnet.engine.convert import as_constant
from glassnet.engine.errors import GradientError, ShapeError
from glassnet.engine.hints import TENSOR, missing_attribute
from glassnet.engine.namespace import Array, Axes
from glassnet.engine.operation import Operation
from glassnet.engine.ops.reduce import as_axes

if TYPE_CHECKING:
    from glassnet.engine.tensor import Tensor, TensorLike


def _method(operation: Operation, reflected: bool = False) -> Callable[..., Tensor]:
    """The method that belongs to a row; ``reflected`` swaps two inputs: what ``2 - x`` calls on x."""

    def method(self: Tensor, *others: TensorLike) -> Tensor:
        return self._apply(operation, *others, self) if reflected else self._apply(operation, self, *others)

    method.__name__ = operation.name
    method.__doc__ = operation.__doc__
    return method


def _in_place_method(operation: Operation) -> Callable[..., Tensor]:
    """What ``x += y`` calls."""

    def method(self: Tensor, other: TensorLike) -> Tensor:
        return self._in_place(self._apply(operation, self, other))

    method.__name__ = f"{operation.name}_in_place"
    return method


def _comparison(compare_arrays: Callable[[Any, Any], Any], name: str) -> Callable[[Tensor, Any], Any]:
    """An element-wise comparison, or two of them joined: a tensor of booleans, without a gradient."""

    def compare(self: Tensor, other: TensorLike) -> Tensor:
        value = other.data if isinstance(other, TensorMethods) else as_constant(other, (self,))
        if isinstance(other, np.ndarray) and other.dtype.kind == self.dtype.kind == "f":
            value = value.astype(self.dtype)
        try:
            return self._new(compare_arrays(self.data, value))
        except ValueError as error:
            raise ShapeError(f"{name} cannot take shapes {self.shape} and {np.shape(value)}.") from error

    compare.__name__ = name
    return compare


class TensorMethods:
    """The operators and methods of ``Tensor``."""

    __slots__ = ()

    if TYPE_CHECKING:  # what Tensor brings along
        data: Array
        dtype: Any
        shape: Any
        ndim: Any
        _apply: Callable[..., Tensor]
        _new: Callable[[Any], Tensor]
        _in_place: Callable[[Tensor], Tensor]

    # Arithmetic

    __add__, __radd__ = _method(ops.add), _method(ops.add, reflected=True)
    __sub__, __rsub__ = _method(ops.subtract), _method(ops.subtract, reflected=True)
    __mul__, __rmul__ = _method(ops.multiply), _method(ops.multiply, reflected=True)
    __truediv__, __rtruediv__ = _method(ops.divide), _method(ops.divide, reflected=True)
    __pow__, __rpow__ = _method(ops.power), _method(ops.power, reflected=True)
    __matmul__, __rmatmul__ = _method(ops.matmul), _method(ops.matmul, reflected=True)
    __neg__, __abs__, abs = _method(ops.negate), _method(ops.abs_), _method(ops.abs_)
    exp, expm1, log, log1p = _method(ops.exp), _method(ops.expm1), _method(ops.log), _method(ops.log1p)
    sqrt, sin, cos = _method(ops.sqrt), _method(ops.sin), _method(ops.cos)
    tanh, sigmoid, relu = _method(ops.tanh), _method(ops.sigmoid), _method(ops.relu)
    maximum, minimum = _method(ops.maximum), _method(ops.minimum)

    def clip(self, min: float | None = None, max: float | None = None) -> Tensor:  # noqa: A002  # NumPy's names
        """x between two bounds, each of which may be None; ``clamp`` in PyTorch. Raises ShapeError for min > max."""
        if min is not None and max is not None and min > max:
            raise ShapeError(f"clip needs min <= max, got min={min} and max={max}.")
        return self._apply(ops.clip, self, min=min, max=max)

    # In place: on a leaf under no_grad() an update, otherwise a new tensor under the old name

    __iadd__, __isub__ = _in_place_method(ops.add), _in_place_method(ops.subtract)
    __imul__, __itruediv__ = _in_place_method(ops.multiply), _in_place_method(ops.divide)

    # Comparisons

    __eq__, __ne__ = _comparison(operator.eq, "__eq__"), _comparison(operator.ne, "__ne__")
    __lt__, __le__ = _comparison(operator.lt, "__lt__"), _comparison(operator.le, "__le__")
    __gt__, __ge__ = _comparison(operator.gt, "__gt__"), _comparison(operator.ge, "__ge__")

    # Masks: comparisons joined, as in (x > 0) & (x < 1)

    __and__, __or__ = _comparison(operator.and_, "__and__"), _comparison(operator.or_, "__or__")

    def __invert__(self) -> Tensor:
        return self._new(~self.data)

    # Reductions

    def sum(self, axis: Axes = None, keepdims: bool = False) -> Tensor:
        """Sum over all axes, or over the given ones."""
        return self._apply(ops.sum_, self, axis=axis, keepdims=keepdims)

    def mean(self, axis: Axes = None, keepdims: bool = False) -> Tensor:
        """Mean over all axes, or over the given ones."""
        return self._apply(ops.mean, self, axis=axis, keepdims=keepdims)

    def var(self, axis: Axes = None, keepdims: bool = False, correction: int = 1) -> Tensor:
        """Variance, divided by n - correction: 1 for the estimate from a sample, 0 for the population."""
        return self._apply(ops.var, self, axis=axis, keepdims=keepdims, correction=correction)

    def std(self, axis: Axes = None, keepdims: bool = False, correction: int = 1) -> Tensor:
        """Standard deviation: the square root of ``var``."""
        return self.var(axis, keepdims, correction).sqrt()

    def max(self, axis: Axes = None, keepdims: bool = False) -> Tensor:
        """Largest element; elements that tie share the gradient."""
        return self._apply(ops.max_, self, axis=axis, keepdims=keepdims)

    def min(self, axis: Axes = None, keepdims: bool = False) -> Tensor:
        """Smallest element; elements that tie share the gradient."""
        return self._apply(ops.min_, self, axis=axis, keepdims=keepdims)

    def logsumexp(self, axis: Axes = None, keepdims: bool = False) -> Tensor:
        """log(sum(exp(x))), stable at any size of x."""
        return self._apply(ops.logsumexp, self, axis=axis, keepdims=keepdims)

    def cumsum(self, axis: int) -> Tensor:
        """Running sum along an axis."""
        return self._apply(ops.cumsum, self, axis=axis)

    def softmax(self, axis: int = -1) -> Tensor:
        """exp(x) / sum(exp(x)) along an axis."""
        return self._apply(ops.softmax, self, axis=axis)

    def log_softmax(self, axis: int = -1) -> Tensor:
        """log(softmax(x)) along an axis, stable at any size of x."""
        return self._apply(ops.log_softmax, self, axis=axis)

    def argmax(self, axis: int | None = None) -> Tensor:
        """Position of the largest element, the first of those that tie; without a gradient."""
        return self._new(self._extreme_place("argmax", axis))

    def argmin(self, axis: int | None = None) -> Tensor:
        """Position of the smallest element, the first of those that tie; without a gradient."""
        return self._new(self._extreme_place("argmin", axis))

    def _extreme_place(self, name: str, axis: int | None) -> Any:
        as_axes(axis, self.ndim)
        if not self.data.size:
            raise ShapeError(f"{name} needs at least one element, got shape {self.shape}.")
        return getattr(self.data, name)(axis)

    # Shapes

    def reshape(self, *shape: int) -> Tensor:
        """The same elements in another shape; one axis may be -1. ``x.reshape(2, -1)`` or ``x.reshape((2, -1))``."""
        return self._apply(ops.reshape, self, shape=_unpack(shape))

    def permute(self, *axes: int) -> Tensor:
        """The axes in another order."""
        return self._apply(ops.permute, self, axes=_unpack(axes))

    def transpose(self, dim0: int, dim1: int) -> Tensor:
        """Two axes swapped."""
        axes = list(range(self.ndim))
        i, j = as_axes((dim0, dim1), self.ndim)
        axes[i], axes[j] = j, i
        return self._apply(ops.permute, self, axes=tuple(axes))

    @property
    def T(self) -> Tensor:  # noqa: N802  # the name that NumPy, PyTorch and mathematics use
        """The transpose: all axes in reverse order."""
        return self._apply(ops.permute, self, axes=tuple(range(self.ndim))[::-1])

    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> Tensor:
        """The axes from ``start_dim`` to ``end_dim`` (inclusive) joined into one."""
        start, end = as_axes((start_dim, end_dim), self.ndim) if self.ndim else (0, 0)
        if start > end:
            raise ShapeError(f"flatten from axis {start_dim} to {end_dim} of shape {self.shape}: nothing lies between.")
        joined = math.prod(self.shape[start : end + 1])
        return self.reshape(*self.shape[:start], joined, *self.shape[end + 1 :])

    def expand(self, *shape: int) -> Tensor:
        """Axes of length 1 repeated to the given shape, new axes in front."""
        return self._apply(ops.expand, self, shape=_unpack(shape))

    def unsqueeze(self, axis: int) -> Tensor:
        """A new axis of length 1."""
        (place,) = as_axes(axis, self.ndim + 1)
        return self.reshape(*self.shape[:place], 1, *self.shape[place:])

    def squeeze(self, axis: Axes = None) -> Tensor:
        """Without the axes of length 1: all of them, or the given ones. Raises ShapeError for a longer axis."""
        axes = [i for i, n in enumerate(self.shape) if n == 1] if axis is None else as_axes(axis, self.ndim)
        if any(self.shape[i] != 1 for i in axes):
            raise ShapeError(f"squeeze(axis={axis}) needs axes of length 1, got shape {self.shape}.")
        return self.reshape(*(n for i, n in enumerate(self.shape) if i not in axes))

    def split(self, size: int | Sequence[int], axis: int = 0) -> tuple[Tensor, ...]:
        """Parts of ``size`` elements along an axis (the last may be shorter), or parts of the given sizes."""
        (place,) = as_axes(axis, self.ndim)
        length = self.shape[place]
        if isinstance(size, int):
            if size < 1:
                raise ShapeError(f"split needs parts of at least 1 element, got {size}.")
            sizes = [min(size, length - start) for start in range(0, length, size)]
        else:
            sizes = list(size)
            if sum(sizes) != length or any(n < 0 for n in sizes):
                raise ShapeError(f"split into {sizes} of axis {axis} of shape {self.shape}: the sizes must sum to it.")
        ends = list(accumulate(sizes))
        before = (slice(None),) * place
        return tuple(self[(*before, slice(end - n, end))] for n, end in zip(sizes, ends, strict=True))

    def to(self, dtype: DTypeLike) -> Tensor:
        """The same numbers in another type; between floating types the gradient flows."""
        if np.dtype(dtype).kind == self.dtype.kind == "f":
            return self._apply(ops.cast, self, dtype=np.dtype(dtype))
        return self._new(self.data.astype(dtype))

    def __getitem__(self, index: Any) -> Tensor:
        """Elements by integers, slices, masks and arrays of integers; repeated positions accumulate gradients."""
        parts = index if isinstance(index, tuple) else (index,)
        arrays = tuple(part.data if isinstance(part, TensorMethods) else part for part in parts)
        pattern, positions = indexing.parse(arrays, self.shape)
        return self._apply(ops.index, self, *positions, pattern=pattern)

    def __setitem__(self, index: Any, value: Any) -> None:
        raise GradientError(
            "a tensor cannot be written into: the graph remembers its values. Write "
            "x = glassnet.where(mask, new, x) for a changed copy, or x.data[...] = new outside of any graph."
        )

    if not TYPE_CHECKING:  # for a type checker every name would then exist

        def __getattr__(self, name: str) -> Any:
            raise missing_attribute(self, type(self).__name__, name, TENSOR)


def _unpack(numbers: tuple[Any, ...]) -> tuple[int, ...]:
    """``f(2, 3)`` and ``f((2, 3))`` mean the same."""
    return tuple(numbers[0]) if len(numbers) == 1 and isinstance(numbers[0], tuple | list) else numbers

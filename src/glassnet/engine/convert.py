"""Numbers as arrays: what type they take, and what type they share where they meet.

float32 is the type of Python's floats here, as in PyTorch. Tensors decide: an array or number that is no tensor is a
constant and takes the floating type of the tensors that it meets, so that float64 data does not slow a network down.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from glassnet.engine.errors import DataError
from glassnet.engine.namespace import Array
from glassnet.engine.operation import Operation
from glassnet.engine.scope import scope

FLOAT = np.dtype(np.float32)
DOUBLE = np.dtype(np.float64)
BOOL = np.dtype(np.bool_)


def as_array(value: Any, dtype: DTypeLike | None = None) -> Array:
    """The numbers of a tensor, array, number or nested list as a NumPy array, without a copy where possible.

    Without a ``dtype``, Python's floats become float32.

    Raises DataError for rows of different lengths and for what is not made of numbers.
    """
    if scope.tracer is not None and hasattr(value, "astype"):  # in a recorded step: an array of whichever namespace
        return value if dtype is None else value.astype(dtype)
    try:
        array = np.asarray(value, dtype)
    except ValueError as error:
        raise DataError(f"expected numbers in rows of equal length: {error}.") from error
    if array.dtype.kind not in "fiub":
        raise DataError(f"expected numbers, got {type(value).__name__} with elements of type {array.dtype}.")
    of_python = isinstance(value, float | list | tuple) and not isinstance(value, np.generic)
    return array.astype(FLOAT) if dtype is None and of_python and array.dtype == DOUBLE else array


def is_float(value: Any) -> bool:
    """Whether a value is an array of floating numbers."""
    return getattr(value, "dtype", BOOL).kind == "f"


def as_constant(value: Any, others: Sequence[Any] = ()) -> Any:
    """An input that is no tensor. Numbers stay Python numbers: NumPy lets them take the type of what they meet.

    Floats in lists take float64, without a loss, if one of the ``others`` has it.
    """
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, int | float) or hasattr(value, "astype"):  # an array, of whichever namespace
        return value
    double = any(getattr(other, "dtype", BOOL) == DOUBLE for other in others)
    array = as_array(value)
    return as_array(value, DOUBLE) if double and array.dtype == FLOAT else array


def unify(operation: Operation, arrays: list[Any], are_tensors: list[bool]) -> list[Any]:
    """Bring the arrays that meet in an operation to one floating type.

    float32 and float64 tensors meet in float64; integers, and arrays that are no tensors, are cast to the tensors'
    type. Inputs without a derivative (indices, conditions) stay as they are.
    """
    places = [i for i, array in enumerate(arrays) if operation.differentiates(i) and hasattr(array, "dtype")]
    floats = [i for i in places if arrays[i].dtype.kind == "f"]
    if not floats:
        return arrays
    if len(floats) == len(places) and len({arrays[i].dtype for i in places}) == 1:
        return arrays
    deciding = [i for i in floats if are_tensors[i]] or floats
    common = np.result_type(*(arrays[i].dtype for i in deciding))
    return [array.astype(common, copy=False) if i in places else array for i, array in enumerate(arrays)]

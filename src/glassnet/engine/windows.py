"""Windows that slide over the middle axes of an array, and the way back: what convolution and pooling are made of."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array = NDArray[Any]


def places(length: int, kernel: int, stride: int, dilation: int) -> int:
    """How often a window fits along an axis. Raises ValueError if it does not fit at all."""
    reach = dilation * (kernel - 1) + 1  # from its first to its last element
    if length < reach:
        raise ValueError(f"a window that reaches over {reach} elements does not fit into {length}")
    return (length - reach) // stride + 1


def windows(x: Array, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> Array:
    """x (N, *S, C) -> (N, *places, *kernel, C): for each place of the window, the elements that it covers."""
    spatial = len(kernel)
    for axis in range(spatial):
        places(x.shape[1 + axis], kernel[axis], stride[axis], dilation[axis])
    reach = tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))
    view = sliding_window_view(x, reach, axis=tuple(range(1, spatial + 1)))  # (N, *starts, C, *reach)
    steps = (slice(None), *(slice(None, None, s) for s in stride), slice(None))
    taken = view[(*steps, *(slice(None, None, d) for d in dilation))]  # (N, *places, C, *kernel)
    return np.moveaxis(taken, spatial + 1, -1)


def overlap_add(parts: Array, shape: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> Array:
    """The transpose of ``windows``: (N, *places, *kernel, C) -> ``shape``; where windows overlapped, parts add up."""
    spatial = len(stride)
    count, kernel = parts.shape[1 : spatial + 1], parts.shape[spatial + 1 : -1]
    result = np.zeros(shape, parts.dtype)
    for offset in product(*map(range, kernel)):
        covered = tuple(
            slice(o * d, o * d + s * (n - 1) + 1, s) for o, d, s, n in zip(offset, dilation, stride, count, strict=True)
        )
        result[(slice(None), *covered)] += parts[(slice(None),) * (spatial + 1) + offset]
    return result

"""Memory for tests of generated code: between two pages that nobody may touch.

An array can be put directly before or directly behind such a page. Code that reads or writes one element too many then
ends the process with a segmentation fault, which no test passes.
"""

from __future__ import annotations

import ctypes
import mmap
from functools import cache

import numpy as np

PAGE = mmap.PAGESIZE
LARGEST = 1024 * PAGE


@cache
def memory(number: int) -> tuple[mmap.mmap, np.ndarray]:
    """The bytes between two forbidden pages; each number has its own."""
    region = mmap.mmap(-1, LARGEST + 2 * PAGE)
    everything = np.frombuffer(region, np.uint8)
    protect = ctypes.CDLL(None, use_errno=True).mprotect
    protect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    for begin in (0, LARGEST + PAGE):
        assert protect(everything.ctypes.data + begin, PAGE, 0) == 0
    return region, everything[PAGE:-PAGE]


def guarded(values: np.ndarray, number: int, *, at_end: bool) -> np.ndarray:
    """A contiguous copy of the values that touches a forbidden page with its end or its beginning."""
    room = memory(number)[1]
    assert 0 < values.nbytes <= room.nbytes
    place = room[-values.nbytes :] if at_end else room[: values.nbytes]
    array = place.view(values.dtype).reshape(values.shape)
    array[...] = values
    return array

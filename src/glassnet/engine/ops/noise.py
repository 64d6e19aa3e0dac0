"""Dropout, and the random bits that it draws: a function of (seed, layer, step, element), computed with integers.

Any array namespace computes the same bits, in any order and on any number of threads, and a resumed training draws
what an uninterrupted one would have drawn.
"""

from __future__ import annotations

import math
from typing import Any

from glassnet.engine.namespace import Array, Shape
from glassnet.engine.operation import operation


def _mix(h: Array) -> Array:
    """A bijection of 32-bit words in which every bit of the input changes each bit of the output in half of all cases.

    Shifts and multipliers were found by Chris Wellons' search, https://github.com/skeeto/hash-prospector.
    """
    h = (h ^ (h >> 16)) * 0x21F0AAAD
    h = (h ^ (h >> 15)) * 0xD35A2D97
    return h ^ (h >> 15)


def random_bits(xp: Any, words: Array, shape: Shape) -> Array:
    """A random 32-bit word for each element. words: (2,) uint32, from seed and layer, and from the step too."""
    elements = xp.arange(math.prod(shape), dtype=words.dtype)
    return _mix(_mix(elements + words[:1]) ^ _mix(words[1:])).reshape(shape)


@operation(lambda xp, g, out, scale, x, words, rate: g * scale, keeps=("scale",))
def dropout(xp: Any, x: Array, words: Array, *, rate: float) -> tuple[Array, tuple[Array]]:
    """Elements set to 0 with probability ``rate``, the others divided by 1 - rate, so that the mean stays
    (Srivastava et al., 2014, https://jmlr.org/papers/v15/srivastava14a.html).
    """
    kept = random_bits(xp, words, x.shape) >= round(rate * 2**32)
    scale = kept.astype(x.dtype) * (1.0 / (1.0 - rate))
    return x * scale, (scale,)

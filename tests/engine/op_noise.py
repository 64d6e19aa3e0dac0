"""Dropout, beside its random bits computed one by one with Python's integers."""

import math

import numpy as np

from .op_record import OpInfo, normal, sample

WORD = 2**32


def mix(h):
    h = (h ^ (h >> 16)) * 0x21F0AAAD % WORD
    h = (h ^ (h >> 15)) * 0xD35A2D97 % WORD
    return h ^ (h >> 15)


def bits(first, second, shape):
    words = [mix(mix((i + first) % WORD) ^ mix(second)) for i in range(math.prod(shape))]
    return np.array(words, np.uint32).reshape(shape)


def dropout(x, words, rate):
    return x * (bits(*map(int, words), x.shape) >= rate * WORD) / (1 - rate)


DROPOUTS = [
    ((3,), 0, 0.5),
    ((2, 3), 1, 0.25),
    ((2, 3, 4), 2**32 - 1, 0.9),
    ((), 5, 0.5),
    ((0, 3), 7, 0.1),
    ((6,), 1, 0.0),
]

NOISE = [
    OpInfo(
        "dropout",
        lambda rng, dtype: [
            sample(normal(rng, dtype, *shape), np.array([2**32 - 2, word], np.uint32), rate=rate)
            for shape, word, rate in DROPOUTS
        ],
        dropout,
    )
]

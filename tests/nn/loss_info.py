"""The table that drives the tests of all losses: outputs, targets, options, and the loss of each element in NumPy."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.special

RANDOM = np.random.default_rng(0)
N, K = 7, 4
LOGITS = RANDOM.standard_normal((N, K))
LABELS = RANDOM.integers(0, K, N)
IGNORED = np.where(np.arange(N) % 3 == 0, -100, LABELS)
SOFT = RANDOM.dirichlet(np.ones(K), N)
WEIGHT = np.array([0.5, 2.0, 1.0, 0.0])
X, Y = RANDOM.standard_normal((5, 3)), RANDOM.standard_normal((5, 3))
ANSWERS = (RANDOM.random((5, 3)) < 0.5).astype(float)


@dataclass(frozen=True)
class LossInfo:
    """One loss with one choice of its options; ``name`` is its class here and in PyTorch."""

    name: str
    x: np.ndarray
    targets: np.ndarray
    #: The loss of each element, from x, targets and the options.
    reference: Callable[..., np.ndarray]
    options: dict[str, Any] = field(default_factory=dict)


def probabilities(targets, ignore_index=-100):
    """(N, K): those of labels are 0 and 1, and all 0 where they are ignored."""
    if targets.dtype.kind == "f":
        return targets
    counts = targets != ignore_index
    return np.eye(K)[targets * counts] * counts[:, None]


def cross_entropy(x, targets, weight=None, label_smoothing=0.0, ignore_index=-100):
    p = probabilities(targets, ignore_index)
    smooth = (1 - label_smoothing) * p + label_smoothing / K * p.sum(1, keepdims=True)
    logs = scipy.special.log_softmax(x, 1) * (1.0 if weight is None else weight)
    return -(smooth * logs).sum(1)


def nll(x, targets, weight=None, ignore_index=-100):
    return -(probabilities(targets, ignore_index) * x * (1.0 if weight is None else weight)).sum(1)


def binary(x, targets, pos_weight=1.0):
    right, wrong = scipy.special.log_expit(x), scipy.special.log_expit(-x)
    return -(pos_weight * targets * right + (1 - targets) * wrong)


def huber(x, targets, delta=1.0):
    d = np.abs(x - targets)
    return np.where(d <= delta, d**2 / 2, delta * (d - delta / 2))


CLASSES = [
    *({}, {"weight": WEIGHT}, {"label_smoothing": 0.2}, {"weight": WEIGHT, "label_smoothing": 0.2}),
    {"label_smoothing": 1.0},
]

LOSSES = [
    *(LossInfo("CrossEntropyLoss", LOGITS, t, cross_entropy, o) for o in CLASSES for t in (LABELS, IGNORED, SOFT)),
    LossInfo("CrossEntropyLoss", LOGITS, LABELS, cross_entropy, {"ignore_index": int(LABELS[0])}),
    *(LossInfo("NLLLoss", LOGITS, t, nll, o) for o in CLASSES[:2] for t in (LABELS, IGNORED)),
    LossInfo("NLLLoss", LOGITS, LABELS, nll, {"ignore_index": int(LABELS[0]), "weight": WEIGHT}),
    *(
        LossInfo("BCEWithLogitsLoss", X, t, binary, o)
        for o in ({}, {"pos_weight": np.array([1.0, 3.0, 0.5])}, {"pos_weight": np.array(2.0)})
        for t in (ANSWERS, ANSWERS * 0.8 + 0.1)
    ),
    LossInfo("MSELoss", X, Y, lambda x, t: (x - t) ** 2),
    LossInfo("L1Loss", X, Y, lambda x, t: np.abs(x - t)),
    *(LossInfo("HuberLoss", X, Y, huber, o) for o in ({}, {"delta": 0.7}, {"delta": 50.0})),
]

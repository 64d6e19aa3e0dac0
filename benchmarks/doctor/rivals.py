"""Two documented sets of rules, re-implemented from their documentation, on the same trainings.

SageMaker Debugger: the thresholds that its manual gives for its built-in rules. AutoTrainer (Zhang et al., ICSE 2021):
those of the paper, said only where the training accuracy is poor or has stalled. These are re-implementations, not the
programs themselves: both look into every ``EVERY``-th step here, and see what is there to be seen by them in ``fit``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import glassnet as gn
from glassnet import nn

EVERY = 20
SAGEMAKER, AUTOTRAINER = "SageMaker Debugger", "AutoTrainer"
NAMES = (SAGEMAKER, AUTOTRAINER)


@dataclass
class Seen:
    """One step. dead: for each ReLU layer the share of units active on less than 1 % of the rows. flat: for each Tanh
    the share of |pre-activations| > 9.5. gradients, zero_gradients: of each matrix of weights in order, the mean |g|,
    its norm, and the share of zeros. ratio: the largest update-to-weight ratio, and the smallest.
    """

    loss: float
    dead: list[float] = field(default_factory=list)
    flat: list[float] = field(default_factory=list)
    means: list[float] = field(default_factory=list)
    norms: list[float] = field(default_factory=list)
    zeros: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)


class Recorder(gn.Callback):
    """Looks into a training and keeps what the rules need."""

    look_every = EVERY

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.history: dict[str, list[float]] = {}
        self.counts: list[int] = []
        self.failed = False

    def on_fit_start(self, loop: Any) -> None:
        y = loop.train.y
        self.counts = np.bincount(y).tolist() if y.dtype.kind in "iu" and y.ndim == 1 else []

    def on_look(self, _loop: Any, look: Any) -> None:
        seen = Seen(float(look.values["loss"]))
        for layer, output in look.outputs.values():
            rows = output.data.reshape(-1, output.shape[-1]) if output.data.ndim > 1 else None
            if isinstance(layer, nn.ReLU) and rows is not None:
                seen.dead.append(float(((rows > 0).mean(0) < 0.01).mean()))
            if isinstance(layer, nn.Tanh):
                seen.flat.append(float((np.abs(output.data) > math.tanh(9.0)).mean()))  # the most float32 can tell
        for path, gradient in look.gradients.items():
            before = look.before[path]
            if gradient is None or before.ndim < 2:
                continue
            seen.means.append(float(np.abs(gradient).mean()))
            seen.norms.append(float(np.linalg.norm(gradient)))
            seen.zeros.append(float((gradient == 0).mean()))
            size = float(np.abs(before).mean())
            seen.ratios.append(float(np.abs(look.after[path] - before).mean()) / size if size else math.inf)
        self.seen.append(seen)

    def on_fit_end(self, loop: Any) -> None:
        self.history = {name: list(values) for name, values in loop.history.items()}
        self.failed = loop.failure is not None

    def verdicts(self) -> dict[str, list[str]]:
        """What each set of rules says, as codes of the doctor, in the order of first sight."""
        return {SAGEMAKER: sagemaker(self), AUTOTRAINER: autotrainer(self)}


def sagemaker(record: Recorder) -> list[str]:
    """DeadRelu, Tanh, VanishingGradient, WeightUpdateRatio, ExplodingTensor, Overfit, ClassImbalance."""
    found: list[str] = []
    if record.counts and max(record.counts) > 10 * max(1, min(record.counts)):
        found.append("class-imbalance")
    for seen in record.seen:
        found += ["dead-units"] if any(share > 0.5 for share in seen.dead) else []
        found += ["saturated-activations"] if any(share > 0.5 for share in seen.flat) else []
        found += ["vanishing-gradients"] if any(mean < 1e-7 for mean in seen.means) else []
        found += ["learning-rate-too-high"] if any(ratio > 10 for ratio in seen.ratios) else []
        found += ["learning-rate-too-low"] if any(ratio < 1e-8 for ratio in seen.ratios) else []
        found += ["nonfinite-loss"] if not all(map(math.isfinite, [seen.loss, *seen.norms])) else []
    found += ["nonfinite-loss"] if record.failed else []
    train, val = record.history.get("loss", []), record.history.get("val_loss", [])
    if any((v - t) / t > 0.1 for t, v in zip(train, val, strict=False) if t > 0):
        found.append("overfitting")
    return list(dict.fromkeys(found))


def autotrainer(record: Recorder) -> list[str]:
    """Vanishing and exploding gradients, dying ReLU; the first and last of these only if training goes badly."""
    found: list[str] = []
    accuracy = record.history.get("accuracy", record.history.get("loss", []))
    classifies = "accuracy" in record.history
    poor = not accuracy or (classifies and accuracy[-1] <= 0.6)
    stalled = len(accuracy) > 3 and abs(accuracy[-1] - accuracy[-4]) <= 0.01 * abs(accuracy[-1])
    for seen in record.seen:
        if not all(map(math.isfinite, [seen.loss, *seen.norms])):
            found.append("exploding-gradients")
            continue
        if len(seen.norms) < 2:
            continue
        ratio = seen.norms[0] / seen.norms[-1] if seen.norms[-1] > 0 else math.inf
        found += ["exploding-gradients"] if ratio > 70 else []
        if poor or stalled:
            found += ["vanishing-gradients"] if ratio < 1e-3 else []
            found += ["dead-units"] if any(share >= 0.7 for share in seen.zeros) and seen.dead else []
    found += ["exploding-gradients"] if record.failed else []
    return list(dict.fromkeys(found))

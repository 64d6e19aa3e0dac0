"""What a training would come to with one thing changed: some more steps from its last weights, which are put back."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from statistics import median
from typing import Any

import numpy as np

from glassnet.data.batches import batches
from glassnet.data.dataset import Split
from glassnet.doctor.evidence import Evidence
from glassnet.doctor.observed import SplitCheck, Trial
from glassnet.doctor.probes.near import sample
from glassnet.doctor.probes.units import split_check
from glassnet.engine.errors import NonFiniteError
from glassnet.engine.namespace import Array
from glassnet.engine.random import training_step
from glassnet.engine.scope import scope
from glassnet.engine.tensor import Tensor
from glassnet.nn.module import Module
from glassnet.nn.predict import evaluating
from glassnet.nn.state import named_tensors
from glassnet.optim import Optimizer
from glassnet.train.batch_step import BatchStep, Penalty
from glassnet.train.look import without_hooks

#: Steps of a trial at least and at most, and their share of the steps of the training.
FEWEST, MOST, SHARE = 20, 60, 0.05
#: Rows by which the outcome is measured.
ROWS = 512
#: The trials: to go on as before; without penalty and weight decay; to begin again with a tenth of the learning rate.
SAME, FREE, AGAIN = "same", "free", "again"
#: How hard a regulariser pulls beside the data, from where on it may be what holds a network back.
PULLS = 0.1
#: What leaves room for another reason.
_VAGUE = ("underfitting", "stopped-early", "learning-rate-too-low", "schedule-ends-early")


def trial_steps(steps: int) -> int:
    """The steps of a trial after so many of the training."""
    return int(np.clip(SHARE * steps, FEWEST, MOST))


def worth_trying(evidence: Evidence, codes: Collection[str]) -> tuple[str, ...]:
    """The trials that can say more than the evidence, by the codes of the worst that was found."""
    if evidence.has("failure") or any(code not in _VAGUE for code in codes):
        return ()
    late = evidence.probes[len(evidence.probes) // 2 :]
    pulls = [one.regulariser / one.data for one in late if one.regulariser is not None and one.data]
    free = bool(pulls) and median(pulls) > PULLS
    again = evidence.stuck and not {"learning-rate-too-low", "schedule-ends-early"} & set(codes)
    return (SAME, FREE) * free + (AGAIN,) * again


def usual_rate(evidence: Evidence) -> float:
    """The learning rate of the middle of a training."""
    rates = [rate for _, rate in evidence.setup.rates]
    return median(rates) if rates and median(rates) > 0 else evidence.setup.lr


def trials(
    names: Collection[str],
    net: Module,
    loss: Any,
    kind: str,
    optimizer: Optimizer,
    train: Split,
    val: Split | None,
    *,
    rate: float,
    batch_size: int,
    steps: int,
    penalty: Penalty | None = None,
    clip_norm: float | None = None,
    begin: Mapping[str, Array] | None = None,
) -> dict[str, Trial]:
    """The outcome of each trial, with the same batches. Everything is as before afterwards.

    loss: without penalty; kind: its name, see ``costs.loss_kind``. rate: the learning rate with which they go on.
    steps: how many. begin: the first parameters, by path.
    """
    found = {}
    for name in names:
        with _undone(net, loss):
            if name == AGAIN:
                for path, parameter in net.named_parameters():
                    parameter.data = (begin or {}).get(path, parameter.data)
            twin = _twin(optimizer, rate / 10 if name == AGAIN else rate, free=name == FREE, anew=name == AGAIN)
            step = BatchStep(net, loss, twin, penalty=None if name == FREE else penalty, clip_norm=clip_norm)
            net.train()
            try:
                for number, (x, y) in enumerate(_endless(train, batch_size, steps)):
                    with training_step(0, number):
                        step(x, y)
                found[name] = trial_of(*(_check(net, loss, kind, one) for one in (train, val) if one is not None))
            except NonFiniteError:
                found[name] = Trial(float("inf"), None)
    return found


def _endless(split: Split, size: int, steps: int) -> Iterator[tuple[Tensor, Tensor]]:
    """So many batches, of as many epochs as that takes."""
    epoch = 0
    while steps > 0:
        for batch in islice(batches(split, min(size, len(split)), epoch=epoch, drop_last=True), steps):
            yield batch
            steps -= 1
        epoch += 1


def _twin(optimizer: Optimizer, rate: float, *, free: bool, anew: bool) -> Optimizer:
    """An optimizer that goes on where this one is; its arrays are shared, since an update makes new ones. rate: of the
    first group, to which the others keep their proportions. free: without weight decay. anew: as before the first step.
    """
    twin = copy.copy(optimizer)
    for name in ("step", "zero_grad"):  # of an optimizer under watch
        vars(twin).pop(name, None)
    twin.states = list(optimizer.states)
    first = optimizer.lr or rate
    twin.param_groups = [
        {**group, "lr": rate * group["lr"] / first if group["lr"] else rate, **({"weight_decay": 0.0} if free else {})}
        for group in optimizer.param_groups
    ]
    if anew:
        twin.steps = 0
        twin.states = [
            twin.initial_state(scope.xp, parameter.data, group)
            for group in twin.param_groups
            for parameter in group["params"]
        ]
    return twin


@contextmanager
def _undone(net: Module, loss: Any) -> Iterator[None]:
    """What is done to a network meanwhile is undone, and no one hears of it."""
    modules = [net, loss] if isinstance(loss, Module) and loss is not net else [net]
    kept = [(tensor, tensor.data, tensor.grad) for one in modules for _, tensor in named_tensors(one)]
    modes = [(module, module.training) for one in modules for module in one.modules()]
    watchers, scope.watchers = scope.watchers, ()
    try:
        with without_hooks(net), np.errstate(all="ignore"):
            yield
    finally:
        scope.watchers = watchers
        for tensor, data, gradient in kept:
            tensor.data, tensor.grad = data, gradient
        for module, mode in modes:
            module.training = mode


def _check(net: Module, loss: Any, kind: str, split: Split) -> SplitCheck:
    """How good a sample is, in evaluation mode."""
    rows = sample(len(split), ROWS)
    x, y = Tensor(split.x[rows]), Tensor(split.y[rows])
    with evaluating(net):
        output = net(x)
        return split_check(output.data, y.data, kind, lambda: float(loss(output, y).item()))


def trial_of(train: SplitCheck, val: SplitCheck | None = None) -> Trial:
    """A trial that led to this."""
    return Trial(train.loss, None if val is None else val.loss, (val or train).gain)

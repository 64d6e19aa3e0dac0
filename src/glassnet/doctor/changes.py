"""Changes: what the remedies of findings mean for a training that is made again, by their names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from glassnet.data.dataset import Split
from glassnet.doctor import networks
from glassnet.engine.errors import ConfigError
from glassnet.engine.random import manual_seed
from glassnet.nn import BatchNorm1d, BatchNorm2d, CrossEntropyLoss, Module
from glassnet.optim import CosineAnnealingLR, OneCycleLR, Schedule, SequentialLR, decay_weights_only
from glassnet.train.again import Again

Prepare = Callable[[Split], Split]


def as_they_are(split: Split) -> Split:
    """The rows without a change."""
    return split


@dataclass
class Changed:
    """A training with changes. rows: what is done to the rows of every split. done: the changes that were made.
    left_out: those that cannot be made to this training.
    """

    again: Again
    rows: Prepare = as_they_are
    done: dict[str, Any] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    def prepare(self, change: Prepare) -> None:
        """Change the rows of every split alike."""
        before, again = self.rows, self.again
        self.rows = lambda split: change(before(split))
        again.train = change(again.train)
        again.val = None if again.val is None else change(again.val)


def changed(again: Again, change: Mapping[str, Any]) -> Changed:
    """A copy of the training with the changes of a remedy. Raises ConfigError if none of them can be made."""
    found = Changed(again.copy())
    manual_seed(again.options["seed"])
    reasons = []
    for name in sorted(change, key=lambda name: list(CHANGES).index(name) if name in CHANGES else -1):
        try:
            if name not in CHANGES:
                raise ConfigError(f"{name!r} has to be changed in your program.")
            CHANGES[name](found, change[name])
            found.done[name] = change[name]
        except ConfigError as error:
            found.left_out.append(name)
            reasons.append(str(error))
    if not found.done:
        raise ConfigError(f"the remedy cannot be applied: {' '.join(reasons)}")
    return found


# The options of the training


def _option(name: str) -> Callable[[Changed, Any], None]:
    def change(found: Changed, value: Any) -> None:
        found.again.options[name] = value

    return change


def _rate(found: Changed, value: float) -> None:
    """The learning rate; the groups of parameters and the schedule keep their proportions."""
    optimizer, schedule = found.again.optimizer, found.again.schedule
    base = optimizer.lr if schedule is None else float(schedule.base_lrs[0])
    times = value / base if base > 0 else 0.0
    rates = [group["lr"] for group in optimizer.param_groups] if schedule is None else list(schedule.base_lrs)
    rates = [rate * times if times else value for rate in rates]
    for group, rate in zip(optimizer.param_groups, rates, strict=True):
        group["lr"] = rate
        group["initial_lr"] = rate
    for one in _parts(schedule):
        one.base_lrs = list(rates)
        if isinstance(one, OneCycleLR):
            one.max_lr *= times
    if schedule is not None:
        schedule.move_to(0)


def _parts(schedule: Schedule | None) -> list[Schedule]:
    """A schedule and those that it consists of."""
    if schedule is None:
        return []
    return [schedule, *(part for one in getattr(schedule, "schedulers", []) for part in _parts(one))]


def _schedule(found: Changed, name: str) -> None:
    again = found.again
    if name != "cosine":
        raise ConfigError(f"the schedule {name!r} is not known here.")
    if again.schedule is not None:
        for group, rate in zip(again.optimizer.param_groups, again.schedule.base_lrs, strict=True):
            group["lr"] = group["initial_lr"] = rate
    again.schedule = CosineAnnealingLR(again.optimizer, T_max=again.options["steps"])


def _last(found: Changed, steps: int) -> None:
    """Train for so many steps; a schedule that was to last as long as the training still does."""
    before = found.again.options["steps"]
    found.again.options["steps"] = steps
    for one in _parts(found.again.schedule):
        for name in ("T_max", "total_steps"):
            if getattr(one, name, None) == before:
                setattr(one, name, steps)
        if isinstance(one, SequentialLR) and steps != before:
            raise ConfigError("a schedule made of several has to be made anew in your program.")


def _epochs(found: Changed, count: int) -> None:
    _last(found, count * found.again.per_epoch)


def _batch_size(found: Changed, size: int) -> None:
    """Other batches, the same number of epochs."""
    again = found.again
    epochs = again.options["steps"] / again.per_epoch
    again.options["batch_size"] = min(size, len(again.train))
    _last(found, max(1, round(epochs * again.per_epoch)))


def _weight_decay(found: Changed, value: float) -> None:
    for group in found.again.optimizer.param_groups:
        if group.get("weight_decay"):
            group["weight_decay"] = value


def _penalty(found: Changed, value: Any) -> None:
    found.again.penalty = value


# The network


def _rebuilt(found: Changed, net: Module) -> None:
    """Train this network, by an optimizer of the same kind."""
    again = found.again
    old = again.optimizer
    options = {name: value for name, value in old.config().items() if name != "groups"}
    decay = max((float(group.get("weight_decay", 0.0)) for group in old.param_groups), default=0.0)
    if len(old.param_groups) > 1:
        parameters: Any = decay_weights_only(net, decay)
    else:
        parameters = [one for one in net.parameters() if one.requires_grad]
    again.net, again.optimizer = net, type(old)(parameters, **options)
    rate = old.lr if again.schedule is None else float(again.schedule.base_lrs[0])
    for one in _parts(again.schedule):
        one.optimizer = again.optimizer
        one.base_lrs = [rate for _ in again.optimizer.param_groups]
    for group in again.optimizer.param_groups:
        group["lr"] = group["initial_lr"] = rate
    if again.schedule is not None:
        again.schedule.move_to(0)


def _edit(edit: networks.Edit) -> Callable[[Changed], None]:
    return lambda found: _rebuilt(found, networks.edited(found.again.net, edit))


def _activation(found: Changed, name: str) -> None:
    _edit(networks.with_activation(name))(found)


def _batch_norm(found: Changed, wanted: bool) -> None:
    _edit(networks.with_batch_norm if wanted else networks.without_batch_norm)(found)


def _batch_norm_momentum(found: Changed, momentum: float) -> None:
    slow = [one for one in found.again.net.modules() if isinstance(one, BatchNorm1d | BatchNorm2d)]
    slow = [one for one in slow if one.momentum < momentum / 2]
    if not slow:
        raise ConfigError("the running statistics are not slow; take larger batches or another normalisation.")
    for one in slow:
        one.momentum = momentum


def _dropout(found: Changed, share: float) -> None:
    _edit(networks.with_dropout(share))(found)


def _hidden(found: Changed, how: str) -> None:
    if how != "wider":
        raise ConfigError(f"hidden layers can be made wider, got {how!r}.")
    _rebuilt(found, networks.wider(found.again.net))


def _drop_last_layer(found: Changed, _value: bool) -> None:
    _rebuilt(found, networks.without_last_layer(found.again.net))


def _optimizer_parameters(found: Changed, _value: str) -> None:
    _rebuilt(found, found.again.net)


def _init(found: Changed, _value: str) -> None:
    networks.draw_anew(found.again.net)


def _scale_last_layer(found: Changed, times: float) -> None:
    last = networks.last_linear(found.again.net)
    last.weight.data = last.weight.data * last.weight.data.dtype.type(times)
    if last.bias is not None:
        last.bias.data = np.zeros_like(last.bias.data)


# Loss and rows


def _negate_loss(found: Changed, _value: bool) -> None:
    loss = found.again.loss
    found.again.loss = lambda outputs, targets: -loss(outputs, targets)


def _loss(found: Changed, name: str) -> None:
    """Cross-entropy; targets that are the numbers of classes become such, and the network gets an output for each."""
    if name != "cross_entropy":
        raise ConfigError(f"the loss {name!r} is not known here.")
    y = found.again.train.y
    if y.dtype.kind == "f":
        _rebuilt(found, networks.with_outputs(found.again.net, int(y.max()) + 1))
        found.prepare(lambda split: Split(split.x, np.rint(split.y).astype(np.int64).reshape(len(split)), split.items))
    found.again.loss = CrossEntropyLoss()
    found.again.options["metrics"] = None


def _class_weights(found: Changed, _value: bool) -> None:
    y = found.again.train.y
    if not isinstance(found.again.loss, CrossEntropyLoss) or y.dtype.kind not in "iu" or (y < 0).any():
        raise ConfigError("only the classes of nn.CrossEntropyLoss() have weights.")
    counts = np.bincount(y.ravel())
    found.again.loss = CrossEntropyLoss(weight=y.size / (len(counts) * np.maximum(counts, 1)))


def _standardise(found: Changed, which: str) -> None:
    """Inputs or targets with mean 0 and standard deviation 1, by the training split."""
    rows = found.again.train.x if which == "x" else found.again.train.y
    if rows.dtype.kind != "f":
        raise ConfigError(f"{which} holds whole numbers, which are not standardised.")
    wide = rows.astype(np.float64)
    mean, std = wide.mean(0), wide.std(0)
    std = np.where(std > 0, std, 1.0)

    def scale(split: Split) -> Split:
        if which == "x":
            return Split(((split.x - mean) / std).astype(rows.dtype), split.y, split.items)
        return Split(split.x, ((split.y - mean) / std).astype(rows.dtype), split.items)

    found.prepare(scale)


def _drop_features(found: Changed, which: list[int]) -> None:
    """These features are 0 in every row, which keeps the network as it is."""
    if found.again.train.x.ndim != 2 or found.again.train.x.dtype.kind != "f":
        raise ConfigError("features are dropped from rows of numbers only.")

    def drop(split: Split) -> Split:
        x = split.x.copy()
        x[:, which] = 0
        return Split(x, split.y, split.items)

    found.prepare(drop)


#: The changes that can be made, in the order in which they are made: the rows first, the learning rate and how long
#: last, by which time the optimizer is the one that trains.
CHANGES: dict[str, Callable[[Changed, Any], None]] = {
    "drop_features": _drop_features,
    "standardise": _standardise,
    "loss": _loss,
    "class_weights": _class_weights,
    "negate_loss": _negate_loss,
    "drop_last_layer": _drop_last_layer,
    "hidden": _hidden,
    "activation": _activation,
    "batch_norm": _batch_norm,
    "batch_norm_momentum": _batch_norm_momentum,
    "dropout": _dropout,
    "optimizer_parameters": _optimizer_parameters,
    "init": _init,
    "scale_last_layer": _scale_last_layer,
    "weight_decay": _weight_decay,
    "penalty": _penalty,
    "lr": _rate,
    "clip_norm": _option("clip_norm"),
    "shuffle": _option("shuffle"),
    "batch_size": _batch_size,
    "epochs": _epochs,
    "schedule": _schedule,
}

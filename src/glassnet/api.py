"""The front door: ``glassnet.fit`` and ``glassnet.evaluate``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from glassnet.data.batches import batches
from glassnet.data.dataset import Dataset, Split, from_arrays
from glassnet.engine.errors import ConfigError, DataError
from glassnet.engine.options import integer_option
from glassnet.nn.losses import CrossEntropyLoss, MSELoss
from glassnet.nn.module import Module
from glassnet.optim import Optimizer, Schedule
from glassnet.train.best import BestWeights
from glassnet.train.callbacks import Callback
from glassnet.train.checkpoint import load_checkpoint
from glassnet.train.evaluate import Loss, evaluate_split
from glassnet.train.loop import Loop
from glassnet.train.metrics import Metric, default_metrics
from glassnet.train.progress import Progress
from glassnet.train.run import BEST, CONFIG, LATEST, Run, RunFolder, describe

Data = Dataset | Split | tuple[Any, Any]


def fit(
    net: Module,
    data: Data,
    *,
    loss: Loss,
    optimizer: Optimizer,
    epochs: int | None = None,
    steps: int | None = None,
    batch_size: int = 32,
    seed: int = 0,
    validation: float | Split | tuple[Any, Any] | None = None,
    shuffle: bool = True,
    drop_last: bool = False,
    schedule: Schedule | None = None,
    metrics: Mapping[str, Metric] | None = None,
    callbacks: Sequence[Callback] = (),
    keep_best: bool = True,
    folder: str | Path | None = None,
    resume: bool = False,
    progress: bool = True,
    notes: Mapping[str, Any] | None = None,
) -> Run:
    """Train a network.

    data: a data set with splits, or a pair (x, y) of arrays.
    loss: takes outputs and targets, and gives a number, such as ``nn.CrossEntropyLoss()``.
    optimizer: holds the network's parameters.
    epochs or steps: how long to train in all, one of the two; a step is one batch.
    seed: decides the order of the rows in each epoch (and the validation part): the same seed gives the same bits.
    validation: a pair (x, y), or the fraction of the data to hold back, chosen by the seed, stratified by class.
        A data set with a ``val`` split uses that.
    drop_last: leave out the last batch of an epoch if it is smaller than the others.
    schedule: stepped after each optimizer step.
    metrics: name -> function(outputs, targets); accuracy for a classification loss unless given.
    keep_best: end with the weights of the epoch with the smallest validation loss.
    folder: where to save the run: configuration, a log with a line an epoch, checkpoints.
    resume: continue the run in ``folder``, to the same bits as if it had not been interrupted.
    progress: show a bar on a terminal and a line for each epoch.
    notes: what to add to the configuration in the folder, as values for JSON.

    Raises ConfigError, DataError or ShapeError before the first step where something does not fit, and NonFiniteError
    if the loss becomes NaN or infinite; the network then has the last weights with a finite loss.
    """
    train, val = _splits(data, validation, seed)
    size = integer_option("batch_size", batch_size, 1)
    if (epochs is None) == (steps is None):
        raise ConfigError("fit() needs either epochs or steps, got " + ("neither." if epochs is None else "both."))
    if steps is None:
        total = integer_option("epochs", epochs, 1) * len(batches(train, size, shuffle=False, drop_last=drop_last))
    else:
        total = integer_option("steps", steps, 1)
    _check_parameters(net, optimizer)
    if folder is not None and not resume and (Path(folder) / CONFIG).exists():
        raise ConfigError(f"{folder} holds a run already. Continue it with resume=True, or choose another folder.")
    if isinstance(loss, type) or not callable(loss):
        hint = f" Write {loss.__name__}()." if isinstance(loss, type) else ""
        raise ConfigError(f"loss must be a function of outputs and targets, got {loss!r:.80}.{hint}")
    if schedule is not None and not isinstance(schedule, Schedule):
        raise ConfigError(
            f"schedule must be made of optim's schedules, such as optim.StepLR(...), got {schedule!r:.80}."
        )
    if schedule is not None and schedule.optimizer is not optimizer:
        raise ConfigError("the schedule was made for another optimizer than the one that trains.")
    if isinstance(loss, Module):
        net.task = loss.task
    best = BestWeights() if keep_best and val is not None else None
    everyone: list[Callback] = [*([best] if best else []), *callbacks]
    loop = Loop(
        net,
        train,
        val,
        loss=loss,
        optimizer=optimizer,
        batch_size=size,
        total_steps=total,
        seed=integer_option("seed", seed, 0),
        shuffle=shuffle,
        drop_last=drop_last,
        schedule=schedule,
        metrics=default_metrics(loss) if metrics is None else metrics,
    )
    if resume:
        _resume(loop, folder, best)
    config = describe(loop, dict(notes or {}))
    if folder is not None:
        everyone.append(RunFolder(Path(folder), config, best))
    if progress:
        everyone.append(Progress())
    loop.use(everyone)
    loop.run()
    if best is not None:
        best.restore(loop)
    return Run(
        net=net,
        history=loop.history,
        steps=loop.step,
        epochs=loop.epoch,
        best_epoch=best.epoch if best is not None and best.epoch else None,
        stopped=loop.stopped,
        seconds=loop.seconds,
        folder=None if folder is None else Path(folder),
        config=config,
    )


def evaluate(
    net: Module,
    data: Data,
    *,
    loss: Loss | None = None,
    metrics: Mapping[str, Metric] | None = None,
    batch_size: int = 1024,
) -> dict[str, float]:
    """The loss and the metrics over all rows of a split, a pair (x, y), or the test split of a data set.

    Without a ``loss`` it is the one that fits ``net.task``: cross-entropy or the mean squared error. The network is
    in evaluation mode meanwhile, and afterwards as it was found.
    """
    if isinstance(data, Dataset):
        if data.test is None:
            raise DataError(f"the data set {data.name!r} has no test split. Pass a split, such as data.val.")
        data = data.test
    split = data if isinstance(data, Split) else _pair(data, "data")
    if loss is None:
        if net.task not in ("classification", "regression"):
            raise ConfigError("evaluate() needs a loss: this network was not trained by fit() and has no task.")
        loss = CrossEntropyLoss() if net.task == "classification" else MSELoss()
    if split.x.dtype.kind == "f" and split.x.dtype != net.dtype:
        split = Split(split.x.astype(net.dtype), split.y, split.items)
    return evaluate_split(net, split, loss, default_metrics(loss) if metrics is None else metrics, batch_size)


def _splits(data: Data, validation: Any, seed: int) -> tuple[Split, Split | None]:
    """The rows to train on and those to validate on."""
    if isinstance(data, Dataset):
        if validation is None:
            return data.train, data.val
        if data.val is not None:
            raise ConfigError(f"the data set {data.name!r} has a val split already; leave out validation=.")
        data = data.train
    split = data if isinstance(data, Split) else _pair(data, "data")
    if validation is None:
        return split, None
    if isinstance(validation, int | float):
        whole = from_arrays(split.x, split.y, validation=validation, seed=seed)
        return whole.train, whole.val
    return split, validation if isinstance(validation, Split) else _pair(validation, "validation")


def _pair(data: Any, name: str) -> Split:
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise DataError(f"{name} must be a data set, a split or a pair (x, y), got {type(data).__name__}.")
    return Split(*data)


def _check_parameters(net: Module, optimizer: Optimizer) -> None:
    own = {id(parameter) for parameter in net.parameters()}
    if not any(id(parameter) in own for parameter in optimizer.parameters):
        raise ConfigError("the optimizer holds none of the network's parameters. Make it with net.parameters().")


def _resume(loop: Loop, folder: str | Path | None, best: BestWeights | None) -> None:
    """Put the loop where the run in the folder was."""
    if folder is None:
        raise ConfigError("resume=True needs the folder of the run.")
    load_checkpoint(Path(folder) / LATEST, loop)
    if loop.step >= loop.total_steps and not loop.epoch_is_full:
        raise ConfigError(
            f"{folder} is complete: {loop.step:,} of {loop.total_steps:,} steps are made. Ask for more epochs."
        )
    if best is not None and (Path(folder) / BEST).exists():
        best.load(Path(folder) / BEST)

"""The front door: ``glassnet.fit``, ``glassnet.evaluate`` and ``glassnet.lr_find``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from glassnet.data.batches import batches
from glassnet.data.dataset import Dataset, Split
from glassnet.data.inputs import Data, held_out_split, training_splits
from glassnet.doctor import Doctor, Findings
from glassnet.doctor.listener import Listener
from glassnet.engine.errors import ConfigError, NonFiniteError
from glassnet.engine.options import integer_option, number_option
from glassnet.nn.module import Module
from glassnet.nn.predict import outputs
from glassnet.optim import Optimizer, Schedule
from glassnet.train.again import Again
from glassnet.train.batch_step import Penalty
from glassnet.train.best import BestWeights
from glassnet.train.callbacks import Callback
from glassnet.train.checkpoint import load_checkpoint
from glassnet.train.compiled import Compile
from glassnet.train.diagnostics import Diagnostics
from glassnet.train.evaluate import Loss, evaluate_split
from glassnet.train.evaluation import Evaluation, confusion_matrix
from glassnet.train.kept_rows import USUAL
from glassnet.train.loop import Loop, cast
from glassnet.train.lr_finder import LRFinder, sweep_learning_rates
from glassnet.train.metrics import Metric, default_metrics, loss_of_task, r2_score, task_of
from glassnet.train.progress import Progress
from glassnet.train.run import Run, describe, how_to_resume
from glassnet.train.run_folder import CONFIG, RunFolder, new_folder
from glassnet.train.snapshots import Snapshots

#: Stands for a new folder under runs/.
AUTO = "auto"


def fit(
    net: Module,
    data: Data,
    *,
    loss: Loss,
    optimizer: Optimizer,
    epochs: int | None = None,
    steps: int | None = None,
    batch_size: int | None = 32,
    seed: int = 0,
    validation: float | Split | tuple[Any, Any] | None = None,
    shuffle: bool = True,
    drop_last: bool = False,
    schedule: Schedule | None = None,
    penalty: Penalty | None = None,
    clip_norm: float | None = None,
    clip_value: float | None = None,
    average: float | None = None,
    metrics: Mapping[str, Metric] | None = None,
    callbacks: Sequence[Callback] = (),
    keep_best: bool = True,
    diagnostics: int | None = 100,
    folder: str | Path | None = AUTO,
    resume: bool = False,
    keep_rows: int = USUAL,
    progress: bool = True,
    notes: Mapping[str, Any] | None = None,
    compile: Compile = "auto",  # noqa: A002  # the word for it
    doctor: bool | Doctor = True,
) -> Run:
    """Train a network.

    data: a data set with splits, or a pair (x, y) of arrays.
    loss: takes outputs and targets, and gives a number, such as ``nn.CrossEntropyLoss()``.
    optimizer: holds the network's parameters.
    epochs or steps: how long to train in all, one of the two; a step is one batch.
    seed: decides the order of the rows in each epoch (and the validation part): the same seed gives the same bits.
    validation: a pair (x, y), or the fraction of the data to hold back, chosen by the seed, stratified by class.
        A data set with a ``val`` split uses that.
    batch_size: rows in a step; None takes all of them: gradient descent on the full batch.
    drop_last: leave out the last batch of an epoch if it is smaller than the others.
    schedule: stepped after each optimizer step; ``ReduceLROnPlateau`` after each epoch.
    penalty: penalty(net) is added to the loss in training, such as ``nn.L2Penalty(1e-4)``.
    clip_norm, clip_value: bounds on the norm of all gradients together, and on each of their elements.
    average: validate and keep the moving average of the weights over about the last 1 / (1 - average) steps, such as
        0.999, see ``train.WeightAverage``; the weights themselves are trained as without it.
    metrics: name -> function(outputs, targets); unless given, accuracy for a classification loss, and the
        mean absolute error ("mae") for a regression loss.
    keep_best: end with the weights of the epoch with the smallest validation loss.
    diagnostics: record statistics of every layer and parameter each so many steps (``run.diagnostics``); None never.
    folder: where to save the run: configuration, logs, checkpoints. By default a new folder under runs/ in the
        current directory; None saves nothing.
    resume: continue the run in ``folder``, to the same bits as if it had not been interrupted.
    keep_rows: how many rows of each split to keep in the folder, at most a megabyte, so that ``glassnet view`` shows
        how the network does without this program; 0 keeps none.
    progress: show a bar on a terminal and a line for each epoch.
    notes: what to add to the configuration in the folder, as values for JSON.
    compile: run the steps as native code, which is many times faster for small networks: "auto" where the training is
        long enough to pay for compiling (``run.eager_reason`` says why not), True always, False never; "xla" on the
        devices of JAX.
    doctor: watch the training and say what is wrong with it, if something is: at most a short block at the end, where
        there is ``progress``, and ``run.findings``. False does not; a ``gn.doctor.Doctor`` has options.

    Raises ConfigError, DataError or ShapeError before the first step where something does not fit, and NonFiniteError
    if the loss becomes NaN or infinite; the network then has the last weights with a finite loss, and the error the
    ``findings``.

    >>> x = np.random.default_rng(0).standard_normal((200, 2))
    >>> y = (x[:, 0] > x[:, 1]).astype(int)
    >>> net = nn.Linear(2, 2)
    >>> optimizer = optim.SGD(net.parameters(), lr=0.5)
    >>> run = gn.fit(net, (x, y), loss=nn.CrossEntropyLoss(), optimizer=optimizer, epochs=20, validation=0.2, seed=0,
    ...              progress=False, folder=None)
    >>> run.history["val_accuracy"][-1] > 0.9, net.predict([[1.0, 0.0], [0.0, 1.0]])
    (True, array([1, 0]))
    """
    train, val = training_splits(data, validation, seed)
    size = len(train) if batch_size is None else integer_option("batch_size", batch_size, 1)
    if (epochs is None) == (steps is None):
        raise ConfigError("fit() needs either epochs or steps, got " + ("neither." if epochs is None else "both."))
    if steps is None:
        total = integer_option("epochs", epochs, 1) * len(batches(train, size, shuffle=False, drop_last=drop_last))
    else:
        total = integer_option("steps", steps, 1)
    place, kept = _place(folder, data, resume), integer_option("keep_rows", keep_rows, 0)
    _check_parameters(net, optimizer)
    _check_loss(loss)
    if schedule is not None and not isinstance(schedule, Schedule):
        raise ConfigError(
            f"schedule must be made of optim's schedules, such as optim.StepLR(...), got {schedule!r:.80}."
        )
    if schedule is not None and schedule.optimizer is not optimizer:
        raise ConfigError("the schedule was made for another optimizer than the one that trains.")
    if task_of(loss) is not None:
        net.task = task_of(loss)
    again = None
    if doctor is not False and not resume:  # where the run began is not known any more when it is resumed
        options: dict[str, Any] = {
            "steps": total,
            "batch_size": size,
            "seed": seed,
            "shuffle": shuffle,
            "drop_last": drop_last,
            "clip_norm": clip_norm,
            "clip_value": clip_value,
            "average": average,
            "metrics": metrics,
            "keep_best": keep_best,
            "diagnostics": diagnostics,
            "compile": compile,
            "doctor": doctor,
        }
        again = Again(fit, net, loss, optimizer, schedule, penalty, train, val, options).copy()
    best = BestWeights() if keep_best and val is not None else None
    watch = None if diagnostics is None else Diagnostics(diagnostics, place)
    snapshots = Snapshots(place)
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
        penalty=penalty,
        clip_norm=None if clip_norm is None else number_option("clip_norm", clip_norm, above=0),
        clip_value=None if clip_value is None else number_option("clip_value", clip_value, above=0),
        metrics=default_metrics(loss, train.y) if metrics is None else metrics,
        average=average,
        compile=compile,
    )
    if resume:
        _resume(loop, place, best)
    known = data if isinstance(data, Dataset) else _dataset(loop)
    config = describe(loop, {"data": data.name if isinstance(data, Dataset) else None, **(notes or {})})
    everyone: list[Callback] = [*([best] if best else []), *([watch] if watch else []), snapshots, *callbacks]
    listener = _listener(doctor, speak=progress, shared=diagnostics, folder=place, keep_best=best is not None)
    if place is not None:
        everyone.append(RunFolder(place, config, best, snapshots, (known, kept)))
    if progress:
        everyone.append(Progress(None if place is None else how_to_resume(place, config)))
    loop.use([*([listener] if listener else []), *everyone])  # it speaks last: the ends are called in reverse
    try:
        loop.run()
    except NonFiniteError as error:
        error.findings = () if listener is None else listener.findings
        error.again = again
        raise
    if loop.average is not None:
        loop.average.apply()
    if best is not None:
        best.restore(loop)
    return Run(
        net=net,
        history=loop.history,
        steps=loop.step,
        epochs=loop.epochs_ended,
        best_epoch=best.epoch if best is not None and best.epoch else None,
        stopped=loop.stopped,
        seconds=loop.seconds,
        folder=place,
        config=config,
        diagnostics=watch,
        snapshots=snapshots.weights,
        data=known,
        eager_reason=loop.compiled.reason,
        findings=Findings() if listener is None else listener.findings,
        again=again,
    )


def evaluate(
    net: Module,
    data: Data,
    *,
    loss: Loss | None = None,
    metrics: Mapping[str, Metric] | None = None,
    batch_size: int = 1024,
) -> Evaluation:
    """The loss and the metrics over all rows of a split, a pair (x, y), or the test split of a data set; for a
    classifier also the confusion matrix and the scores of each class, for a regression also R squared ("r2").

    Without a ``loss`` it is the one that fits ``net.task``: cross-entropy or the mean squared error. The network is
    in evaluation mode meanwhile, and afterwards as it was found.

    >>> net = nn.Linear(2, 2)
    >>> net.weight.data = np.eye(2, dtype=np.float32)  # the larger of two numbers
    >>> found = gn.evaluate(net, ([[1.0, 0.0], [0.0, 1.0], [0.0, 3.0]], [0, 1, 0]), loss=nn.CrossEntropyLoss())
    >>> round(found["accuracy"], 3), found.confusion.tolist()
    (0.667, [[1, 1], [0, 1]])
    """
    split = cast(held_out_split(data), net.dtype)
    if loss is None:
        loss = loss_of_task(net, "evaluate()")
    chosen = default_metrics(loss, split.y) if metrics is None else metrics
    values = evaluate_split(net, split, loss, chosen, batch_size)
    names = data.classes if isinstance(data, Dataset) else None
    if task_of(loss) == "regression" and metrics is None:
        values["r2"] = r2_score(outputs(net, split.x, batch_size), split.y)
    if task_of(loss) != "classification" or split.y.dtype.kind not in "iu":
        return Evaluation(values, None, ())
    logits = outputs(net, split.x, batch_size)
    count = logits.shape[-1]
    confusion = confusion_matrix(split.y, logits.argmax(-1), count)
    return Evaluation(values, confusion, names if names and len(names) == count else [str(i) for i in range(count)])


def lr_find(
    net: Module,
    data: Data,
    *,
    loss: Loss,
    optimizer: Optimizer,
    start: float = 1e-6,
    end: float = 10.0,
    steps: int = 200,
    batch_size: int = 32,
    seed: int = 0,
) -> LRFinder:
    """Find a good learning rate: train with one that rises exponentially from ``start`` to ``end``, and look where
    the smoothed loss falls fastest. Weights, buffers, optimizer and modes are as before afterwards.

    Returns an ``LRFinder`` with the learning rates, the losses, the ``suggestion`` and ``plot()``. Raises ConfigError
    for a range that is none, and DataError if the loss never falls.

    >>> x = np.random.default_rng(0).standard_normal((200, 2))
    >>> net = nn.Linear(2, 1)
    >>> optimizer = optim.SGD(net.parameters(), lr=0.1)
    >>> finder = gn.lr_find(net, (x, x @ [[1.0], [2.0]]), loss=nn.MSELoss(), optimizer=optimizer)
    >>> 1e-3 < finder.suggestion < 1, optimizer.lr
    (True, 0.1)
    """
    _check_parameters(net, optimizer)
    _check_loss(loss)
    train, _ = training_splits(data, None, seed)
    return sweep_learning_rates(
        net,
        cast(train, net.dtype),
        loss=loss,
        optimizer=optimizer,
        start=start,
        end=end,
        steps=steps,
        batch_size=batch_size,
        seed=seed,
    )


def _listener(doctor: bool | Doctor, **options: Any) -> Listener | None:
    """The callback by which the doctor listens, if it is to."""
    if doctor is False:
        return None
    if doctor is not True and not isinstance(doctor, Doctor):
        raise ConfigError(f"doctor must be True, False or a glassnet.doctor.Doctor(...), got {doctor!r:.80}.")
    return Listener(Doctor() if doctor is True else doctor, **options)


def _place(folder: str | Path | None, data: Data, resume: bool) -> Path | None:
    """The folder of the run; checks that it is free, or given if a run is to be continued."""
    if folder is None or folder == AUTO:
        if resume:
            raise ConfigError("resume=True needs the folder of the run.")
        return None if folder is None else new_folder(data.name if isinstance(data, Dataset) else "run")
    if not resume and (Path(folder) / CONFIG).exists():
        raise ConfigError(f"{folder} holds a run already. Continue it with resume=True, or choose another folder.")
    return Path(folder)


def _check_loss(loss: Any) -> None:
    if isinstance(loss, type) or not callable(loss):
        hint = f" Write {loss.__name__}()." if isinstance(loss, type) else ""
        raise ConfigError(f"loss must be a function of outputs and targets, got {loss!r:.80}.{hint}")


def _check_parameters(net: Module, optimizer: Optimizer) -> None:
    if not isinstance(optimizer, Optimizer):
        raise ConfigError(
            "optimizer must be made of optim's optimizers, such as optim.SGD(net.parameters(), lr=0.1), got "
            f"{optimizer!r:.80}."
        )
    own = {id(parameter) for parameter in net.parameters()}
    if not any(id(parameter) in own for parameter in optimizer.parameters):
        raise ConfigError("the optimizer holds none of the network's parameters. Make it with net.parameters().")


def _dataset(loop: Loop) -> Dataset:
    """The rows of a training as a data set; those of validation only if they are like those of training."""
    alike = loop.val is not None and loop.val.row_summary() == loop.train.row_summary()
    return Dataset("data", loop.train, loop.val if alike else None)


def _resume(loop: Loop, folder: Path | None, best: BestWeights | None) -> None:
    """Put the loop where the run in the folder was."""
    if folder is None:
        raise ConfigError("resume=True needs the folder of the run.")
    load_checkpoint(folder, loop, best)
    if loop.step >= loop.total_steps and not loop.epoch_is_over:
        raise ConfigError(
            f"{folder} is complete: {loop.step:,} of {loop.total_steps:,} steps are made. Ask for more epochs "
            "(--epochs on the command line)."
        )

"""Run: what a training leaves behind, in memory and in its folder."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glassnet.data.dataset import Dataset
from glassnet.engine.errors import CheckpointError, ConfigError
from glassnet.engine.namespace import Array
from glassnet.engine.options import integer_option
from glassnet.nn.config import from_config, to_config
from glassnet.nn.module import Module
from glassnet.nn.predict import TASKS
from glassnet.train import kept_rows
from glassnet.train.checkpoint import FORMAT, LATEST, latest_checkpoint, part, read_arrays, read_notes, write_arrays
from glassnet.train.diagnostics import DIAGNOSTICS, Diagnostics
from glassnet.train.kept_rows import USUAL
from glassnet.train.position import Position
from glassnet.train.run_folder import CONFIG, LOG, log_text, make_folder, write_config
from glassnet.train.snapshots import write_snapshots
from glassnet.train.storage import LONGEST, parse_sealed_json, read_file, write_atomically

if TYPE_CHECKING:
    from glassnet.train.again import Again
    from glassnet.train.loop import Loop


@dataclass(repr=False)
class Run:
    """A finished or stopped training.

    net: the network, with its best weights if there was a validation split.
    history: a list for each value (loss, val_loss, accuracy, lr, seconds ...) with an entry for each epoch.
    steps, epochs: how many were made; where the end of a training has cut an epoch and it was
    resumed, the rest is another one. best_epoch: whose weights the network has; None for the last.
    stopped: why the training ended early, or None. seconds: how long it took.
    folder: where it was saved, or None. config: what is needed to repeat it.
    diagnostics: statistics of layers and parameters over time, see ``Diagnostics``.
    snapshots: the weights after some epochs, see ``Snapshots``; of a loaded run they stay in its folder.
    data: what it was trained on; None for a loaded run.
    eager_reason: why steps were made eagerly, where they might have been compiled, or None.
    findings: what the doctor has found, causes first; empty for a healthy run. They are not read back by ``load``: see
    ``glassnet.doctor.of_run``.
    again: what it began with, from which ``glassnet.doctor.treat`` trains again; None for one that was read from a
    folder, resumed, or not watched by the doctor.
    """

    net: Module
    history: dict[str, list[float]]
    steps: int
    epochs: int
    best_epoch: int | None
    stopped: str | None
    seconds: float
    folder: Path | None
    config: dict[str, Any]
    diagnostics: Diagnostics | None = None
    snapshots: Mapping[int, Mapping[str, Array]] = field(default_factory=dict)
    data: Dataset | None = None
    eager_reason: str | None = None
    findings: Sequence[Any] = ()
    again: Again | None = None

    def __repr__(self) -> str:
        parts = [f"{self.epochs} epochs", f"{self.steps:,} steps", f"{self.seconds:.1f} s"]
        parts += [f"{name} {self.history[name][-1]:.4g}" for name in ("loss", "val_loss") if self.history.get(name)]
        parts += [f"best epoch {self.best_epoch}"] if self.best_epoch else []
        parts += [f"stopped: {self.stopped}"] if self.stopped else []
        return f"Run({', '.join(parts)}, {'not saved' if self.folder is None else f'saved in {self.folder}'})"

    def save(self, folder: str | Path, *, keep_rows: int = USUAL) -> Path:
        """Write the run into a folder of its own, to be read by ``Run.load``: configuration, log, diagnostics, the
        weights that the network has now, and so many rows of each split, see ``fit``. Raises ConfigError if the folder
        holds a run already.
        """
        folder = Path(folder)
        if (folder / CONFIG).exists():
            raise ConfigError(f"{folder} holds a run already. Choose another folder.")
        make_folder(folder)
        position = Position(self.steps, {}, 0, self.history, self.seconds, self.stopped)
        best, prefix = None, "net/"
        if self.best_epoch is not None:
            best, prefix = {"epoch": self.best_epoch, "loss": self.history["val_loss"][self.best_epoch - 1]}, "best/"
        arrays = {f"{prefix}{name}": array for name, array in self.net.state_dict().items()}
        write_arrays(folder / LATEST, arrays, {"position": position.to_json(), "best": best})
        write_atomically(folder / LOG, log_text(self.history).encode())
        if self.snapshots:
            write_snapshots(folder, self.snapshots)
        if self.diagnostics is not None:
            write_atomically(folder / DIAGNOSTICS, self.diagnostics.text())
        if self.data is not None:
            kept_rows.keep_rows(folder, self.data, integer_option("keep_rows", keep_rows, 0))
        write_config(folder, self.config)
        return folder

    def plot(self, path: str | Path | None = None) -> Any:
        """A matplotlib figure of loss, metrics and learning rate over the epochs; saved if a path is given.

        Raises ConfigError if matplotlib is missing.
        """
        from glassnet.plots import curves, save_figure

        return save_figure(curves(self.history), path)

    @classmethod
    def load(cls, folder: str | Path, net: Module | None = None) -> Run:
        """The run that was saved in a folder, with its best weights.

        ``net`` is needed only for a network that is not made of glassnet's own layers. Raises CheckpointError that
        names the file for a folder that holds no run, or a damaged one.
        """
        folder = Path(folder)
        config = read_config(folder)
        if net is None:
            if config.get("network") is None:
                raise CheckpointError(
                    f"{folder} holds a network of your own classes: pass it, as in Run.load(folder, net)."
                )
            net = from_config(config["network"])
        path = latest_checkpoint(folder)
        arrays, notes = read_arrays(path)
        position, best_epoch, _ = read_notes(notes, path)
        averaged = any(name.startswith("average/") for name in arrays)
        net.load_state_dict(part(arrays, "best/" if best_epoch else "average/" if averaged else "net/"))
        net.task = config.get("task")
        return cls(
            net=net.eval(),
            history=position.history,
            steps=position.step,
            epochs=len(next(iter(position.history.values()), [])),
            best_epoch=best_epoch or None,
            stopped=position.stopped,
            seconds=position.seconds,
            folder=folder,
            config=config,
            diagnostics=Diagnostics.read(folder / DIAGNOSTICS) if (folder / DIAGNOSTICS).exists() else None,
        )


def read_config(folder: Path) -> dict[str, Any]:
    """The configuration of a run. Raises CheckpointError if there is none, it is damaged, or someone changed it."""
    path = folder / CONFIG
    if not path.exists():
        raise CheckpointError(f"{folder} is not the folder of a run: it has no {CONFIG}.")
    try:
        config = parse_sealed_json(read_file(path, LONGEST), str(path))
    except CheckpointError as error:
        raise CheckpointError(f"{error} Restore it as it was; {LATEST} beside it is not affected.") from error
    network, task, optimizer = (config.get(name) for name in ("network", "task", "optimizer"))
    sound = isinstance(network, dict | None) and isinstance(optimizer, dict) and (task is None or task in TASKS)
    if config.get("format") != FORMAT or not sound:
        raise CheckpointError(f"{path} is not the configuration of a run in format {FORMAT}.")
    return config


def how_to_resume(folder: Path, config: Mapping[str, Any]) -> str:
    """What to write to go on with a run: a command for one that a command began."""
    if "recipe" in config:
        return f"glassnet resume {shlex.quote(str(folder))}"
    return f"glassnet.fit(..., folder={str(folder)!r}, resume=True)"


def describe(loop: Loop, extra: dict[str, Any]) -> dict[str, Any]:
    """What is needed to repeat a training, as a value for ``json.dump``."""
    try:
        network: Any = to_config(loop.net)
    except ConfigError:  # classes of the user's own: their weights are kept, their code is not
        network = None
    optimizer, schedule = loop.optimizer, loop.schedule
    base_lr = optimizer.lr if schedule is None else schedule.base_lrs[0]
    return {
        "network": network,
        "task": loop.net.task,
        "loss": type(loop.loss).__name__
        if isinstance(loop.loss, Module)
        else getattr(loop.loss, "__name__", "function"),
        "optimizer": {"name": type(optimizer).__name__, **optimizer.config(), "lr": base_lr},
        "schedule": None if schedule is None else {"name": type(schedule).__name__, **schedule.config()},
        "penalty": None if loop.batch_step.penalty is None else repr(loop.batch_step.penalty),
        "clip_norm": loop.batch_step.clip_norm,
        "clip_value": loop.batch_step.clip_value,
        "average": None if loop.average is None else loop.average.decay,
        "batch_size": loop.batch_size,
        "total_steps": loop.total_steps,
        "seed": loop.seed,
        **extra,
    }

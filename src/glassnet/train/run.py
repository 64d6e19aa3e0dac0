"""Run: what a training leaves behind, in memory and in its folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glassnet.engine.errors import CheckpointError, ConfigError
from glassnet.nn.config import from_config, to_config
from glassnet.nn.module import Module
from glassnet.train.checkpoint import FORMAT, read_arrays, write_arrays, write_atomically
from glassnet.train.diagnostics import DIAGNOSTICS, Diagnostics
from glassnet.train.run_folder import BEST, CONFIG, LATEST, LOG, log_text, make_folder

if TYPE_CHECKING:
    from glassnet.train.loop import Loop


@dataclass(repr=False)
class Run:
    """A finished or stopped training.

    net: the network, with its best weights if there was a validation split.
    history: a list for each value (loss, val_loss, accuracy, lr, seconds ...) with an entry for each epoch.
    steps, epochs: how many were made. best_epoch: whose weights the network has; None for the last.
    stopped: why the training ended early, or None. seconds: how long it took.
    folder: where it was saved, or None. config: what is needed to repeat it.
    diagnostics: statistics of layers and parameters over time, see ``Diagnostics``.
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

    def __repr__(self) -> str:
        parts = [f"{self.epochs} epochs", f"{self.steps:,} steps", f"{self.seconds:.1f} s"]
        parts += [f"{name} {self.history[name][-1]:.4g}" for name in ("loss", "val_loss") if self.history.get(name)]
        parts += [f"best epoch {self.best_epoch}"] if self.best_epoch else []
        parts += [f"stopped: {self.stopped}"] if self.stopped else []
        return f"Run({', '.join(parts)}, {'not saved' if self.folder is None else f'saved in {self.folder}'})"

    def save(self, folder: str | Path) -> Path:
        """Write the run into a folder of its own, to be read by ``Run.load``: configuration, log, diagnostics and the
        weights that the network has now. Raises ConfigError if the folder holds a run already.
        """
        folder = Path(folder)
        if (folder / CONFIG).exists():
            raise ConfigError(f"{folder} holds a run already. Choose another folder.")
        make_folder(folder)
        position = {
            "step": self.steps,
            "history": self.history,
            "seconds": self.seconds,
            "stopped": self.stopped,
        }
        arrays = {f"net/{name}": array for name, array in self.net.state_dict().items()}
        write_arrays(folder / LATEST, arrays, {"format": FORMAT, "position": position, "epoch": self.best_epoch})
        write_atomically(folder / LOG, log_text(self.history).encode())
        if self.diagnostics is not None:
            write_atomically(folder / DIAGNOSTICS, self.diagnostics.text().encode())
        write_atomically(folder / CONFIG, json.dumps(self.config, indent=2).encode())
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
        _, notes = read_arrays(folder / LATEST)
        weights = BEST if (folder / BEST).exists() else LATEST
        arrays, best = read_arrays(folder / weights)
        net.load_state_dict({k.removeprefix("net/"): v for k, v in arrays.items() if k.startswith("net/")})
        net.task = config.get("task")
        position = notes["position"]
        return cls(
            net=net.eval(),
            history=position["history"],
            steps=position["step"],
            epochs=len(next(iter(position["history"].values()), [])),
            best_epoch=best.get("epoch"),
            stopped=position["stopped"],
            seconds=position["seconds"],
            folder=folder,
            config=config,
            diagnostics=Diagnostics.read(folder / DIAGNOSTICS) if (folder / DIAGNOSTICS).exists() else None,
        )


def read_config(folder: Path) -> dict[str, Any]:
    """The configuration of a run. Raises CheckpointError if there is none or it is damaged."""
    path = folder / CONFIG
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise CheckpointError(f"{folder} is not the folder of a run: it has no {CONFIG}.") from error
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}.") from error
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        raise CheckpointError(f"{path} is not the configuration of a run in format {FORMAT}.")
    return config


def describe(loop: Loop, extra: dict[str, Any]) -> dict[str, Any]:
    """What is needed to repeat a training, as a value for ``json.dump``."""
    try:
        network: Any = to_config(loop.net)
    except ConfigError:  # classes of the user's own: their weights are kept, their code is not
        network = None
    optimizer, schedule = loop.optimizer, loop.schedule
    base_lr = optimizer.lr if schedule is None else schedule.base_lrs[0]
    return {
        "format": FORMAT,
        "network": network,
        "task": loop.net.task,
        "loss": type(loop.loss).__name__
        if isinstance(loop.loss, Module)
        else getattr(loop.loss, "__name__", "function"),
        "optimizer": {"name": type(optimizer).__name__, **optimizer.config(), "lr": base_lr},
        "schedule": None if schedule is None else {"name": type(schedule).__name__, **schedule.config()},
        "penalty": None if loop.penalty is None else repr(loop.penalty),
        "clip_norm": loop.clip_norm,
        "clip_value": loop.clip_value,
        "batch_size": loop.batch_size,
        "total_steps": loop.total_steps,
        "seed": loop.seed,
        **extra,
    }

"""Run: what a training leaves behind, in memory and in its folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glassnet.engine.errors import CheckpointError, ConfigError
from glassnet.nn.config import from_config, to_config
from glassnet.nn.module import Module
from glassnet.train.callbacks import Callback
from glassnet.train.checkpoint import FORMAT, read_arrays, save_checkpoint, write_arrays, write_atomically

if TYPE_CHECKING:
    from glassnet.train.best import BestWeights
    from glassnet.train.loop import Loop

CONFIG, LOG, LATEST, BEST = "config.json", "log.jsonl", "checkpoint.safetensors", "best.safetensors"


@dataclass
class Run:
    """A finished or stopped training.

    net: the network, with its best weights if there was a validation split.
    history: a list for each value (loss, val_loss, accuracy, lr, seconds ...) with an entry for each epoch.
    steps, epochs: how many were made. best_epoch: whose weights the network has; None for the last.
    stopped: why the training ended early, or None. seconds: how long it took.
    folder: where it was saved, or None. config: what is needed to repeat it.
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
        )


def read_config(folder: Path) -> dict[str, Any]:
    """The configuration of a run. Raises CheckpointError if there is none or it is damaged."""
    path = folder / CONFIG
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
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
        "loss": type(loop.loss).__name__,
        "optimizer": {"name": type(optimizer).__name__, **optimizer.config(), "lr": base_lr},
        "schedule": None if schedule is None else {"name": type(schedule).__name__, **schedule.config()},
        "batch_size": loop.batch_size,
        "total_steps": loop.total_steps,
        "seed": loop.seed,
        **extra,
    }


class RunFolder(Callback):
    """Writes a run into its folder: the configuration at the start, log and checkpoint after each epoch."""

    def __init__(self, folder: Path, config: dict[str, Any], best: BestWeights | None) -> None:
        self.folder, self.config, self.best = folder, config, best

    def on_fit_start(self, loop: Loop) -> None:
        """Make the folder."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CheckpointError(f"the folder {self.folder} cannot be made: {error.strerror}.") from error
        write_atomically(self.folder / CONFIG, json.dumps(self.config, indent=2).encode())
        self._write(loop)

    def on_epoch_end(self, loop: Loop) -> None:
        """Write the log, the checkpoint, and the weights if they are the best so far."""
        if self.best is not None and self.best.epoch == loop.epoch:
            arrays = {f"net/{name}": array for name, array in self.best.arrays.items()}
            write_arrays(self.folder / BEST, arrays, {"format": FORMAT, "epoch": loop.epoch, "loss": self.best.loss})
        self._write(loop)

    def on_fit_end(self, loop: Loop) -> None:
        """Write where the training was stopped."""
        self._write(loop)

    def _write(self, loop: Loop) -> None:
        names = list(loop.history)
        rows = zip(*loop.history.values(), strict=True)
        lines = [json.dumps({"epoch": i, **dict(zip(names, row, strict=True))}) for i, row in enumerate(rows, 1)]
        write_atomically(self.folder / LOG, "".join(line + "\n" for line in lines).encode())
        save_checkpoint(self.folder / LATEST, loop)

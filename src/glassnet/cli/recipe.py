"""A recipe: everything that ``glassnet train`` needs to know to train a network, and to train on after a stop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from glassnet import data, nn, optim
from glassnet.api import fit
from glassnet.data.dataset import Dataset
from glassnet.engine.errors import CheckpointError, ConfigError
from glassnet.engine.random import manual_seed
from glassnet.models import character_mlp, mlp
from glassnet.nn.module import Module
from glassnet.optim import Optimizer, Schedule
from glassnet.train.run import Run

OPTIMIZERS = ("sgd", "adam", "adamw")
SCHEDULES = ("constant", "step", "cosine")
LEARNING_RATES = {"sgd": 0.1, "adam": 0.005, "adamw": 0.005}  # found on the embedded sets
MOMENTUM = 0.9  # of sgd


@dataclass(frozen=True)
class Recipe:
    """The options of ``glassnet train``. ``context`` and ``embedding`` are for names only."""

    dataset: str
    hidden: tuple[int, ...]
    activation: str
    optimizer: str
    lr: float
    schedule: str
    epochs: int
    batch_size: int
    seed: int
    weight_decay: float
    batch_norm: bool
    context: int = 3
    embedding: int = 10

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Recipe:
        """The recipe of a saved run. Raises CheckpointError for a run that ``glassnet train`` did not make."""
        recipe = config.get("recipe")
        if not isinstance(recipe, dict) or set(recipe) != {field.name for field in fields(cls)}:
            raise CheckpointError(
                "this run was not made by `glassnet train`. Continue it in your program with "
                "glassnet.fit(..., folder=..., resume=True)."
            )
        return cls(**{**recipe, "hidden": tuple(recipe["hidden"])})

    def load_data(self) -> Dataset:
        """The data set; its splits do not depend on the seed, so that runs can be compared."""
        return data.load(self.dataset, context=self.context) if self.dataset == "names" else data.load(self.dataset)

    def network(self, dataset: Dataset) -> Module:
        """The untrained network, its weights drawn from the seed."""
        manual_seed(self.seed)
        if dataset.vocabulary is not None:
            return character_mlp(
                len(dataset.vocabulary),
                self.context,
                embedding_dim=self.embedding,
                hidden=self.hidden,
                activation=self.activation,
                batch_norm=self.batch_norm,
            )
        features, classes = dataset.train.x.shape[1], len(dataset.classes or ())
        return mlp(features, self.hidden, classes, activation=self.activation, batch_norm=self.batch_norm)

    def optimizer_for(self, net: Module) -> Optimizer:
        """The optimizer by its name."""
        if self.optimizer == "sgd":
            return optim.SGD(net.parameters(), lr=self.lr, momentum=MOMENTUM, weight_decay=self.weight_decay)
        kind = {"adam": optim.Adam, "adamw": optim.AdamW}.get(self.optimizer)
        if kind is None:
            raise ConfigError(f"there is no optimizer {self.optimizer!r}; expected one of {', '.join(OPTIMIZERS)}.")
        return kind(net.parameters(), lr=self.lr, weight_decay=self.weight_decay)

    def schedule_for(self, optimizer: Optimizer, steps: int) -> Schedule:
        """The schedule by its name: "step" divides the learning rate by 10 after each third of the steps."""
        if self.schedule == "cosine":
            return optim.CosineAnnealingLR(optimizer, T_max=steps)
        if self.schedule == "step":
            return optim.StepLR(optimizer, step_size=max(1, steps // 3), gamma=0.1)
        if self.schedule == "constant":
            return optim.ConstantLR(optimizer)
        raise ConfigError(f"there is no schedule {self.schedule!r}; expected one of {', '.join(SCHEDULES)}.")

    def train(self, dataset: Dataset, folder: Path, *, resume: bool = False) -> Run:
        """Train the network and save the run in the folder."""
        net = self.network(dataset)
        optimizer = self.optimizer_for(net)
        steps = self.epochs * -(-len(dataset.train) // max(1, self.batch_size))
        return fit(
            net,
            dataset,
            loss=nn.CrossEntropyLoss(),
            optimizer=optimizer,
            schedule=self.schedule_for(optimizer, max(1, steps)),
            epochs=self.epochs,
            batch_size=self.batch_size,
            seed=self.seed,
            folder=folder,
            resume=resume,
            notes={"recipe": asdict(self)},
        )


def new_folder(name: str) -> Path:
    """A folder under runs/ that does not exist yet, named by the time and the data set."""
    stem = f"{datetime.now():%Y-%m-%d_%H-%M-%S}_{name}"
    paths = (Path("runs") / (f"{stem}_{i}" if i else stem) for i in range(1000))
    return next(path for path in paths if not path.exists())

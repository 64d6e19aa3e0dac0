"""From a recipe to a trained network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from glassnet import nn, optim
from glassnet.api import fit
from glassnet.cli.recipe import Recipe
from glassnet.data.dataset import Dataset
from glassnet.engine.errors import ConfigError
from glassnet.engine.random import manual_seed
from glassnet.models import character_mlp, mlp
from glassnet.nn.module import Module
from glassnet.optim import Optimizer, Schedule
from glassnet.train.run import Run

OPTIMIZERS = ("sgd", "rmsprop", "adam", "adamw")
SCHEDULES = ("constant", "step", "exponential", "cosine", "warmup-cosine", "one-cycle", "plateau")
MOMENTUM = 0.9  # of sgd


def network(recipe: Recipe, dataset: Dataset) -> Module:
    """The untrained network, its weights drawn from the seed."""
    manual_seed(recipe.seed)
    options: dict[str, Any] = {
        "activation": recipe.activation,
        "batch_norm": recipe.batch_norm,
        "dropout": recipe.dropout,
    }
    if dataset.vocabulary is not None:
        return character_mlp(
            len(dataset.vocabulary),
            recipe.context,
            embedding_dim=recipe.embedding,
            hidden=recipe.hidden,
            **options,
        )
    outputs = 1 if dataset.classes is None else len(dataset.classes)
    return mlp(dataset.train.x.shape[1], recipe.hidden, outputs, **options)


def loss_for(dataset: Dataset) -> Module:
    """Cross-entropy for classes and characters, the mean squared error for quantities."""
    return nn.CrossEntropyLoss() if dataset.train.y.ndim == 1 else nn.MSELoss()


def optimizer_for(recipe: Recipe, net: Module) -> Optimizer:
    """The optimizer by its name."""
    lr, decay = recipe.learning_rate, recipe.weight_decay
    if recipe.optimizer == "sgd":
        return optim.SGD(net.parameters(), lr=lr, momentum=MOMENTUM, weight_decay=decay)
    if recipe.optimizer == "rmsprop":
        return optim.RMSprop(net.parameters(), lr=lr, weight_decay=decay)
    if recipe.optimizer == "adam":
        return optim.Adam(net.parameters(), lr=lr, weight_decay=decay)
    if recipe.optimizer == "adamw":
        return optim.AdamW(net.parameters(), lr=lr, weight_decay=decay)
    raise ConfigError(f"there is no optimizer {recipe.optimizer!r}; expected one of {', '.join(OPTIMIZERS)}.")


def schedule_for(recipe: Recipe, optimizer: Optimizer, steps: int) -> Schedule:
    """The schedule by its name, over all steps of the training.

    "step" divides the learning rate by 10 after each third, "exponential" by 100 until the end, "plateau" by 10 when
    the validation loss has not fallen for 5 epochs; "warmup-cosine" rises over the first tenth.
    """
    if recipe.schedule == "constant":
        return optim.ConstantLR(optimizer)
    if recipe.schedule == "step":
        return optim.StepLR(optimizer, step_size=max(1, steps // 3), gamma=0.1)
    if recipe.schedule == "exponential":
        return optim.ExponentialLR(optimizer, gamma=0.01 ** (1 / steps))
    if recipe.schedule == "cosine":
        return optim.CosineAnnealingLR(optimizer, T_max=steps)
    if recipe.schedule == "warmup-cosine":
        warm = max(1, steps // 10)
        warmup = optim.LinearLR(optimizer, start_factor=0.01, total_iters=warm)
        decay = optim.CosineAnnealingLR(optimizer, T_max=max(1, steps - warm))
        return optim.SequentialLR(optimizer, [warmup, decay], milestones=[warm])
    if recipe.schedule == "one-cycle":
        return optim.OneCycleLR(optimizer, max_lr=optimizer.lr, total_steps=max(2, steps))
    if recipe.schedule == "plateau":
        return optim.ReduceLROnPlateau(optimizer, patience=5)
    raise ConfigError(f"there is no schedule {recipe.schedule!r}; expected one of {', '.join(SCHEDULES)}.")


def train_network(recipe: Recipe, dataset: Dataset, folder: Path, *, resume: bool = False) -> Run:
    """Train the network of a recipe and save the run in the folder, with what new data needs to be read."""
    net = network(recipe, dataset)
    optimizer = optimizer_for(recipe, net)
    steps = recipe.epochs * -(-len(dataset.train) // max(1, recipe.batch_size))
    notes: dict[str, Any] = {"recipe": recipe.as_json()}
    if dataset.encoder is not None:
        notes["encoder"] = dataset.encoder.to_json()
    if dataset.vocabulary is not None:
        notes["vocabulary"] = dataset.vocabulary.to_json()
    return fit(
        net,
        dataset,
        loss=loss_for(dataset),
        optimizer=optimizer,
        schedule=schedule_for(recipe, optimizer, max(1, steps)),
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        seed=recipe.seed,
        folder=folder,
        resume=resume,
        notes=notes,
    )

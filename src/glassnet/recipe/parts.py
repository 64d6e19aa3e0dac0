"""The parts of a training by its recipe: network, loss, penalty, metrics, optimizer and schedule."""

from __future__ import annotations

from typing import Any

from glassnet import nn, optim
from glassnet.data.dataset import Dataset
from glassnet.engine.errors import ConfigError
from glassnet.engine.random import manual_seed
from glassnet.models import bigram_network, character_mlp, mlp, wavenet
from glassnet.nn.module import Module
from glassnet.optim import Optimizer, Schedule
from glassnet.recipe.recipe import Recipe
from glassnet.train.batch_step import Penalty
from glassnet.train.metrics import Metric, mean_absolute_error


def network(recipe: Recipe, dataset: Dataset) -> Module:
    """The untrained network, its weights drawn from the seed. Raises ConfigError for counts, which have none."""
    if recipe.model == "bigram-counts":
        raise ConfigError("bigram-counts has no weights to train. Use --model bigram.")
    manual_seed(recipe.seed)
    options: dict[str, Any] = {
        "activation": recipe.activation,
        "batch_norm": recipe.batch_norm,
        "dropout": recipe.dropout,
    }
    if dataset.vocabulary is not None:
        size = len(dataset.vocabulary)
        if recipe.model == "bigram":
            return bigram_network(size)
        options.update(embedding_dim=recipe.embedding, hidden=recipe.hidden)
        if recipe.model == "wavenet":
            return wavenet(size, recipe.context, fan_in=recipe.fan_in, **options)
        return character_mlp(size, recipe.context, **options)
    outputs = 1 if dataset.classes is None else len(dataset.classes)
    return mlp(dataset.train.x.shape[1], recipe.hidden, outputs, **options)


def loss_for(recipe: Recipe, dataset: Dataset) -> Module:
    """Cross-entropy for classes and characters, the mean squared error for quantities.

    Raises ConfigError for smoothed labels where there are none.
    """
    if dataset.train.y.ndim == 1:
        return nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing)
    if recipe.label_smoothing:
        raise ConfigError(f"--label-smoothing is for classes; the target of {recipe.data} is a quantity. Leave it out.")
    return nn.MSELoss()


def penalty_for(recipe: Recipe) -> Penalty | None:
    """What is added to the loss for large weights."""
    if recipe.l1 and recipe.l2:
        return nn.L1Penalty(recipe.l1) + nn.L2Penalty(recipe.l2)
    if recipe.l1:
        return nn.L1Penalty(recipe.l1)
    return nn.L2Penalty(recipe.l2) if recipe.l2 else None


def metrics_for(dataset: Dataset) -> dict[str, Metric] | None:
    """The mean absolute error in the units of a table's target; for anything else what ``fit`` takes by default."""
    encoder = dataset.encoder
    if encoder is None or encoder.classes is not None:
        return None
    return {"mae": lambda outputs, targets: encoder.target_std * mean_absolute_error(outputs, targets)}


def optimizer_for(recipe: Recipe, net: Module) -> Optimizer:
    """The optimizer by its name; only weights decay."""
    kinds: dict[str, Any] = {"sgd": optim.SGD, "rmsprop": optim.RMSprop, "adam": optim.Adam, "adamw": optim.AdamW}
    options = {"momentum": recipe.momentum} if recipe.optimizer == "sgd" else {}
    optimizer: Optimizer = kinds[recipe.optimizer](
        optim.decay_weights_only(net, recipe.weight_decay), lr=recipe.learning_rate, **options
    )
    return optimizer


def schedule_for(recipe: Recipe, optimizer: Optimizer, steps: int) -> Schedule:
    """The schedule by its name, over all steps of the training.

    "step" divides the learning rate by 10 after each third, "drop" for the last quarter, "exponential" by 100 until the
    end, "plateau" by 10 when the validation loss has not fallen for 5 epochs; "warmup-cosine" rises over the first
    tenth.
    """
    if recipe.schedule == "constant":
        return optim.ConstantLR(optimizer)
    if recipe.schedule == "step":
        return optim.StepLR(optimizer, step_size=max(1, steps // 3), gamma=0.1)
    if recipe.schedule == "drop":
        return optim.StepLR(optimizer, step_size=max(1, 3 * steps // 4), gamma=0.1)
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
    return optim.ReduceLROnPlateau(optimizer, patience=5)  # "plateau"

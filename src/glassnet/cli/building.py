"""A training by its recipe."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from glassnet.api import fit
from glassnet.cli.counting import counted
from glassnet.data.batches import batches
from glassnet.data.dataset import Dataset
from glassnet.engine.errors import ConfigError
from glassnet.recipe.allowed import COMPILE
from glassnet.recipe.parts import loss_for, metrics_for, network, optimizer_for, penalty_for, schedule_for
from glassnet.recipe.recipe import Recipe
from glassnet.train.callbacks import Callback, EarlyStopping
from glassnet.train.run import Run


def train_network(
    recipe: Recipe,
    dataset: Dataset,
    folder: Path | None,
    *,
    resume: bool = False,
    progress: bool = True,
    callbacks: Sequence[Callback] = (),
    **options: Any,
) -> Run:
    """Train the network of a recipe and save the run in the folder, with what new data needs to be read. Without a
    folder nothing is saved. The other options are those of ``fit``.

    Raises ConfigError for counts that are to be resumed.
    """
    notes: dict[str, Any] = {"recipe": recipe.as_json(), "data_sha256": recipe.fingerprint()}
    if dataset.encoder is not None:
        notes["encoder"] = dataset.encoder.to_json()
    if dataset.vocabulary is not None:
        notes["vocabulary"] = dataset.vocabulary.to_json()
    if recipe.model == "bigram-counts":
        if resume:
            raise ConfigError(f"{folder} holds counts, which are complete: there is nothing to resume.")
        return counted(recipe, dataset, folder, notes, progress)
    net = network(recipe, dataset)
    optimizer = optimizer_for(recipe, net)
    # BatchNorm cannot normalise a last batch of one row; another row is left out in each epoch.
    lonely = recipe.batch_norm and len(dataset.train) % recipe.batch_size == 1 < recipe.batch_size < len(dataset.train)
    per_epoch = len(batches(dataset.train, recipe.batch_size, shuffle=False, drop_last=lonely))
    steps = recipe.epochs * per_epoch if recipe.steps is None else recipe.steps
    return fit(
        net,
        dataset,
        loss=loss_for(recipe, dataset),
        optimizer=optimizer,
        schedule=schedule_for(recipe, optimizer, steps),
        metrics=metrics_for(dataset),
        steps=steps,
        batch_size=recipe.batch_size,
        seed=recipe.seed,
        drop_last=lonely,
        penalty=penalty_for(recipe),
        average=recipe.average or None,
        callbacks=[*([] if recipe.patience is None else [EarlyStopping(recipe.patience)]), *callbacks],
        folder=folder,
        resume=resume,
        keep_rows=0,  # the recipe says where the data is
        progress=progress,
        notes=notes,
        compile=COMPILE[recipe.compile],
        **options,
    )

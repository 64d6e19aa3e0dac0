"""A run that is counted and not trained: the model bigram-counts."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import typer

from glassnet import nn
from glassnet.data.dataset import Dataset
from glassnet.models import NGram
from glassnet.models.new_items import vocabulary_of
from glassnet.recipe.recipe import Recipe
from glassnet.train.evaluate import evaluate_split
from glassnet.train.metrics import default_metrics
from glassnet.train.progress import epoch_line
from glassnet.train.run import Run


def counted(recipe: Recipe, dataset: Dataset, folder: Path | None, notes: dict[str, Any], progress: bool = True) -> Run:
    """Count, and with ``progress`` say how large the table is and how good. The run has made no steps; its network has
    the probabilities of the table, and is saved, evaluated and sampled as any other.

    Raises ConfigError for a table that would be too large.
    """
    started = time.perf_counter()
    table = NGram(vocabulary_of(dataset), recipe.context, smoothing=recipe.smoothing)
    net = table.fit(dataset.train.x, dataset.train.y).network()
    loss, history = nn.CrossEntropyLoss(), dict[str, list[float]]()
    for prefix, split in (("", dataset.splits["train"]), ("val_", dataset.splits["val"])):
        found = evaluate_split(net, split, loss, default_metrics(loss, split.y))
        history.update({f"{prefix}{name}": [value] for name, value in found.items()})
    seconds = time.perf_counter() - started
    history.update(lr=[0.0], seconds=[seconds])
    if progress:
        typer.echo(f"counted  {epoch_line(history)}\n{table.size}")
    config = {"network": nn.to_config(net), "task": net.task, "optimizer": {}, "data": dataset.name, **notes}
    run = Run(net, history, 0, 1, None, None, seconds, folder, config)
    if folder is not None:
        run.save(folder)
    return run

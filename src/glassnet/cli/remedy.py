"""Remedies as options of a recipe: what ``glassnet doctor RUN --fix`` changes before it trains again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from glassnet.cli.building import train_network
from glassnet.doctor.networks import WIDE
from glassnet.doctor.of_run import of_run
from glassnet.doctor.treat import Treatment, first_applicable
from glassnet.engine.errors import ConfigError, NonFiniteError
from glassnet.recipe.allowed import check
from glassnet.recipe.recipe import Recipe, data_of
from glassnet.train.run import Run, read_config
from glassnet.train.run_folder import new_folder


def _wider(recipe: Recipe, _how: str) -> dict[str, Any]:
    return {"hidden": tuple(max(2 * width, WIDE) for width in recipe.hidden)}


#: What the changes of a remedy mean for a recipe, where that is not the option of the same name.
MEANING: dict[str, Callable[[Recipe, Any], dict[str, Any]]] = {
    "hidden": _wider,
    "penalty": lambda _recipe, _value: {"l1": 0.0, "l2": 0.0},
    "epochs": lambda _recipe, count: {"epochs": count, "steps": None},
}
SAME = ("lr", "schedule", "batch_size", "weight_decay", "activation", "batch_norm", "dropout")


@dataclass
class Changed:
    """recipe: with the changes that were done; left_out: those that are no options of a recipe."""

    recipe: Recipe
    done: dict[str, Any]
    left_out: list[str]


def changed(recipe: Recipe, change: Mapping[str, Any]) -> Changed:
    """The recipe with the changes of a remedy. Raises ConfigError if it is none of its options, or as it is already."""
    found = Changed(recipe, {}, [])
    for name, value in change.items():
        if name not in MEANING and name not in SAME:
            found.left_out.append(name)
            continue
        options = MEANING[name](recipe, value) if name in MEANING else {name: value}
        options = {key: new for key, new in options.items() if new != getattr(recipe, key)}
        if options:
            check({key: new for key, new in options.items() if new is not None})
            found.recipe = replace(found.recipe, **options)
            found.done.update(options)
    if not found.done:
        raise ConfigError(f"no option of a recipe does it: {', '.join(change)}.")
    return found


def treat(folder: Path, *, progress: bool = True) -> Treatment:
    """Train the recipe of a run again with the first remedy that can be applied, into a new folder beside it.

    Raises ConfigError where there is nothing to treat, and CheckpointError for a run that no command made.
    """
    config = read_config(folder)
    recipe, dataset = Recipe.from_config(config), data_of(config, folder)
    findings = of_run(folder)
    finding, found = first_applicable(findings, lambda change: changed(recipe, change))
    place = new_folder(folder.resolve().name, folder.resolve().parent)
    try:
        after: Run | NonFiniteError = train_network(found.recipe, dataset, place, progress=progress)
    except NonFiniteError as error:  # the remedy did not help, which is what is to be seen
        after = error
    return Treatment(finding, found.done, found.left_out, Run.load(folder), after, found_before=findings)

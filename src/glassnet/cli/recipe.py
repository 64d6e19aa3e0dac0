"""A recipe: everything that ``glassnet train`` needs to know to train a network, and to train on after a stop."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from glassnet import data
from glassnet.data.dataset import Dataset
from glassnet.data.files import read_whole
from glassnet.engine.errors import CheckpointError, ConfigError
from glassnet.engine.options import MAX_SEED

PICTURES = ("digits", "mnist", "fashion-mnist")
TABLE_ENDINGS = (".csv", ".tsv", ".parquet")
WIDEST = 1_000_000  # units of a hidden layer
LONGEST = 2**20  # bytes of a file of configuration
LEARNING_RATES = {"sgd": 0.1, "rmsprop": 0.001, "adam": 0.005, "adamw": 0.005}  # found on the embedded sets


@dataclass(frozen=True)
class Recipe:
    """The options of ``glassnet train``; the names in a file of configuration are the same.

    data: the name of a data set, or the path of a table or text. root: a folder of IDX files.
    target, task, missing, group: for tables. context, embedding: for texts.
    """

    data: str
    root: str | None = None
    target: str | None = None
    task: str = "auto"
    missing: str = "error"
    group: str | None = None
    hidden: tuple[int, ...] = (64, 32)
    activation: str = "relu"
    optimizer: str = "adamw"
    lr: float | None = None
    schedule: str = "cosine"
    epochs: int = 60
    batch_size: int = 32
    seed: int = 0
    dropout: float = 0.0
    weight_decay: float = 0.01
    batch_norm: bool = False
    context: int = 3
    embedding: int = 10

    @property
    def learning_rate(self) -> float:
        """The learning rate that was given, or the one that suits the optimizer."""
        return LEARNING_RATES.get(self.optimizer, 0.1) if self.lr is None else self.lr

    @classmethod
    def from_options(cls, name: str | None, options: Mapping[str, Any], config: Path | None) -> Recipe:
        """The recipe for a data set: what suits its kind, changed by a TOML file, changed by the options given.

        Raises ConfigError for a file that is none, and for options that do not exist or have a wrong type.
        """
        given = {} if config is None else read_toml(config)
        given.update({key: value for key, value in options.items() if value is not None})
        chosen = given.pop("data", None) if name is None else name
        given.pop("data", None)
        if not isinstance(chosen, str):
            raise ConfigError(f"say what to train on: {', '.join(PICTURES)}, names, a table or a text file.")
        recipe = cls(**{**defaults_of(chosen), **_checked(given)}, data=chosen)
        kind = kind_of(chosen)
        if kind == "table" and recipe.target is None:
            raise ConfigError(f"{chosen} is a table: say which column to predict with --target COLUMN.")
        for option, wanted in (("target", "table"), ("group", "table"), ("root", "pictures")):
            if getattr(recipe, option) is not None and kind != wanted:
                raise ConfigError(f"--{option} is for {wanted}; {chosen} is none. Leave it out.")
        return recipe

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Recipe:
        """The recipe of a saved run. Raises CheckpointError for a run that ``glassnet train`` did not make."""
        recipe = config.get("recipe")
        if not isinstance(recipe, dict) or set(recipe) != {field.name for field in fields(cls)}:
            raise CheckpointError(
                "this run was not made by `glassnet train`. Continue it in your program with "
                "glassnet.fit(..., folder=..., resume=True)."
            )
        try:
            return cls(**_checked(recipe))
        except ConfigError as error:
            raise CheckpointError(f"the recipe of this run is damaged: {error}") from error

    def with_epochs(self, epochs: int | None) -> Recipe:
        """The same with another number of epochs, if one is given."""
        return self if epochs is None else replace(self, epochs=epochs)

    def as_json(self) -> dict[str, Any]:
        """The recipe as a value for ``json.dump``."""
        return {**asdict(self), "hidden": list(self.hidden)}

    def load_data(self) -> Dataset:
        """The data set; its splits do not depend on the seed, so that runs can be compared."""
        kind = kind_of(self.data)
        if kind == "table":
            return data.read_table(
                self.data, target=str(self.target), task=self.task, missing=self.missing, group=self.group
            )
        if kind == "text":
            return data.read_text(self.data, context=self.context)
        if kind == "names":
            return data.load("names", context=self.context)
        return data.load(self.data, root=self.root)


def kind_of(name: str) -> str:
    """What is trained on: "pictures", "names", "table" or "text". Raises ConfigError for an unknown name."""
    if name in PICTURES:
        return "pictures"
    if name == "names":
        return "names"
    ending = Path(name).suffix.lower()
    if ending in TABLE_ENDINGS:
        return "table"
    if ending in (".txt", ".gz"):
        return "text"
    near = get_close_matches(name, [*PICTURES, "names"], n=1)
    hint = f"Did you mean {near[0]}?" if near else "Files end in .csv, .tsv, .parquet or .txt."
    raise ConfigError(f"there is no data set {name!r}; there are {', '.join(PICTURES)} and names. {hint}")


def defaults_of(name: str) -> dict[str, Any]:
    """What suits a data set where the recipe's own defaults, which suit tables, do not."""
    kind = kind_of(name)
    if name == "digits":
        return {"hidden": (16, 16), "optimizer": "sgd", "epochs": 30, "batch_size": 100, "weight_decay": 0.003}
    if kind == "pictures":
        return {"hidden": (100,), "epochs": 15, "batch_size": 128, "weight_decay": 0.05}
    if kind in ("names", "text"):
        return {"hidden": (200,), "activation": "tanh", "batch_norm": True, "epochs": 10, "batch_size": 128}
    return {}


def parse_hidden(text: str) -> tuple[int, ...]:
    """ "16,16" as (16, 16); "0" as no hidden layer."""
    try:
        widths = tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise ConfigError(
            f"--hidden expects whole numbers separated by commas, such as 16,16, got {text!r}."
        ) from error
    return _hidden(widths)


def _hidden(widths: tuple[int, ...]) -> tuple[int, ...]:
    if widths == (0,):
        return ()
    if not all(1 <= width <= WIDEST for width in widths):
        raise ConfigError(
            f"--hidden expects widths of at least 1 and at most {WIDEST:,}, got {','.join(map(str, widths))!r:.80}."
        )
    return widths


def read_toml(path: Path) -> dict[str, Any]:
    """The options in a TOML file; "batch-size" and "batch_size" are the same. Raises ConfigError naming the file."""
    try:
        given = tomllib.loads(read_whole(path, LONGEST).decode())
        repr(given)  # Python shows no number of more than 4,300 digits, and an error could not name it: a ValueError
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError(f"{path} cannot be read as TOML: {reason}.") from error
    return {key.replace("-", "_"): value for key, value in given.items()}


#: The types that the options take.
_TYPES: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("epochs", "batch_size", "seed", "context", "embedding"), (int,)),
    **dict.fromkeys(("lr", "dropout", "weight_decay"), (int, float)),
    **dict.fromkeys(("data", "root", "target", "task", "missing", "group"), (str,)),
    **dict.fromkeys(("activation", "optimizer", "schedule"), (str,)),
    "batch_norm": (bool,),
}
_OPTIONAL = ("root", "target", "group", "lr")


def _checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """Options with the types that they must have; raises ConfigError for others."""
    checked = dict(given)
    if isinstance(checked.get("hidden"), str):
        checked["hidden"] = parse_hidden(checked["hidden"])
    elif "hidden" in checked:
        widths = checked["hidden"]
        if not isinstance(widths, list | tuple) or not all(isinstance(w, int) and w is not True for w in widths):
            raise ConfigError(f"hidden must be a list of whole numbers, such as [16, 16], got {widths!r:.80}.")
        checked["hidden"] = _hidden(tuple(widths))
    for name, value in checked.items():
        if name == "hidden" or (value is None and name in _OPTIONAL):
            continue
        if name not in _TYPES:
            near = get_close_matches(name, _TYPES, n=1)
            raise ConfigError(f"there is no option {name!r}." + (f" Did you mean {near[0]!r}?" if near else ""))
        wanted = _TYPES[name]
        if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
            words = {int: "a whole number", str: "a text", bool: "true or false"}.get(wanted[0], "a number")
            words = "a number" if float in wanted else words
            raise ConfigError(f"{name} must be {words}, got {value!r:.80}.")
        if isinstance(value, int) and abs(value) > MAX_SEED:
            raise ConfigError(f"{name} must be at most {MAX_SEED}, got {value!r:.80}.")
    return checked

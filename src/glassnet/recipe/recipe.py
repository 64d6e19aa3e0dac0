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
from glassnet.data.encoder import TableEncoder
from glassnet.data.files import open_file, read_whole
from glassnet.engine.errors import CheckpointError, ConfigError, DataError
from glassnet.recipe.allowed import FOR_KIND, check, written
from glassnet.recipe.presets import text_options

PICTURES = ("digits", "mnist", "fashion-mnist")
TABLE_ENDINGS, TEXT_ENDINGS = (".csv", ".tsv", ".parquet"), (".txt", ".txt.gz")
PLURALS = {"pictures": "mnist and fashion-mnist", "table": "tables", "text": "names and texts"}
LONGEST = 2**20  # bytes of a file of configuration
LEARNING_RATES = {"sgd": 0.1, "rmsprop": 0.001, "adam": 0.005, "adamw": 0.005}  # found on the embedded sets


@dataclass(frozen=True)
class Recipe:
    """The options of ``glassnet train``; the names in a file of configuration are the same.

    data: the name of a data set, or the path of a table or text. root: a folder of IDX files.
    target, task, missing, group: for tables. model, context, embedding, fan_in, smoothing: for texts.
    epochs, or steps where they are given: how long to train.
    """

    data: str
    root: str | None = None
    target: str | None = None
    task: str = "auto"
    missing: str = "error"
    group: str | None = None
    model: str = "mlp"
    hidden: tuple[int, ...] = (64, 32)
    activation: str = "relu"
    optimizer: str = "adamw"
    lr: float | None = None
    momentum: float = 0.9
    schedule: str = "cosine"
    epochs: int = 60
    steps: int | None = None
    batch_size: int = 32
    seed: int = 0
    dropout: float = 0.0
    weight_decay: float = 0.01
    l1: float = 0.0
    l2: float = 0.0
    label_smoothing: float = 0.0
    average: float = 0.0
    patience: int | None = None
    batch_norm: bool = False
    compile: str = "auto"
    context: int = 3
    embedding: int = 10
    fan_in: int = 2
    smoothing: float = 1.0

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
        given.update(check({key: value for key, value in options.items() if value is not None}))
        given.update({} if name is None else {"data": name})
        if "data" not in given:
            raise ConfigError(f"say what to train on: {', '.join(PICTURES)}, names, a table or a text file.")
        chosen = given["data"]
        kind = kind_of(chosen)
        for option in given:
            wanted = FOR_KIND.get(option, kind)
            if kind != wanted:
                raise ConfigError(f"--{written(option)} is for {PLURALS[wanted]}; {chosen} is none. Leave it out.")
        if kind == "table" and "target" not in given:
            raise ConfigError(f"{chosen} is a table: say which column to predict with --target COLUMN.")
        if given.get("epochs") and given.get("steps"):
            raise ConfigError("give either --epochs or --steps, not both.")
        recipe = text_options(given) if kind == "text" else {**defaults_of(chosen), **given}
        if given.get("epochs"):
            recipe["steps"] = None  # also where a preset has some
        made = cls(**{**recipe, **({"hidden": tuple(recipe["hidden"])} if "hidden" in recipe else {})})
        if "momentum" in given and made.optimizer != "sgd":
            raise ConfigError(f"--momentum is for sgd; {made.optimizer} has none of that name. Leave it out.")
        return made

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
            return cls(**{**check(recipe), "hidden": tuple(recipe["hidden"])})
        except ConfigError as error:
            raise CheckpointError(f"the recipe of this run is damaged: {error}") from error

    def with_epochs(self, epochs: int | None) -> Recipe:
        """The same with another number of epochs, if one is given."""
        return self if epochs is None else replace(self, steps=None, **check({"epochs": epochs}))

    def as_json(self) -> dict[str, Any]:
        """The recipe as a value for ``json.dump``, with absolute paths: a run can be read from any folder."""
        here = {name: str(Path(value).resolve()) for name, value in self._paths().items()}
        return {**asdict(self), **here, "hidden": list(self.hidden)}

    def _paths(self) -> dict[str, str]:
        """The options that are paths."""
        files = {} if kind_of(self.data) == "pictures" or self.data == "names" else {"data": self.data}
        return files if self.root is None else {**files, "root": self.root}

    def load_data(self) -> Dataset:
        """The data set; its splits do not depend on the seed, so that runs can be compared."""
        kind = kind_of(self.data)
        if kind == "table":
            return data.read_table(
                self.data, target=str(self.target), task=self.task, missing=self.missing, group=self.group
            )
        if self.data == "names":
            return data.load("names", context=self.context)
        if kind == "text":
            return data.read_text(self.data, context=self.context)
        return data.load(self.data, root=self.root)

    def describe(self) -> str:
        """One line: how the network is trained."""
        if self.model == "bigram-counts":
            return f"{self.data}: counted, with {self.smoothing:g} fake counts for each entry"
        return (
            f"{self.data}: {self.optimizer}, lr {self.learning_rate:g}, weight decay {self.weight_decay:g}, "
            f"{self.schedule} schedule, batch {self.batch_size}, seed {self.seed}"
        )

    def fingerprint(self) -> str | None:
        """The SHA-256 of the file that is trained on; None for a set that has a name."""
        import hashlib

        path = self._paths().get("data")
        if path is None:
            return None
        try:
            with open_file(Path(path)) as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error


def data_of(config: Mapping[str, Any], folder: Path) -> Dataset:
    """The data that the run in a folder was trained on. Raises DataError if its file has changed: rows that were
    trained on could be test rows now, and characters or categories could mean something else.
    """
    recipe = Recipe.from_config(config)
    if recipe.fingerprint() != config.get("data_sha256"):
        raise DataError(
            f"{recipe.data} is not the file any more that {folder} was trained on. Put that one back, or train again."
        )
    return recipe.load_data()


def encoder_of(config: Mapping[str, Any], folder: Path | None) -> TableEncoder:
    """How the run in a folder reads tables. Raises CheckpointError if that is missing."""
    if "encoder" not in config:
        raise CheckpointError(f"{folder} does not say how a table becomes numbers.")
    return TableEncoder.from_json(config["encoder"])


def kind_of(name: str) -> str:
    """What is trained on: "pictures", "table" or "text". Raises ConfigError for an unknown name."""
    if name in PICTURES:
        return "pictures"
    if name.lower().endswith(TABLE_ENDINGS):
        return "table"
    if name == "names" or name.lower().endswith(TEXT_ENDINGS):
        return "text"
    near = get_close_matches(name, [*PICTURES, "names"], n=1)
    hint = f"Did you mean {near[0]}?" if near else f"Files end in {', '.join(TABLE_ENDINGS + TEXT_ENDINGS)}."
    raise ConfigError(f"there is no data set {name!r}; there are {', '.join(PICTURES)} and names. {hint}")


def defaults_of(name: str) -> dict[str, Any]:
    """What suits a data set where the recipe's own defaults, which suit tables, do not."""
    kind = kind_of(name)
    if name == "digits":
        return {"hidden": (16, 16), "optimizer": "sgd", "epochs": 30, "batch_size": 100, "weight_decay": 0.003}
    if kind == "pictures":
        return {"hidden": (100,), "epochs": 15, "batch_size": 128, "weight_decay": 0.05}
    return {}


def parse_hidden(text: str) -> tuple[int, ...]:
    """ "16,16" as (16, 16); "0" as no hidden layer."""
    try:
        widths = tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise ConfigError(
            f"--hidden expects whole numbers separated by commas, such as 16,16, got {text!r}."
        ) from error
    return () if widths == (0,) else widths


def read_toml(path: Path) -> dict[str, Any]:
    """The options in a TOML file, checked; "batch-size" and "batch_size" are the same. Raises ConfigError naming it."""
    try:
        given = tomllib.loads(read_whole(path, LONGEST).decode())
        repr(given)  # Python shows no number of more than 4,300 digits, and an error could not name it: a ValueError
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError(f"{path} cannot be read as TOML: {reason}.") from error
    given = {key.replace("-", "_"): value for key, value in given.items()}
    try:
        if isinstance(given.get("hidden"), str):
            given["hidden"] = parse_hidden(given["hidden"])
        return check(given)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error

"""What each option of a recipe may be: on the command line, in a file of configuration, in the folder of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from glassnet.data.tables import POLICIES, TASKS
from glassnet.engine.errors import ConfigError
from glassnet.engine.options import MAX_SEED
from glassnet.models.mlp import ACTIVATIONS
from glassnet.train.compiled import Compile

OPTIMIZERS = ("sgd", "rmsprop", "adam", "adamw")
#: The words for ``fit(compile=...)``.
COMPILE: dict[str, Compile] = {"auto": "auto", "on": True, "off": False, "xla": "xla"}
SCHEDULES = ("constant", "step", "exponential", "cosine", "warmup-cosine", "one-cycle", "plateau", "drop")
#: Models of a text, from counting to a network that fuses characters stage by stage.
MODELS = ("bigram-counts", "bigram", "mlp", "wavenet")
#: What was trained with which options, see ``presets.PRESETS``.
PRESET_NAMES = ("lecture-mlp", "lecture-wavenet", "best")

#: The widest layer, and the most hidden layers: a misplaced digit should not take all memory of the machine.
WIDEST, MOST_LAYERS = 1_000_000, 100


@dataclass(frozen=True)
class Whole:
    """A whole number from ``low`` to ``high``."""

    low: int
    high: int

    def problem(self, value: Any) -> str | None:
        """What is expected instead, or None if the value is allowed."""
        if isinstance(value, int) and not isinstance(value, bool) and self.low <= value <= self.high:
            return None
        return f"must be a whole number from {self.low} to {self.high:,}"


@dataclass(frozen=True)
class Number:
    """A number of at least 0 and below ``end``: by default where float64 ends, as files can hold any number."""

    end: float = 1e300

    def problem(self, value: Any) -> str | None:
        """What is expected instead, or None if the value is allowed."""
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < self.end:
            return None
        return f"must be a number of at least 0 and below {self.end:g}"


@dataclass(frozen=True)
class Text:
    """A text, one of ``choices`` if there are any."""

    choices: tuple[str, ...] = ()

    def problem(self, value: Any) -> str | None:
        """What is expected instead, or None if the value is allowed."""
        if not isinstance(value, str):
            return "must be a text"
        return None if not self.choices or value in self.choices else f"must be one of {', '.join(self.choices)}"


@dataclass(frozen=True)
class Switch:
    """true or false."""

    def problem(self, value: Any) -> str | None:
        """What is expected instead, or None if the value is allowed."""
        return None if isinstance(value, bool) else "must be true or false"


@dataclass(frozen=True)
class Widths:
    """The widths of the hidden layers."""

    def problem(self, value: Any) -> str | None:
        """What is expected instead, or None if the value is allowed."""
        if not isinstance(value, list | tuple) or not all(isinstance(w, int) and w is not True for w in value):
            return "must be a list of whole numbers, such as [16, 16]"
        if len(value) <= MOST_LAYERS and all(1 <= width <= WIDEST for width in value):
            return None
        return f"must be at most {MOST_LAYERS} widths from 1 to {WIDEST:,}"


ALLOWED: dict[str, Whole | Number | Text | Switch | Widths] = {
    "data": Text(),
    "root": Text(),
    "target": Text(),
    "task": Text(TASKS),
    "missing": Text(POLICIES),
    "group": Text(),
    "preset": Text(PRESET_NAMES),
    "model": Text(MODELS),
    "hidden": Widths(),
    "activation": Text(tuple(ACTIVATIONS)),
    "optimizer": Text(OPTIMIZERS),
    "lr": Number(),
    "momentum": Number(end=1.0),
    "schedule": Text(SCHEDULES),
    "epochs": Whole(1, 10**6),
    "steps": Whole(1, 10**9),
    "batch_size": Whole(1, 10**9),
    "seed": Whole(0, MAX_SEED),
    "dropout": Number(end=1.0),
    "weight_decay": Number(),
    "l1": Number(),
    "l2": Number(),
    "label_smoothing": Number(end=1.0),
    "average": Number(end=1.0),
    "patience": Whole(1, 10**6),
    "batch_norm": Switch(),
    "compile": Text(tuple(COMPILE)),
    "context": Whole(1, 1000),
    "embedding": Whole(1, 10**5),
    "fan_in": Whole(2, 1000),
    "smoothing": Number(),
}
OPTIONAL = ("root", "target", "group", "lr", "steps", "patience")  # None where they are not given

#: The options that are for some kinds of data only; "pictures", "table" and "text" as ``recipe.kind_of`` says.
FOR_KIND = {
    "root": "pictures",
    **dict.fromkeys(("target", "task", "missing", "group"), "table"),
    **dict.fromkeys(("preset", "model", "context", "embedding", "fan_in", "smoothing"), "text"),
}
#: The options that are for some of the models of a text only.
FOR_MODELS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("hidden", "activation", "batch_norm", "dropout", "embedding"), ("mlp", "wavenet")),
    **dict.fromkeys(("optimizer", "lr", "momentum", "schedule", "epochs", "steps", "batch_size"), MODELS[1:]),
    **dict.fromkeys(("weight_decay", "l1", "l2", "label_smoothing", "average", "patience", "compile"), MODELS[1:]),
    "fan_in": ("wavenet",),
    "smoothing": ("bigram-counts",),
}


def check(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options, if all exist and are allowed; raises ConfigError that says what is expected."""
    for name, value in options.items():
        if name not in ALLOWED:
            raise ConfigError(f"there is no option {written(name)!r}.{_nearest(written(name), map(written, ALLOWED))}")
        if value is None and name in OPTIONAL:
            continue
        problem = ALLOWED[name].problem(value)
        if problem is not None:
            choices = getattr(ALLOWED[name], "choices", ())
            hint = _nearest(value, choices) if isinstance(value, str) else ""
            raise ConfigError(f"{written(name)} {problem}, got {value!r:.80}.{hint}")
    return dict(options)


def written(name: str) -> str:
    """The name of an option as people write it: batch-size."""
    return name.replace("_", "-")


def _nearest(name: str, names: Any) -> str:
    near = get_close_matches(name, list(names), n=1)
    return f" Did you mean {near[0]!r}?" if near else ""

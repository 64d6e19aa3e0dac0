"""What suits a data set and a model where nothing else is asked for, and options that belong together by a name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from glassnet.engine.errors import ConfigError
from glassnet.models.wavenet import stage_count, stage_widths
from glassnet.recipe.allowed import FOR_MODELS, written

#: What suits a model of a text where the recipe's own defaults, which suit tables, do not.
MODEL_DEFAULTS: dict[str, dict[str, Any]] = {
    "bigram-counts": {"context": 1},
    "bigram": {"context": 1, "lr": 0.05, "weight_decay": 0.0, "epochs": 5, "batch_size": 256},
    "mlp": {"hidden": (200,), "activation": "tanh", "batch_norm": True, "epochs": 10, "batch_size": 128},
    "wavenet": {
        "context": 8,
        "embedding": 24,
        "hidden": (128,),
        "activation": "tanh",
        "batch_norm": True,
        "epochs": 10,
        "batch_size": 128,
        "weight_decay": 0.1,
    },
}

#: 200,000 steps of plain gradient descent on 32 rows, as in Karpathy's lectures "makemore", parts 3 and 5, with the
#: learning rate of part 5, which falls after 150,000 steps; that of part 3 falls after 100,000.
_LECTURE: dict[str, Any] = {
    "optimizer": "sgd",
    "lr": 0.1,
    "momentum": 0.0,
    "weight_decay": 0.0,
    "schedule": "drop",
    "steps": 200_000,
    "batch_size": 32,
}
PRESETS: dict[str, dict[str, Any]] = {
    "lecture-mlp": {"model": "mlp", "context": 3, "embedding": 10, "hidden": (200,), **_LECTURE},
    "lecture-wavenet": {"model": "wavenet", "context": 8, "embedding": 24, "hidden": (128,), **_LECTURE},
    "best": {
        "model": "wavenet",
        "context": 8,
        "embedding": 24,
        "hidden": (128,),
        "activation": "gelu",
        "optimizer": "adamw",
        "lr": 0.002,
        "weight_decay": 1.2,
        "schedule": "cosine",
        "steps": 20_000,
        "batch_size": 256,
    },
}


def text_options(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options for a text: what suits the model, changed by the preset, changed by what was given.

    Raises ConfigError for options that do not go together.
    """
    preset = PRESETS.get(given.get("preset", ""), {})
    model = given.get("model", preset.get("model", "mlp"))
    if preset and model != preset["model"]:
        raise ConfigError(f"--preset {given['preset']} is a {preset['model']}, not a {model}. Leave out one of them.")
    for option in given:
        models = FOR_MODELS.get(option, (model,))
        if model not in models:
            raise ConfigError(f"--{written(option)} is for {' and '.join(models)}, not for {model}. Leave it out.")
    chosen = {**MODEL_DEFAULTS[model], **preset, **given, "model": model}
    chosen.pop("preset", None)
    if model == "bigram" and chosen["context"] != 1:
        raise ConfigError(f"a bigram sees 1 character, got --context {chosen['context']}. Use mlp or bigram-counts.")
    if model == "wavenet":
        stage_widths(chosen["hidden"], stage_count(chosen["context"], chosen.get("fan_in", 2)))
    return chosen

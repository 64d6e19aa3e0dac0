"""Checks of the whole-number options that several parts share."""

from __future__ import annotations

import numpy as np

from glassnet.engine.errors import ConfigError

MAX_SEED = 2**64 - 1


def integer_option(option: str, value: object, minimum: int, maximum: int | None = None) -> int:
    """Return ``value`` as an int between ``minimum`` and ``maximum`` (both included).

    Raises ConfigError for anything else; ``True`` and ``2.0`` are not whole numbers here.
    """
    allowed = f"of at least {minimum}" if maximum is None else f"from {minimum} to {maximum}"
    number = int(value) if isinstance(value, (int, np.integer)) and not isinstance(value, bool) else None
    if number is None or number < minimum or (maximum is not None and number > maximum):
        raise ConfigError(f"{option} must be a whole number {allowed}, got {value!r}.")
    return number

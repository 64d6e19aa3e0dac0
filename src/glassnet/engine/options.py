"""Checks of the options that are numbers."""

from __future__ import annotations

import math

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


def number_option(
    option: str,
    value: object,
    minimum: float = -math.inf,
    maximum: float = math.inf,
    *,
    above: float = -math.inf,
    below: float = math.inf,
) -> float:
    """Return ``value`` as a float from ``minimum`` to ``maximum`` (both included), ``above`` and ``below`` (excluded).

    Raises ConfigError for anything else; ``True``, NaN and infinity are no numbers here.
    """
    number = float(value) if isinstance(value, int | float | np.number) and not isinstance(value, bool) else math.nan
    if not (minimum <= number <= maximum and above < number < below):
        lower = ("above", above) if above >= minimum else ("of at least", minimum)
        upper = ("less than", below) if below <= maximum else ("at most", maximum)
        words = " and ".join(f"{text} {bound:g}" for text, bound in (lower, upper) if math.isfinite(bound))
        raise ConfigError(f"{option} must be a number {words or 'that is finite'}, got {value!r:.80}.")
    return number

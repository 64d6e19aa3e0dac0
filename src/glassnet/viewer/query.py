"""What the page asks of a panel: a few named values, each checked before it is used."""

from __future__ import annotations

from collections.abc import Mapping

from glassnet.engine.errors import ConfigError


class Query:
    """The values of a query, by name; all are text.

    >>> from glassnet.viewer.query import Query
    >>> Query({"step": "3"}).whole("step", 0, 10, default=0)
    3
    """

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self.values = dict(values or {})

    def text(self, name: str, default: str = "", longest: int = 4096) -> str:
        """Any text of limited length. Raises ConfigError for a longer one."""
        value = self.values.get(name, default)
        if len(value) > longest:
            raise ConfigError(f"{name} has at most {longest} characters, got {len(value)}.")
        return value

    def choice(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        """One of the allowed values. Raises ConfigError for any other."""
        value = self.values.get(name, default)
        if value not in allowed:
            raise ConfigError(f"{name} must be one of {', '.join(allowed)}, got {value!r:.80}.")
        return value

    def whole(self, name: str, low: int, high: int, default: int) -> int:
        """A whole number from ``low`` to ``high``. Raises ConfigError for anything else."""
        value = self.values.get(name)
        if value is None:
            return default
        if not (
            value.isascii() and value.removeprefix("-").isdigit() and len(value) < 20 and low <= int(value) <= high
        ):
            raise ConfigError(f"{name} must be a whole number from {low} to {high}, got {value!r:.80}.")
        return int(value)

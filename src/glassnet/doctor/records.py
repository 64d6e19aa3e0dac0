"""Dataclasses of plain values as JSON and back: what is read is checked against the fields' types."""

from __future__ import annotations

import math
import types
import typing
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, TypeVar

from glassnet.train.position import number

T = TypeVar("T")


def to_record(value: Any) -> Any:
    """A value for ``json.dumps``: dataclasses become objects, numbers that are not finite become text."""
    if is_dataclass(value):
        return {one.name: to_record(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, dict):
        return {key: to_record(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [to_record(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def from_record(kind: type[T], value: Any) -> T:
    """A dataclass from what ``to_record`` made of it, also by an earlier version: fields that it did not have take
    their defaults. Raises ValueError for anything else.
    """
    hints = typing.get_type_hints(kind)
    needed = {one.name for one in fields(typing.cast(Any, kind)) if one.default is one.default_factory is MISSING}
    if not isinstance(value, dict) or not needed <= set(value) <= set(hints):
        raise ValueError(f"expected the fields of {kind.__name__}, got {value!r:.80}")
    return kind(**{name: _value(hints[name], one) for name, one in value.items()})


def _value(hint: Any, value: Any) -> Any:
    origin, inside = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):  # something or None
        return None if value is None else _value(next(one for one in inside if one is not type(None)), value)
    if is_dataclass(hint):
        return from_record(typing.cast(type, hint), value)
    if origin is list and isinstance(value, list):
        return [_value(inside[0], one) for one in value]
    if origin is tuple and isinstance(value, list) and len(value) == len(inside):
        return tuple(_value(one, part) for one, part in zip(inside, value, strict=True))
    if origin is dict and isinstance(value, dict):
        return {key: _value(inside[1], one) for key, one in value.items()}
    if hint is float:
        return float(value) if value in ("nan", "inf", "-inf") else number(value)
    if (hint is int and isinstance(value, int) and not isinstance(value, bool)) or (
        hint in (str, bool) and isinstance(value, hint)
    ):
        return value
    raise ValueError(f"expected {hint}, got {value!r:.80}")

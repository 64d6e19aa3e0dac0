"""What a recorded step has built in: the attributes of layers and losses, and the options of the optimizer.

A step is recorded once, with everything that is no input as it was at the time. Where such a thing is changed later,
the step must be recorded again; a step that changes one itself, such as a layer that counts its calls, cannot be
compiled.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from operator import is_
from typing import Any

import numpy as np

from glassnet.engine.errors import TraceError
from glassnet.engine.tensor import Tensor
from glassnet.nn.module import Module
from glassnet.optim import Optimizer

#: Values that are compared as they are.
_PLAIN = (bool, int, float, str, bytes, type(None))
#: Of an optimizer, what is an input of a step or its state.
_INPUTS = ("params", "lr", "initial_lr", "steps")


class BuiltIn:
    """What is built into a step that is recorded now.

    owners: whose attributes count, by a name for people: networks, losses, whatever the step consults; of a module,
    those of all modules in it.
    """

    def __init__(self, owners: Mapping[str, Any], optimizer: Optimizer | None) -> None:
        self._optimizer = optimizer
        self._tables: list[tuple[str, dict[str, Any]]] = []
        for name, owner in owners.items():
            for path, part in owner.named_modules() if isinstance(owner, Module) else [("", owner)]:
                self._tables.append((owner.locate(part) if path else name, getattr(part, "__dict__", {})))
        self._before = self._frozen()
        self._copies = [dict(table) for _, table in self._tables]
        values = [value for copy in self._copies for value in copy.values()]
        self._tensors = [value for value in values if isinstance(value, Tensor)]
        self._kinds = self._kinds_now()
        self._options = self._options_now()
        self._contents = [(value, _freeze(value)) for value in values if _is_container(value)]

    def changes(self) -> list[str]:
        """What is not as it was, such as "p of layer 2 (Dropout p=0.5)"."""
        found: dict[str, list[str]] = {}  # the places of what changed, by its name
        for (where, before), (_, now) in zip(self._options, self._options_now(), strict=True):
            _compare(found, where, before, now)
        if not self._is_same():  # usually it is, and that is asked a hundred times a second or more
            for (where, _), before, now in zip(self._tables, self._before, self._frozen(), strict=True):
                _compare(found, where, before, now)
        return [
            f"{name.lstrip('_').replace('_', ' ')} of {places[0]}"
            + (f" and {len(places) - 1} more" if len(places) > 1 else "")
            for name, places in found.items()
        ]

    @contextmanager
    def unchanged_by_step(self) -> Iterator[None]:
        """Record a step in this block. Raises TraceError if it changes what is built in; that is put back."""
        try:
            yield
        finally:
            changed = self.changes()
            for (_, table), copy in zip(self._tables, self._copies, strict=True):
                table.clear()
                table.update(copy)
        if changed:
            raise TraceError(
                f"the step sets {' and '.join(changed)}, which compiled code cannot do. Hold numbers that change in an "
                "nn.Buffer, look at activations in on_look of a callback, or use compile=False."
            )

    def _is_same(self) -> bool:
        """Whether the same objects are there, with the same contents."""
        same = all(
            len(table) == len(copy) and all(map(is_, table.values(), copy.values()))
            for (_, table), copy in zip(self._tables, self._copies, strict=True)
        )
        contents = (_freeze(value) == before for value, before in self._contents)
        return same and self._kinds_now() == self._kinds and all(contents)

    def _kinds_now(self) -> list[tuple[Any, ...]]:
        return [(tensor.requires_grad, tensor.data.shape, tensor.data.dtype) for tensor in self._tensors]

    def _frozen(self) -> list[dict[str, Any]]:
        frozen = [{name: _freeze(value) for name, value in table.items()} for _, table in self._tables]
        # To have no hooks and to have none any more is the same.
        return [{name: value for name, value in one.items() if value != _NOTHING} for one in frozen]

    def _options_now(self) -> list[tuple[str, dict[str, Any]]]:
        if self._optimizer is None:
            return []
        own = {name: value for name, value in vars(self._optimizer).items() if isinstance(value, _PLAIN)}
        tables = [("the optimizer", own)]
        tables += [(f"parameter group {i}", group) for i, group in enumerate(self._optimizer.param_groups)]
        return [(where, {k: _freeze(v) for k, v in table.items() if k not in _INPUTS}) for where, table in tables]


class _Same:
    """An object that counts as changed when it is another one."""

    __slots__ = ("one",)

    def __init__(self, one: Any) -> None:
        self.one = one

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.one is self.one

    def __hash__(self) -> int:
        return id(self.one)


def _compare(found: dict[str, list[str]], where: str, before: dict[str, Any], now: dict[str, Any]) -> None:
    for name in {**before, **now} if before != now else ():
        if before.get(name) != now.get(name):
            found.setdefault(name, []).append(where)


def _freeze(value: Any) -> Any:
    """A value, to be compared with what stands in its place later."""
    if isinstance(value, _PLAIN):
        return type(value), value
    if isinstance(value, Tensor):  # the numbers of parameters and buffers are state, those of others are built in
        numbers = _freeze(value.data) if _is_container(value) else None
        return _Same(value), value.requires_grad, value.data.shape, value.data.dtype, numbers
    if isinstance(value, np.ndarray):
        return value.shape, value.dtype, value.tobytes()
    if isinstance(value, list | tuple):
        return type(value), tuple(map(_freeze, value))
    if isinstance(value, dict):
        return dict, tuple((_freeze(k), _freeze(v)) for k, v in value.items())
    return _Same(value)


#: What an empty tuple is frozen to.
_NOTHING = _freeze(())


def _is_container(value: Any) -> bool:
    """Whether something built in may change while it stays the same object."""
    if isinstance(value, tuple):
        return any(map(_is_container, value))
    return isinstance(value, list | dict | np.ndarray) or type(value) is Tensor

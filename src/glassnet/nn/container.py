"""Sequential: layers one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from glassnet.engine.errors import ConfigError
from glassnet.nn.module import Module


class Sequential(Module):
    """Layers of which each takes what the one before it gives; their paths are their numbers, from 0.

    ``net[2]`` is a layer, ``net[:2]`` a Sequential of the same layers. Raises ConfigError for what is no layer.
    """

    def __init__(self, *layers: Module) -> None:
        for i, layer in enumerate(layers):
            if not isinstance(layer, Module):
                name = getattr(layer, "__name__", repr(layer))
                hint = f"Write {name}()." if isinstance(layer, type) else "Layers are instances of nn.Module."
                raise ConfigError(f"Sequential takes layers, got {name} in place {i}. {hint}")
            setattr(self, str(i), layer)
        self._names = tuple(map(str, range(len(layers))))

    @property
    def takes_indices(self) -> bool:  # type: ignore[override]
        """Whether the first layer takes indices."""
        return len(self) > 0 and self[0].takes_indices

    def forward(self, x: Any) -> Any:
        """The output of the last layer."""
        for layer in self:
            x = layer(x)
        return x

    def __iter__(self) -> Iterator[Module]:
        own = vars(self)
        return (own[name] for name in self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, index: int | slice) -> Any:
        names = self._names[index]
        own = vars(self)
        return own[names] if isinstance(names, str) else Sequential(*(own[name] for name in names))

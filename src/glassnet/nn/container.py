"""Containers: Sequential, layers one after the other, and ModuleList, modules in a list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from glassnet.engine.errors import ConfigError
from glassnet.nn.module import Module
from glassnet.nn.projection import suit_activations


class Sequential(Module):
    """Layers of which each takes what the one before it gives; their paths are their numbers, from 0.

    ``net[2]`` is a layer, ``net[2] = layer`` replaces it, ``net[:2]`` is a Sequential of the same layers. Fresh
    weights take the gain of the activation that follows them (see ``nn.projection``). Raises ConfigError for what is
    no layer.

    >>> net = nn.Sequential(nn.Linear(784, 16), nn.ReLU(), nn.Linear(16, 10))
    >>> net[2], [name for name, parameter in net.named_parameters()]
    (Linear(16 -> 10), ['0.weight', '0.bias', '2.weight', '2.bias'])
    """

    def __init__(self, *layers: Module) -> None:
        for i, layer in enumerate(layers):
            setattr(self, str(i), _checked(layer, "Sequential", i))
        self._names = tuple(map(str, range(len(layers))))
        suit_activations(layers)

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

    def __setitem__(self, index: int, layer: Module) -> None:
        name = self._names[index]
        setattr(self, name, _checked(layer, "Sequential", int(name)))
        suit_activations(self)


class ModuleList(Module):
    """Modules in a list, so that they are found and trained; their paths are their numbers. It has no ``forward``:
    write a loop over it in yours.
    """

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        self.extend(modules)

    def append(self, module: Module) -> None:
        """Add a module at the end. Raises ConfigError for what is no module."""
        setattr(self, str(len(self)), _checked(module, "ModuleList", len(self)))

    def extend(self, modules: Iterable[Module]) -> None:
        """Add modules at the end."""
        for module in modules:
            self.append(module)

    def __iter__(self) -> Iterator[Module]:
        return (module for _, module in self.named_children())

    def __len__(self) -> int:
        return sum(1 for _ in self.named_children())

    def __getitem__(self, index: int | slice) -> Any:
        modules = list(self)
        return ModuleList(modules[index]) if isinstance(index, slice) else modules[index]

    def __setitem__(self, index: int, module: Module) -> None:
        place = range(len(self))[index]
        setattr(self, str(place), _checked(module, "ModuleList", place))


def _checked(module: Any, owner: str, place: int) -> Module:
    if not isinstance(module, Module):
        name = getattr(module, "__name__", repr(module))
        hint = f"Write {name}()." if isinstance(module, type) else "Layers are instances of nn.Module."
        raise ConfigError(f"{owner} takes layers, got {name} in place {place}. {hint}")
    return module

"""An operation is one row: what it computes, and how gradients pass back through it.

    @operation(
        lambda xp, g, out, a, b: g * b,
        lambda xp, g, out, a, b: g * a,
    )
    def multiply(xp, a, b):
        '''a * b; in the gradient the factors swap.'''
        return a * b

The decorated function is the forward computation. The lambdas are its vector-Jacobian products (vjps), one for each
array input in order: from ``g``, the gradient of the output, to the gradient of that input. ``None`` stands for an
input without a derivative, such as an index; inputs beyond the listed ones have none either. A vjp may ignore
broadcasting and may return any shape that broadcasts against the input: ``backward.py`` undoes it in one place.

Inputs that are differentiated or depend on data are positional arrays; everything else (axes, shapes) is keyword-only
and called *static*: vjps receive it by keyword too.

Some gradients need what the forward computation had in its hands (probabilities, a normalised input). Such a row
names it in ``keeps`` and returns ``out, (kept, ...)``; its vjps then read ``(xp, g, out, *kept, *inputs)``. Where the
gradients of several inputs share work, ``joint=`` takes one function that returns all of them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from glassnet.engine.namespace import Array

if TYPE_CHECKING:
    from glassnet.engine.backward import Node
    from glassnet.engine.tensor import Tensor

Vjp = Callable[..., Any]


class Operation:
    """One row of the table of operations: forward computation and vector-Jacobian products, both against ``xp``."""

    def __init__(
        self,
        forward: Callable[..., Any],
        vjps: tuple[Vjp | None, ...],
        joint: Callable[..., Sequence[Array | None]] | None = None,
        keeps: tuple[str, ...] = (),
    ) -> None:
        if bool(vjps) == bool(joint):
            raise TypeError(f"operation {forward.__name__} needs either a vjp for each input or a joint one")
        self.name = forward.__name__.rstrip("_")
        self.__doc__ = forward.__doc__
        self.forward = forward
        self.vjps = vjps
        self.joint = joint
        self.keeps = keeps
        parameters = inspect.signature(forward).parameters.values()
        self.defaults = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is not p.empty}

    def differentiates(self, position: int) -> bool:
        """Whether the input at ``position`` has a derivative."""
        return self.joint is not None or (position < len(self.vjps) and self.vjps[position] is not None)

    def gradients(self, xp: Any, g: Array, out: Array, node: Node) -> list[tuple[Tensor, Array]]:
        """The parents of a node that want a gradient and have a derivative, each with its gradient."""
        inputs = (xp, g, out, *node.kept, *node.inputs)
        if self.joint is not None:
            parts = self.joint(*inputs, **node.static)
            return [
                (parent, part)
                for parent, part in zip(node.parents, parts, strict=True)
                if parent is not None and part is not None
            ]
        return [
            (parent, vjp(*inputs, **node.static))
            for parent, vjp in zip(node.parents, self.vjps, strict=False)  # inputs beyond the vjps have no derivative
            if parent is not None and vjp is not None
        ]

    def __repr__(self) -> str:
        return f"<operation {self.name}>"


def operation(
    *vjps: Vjp | None,
    joint: Callable[..., Sequence[Array | None]] | None = None,
    keeps: tuple[str, ...] = (),
) -> Callable[[Callable[..., Any]], Operation]:
    """Turn a forward function ``f(xp, *arrays, **static)`` into a row; see the module's docstring."""

    def decorate(forward: Callable[..., Any]) -> Operation:
        return Operation(forward, vjps, joint, keeps)

    return decorate

"""Backpropagation: from the gradient of an output to the gradients of all that it was computed from.

The graph was recorded while the expression was computed: each result knows the operation and the tensors that it came
from (its node). ``backward`` seeds the output's gradient, walks the nodes from the output to the leaves, and at each
one multiplies the gradient that arrived by the local derivatives and adds the products to the gradients of the inputs.

Why in reverse topological order? Take ``b = a + a; c = b + b``. The gradient of b has two parts, one for each place
where c uses it. If b passed its gradient on when only the first part had arrived, the second would never reach a.
A topological order puts every node after all the nodes that it depends on; walked backwards, each node passes on its
gradient only when all who used it have added their parts.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from glassnet.engine.convert import as_array
from glassnet.engine.errors import GradientError
from glassnet.engine.namespace import Array, Shape
from glassnet.engine.operation import Operation
from glassnet.engine.scope import scope

if TYPE_CHECKING:
    from glassnet.engine.tensor import Tensor


_numbers = count()


class Node:
    """What the graph remembers of one computed result: how to get from its gradient to those of its inputs.

    ``parents`` are the input tensors, None where no gradient is wanted. ``inputs`` are the arrays as they were when
    the result was computed: an update of the weights between forward and backward cannot falsify the gradients.
    ``number`` counts the nodes of the process in the order of computation.
    ``layer`` is the module in whose forward() the result was computed, or None.
    """

    __slots__ = ("inputs", "kept", "layer", "number", "operation", "parents", "static")

    def __init__(
        self,
        operation: Operation,
        parents: tuple[Tensor | None, ...],
        inputs: tuple[Array, ...],
        kept: tuple[Any, ...],
        static: dict[str, Any],
        layer: Any,
    ) -> None:
        self.operation = operation
        self.parents = parents
        self.inputs = inputs
        self.kept = kept
        self.static = static
        self.layer = layer
        self.number = next(_numbers)

    def __repr__(self) -> str:
        return f"<node {self.operation.name}>"


def topological_order(output: Tensor) -> list[Tensor]:
    """Every tensor that the output depends on and that wants a gradient, inputs before what is computed from them.

    Leaves come first. Of the computed tensors, none can be computed before its inputs: the order in which they were
    computed is a topological order, and each node knows its number. Collected with a stack of its own: a chain of
    100,000 operations would exhaust Python's recursion.
    """
    leaves: list[Tensor] = []
    computed: list[tuple[int, Tensor]] = []
    seen = {id(output)}
    stack = [output]
    while stack:
        tensor = stack.pop()
        node = tensor.node
        if node is None:
            leaves.append(tensor)
            continue
        computed.append((node.number, tensor))
        for parent in node.parents:
            if parent is not None and id(parent) not in seen:
                seen.add(id(parent))
                stack.append(parent)
    computed.sort(key=itemgetter(0))
    return [*leaves, *(tensor for _, tensor in computed)]


def unbroadcast(gradient: Array, shape: Shape) -> Array:
    """Sum a gradient down to the shape of the input that was broadcast: what was copied forward adds up backward.

    Undone here and nowhere else. Leading axes that the input lacked are summed away; axes where it had length 1 are
    summed to length 1. A gradient with too few axes (a row may return one that merely broadcasts) is spread out.
    """
    extra = gradient.ndim - len(shape)
    if extra < 0 or any(have == 1 and want != 1 for have, want in zip(gradient.shape[extra:], shape, strict=True)):
        spread = gradient.shape[:extra] if extra > 0 else ()
        gradient = scope.xp.broadcast_to(gradient, (*spread, *shape))
    summed = tuple(range(max(extra, 0)))
    if summed:
        gradient = scope.xp.sum(gradient, summed)
    ones = tuple(i for i, want in enumerate(shape) if want == 1 and gradient.shape[i] != 1)
    return scope.xp.sum(gradient, ones, True) if ones else gradient


def _seed(output: Tensor, gradient: Any) -> Array:
    """The gradient that starts the walk: 1.0 for a single number, what the caller gave otherwise."""
    if not output.requires_grad:
        raise GradientError(
            "backward() was called on a tensor that does not depend on any tensor with requires_grad=True. "
            "Was it computed under no_grad() or from detached tensors?"
        )
    if gradient is None:
        if output.size != 1:
            raise GradientError(
                f"backward() without a gradient needs a single number, got shape {output.shape}. Reduce it first, "
                f"as in loss.mean().backward(), or pass backward(gradient=...) with shape {output.shape}."
            )
        return np.ones(output.shape, output.dtype)
    seed: Array = scope.xp.copy(as_array(gradient, output.dtype))
    if seed.shape != output.shape:
        raise GradientError(f"backward(gradient=...) expected shape {output.shape}, got shape {seed.shape}.")
    return seed


def gradient_flow(output: Tensor, gradient: Any = None) -> Iterator[tuple[Tensor, Array]]:
    """Each tensor that the output depends on with its gradient, from the output back; nothing is stored.

    The arrays may share memory with each other.
    """
    xp = scope.xp
    gradients: dict[int, Array] = {id(output): _seed(output, gradient)}
    for tensor in reversed(topological_order(output)):
        g = gradients.pop(id(tensor), None)
        if g is None:  # no path with a derivative leads here
            continue
        yield tensor, g
        node = tensor.node
        if node is None:
            continue
        before, scope.layer = scope.layer, node.layer  # a gradient belongs to the layer of what it is the gradient of
        try:
            for parent, part in node.operation.gradients(xp, g, tensor.data, node):
                share = part if part.shape == parent.data.shape else unbroadcast(part, parent.data.shape)
                if share.dtype != parent.data.dtype:
                    share = share.astype(parent.data.dtype)
                arrived = gradients.get(id(parent))
                gradients[id(parent)] = share if arrived is None else arrived + share  # += over several paths
        finally:
            scope.layer = before


def backward(output: Tensor, gradient: Any = None) -> None:
    """Add the gradient of ``output`` to ``.grad`` of every leaf, and of every tensor that asked to retain it."""
    xp = scope.xp
    for watcher in scope.watchers:
        watcher(output)
    for tensor, g in gradient_flow(output, gradient):
        if tensor.node is None or tensor.retains_grad:
            if scope.tracer is not None:
                scope.tracer.trains(tensor)
            # += over several backward passes; a copy, because gradients may share memory with each other
            tensor.grad = xp.copy(g if tensor.grad is None else tensor.grad + g)

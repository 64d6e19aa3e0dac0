"""The sides of the comparison: each makes the steps of a workload in its own best way.

A peer is made from a workload and a number of threads. ``prepare(rows)`` brings the row numbers (K, batch) of K steps
into the form it likes, which is not timed; ``run`` makes the steps, gathering each batch out of the whole data by them,
and returns when they are made; ``losses(rows)`` makes steps and returns the loss of each (K,), or None for the floor.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, NamedTuple


class Kind(NamedTuple):
    """Which class of which module. threads: the numbers of threads to try; 0 leaves the choice to the peer."""

    module: str
    name: str
    threads: tuple[int, ...] = (1, 2)


KINDS = {
    "glassnet": Kind("ours", "Native", (0,)),
    "glassnet 1 thread": Kind("ours", "OneThread", (1,)),
    "PyTorch eager": Kind("torch_peers", "Eager"),
    "torch.compile": Kind("torch_peers", "Compiled"),
    "JAX jit": Kind("jax_peers", "Jit"),
    "JAX lax.scan": Kind("jax_peers", "Scan"),
    "scikit-learn": Kind("sklearn_peer", "Classifier"),
    "tinygrad jit": Kind("tinygrad_peer", "Jitted"),
    "NumPy by hand": Kind("numpy_peers", "Hand"),
    "bare products": Kind("numpy_peers", "Products"),
}
OURS, FLOOR, REFERENCE = "glassnet", "bare products", "NumPy by hand"


class CannotError(Exception):
    """This peer has no way to do the work."""


def load(kind: str) -> Any:
    """The class of a peer."""
    return getattr(import_module(f"peers.{KINDS[kind].module}"), KINDS[kind].name)

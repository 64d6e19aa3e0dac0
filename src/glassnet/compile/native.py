"""A step compiled to native code, with the state of a network and an optimizer."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from glassnet.compile.program import Program
from glassnet.compile.step import Bound, record_step
from glassnet.engine.namespace import Array
from glassnet.engine.random import words_at


class NativeStep:
    """A ``CompiledStep`` in native code.

    bound: the step, and what it reads and changes. tables: the arrays that batches are taken from, ``data.x`` first.
    rows: how many of their rows make a batch. The first batch is computed on the way, eagerly, without a trace left.
    """

    def __init__(self, bound: Bound, tables: Mapping[str, Array], rows: int) -> None:
        self.bound = bound
        number = 0 if bound.optimizer is None else bound.optimizer.steps
        first = np.arange(rows) % max(1, min((len(table) for table in tables.values()), default=1))
        record, recorder = record_step(bound, tables, first, number, lambda stream: words_at(0, number, stream))
        self.streams = recorder.streams
        self.program = Program(record, tables)
        self.push()

    @property
    def source(self) -> str:
        """The loops of the step as Python, with the layers and shapes as comments."""
        return self.program.source

    def push(self) -> None:
        """Take the state from the tensors and the optimizer."""
        for name, array in self.bound.state().items():
            if name in self.program.state:
                self.program.state[name][...] = array

    def pull(self) -> None:
        """Put the state into the tensors and the optimizer."""
        state = self.bound.state()
        state.update({name: array.copy() for name, array in self.program.state.items()})
        self.bound.put(state)

    def run(
        self, rows: Array, rates: Array, number: int, words: Array, tables: Mapping[str, Array] | None = None
    ) -> dict[str, Array]:
        """Make steps; see ``CompiledStep``."""
        return self.program.run(rows, rates, number, words, tables)

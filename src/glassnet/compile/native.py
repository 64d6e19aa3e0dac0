"""A step compiled to native code, with the state of a network and an optimizer."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from glassnet.compile.program import Program
from glassnet.compile.step import Bound, record_step
from glassnet.engine.errors import GlassnetError, TraceError
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
        try:
            record, recorder = record_step(bound, tables, first, number, lambda stream: words_at(0, number, stream))
            sound = all(condition.value for condition in recorder.conditions)
        except TraceError:
            raise
        except GlassnetError:  # if the batch is to blame, the eager step says so better
            bound.eagerly([table[first] for table in tables.values()])
            raise
        if not sound:
            bound.eagerly([table[first] for table in tables.values()])
        self.streams = recorder.streams
        self.record = record
        self.program = Program(record, tables)
        self._pulled: Array | None = None  # the state as it was pulled last, and the parts of it that tensors hold
        self._parts: dict[str, Array] = {}
        self.push()

    @property
    def source(self) -> str:
        """The loops of the step as Python, with the layers and shapes as comments."""
        return self.program.source

    def explain(self) -> str:
        """A table of the loops: time, arithmetic, memory, and how far each is from what the machine can do."""
        from glassnet.compile.explain import explain

        return explain(self.record, self.program)

    def push(self) -> None:
        """Take the state from the tensors and the optimizer."""
        state, own = self.bound.state(), self.program.state
        if self._pulled is not None and all(state[name] is part for name, part in self._parts.items()):
            self.program.restore(self._pulled)  # all at once; someone may have written into the arrays
            return
        for name, array in state.items():
            if name in own:
                own[name][...] = array

    def pull(self) -> None:
        """Put the state into the tensors and the optimizer, in arrays that no later step changes."""
        self._pulled = self.program.snapshot()
        self._parts = self.program.state_in(self._pulled)
        self.bound.put({**self.bound.state(), **self._parts})

    def run(
        self, rows: Array, rates: Array, number: int, words: Array, tables: Mapping[str, Array] | None = None
    ) -> dict[str, Array]:
        """Make steps; see ``CompiledStep``."""
        return self.program.run(rows, rates, number, words, tables)

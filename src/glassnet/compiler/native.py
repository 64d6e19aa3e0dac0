"""A step compiled to native code, with the state of a network and an optimizer."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from glassnet.compiler.packed import Packed, packed
from glassnet.compiler.program import Program
from glassnet.compiler.step import Bound, record_step
from glassnet.compiler.trace import line_of, user_line
from glassnet.engine.errors import TraceError
from glassnet.engine.namespace import Array
from glassnet.engine.random import words_at


class NativeStep:
    """A ``CompiledStep`` in native code.

    bound: the step, and what it reads and changes. tables: the arrays that batches are taken from, ``data.x`` first.
    rows: how many of their rows make a batch; None if they are a batch themselves, in whose place others come.
    first: the numbers of the rows with which the step is recorded, (rows,); the first ones unless given.
    pack: how such tables become bytes.

    Tables of which rows are taken are read into the step as they are now: they must not change. Recording computes the
    step, and leaves no trace. Raises TraceError for what cannot be compiled, and whatever the
    step itself raises for this batch.
    """

    def __init__(
        self,
        bound: Bound,
        tables: Mapping[str, Array],
        rows: int | None,
        first: Array | None = None,
        pack: Callable[[Array], Packed | None] = packed,
    ) -> None:
        self.bound = bound
        number = 0 if bound.optimizer is None else bound.optimizer.steps
        if rows is not None and first is None:
            first = np.arange(rows) % max(1, min((len(table) for table in tables.values()), default=1))
        found = {} if rows is None else {name: pack(table) for name, table in tables.items()}
        small = {name: table for name, table in found.items() if table is not None}
        batch = [table if first is None else table[first] for table in tables.values()]
        try:
            record, recorder = record_step(
                bound, tables, first, number, lambda stream: words_at(0, number, stream), small
            )
        except TraceError:
            raise
        except Exception as error:
            bound.eagerly(batch)  # if the batch or the step is to blame, this says so better
            raise TraceError(
                f"the step cannot be compiled: {str(error).rstrip('.')}. Compiled steps are made of tensors and "
                f"glassnet's functions; see {line_of(error) or user_line()}, or use compile=False."
            ) from error
        self.streams = recorder.streams
        self.record = record
        self.program = Program(record, {**tables, **{name: table.codes for name, table in small.items()}})
        self._pulled: Array | None = None  # the state as it was pulled last, and the parts of it that tensors hold
        self._parts: dict[str, Array] = {}
        self.push()

    @property
    def source(self) -> str:
        """The loops of the step as Python, with the layers and shapes as comments."""
        return self.program.source

    def explain(self) -> str:
        """A table of the loops: time, arithmetic, memory, and how far each is from what the machine can do."""
        from glassnet.compiler.explain import explain

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

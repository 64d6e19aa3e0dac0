"""Steps on whatever devices JAX has: the same step, computed with ``jax.numpy`` and compiled by XLA.

One call makes many steps on the device. The state stays there between calls, and so do the tables that batches are
taken from. jax is imported when the first step is made; it is the extra ``xla``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from glassnet.compiler.step import Bound, Recorder, computed
from glassnet.compiler.trace import DECIDE, RETURN, WRITE, line_of, refusal
from glassnet.engine.errors import ConfigError, TraceError
from glassnet.engine.namespace import Array

#: How many steps one call of the compiled program makes at most. The same program makes any number up to it: XLA
#: compiles once, and the results cannot depend on how many steps are asked for at a time.
CHUNK = 256


class XlaStep:
    """A step that XLA runs, from the state that is there now; a ``CompiledStep``.

    tables: the arrays that batches are taken from, ``data.x`` first. rows: how many rows a batch has.
    Raises ConfigError where jax is missing and TraceError for what cannot be compiled.
    """

    def __init__(self, bound: Bound, tables: Mapping[str, Array], rows: int) -> None:
        self.streams: list[int] = []
        self._jax, self._xp = _library()
        self._bound = bound
        self._values = dict(tables)
        with self._jax.enable_x64(True):
            self._tables = {name: self._jax.numpy.asarray(table) for name, table in tables.items()}
        self._state: dict[str, Any] = {}
        self.push()
        self._told = self._first_look(np.arange(rows))
        self._program = self._jax.jit(self._many, donate_argnums=0)

    def push(self) -> None:
        """Take the state from the tensors and the optimizer."""
        with self._jax.enable_x64(True):  # copies: the program writes into what it is given
            self._state = {name: self._jax.numpy.array(array) for name, array in self._bound.state().items()}

    def pull(self) -> None:
        """Put the state into the tensors and the optimizer."""
        self._bound.put({name: np.array(array) for name, array in self._state.items()})

    def run(self, rows: Array, rates: Array, number: int, words: Array) -> dict[str, Array]:
        """Make K steps. rows (K, B), rates (K, G), words (K, S, 2) -> what they tell, each (K, ...)."""
        total = len(rows)
        told = {name: np.empty((total, *one.shape), one.dtype) for name, one in self._told.items()}
        for start in range(0, total, CHUNK):
            part = slice(start, min(start + CHUNK, total))
            count = part.stop - start
            given = [
                _filled(array[part], dtype)
                for array, dtype in ((rows, np.int64), (rates, np.float64), (words, np.uint32))
            ]
            with self._jax.enable_x64(True):
                self._state, values = self._program(
                    self._state, self._tables, np.int64(count), np.int64(number + start), *given
                )
            for name, value in values.items():
                told[name][part] = np.asarray(value)[:count]
        return told

    def _many(self, state: Any, tables: Any, count: Any, number: Any, rows: Any, rates: Any, words: Any) -> Any:
        """``count`` steps, at most as many as there are rows: the program."""
        told = {name: self._xp.zeros((len(rows), *one.shape), one.dtype) for name, one in self._told.items()}

        def body(i: Any, carried: Any) -> Any:
            state, told = carried
            state, values = self._one(state, tables, number + i, rows[i], rates[i], words[i].__getitem__)
            return state, {name: told[name].at[i].set(value) for name, value in values.items()}

        return self._jax.lax.fori_loop(0, count, body, (state, told))

    def _one(
        self, state: Any, tables: Any, number: Any, rows: Any, rates: Any, words: Callable[[int], Any]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """The state after a step, and what it tells. words: k -> the k-th words."""
        batch = {name: table[rows] for name, table in tables.items()}

        def table_of(array: Any) -> str | None:
            return next((name for name, taken in batch.items() if taken is array), None)

        recorder = Recorder(self._values, lambda k, _: words(k), table_of, self._bound.optimizer)
        count, lr = self._number(0, number), [self._number(0.0, rates[i]) for i in range(len(rates))]
        after, told = computed(self._bound, self._xp, recorder, state, lr, count, list(batch.values()))
        self.streams = recorder.streams
        return after, {name: self._xp.asarray(value) for name, value in told.items()}

    def _number(self, kind: float, value: Any) -> Any:
        """A value of the program as a number of Python: it takes the type of the arrays that it meets.

        JAX knows such numbers as weakly typed; one stays weakly typed when a value is written into it.
        """
        return self._jax.numpy.asarray(kind).at[()].set(value)

    def _first_look(self, rows: Array) -> Any:
        """What a step tells, in shapes and types: traced, but neither compiled nor run."""
        rates, words = np.zeros(len(self._bound.rates())), np.zeros(2, np.uint32)

        def tell(state: Any, tables: Any) -> Any:
            return self._one(state, tables, np.int64(0), rows, rates, lambda _: words)[1]

        with self._refusing(rows), self._jax.enable_x64(True):
            return self._jax.eval_shape(tell, self._state, self._tables)

    @contextmanager
    def _refusing(self, rows: Array) -> Iterator[None]:
        """Errors of JAX as sentences of ours."""
        errors = self._jax.errors
        try:
            yield
        except TraceError:
            raise
        except (errors.JAXTypeError, errors.JAXIndexError) as error:
            decides = isinstance(error, errors.TracerBoolConversionError)
            what = "the truth value of an array" if decides else "the NumPy array or number behind an array"
            raise refusal(what, line_of(error), DECIDE if decides else RETURN) from error
        except TypeError as error:
            if "immutable" in str(error):
                raise refusal("a write into the elements of an array", line_of(error), WRITE) from error
            self._bound.eagerly(
                [table[rows] for table in self._values.values()]
            )  # if the mistake has nothing to do with compiling, it is said here, and better
            raise TraceError(f"the step at {line_of(error)} cannot be compiled by XLA: {error}") from error


def _library() -> tuple[Any, Any]:
    """jax, and the namespace that rows are computed with."""
    try:
        import jax

        from glassnet.compiler.xla_namespace import jax_namespace
    except ImportError as error:
        raise ConfigError('compile="xla" needs jax: pip install "glassnet[xla]", or use compile=True.') from error
    return jax, jax_namespace


def _filled(part: Array, dtype: Any) -> Array:
    """The rows of ``part``, followed by zeros: CHUNK rows in all."""
    filled = np.zeros((CHUNK, *part.shape[1:]), dtype)
    filled[: len(part)] = part
    return filled

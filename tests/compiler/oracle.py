"""The printed source of a program, run by Python itself: a second way to compute what the machine code computes."""

import numpy as np

from glassnet.compiler.source import identifiers
from glassnet.engine.erf import erf


def at(position, count):
    """A position that counts from the end if it is negative, kept inside of the array."""
    return min(max(int(position) + (count if position < 0 else 0), 0), count - 1)


def product(a, b, c, m, k, n, transposed=False):
    """c = a @ b over flat arrays."""

    def matrix(given, height, width, turned=False):
        buffer, offset, row, column, *rows = given
        if rows:
            lines = [buffer[offset + row * int(i) :][:: max(column, 1)] for i in rows[0][: width if turned else height]]
            found = np.stack([line[: height if turned else width] for line in lines])
            return found.T if turned else found
        places = offset + row * np.arange(height)[:, None] + column * np.arange(width)
        return buffer[places]

    buffer, offset, row, column = c
    places = offset + row * np.arange(m)[:, None] + column * np.arange(n)
    buffer[places] = matrix(a, m, k, transposed) @ matrix(b, k, n)


def run_source(program, rows, rates, number, words, tables):
    """As ``program.run`` for one step, by its source; the state of the program stays as it is. Outputs and state."""
    arrays = {}
    for buffer, name in identifiers(program.body).items():
        given = np.zeros(max(buffer.size, 1), buffer.dtype)
        if buffer.kind == "state":
            given[...] = program.state[buffer.name].reshape(-1)
        elif buffer.kind == "constant":
            given[...] = buffer.array.reshape(-1)
        elif buffer.kind == "table":
            given = tables[buffer.name].reshape(-1).copy()
        elif buffer.kind == "rows":
            given[...] = np.reshape(rows, -1)
        elif buffer.kind == "lr":
            given[...] = np.reshape(rates, -1)[int(buffer.name.rsplit(".", 1)[1])]
        elif buffer.kind == "number":
            given[...] = number
        elif buffer.kind == "words":
            given[...] = np.reshape(words, (-1, 2))[int(buffer.name.rsplit(".", 1)[1])]
        arrays[buffer] = name, given
    helpers = {"np": np, "at": at, "erf": erf, "product": product}
    with np.errstate(all="ignore"):
        exec(program.source, {**helpers, **dict(arrays.values())})  # noqa: S102 - our own text, in a test
    outputs = {b.name.removeprefix("output."): given for b, (_, given) in arrays.items() if b.kind == "output"}
    return outputs, {b.name: given for b, (_, given) in arrays.items() if b.kind == "state"}

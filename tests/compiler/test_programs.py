"""Programs that Hypothesis draws from all functions of the namespace: compiled, as printed Python, and by NumPy."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from glassnet.compiler.program import Program
from glassnet.compiler.trace import Trace, TracingNamespace
from glassnet.engine.namespace import numpy_namespace

from .oracle import run_source

NOTHING = np.zeros((1, 0))
SHAPES = st.lists(st.sampled_from([1, 2, 3, 5, 8, 17]), min_size=0, max_size=3).map(tuple)


class Drawing:
    """A function of the namespace, one call after the other; ``calls`` are (xp, values so far) -> the next value."""

    def __init__(self, draw):
        self.draw = draw
        self.random = np.random.default_rng(draw(st.integers(0, 99)))
        self.dtype = draw(st.sampled_from([np.float32, np.float64]))
        shapes = draw(st.lists(SHAPES, min_size=1, max_size=3))
        self.inputs = {f"net.{i}": self.floats(shape) for i, shape in enumerate(shapes)}
        self.values = list(self.inputs.values())
        self.calls = []
        for _ in range(draw(st.integers(1, 9))):
            self.extend(getattr(self, draw(st.sampled_from(self.KINDS))))
        self.outputs = draw(st.lists(st.integers(0, len(self.values) - 1), min_size=1, max_size=3, unique=True))
        self.outputs = sorted({*self.outputs, len(self.values) - 1})
        self.updates = [
            (name, i)
            for name, old in self.inputs.items()
            for i, new in enumerate(self.values)
            if new.shape == old.shape and new.dtype == old.dtype and draw(st.integers(0, 3)) == 0
        ]

    def floats(self, shape):
        return self.random.uniform(0.5, 2.0, shape).astype(self.dtype) * self.random.choice([1, -1], shape).astype(
            self.dtype
        )

    def extend(self, kind):
        call = kind()
        if call is not None:
            with np.errstate(all="ignore"):
                value = np.asarray(call(numpy_namespace, self.values))
            if value.size <= 600:
                self.calls.append(call)
                self.values.append(value)

    def __call__(self, xp, inputs):
        values = list(inputs)
        with np.errstate(all="ignore"):
            for call in self.calls:
                values.append(call(xp, values))
        return values

    def one(self, fits=lambda x: True):
        """The number of a value that fits, or None."""
        fitting = [i for i, value in enumerate(self.values) if fits(value)]
        return self.draw(st.sampled_from(fitting)) if fitting else None

    def axis(self, i):
        return self.draw(st.integers(-self.values[i].ndim, self.values[i].ndim - 1))

    # Kinds of calls

    def unary(self):
        i = self.one()
        names = ["exp", "tanh", "abs", "sign", "sin", "cos", "erf", "negate", "log1p", "sqrt", "expm1"]
        name = self.draw(st.sampled_from(names))
        calls = {
            "exp": lambda xp, v: xp.exp(-xp.abs(v[i])),
            "expm1": lambda xp, v: xp.expm1(-xp.abs(v[i])),
            "log1p": lambda xp, v: xp.log1p(xp.abs(v[i])),
            "sqrt": lambda xp, v: xp.sqrt(xp.abs(v[i])),
            "negate": lambda xp, v: -v[i],
        }
        return calls.get(name, lambda xp, v: getattr(xp, name)(v[i]))

    def binary(self):
        i = self.one()
        j = self.one(lambda x: _broadcast(x.shape, self.values[i].shape))
        calls = [
            lambda xp, v: v[i] + v[j],
            lambda xp, v: v[i] - v[j],
            lambda xp, v: v[i] * v[j],
            lambda xp, v: v[i] / (xp.abs(v[j]) + 1),
            lambda xp, v: xp.maximum(v[i], v[j]),
            lambda xp, v: xp.minimum(v[i], v[j]),
            lambda xp, v: xp.where(v[i] > v[j], v[i], 0.5),
            lambda xp, v: xp.where((v[i] <= v[j]) & (v[j] != 0.25), v[j], v[i]),
        ]
        return self.draw(st.sampled_from(calls))

    def number(self):
        i, n = self.one(), self.draw(st.sampled_from([0.5, 2.0, 3.0, -1.25, 1.0]))
        calls = [lambda xp, v: v[i] * n, lambda xp, v: n - v[i], lambda xp, v: v[i] / n, lambda xp, v: v[i] + n]
        return self.draw(st.sampled_from([*calls, lambda xp, v: (xp.abs(v[i]) + 0.5) ** n]))

    def reduction(self):
        i = self.one(lambda x: x.ndim)
        if i is None:
            return None
        axis, keep = self.draw(st.one_of(st.none(), st.just(self.axis(i)))), self.draw(st.booleans())
        name = self.draw(st.sampled_from(["sum", "max", "min"]))
        return lambda xp, v: getattr(xp, name)(v[i], axis, keep)

    def softmax(self):
        i = self.one(lambda x: x.ndim)
        if i is None:
            return None
        axis = self.axis(i)

        def call(xp, v):
            e = xp.exp(v[i] - xp.max(v[i], axis, True))
            return e / xp.sum(e, axis, True)

        return call

    def largest(self):
        """Where an expression is at its largest: both sides are computed in different loops. Ties may be rounding."""
        i = self.one(lambda x: x.ndim)
        if i is None:
            return None
        axis = self.axis(i)

        def call(xp, v):
            y = v[i] * v[i] * 0.3 + v[i]
            return xp.where(y == xp.max(y, axis, True), y, 0.0)

        y = np.sort(self.values[i] * self.values[i] * 0.3 + self.values[i], axis)
        tied = y.shape[axis] > 1 and (np.take(y, -1, axis) == np.take(y, -2, axis)).any()
        return None if tied else call

    def argmax(self):
        i = self.one(lambda x: x.ndim)
        if i is None:
            return None
        axis = self.axis(i)
        return lambda xp, v: v[i].argmax(axis).astype(self.dtype)

    def cumsum(self):
        i = self.one(lambda x: x.ndim)
        if i is None:
            return None
        axis = self.axis(i)
        return lambda xp, v: xp.cumsum(v[i], axis)

    def reshape(self):
        i = self.one()
        size = self.values[i].size
        shapes = [(size,), (1, size), (size, 1)]
        shapes += [(n, size // n) for n in (2, 3, 5, 8) if size % n == 0]
        shapes += [(size // 6, 3, 2)] if size % 6 == 0 else []
        shape = self.draw(st.sampled_from(shapes))
        return lambda xp, v: v[i].reshape(shape)

    def permute(self):
        i = self.one(lambda x: x.ndim > 1)
        if i is None:
            return None
        axes = self.draw(st.permutations(range(self.values[i].ndim)))
        return lambda xp, v: xp.transpose(v[i], axes)

    def sliced(self):
        i = self.one(lambda x: x.ndim)
        if i is None:
            return None
        parts = [slice(None), slice(None, None, -1), slice(0, 2), slice(-1, None), slice(None, None, 2), 0]
        index = tuple(self.draw(st.lists(st.sampled_from(parts), min_size=1, max_size=self.values[i].ndim)))
        return lambda xp, v: v[i][index]

    def scattered_slice(self):
        i = self.one(lambda x: x.ndim == 1)
        if i is None:
            return None
        n = self.values[i].shape[0]
        backwards = slice(2 * n - 1, None, -2)
        return lambda xp, v: xp.scatter_add((2 * n + 1, 2), (backwards, 1), v[i])

    def gathered(self):
        i = self.one(lambda x: x.ndim)
        if i is None:
            return None
        n = self.values[i].shape[0]
        positions = self.random.integers(-n, n, self.draw(st.sampled_from([(4,), (2, 3), (1,)])))
        spread = self.draw(st.booleans())
        if spread:
            shape = (n, *self.values[i].shape[1:])
            return lambda xp, v: xp.scatter_add(shape, (positions,), v[i][positions])
        return lambda xp, v: v[i][positions]

    def computed_positions(self):
        i = self.one(lambda x: x.ndim == 2)
        if i is None:
            return None
        rows = self.values[i].shape[0]
        return lambda xp, v: v[i][xp.arange(rows), v[i].argmax(1)]

    def joined(self):
        i = self.one(lambda x: x.ndim)
        if i is None:
            return None
        j = self.one(lambda x: x.shape == self.values[i].shape)
        axis, name = self.axis(i), self.draw(st.sampled_from(["concatenate", "stack"]))
        return lambda xp, v: getattr(xp, name)([v[i], v[j], v[i]], axis)

    def padded(self):
        i = self.one(lambda x: x.ndim)
        if i is None:
            return None
        pairs = st.tuples(st.integers(0, 2), st.integers(0, 2))
        widths = [self.draw(pairs) for _ in self.values[i].shape]
        value = self.draw(st.sampled_from([0.0, -np.inf, 2.0]))
        return lambda xp, v: xp.maximum(xp.pad(v[i], widths, value), -9.0)

    def windows(self):
        i = self.one(lambda x: x.ndim == 3 and x.shape[1] > 2)
        if i is None:
            return None
        shape = self.values[i].shape
        kernel, (stride, dilation) = (2,), self.draw(st.sampled_from([((1,), (1,)), ((2,), (1,)), ((1,), (2,))]))
        if self.draw(st.booleans()):
            return lambda xp, v: xp.windows(v[i], kernel, stride, dilation)
        return lambda xp, v: xp.overlap_add(xp.windows(v[i], kernel, stride, dilation) * 0.5, shape, stride, dilation)

    def matmul(self):
        i = self.one(lambda x: x.ndim)
        if i is None:
            return None
        inner = self.values[i].shape[-1]
        j = self.one(lambda x: x.ndim in (1, 2) and x.shape[-min(x.ndim, 2)] == inner)
        if j is None:
            return lambda xp, v: xp.matmul(v[i], xp.swap_last(v[i])) if v[i].ndim > 1 else xp.matmul(v[i], v[i])
        return lambda xp, v: xp.matmul(v[i], v[j])

    def one_hot(self):
        labels, i = self.random.integers(0, 5, 8), self.one(lambda x: x.ndim == 2 and x.shape[0] in (5, 8))
        if i is None:
            return None
        turned = self.values[i].shape[0] == 8

        def call(xp, v):
            hot = xp.one_hot(xp.asarray(labels), 5, self.dtype)
            return xp.matmul(xp.swap_last(hot) if turned else hot, v[i])

        return call

    KINDS = (
        *("unary", "binary", "binary", "number", "reduction", "reduction", "softmax", "largest", "argmax", "cumsum"),
        *("reshape", "permute", "sliced", "scattered_slice", "gathered", "computed_positions", "joined", "padded"),
        *("windows", "matmul", "matmul", "one_hot"),
    )


def _broadcast(a, b):
    try:
        np.broadcast_shapes(a, b)
    except ValueError:
        return False
    return True


@st.composite
def drawings(draw):
    return Drawing(draw)


def recorded(drawing):
    trace = Trace()
    inputs = [trace.input(name, array) for name, array in drawing.inputs.items()]
    values = drawing(TracingNamespace(), inputs)
    record = trace.record
    record.outputs = {f"o{i}": values[i].node for i in drawing.outputs}
    record.state = {name: inputs[k].node for k, name in enumerate(drawing.inputs)}
    record.state.update({name: values[i].node for name, i in drawing.updates})
    return record


def assert_equal(found, wanted, dtype, message, slack=1):
    size = max(1.0, float(np.abs(wanted[np.isfinite(wanted)]).max(initial=0)))
    relative = slack * (1e-5 if dtype == np.float32 else 1e-12)
    np.testing.assert_allclose(found, wanted, rtol=relative, atol=relative * size, err_msg=message)
    assert found.dtype == wanted.dtype


#: Python adds up one number after the other, NumPy and compiled code in parts, which is more exact.
PRINTED = 20


def check(drawing):
    program = Program(recorded(drawing), {})
    for name, array in drawing.inputs.items():
        if name in program.state:
            program.state[name][...] = array
    wanted = [np.asarray(value) for value in drawing(numpy_namespace, list(drawing.inputs.values()))]
    printed, printed_state = run_source(program, NOTHING, NOTHING, 0, NOTHING, {})
    found = program.run(NOTHING, NOTHING, 0, NOTHING.reshape(1, 0, 1))
    for i in drawing.outputs:
        assert_equal(found[f"o{i}"][0], wanted[i], drawing.dtype, f"output {i}\n{program.source}")
        if wanted[i].size:
            other = printed[f"o{i}"].reshape(wanted[i].shape)
            assert_equal(other, wanted[i], drawing.dtype, f"printed {i}\n{program.source}", PRINTED)
    for name, i in dict(drawing.updates).items():
        assert_equal(program.state[name], wanted[i], drawing.dtype, f"{name}\n{program.source}")
        if name in printed_state:
            other = printed_state[name].reshape(wanted[i].shape)
            assert_equal(other, wanted[i], drawing.dtype, f"printed {name}\n{program.source}", PRINTED)


@given(drawing=drawings())
@settings(max_examples=40)
def test_drawn_programs(drawing):
    check(drawing)

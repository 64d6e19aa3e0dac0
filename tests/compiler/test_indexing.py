"""Indexing of traced arrays against NumPy: what comes out, and the way back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassnet.compiler.trace import Trace, TracingNamespace
from glassnet.engine.namespace import numpy_namespace

X = np.arange(60.0).reshape(3, 4, 5)
ROWS, COLUMNS = np.array([0, 2, 2, -1]), np.array([[1], [-2]])

INDICES = [
    1,
    -1,
    (1, 2, 3),
    (slice(None), 1),
    (..., 2),
    (0, ..., -1),
    slice(1, None),
    slice(None, None, -1),
    (slice(None), slice(3, 0, -2), slice(4, None)),
    (None, slice(0, 2)),
    (slice(0, 0),),
    (slice(None), None, 2),
    ROWS,
    (slice(None), ROWS),
    (ROWS, ROWS),
    (ROWS, slice(None), ROWS),
    (slice(None), ROWS, COLUMNS),
    (ROWS, 1),
    (1, slice(None), ROWS),
    (1, ROWS),
    (None, ROWS, slice(1, 3)),
    (COLUMNS, slice(None, None, -1)),
    (np.array([], np.int64),),
]


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_indices_as_in_numpy(index):
    x = Trace().input("net.x", X)
    np.testing.assert_array_equal(x[index].value, X[index])
    assert x[index].shape == X[index].shape


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_the_way_back_as_in_numpy(index):
    parts = index if isinstance(index, tuple) else (index,)
    values = np.random.default_rng(0).standard_normal(X[index].shape)
    found = TracingNamespace().scatter_add(X.shape, parts, Trace().input("net.v", values))
    np.testing.assert_allclose(found.value, numpy_namespace.scatter_add(X.shape, parts, values))


SLICES = st.builds(
    slice,
    st.none() | st.integers(-6, 6),
    st.none() | st.integers(-6, 6),
    st.none() | st.integers(1, 3) | st.integers(-3, -1),
)


@given(index=st.tuples(SLICES, SLICES | st.integers(-4, 3), SLICES))
def test_slices_as_in_numpy(index):
    np.testing.assert_array_equal(Trace().input("net.x", X)[index].value, X[index])


def test_positions_may_be_traced():
    trace = Trace()
    x, rows = trace.input("net.x", X), trace.input("step.rows", ROWS)
    found = x[rows, 1]
    np.testing.assert_array_equal(found.value, X[ROWS, 1])
    trace.record.outputs = {"out": found.node}
    assert rows.node in trace.record.in_order()


@pytest.mark.parametrize("index", [3, (0, 4), (0, 0, 0, 0), np.array([3])])
def test_what_is_outside_is_refused_as_in_numpy(index):
    with pytest.raises(IndexError):
        Trace().input("net.x", X)[index]

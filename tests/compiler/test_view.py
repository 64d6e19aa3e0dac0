"""Views against NumPy's strides, and what an index of a moved array shows of the array."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.lib.stride_tricks import as_strided

from glassnet.compiler.loops import Affine, Buffer
from glassnet.compiler.primitives import COMPUTE
from glassnet.compiler.record import Value
from glassnet.compiler.view import View, contiguous, groups, moved, moved_index, splits_only

SHAPES = st.lists(st.sampled_from([1, 2, 3, 4, 6]), min_size=1, max_size=4).map(tuple)


@st.composite
def movements(draw, shape):
    """The name and arguments of a movement of an array of this shape."""
    kinds = ["permute", "slice", "broadcast", "reshape", "reshape"]
    kinds += ["windows"] if len(shape) == 3 and shape[1] > 2 else []
    kind = draw(st.sampled_from(kinds))
    if kind == "permute":
        return kind, {"axes": tuple(draw(st.permutations(range(len(shape)))))}
    if kind == "slice":
        spans = [range(n)[:: draw(st.sampled_from([1, 2, -1]))] for n in shape]
        starts, steps = tuple(s.start for s in spans), tuple(s.step for s in spans)
        return kind, {"starts": starts, "steps": steps, "shape": tuple(map(len, spans))}
    if kind == "broadcast":
        longer = tuple(draw(st.sampled_from([2, 3])) if n == 1 else n for n in shape)
        return kind, {"shape": (*draw(st.sampled_from([(), (2,)])), *longer)}
    if kind == "windows":
        stride, dilation = draw(st.sampled_from([((1,), (1,)), ((2,), (1,)), ((1,), (2,))]))
        return kind, {"kernel": (2,), "stride": stride, "dilation": dilation}
    size = int(np.prod(shape))
    other = draw(SHAPES.filter(lambda s: size % np.prod(s) == 0))
    return kind, {"shape": (*other, size // int(np.prod(other)))}


@given(data=st.data(), shape=SHAPES)
def test_views_lie_where_numpy_says(data, shape):
    memory = np.arange(np.prod(shape))
    array, view = memory.reshape(shape), View.whole(Buffer("b", memory.size, memory.dtype), shape)
    for _ in range(data.draw(st.integers(1, 5))):
        kind, static = data.draw(movements(array.shape))
        array, new = COMPUTE[kind](array, **static), moved(view, kind, static)
        assume(array.size < 2000)
        if new is None:  # strides cannot say it: NumPy had to copy as well
            assert kind == "reshape"
            before = as_strided(memory[view.offset :], view.shape, [s * 8 for s in view.strides])
            assert not np.shares_memory(before.reshape(static["shape"]), memory)
            return
        view = new
        assert view.shape == array.shape
        reached = [view.at([Affine((), i) for i in place]).offset for place in np.ndindex(*view.shape)]
        np.testing.assert_array_equal(memory[reached], array.reshape(-1))


@given(data=st.data(), shape=SHAPES)
def test_an_index_of_a_moved_array_shows_the_right_element(data, shape):
    array = np.arange(np.prod(shape)).reshape(shape)
    kind, static = data.draw(movements(shape))
    result = COMPUTE[kind](array, **static)
    given_ = Value("input", (), {"name": "net.a"}, shape, array.dtype)
    value = Value(kind, (given_,), static, result.shape, array.dtype)
    assume(kind != "reshape" or splits_only(value))
    for place in np.ndindex(*result.shape):
        own = moved_index(value, [Affine((), i) for i in place])
        assert array[tuple(i.offset for i in own)] == result[place]


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ((6,), (2, 3), [([0], [0, 1])]),
        ((2, 3), (6,), [([0, 1], [0])]),
        ((2, 3, 4), (6, 4), [([0, 1], [0]), ([2], [1])]),
        ((4, 1, 3), (4, 3), [([0], [0]), ([2], [1])]),
        ((4, 6), (8, 3), [([0, 1], [0, 1])]),
        ((0, 3), (3, 0), []),
    ],
)
def test_groups_are_the_smallest_that_hold_the_same_elements(old, new, found):
    assert groups(old, new) == found


def test_the_last_axis_is_the_fastest():
    assert contiguous((2, 3, 4)) == (12, 4, 1)
    assert contiguous(()) == ()

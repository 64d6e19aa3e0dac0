"""Tracing: the library itself computes a step, on arrays that write down what is done with them.

A ``Traced`` stands where a NumPy array would: it has the value, so that shapes and types come for free and the first
step is an oracle for the compiled one, and it knows its ``Value`` in the record. ``TracingNamespace`` offers the
functions that rows may call. What cannot be recorded (a decision that depends on a number, a write into an array) is
refused with a ``TraceError`` that names the line.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from traceback import walk_stack, walk_tb
from types import FrameType
from typing import Any

import numpy as np

from glassnet.compiler.primitives import COMPUTE
from glassnet.compiler.record import ELEMENTWISE, Origin, Record, Shape, Value
from glassnet.compiler.writer import ELEMENTS
from glassnet.engine.errors import TraceError
from glassnet.engine.namespace import Array
from glassnet.engine.ops.reduce import as_axes
from glassnet.engine.scope import scope

#: Packages whose lines are not the user's.
_LIBRARIES = frozenset(("glassnet", "numpy", "jax"))


def user_line(frames: Iterable[tuple[FrameType, int]] | None = None) -> str:
    """Where the user's program is: the first line outside of the libraries, such as ``train.py:12``.

    frames: where to look, innermost first; the callers of this function unless given.
    """
    for frame, line in walk_stack(sys._getframe(1)) if frames is None else frames:
        if frame.f_globals.get("__name__", "").partition(".")[0] not in _LIBRARIES:
            return f"{Path(frame.f_code.co_filename).name}:{line}"
    return ""


def line_of(error: BaseException) -> str:
    """The user's line that an error came from."""
    return user_line(reversed(list(walk_tb(error.__traceback__))))


def refusal(what: str, line: str, instead: str) -> TraceError:
    """The error for what cannot be compiled: what it is and where, and the way out."""
    return TraceError(
        f"{what} at {line} cannot be compiled: the number differs from step to step. {instead}, or use compile=False."
    )


def _layer() -> str:
    """The layer that computes, by its path where it has one."""
    if scope.layer is None:
        return ""
    paths = {} if scope.tracer is None else scope.tracer.layers
    return str(paths.get(id(scope.layer), type(scope.layer).__name__))


def apply(operation: str, *inputs: Any, **static: Any) -> Traced:
    """Compute a primitive and write it down."""
    values = [x.value if isinstance(x, Traced) else x for x in inputs]
    result = COMPUTE[operation](*values, **static)
    weak = is_number(result)
    array = np.asarray(result)
    node = Value(
        operation,
        tuple(_as_input(x) for x in inputs),
        static,
        array.shape,
        array.dtype,
        weak,
        Origin(_layer(), user_line()),
    )
    return Traced(node, result if weak else array)


def _as_input(x: Any) -> Any:
    if isinstance(x, Traced):
        return x.node
    return x if is_number(x) else constant(x)


def is_number(x: Any) -> bool:
    """Whether it is a number of Python, which takes the type of what it meets. NumPy's float64 is a float, but none."""
    return isinstance(x, bool | int | float) and not isinstance(x, np.generic)


def as_stored(x: Any) -> Array:
    """An array as compiled code reads it: elements in their order, their bytes in the order of this processor.

    Raises TraceError for types that it cannot read.
    """
    array: Array = np.asarray(x)
    if array.dtype.name not in ELEMENTS:
        raise TraceError(f"{array.dtype} arrays cannot be compiled. Cast them to float32, or use compile=False.")
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    return array if array.flags.c_contiguous else array.copy()


def constant(array: Any) -> Value:
    """An array that is the same in every step."""
    array = as_stored(array)
    if array.size and array.tobytes() == array.flat[:1].tobytes() * array.size:  # 0.0 and -0.0 are two numbers
        return Value("full", (), {"shape": array.shape, "fill_value": array.flat[0].item()}, array.shape, array.dtype)
    return Value("constant", (), {"array": array}, array.shape, array.dtype)


def as_traced(x: Any) -> Traced:
    """A constant as a traced array."""
    if isinstance(x, Traced):
        return x
    node = constant(x)
    return Traced(node, np.asarray(x, node.dtype))


def _operator(operation: str, reflected: bool = False) -> Callable[[Traced, Any], Any]:
    def operate(self: Traced, other: Any) -> Any:
        if not isinstance(other, Traced | np.ndarray | np.generic | bool | int | float):
            return NotImplemented
        return apply(operation, other, self) if reflected else apply(operation, self, other)

    return operate


def _refuse(what: str, instead: str) -> Callable[..., Any]:
    def refuse(self: Traced, *_: Any, **__: Any) -> Any:
        layer = f" in {type(scope.layer).__name__}" if scope.layer is not None else ""
        raise refusal(f"{what} of an array of shape {self.shape}{layer}", user_line(), instead)

    return refuse


#: NumPy's names of some functions, and ours.
_UFUNCS = {"absolute": "abs", "negative": "negate", "true_divide": "divide"} | {
    f"bitwise_{name}": f"logical_{name}" for name in ("and", "or")
}

DECIDE = "Write glassnet.where(condition, a, b) instead of a decision"
RETURN = "Return it from the step and look at it there"
FUNCTIONS = "Use glassnet's functions"
WRITE = "Write glassnet.where(mask, new, x) for a changed copy"


class Traced:
    """An array in a step that is being recorded. ``value`` is what NumPy computes, ``node`` its place in the record."""

    __slots__ = ("node", "value")
    __hash__ = object.__hash__

    def __init__(self, node: Value, value: Any) -> None:
        self.node = node
        self.value = value

    @property
    def shape(self) -> Shape:
        """Length of each axis."""
        return self.node.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the elements."""
        return self.node.dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return self.node.size

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"traced({self.value!r})"

    __add__, __radd__ = _operator("add"), _operator("add", True)
    __sub__, __rsub__ = _operator("subtract"), _operator("subtract", True)
    __mul__, __rmul__ = _operator("multiply"), _operator("multiply", True)
    __truediv__, __rtruediv__ = _operator("divide"), _operator("divide", True)
    __pow__, __rpow__ = _operator("power"), _operator("power", True)
    __mod__ = _operator("remainder")
    __lt__, __le__, __gt__, __ge__ = map(_operator, ("less", "less_equal", "greater", "greater_equal"))
    __eq__, __ne__ = _operator("equal"), _operator("not_equal")
    __and__, __rand__ = _operator("logical_and"), _operator("logical_and", True)
    __or__, __ror__ = _operator("logical_or"), _operator("logical_or", True)
    __xor__, __rxor__ = _operator("bitwise_xor"), _operator("bitwise_xor", True)
    __rshift__ = _operator("right_shift")

    def __neg__(self) -> Traced:
        return apply("negate", self)

    def __invert__(self) -> Traced:
        return apply("logical_not", self)

    def __abs__(self) -> Traced:
        return apply("abs", self)

    def astype(self, dtype: Any, copy: bool = True) -> Traced:  # noqa: ARG002  # NumPy's signature
        """The same numbers in another type."""
        wanted = np.dtype(dtype)
        return self if wanted == self.dtype and not self.node.weak else apply("astype", self, dtype=wanted)

    def reshape(self, *shape: Any) -> Traced:
        """The same elements in another shape."""
        wanted = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape
        known = self.value.reshape(wanted).shape
        return self if known == self.shape else apply("reshape", self, shape=known)

    def argmax(self, axis: int | None = None) -> Traced:
        """Position of the largest element along an axis, or among all elements."""
        if axis is None:
            return self.reshape(-1).argmax(0)
        return apply("argmax", self, axes=as_axes(axis, self.ndim), keepdims=False)

    def argmin(self, axis: int | None = None) -> Traced:
        """Position of the smallest element along an axis, or among all elements."""
        smallest = apply("min", self, axes=as_axes(axis, self.ndim), keepdims=True)
        return apply("equal", self, smallest).argmax(axis)

    def __getitem__(self, index: Any) -> Traced:
        from glassnet.compiler.indexing import take

        return take(self, index)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Traced:
        """What NumPy's functions of each element give, such as ``np.exp``; others are refused."""
        name = _UFUNCS.get(ufunc.__name__, ufunc.__name__)
        if method != "__call__" or options or name not in (*ELEMENTWISE, "matmul"):
            whole = f"{ufunc.__name__}{'' if method == '__call__' else f'.{method}'}"
            raise refusal(f"NumPy's {whole} of an array of shape {self.shape}", user_line(), FUNCTIONS)
        return apply(name, *inputs)

    __bool__ = _refuse("the truth value", DECIDE)
    __float__ = __int__ = __index__ = item = tolist = _refuse("the number", RETURN)
    __array__ = _refuse("the NumPy array", RETURN)
    nonzero = _refuse("the places where a mask holds", DECIDE)
    __setitem__ = _refuse("a write into the elements", WRITE)


def _function(operation: str) -> Any:
    return staticmethod(partial(apply, operation))


class TracingNamespace:
    """The functions of ``NumpyNamespace``, computed and written down."""

    exp, expm1, log, log1p = map(_function, ("exp", "expm1", "log", "log1p"))
    sqrt, sin, cos, erf = map(_function, ("sqrt", "sin", "cos", "erf"))
    abs, sign, tanh = map(_function, ("abs", "sign", "tanh"))
    maximum, minimum, where, matmul = map(_function, ("maximum", "minimum", "where", "matmul"))

    @staticmethod
    def _reduce(operation: str, x: Any, axis: Any, keepdims: Any) -> Traced:
        x = as_traced(x)
        return apply(operation, x, axes=as_axes(axis, x.ndim), keepdims=bool(keepdims))

    def sum(self, x: Any, axis: Any = None, keepdims: Any = False) -> Traced:
        """Sum over axes."""
        return self._reduce("sum", x, axis, keepdims)

    def max(self, x: Any, axis: Any = None, keepdims: Any = False) -> Traced:
        """Largest element over axes."""
        return self._reduce("max", x, axis, keepdims)

    def min(self, x: Any, axis: Any = None, keepdims: Any = False) -> Traced:
        """Smallest element over axes."""
        return self._reduce("min", x, axis, keepdims)

    def cumsum(self, x: Any, axis: int) -> Traced:
        """Running sum along an axis."""
        return apply("cumsum", x, axis=as_axes(axis, x.ndim)[0])

    def transpose(self, x: Any, axes: Sequence[int]) -> Traced:
        """Axes in another order."""
        return apply("permute", x, axes=tuple(a % x.ndim for a in axes))

    def swap_last(self, x: Any) -> Traced:
        """The last two axes swapped."""
        return self.transpose(x, [*range(x.ndim - 2), x.ndim - 1, x.ndim - 2])

    def flip(self, x: Any, axis: int) -> Traced:
        """Elements in reverse order along an axis."""
        (place,) = as_axes(axis, x.ndim)
        starts = tuple(n - 1 if i == place else 0 for i, n in enumerate(x.shape))
        steps = tuple(-1 if i == place else 1 for i in range(x.ndim))
        return apply("slice", x, starts=starts, steps=steps, shape=x.shape)

    def pad(self, x: Any, widths: Sequence[tuple[int, int]], value: float = 0.0) -> Traced:
        """``value`` around x."""
        return apply("pad", x, widths=tuple(map(tuple, widths)), value=value)

    def expand_dims(self, x: Any, axes: Any) -> Traced:
        """New axes of length 1."""
        given = as_traced(x)
        return given.reshape(np.expand_dims(np.broadcast_to(np.False_, given.shape), axes).shape)

    def broadcast_to(self, x: Any, shape: Shape) -> Traced:
        """x repeated along axes of length 1."""
        given = as_traced(x)
        return given if tuple(shape) == given.shape else apply("broadcast", given, shape=tuple(shape))

    def concatenate(self, parts: Sequence[Any], axis: int) -> Traced:
        """Arrays joined along an axis."""
        return apply("concatenate", *parts, axis=axis % parts[0].ndim)

    def stack(self, parts: Sequence[Any], axis: int) -> Traced:
        """Arrays joined along a new axis."""
        axis %= parts[0].ndim + 1
        return self.concatenate([self.expand_dims(part, axis) for part in parts], axis)

    def arange(self, stop: int, dtype: Any = np.int64) -> Traced:
        """0, 1, 2 ..."""
        return apply("arange", shape=(int(stop),), dtype=np.dtype(dtype))

    def zeros(self, shape: Shape, dtype: Any) -> Any:
        """An array of zeros."""
        return np.zeros(shape, dtype)

    def asarray(self, x: Any) -> Any:
        """x, traced."""
        return as_traced(x)

    copy = asarray  # x itself: nothing is ever written into

    def one_hot(self, indices: Any, classes: int, dtype: Any) -> Traced:
        """Rows of zeros with a 1 at the index."""
        return apply("one_hot", indices, classes=int(classes), dtype=np.dtype(dtype))

    def windows(self, x: Any, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> Traced:
        """The elements under a sliding window."""
        return apply("windows", x, kernel=tuple(kernel), stride=tuple(stride), dilation=tuple(dilation))

    def overlap_add(self, parts: Any, shape: Shape, stride: Sequence[int], dilation: Sequence[int]) -> Traced:
        """The transpose of ``windows``."""
        return apply("overlap_add", parts, shape=tuple(shape), stride=tuple(stride), dilation=tuple(dilation))

    def scatter_add(self, shape: Shape, index: tuple[Any, ...], values: Any) -> Traced:
        """Zeros to which values are added at an index."""
        from glassnet.compiler.indexing import put

        return put(tuple(shape), index, as_traced(values))


class Trace:
    """One recording: the record as it grows, and the inputs that were announced."""

    def __init__(self) -> None:
        self.record = Record()

    def input(self, name: str, value: Array | float) -> Traced:
        """An array, or a number of Python, that comes in under a name."""
        weak = is_number(value)
        array = as_stored(value)
        node = Value("input", (), {"name": name}, array.shape, array.dtype, weak)
        self.record.inputs[name] = node
        return Traced(node, value if weak else array)

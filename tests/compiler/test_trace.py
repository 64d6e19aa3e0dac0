import numpy as np
import pytest

import glassnet as gn
from glassnet import nn
from glassnet.compiler.step import Bound, record_step
from glassnet.compiler.trace import Trace, TracingNamespace, constant
from glassnet.engine.errors import TraceError
from glassnet.engine.namespace import NumpyNamespace
from glassnet.engine.random import words_at
from glassnet.engine.scope import scope
from glassnet.engine.tensor import Tensor

from .records import XP, record_of, run

X = np.arange(6, dtype=np.float32).reshape(2, 3)


def record(function):
    """The record of a step over X."""
    bound = Bound(lambda x: {"out": function(x)}, {"w": Tensor(np.ones(3, np.float32))}, None)
    return record_step(bound, {"data.x": X}, np.arange(2), 0, lambda stream: words_at(0, 0, stream))


def test_every_function_of_the_namespace_is_traced():
    wanted = {name for name in vars(NumpyNamespace) if not name.startswith("__")}
    assert wanted <= {name for name in vars(TracingNamespace) if not name.startswith("__")}


def test_a_record_as_text():
    found = record_of(lambda xp, a: {"out": xp.sum(xp.exp(a) * 2.0, 1)}, a=X)
    assert str(found).splitlines() == [
        "v0: float32[2, 3] = input(name=net.a)",
        "v1: float32[2, 3] = exp(v0)",
        "v2: float32[2, 3] = multiply(v1, 2.0)",
        "v3: float32[2] = sum(v2, axes=(1,), keepdims=False)",
        "output out = v3",
        "state net.a = v0",
    ]


def test_numbers_stay_numbers_and_take_the_type_of_what_they_meet():
    trace = Trace()
    rate, x = trace.input("step.lr.0", 0.1), trace.input("net.a", X)
    scaled = (1 - rate) ** 2
    assert scaled.node.weak
    assert scaled.value == pytest.approx(0.81)
    assert (x * scaled).dtype == np.float32
    assert not (x * scaled).node.weak
    assert (x * np.float64(2)).dtype == np.float64  # NumPy's float64 is a number with a type


def test_constants_of_one_number_are_known_by_it_with_its_sign():
    assert constant(np.full((2, 2), 3.0)).static["fill_value"] == 3.0
    assert constant(np.array([0.0, -0.0])).operation == "constant"
    assert str(constant(np.full(3, -0.0)).static["fill_value"]) == "-0.0"
    assert constant(np.full(2, np.nan)).operation == "full"
    assert constant(np.zeros((0, 3))).operation == "constant"


def test_a_value_knows_its_layer_and_line():
    found, _ = record(lambda x: nn.Tanh()(x))
    (tanh,) = [value for value in found.in_order() if value.operation == "tanh"]
    assert tanh.origin.layer == "Tanh"
    assert tanh.origin.line.startswith("test_trace.py:")


def decide(x):
    return x if x.sum() > 0 else -x


def number(x):
    return x * float(x.sum())


def integer(x):
    return x[: int(x.sum())]


def item(x):
    return x * x.sum().item()


def as_list(x):
    return gn.tensor(x.data.tolist())


def array(x):
    return gn.tensor(np.asarray(x.data) * 2)


def write(x):
    x.data[0] = 0
    return x


def function_of_numpy(x):
    return gn.tensor(np.exp(x.data))


def mask(x):
    return x[x > 0]


@pytest.mark.parametrize(
    ("function", "what", "way_out"),
    [
        (decide, "the truth value", r"glassnet\.where"),
        (number, "the number", "Return it from the step"),
        (integer, "the number", "Return it from the step"),
        (item, "the number", "Return it from the step"),
        (as_list, "the number", "Return it from the step"),
        (array, "the NumPy array", "Return it from the step"),
        (write, "a write", r"glassnet\.where"),
        (mask, "the places where a mask holds", r"glassnet\.where"),
    ],
)
def test_what_depends_on_numbers_is_refused_with_the_line_and_the_way_out(function, what, way_out):
    line = function.__code__.co_firstlineno + 1
    with pytest.raises(TraceError, match=f"{what}.*test_trace.py:{line} .*{way_out}.*compile=False"):
        record(function)


def test_a_refused_step_leaves_everything_as_it_was():
    net = nn.Linear(3, 1)
    weight, surroundings = net.weight.data, scope.xp
    bound = Bound(lambda x: {"out": net(x).sum().item()}, dict(net.named_parameters()), None)
    with pytest.raises(TraceError):
        record_step(bound, {"data.x": X}, np.arange(2), 0, lambda stream: words_at(0, 0, stream))
    assert net.weight.data is weight
    assert scope.xp is surroundings
    assert scope.tracer is None


def test_functions_of_numpy_are_refused_too():
    with pytest.raises(TypeError):
        record(function_of_numpy)


def test_operators_do_not_take_what_is_no_number():
    x = Trace().input("net.a", X)
    with pytest.raises(TypeError):
        x + "1"
    assert XP.asarray(X).shape == (2, 3)


def test_types_that_cannot_be_compiled_are_refused():
    with pytest.raises(TraceError, match="float16 arrays cannot be compiled"):
        Trace().input("net.a", X.astype(np.float16))
    record_of_power = record_of(lambda xp, a: {"out": a**5}, a=np.arange(3))
    with pytest.raises(TraceError, match="power of int64 numbers cannot be compiled"):
        run(record_of_power)

"""Every operation compiled: values and gradients of the op-info samples, beside the eager ones."""

import numpy as np
import pytest

from glassnet.compile.program import Program
from glassnet.compile.step import Bound, record_step
from glassnet.engine.random import words_at
from glassnet.engine.tensor import Tensor

from ..engine.op_info import SAMPLES
from ..engine.op_record import is_differentiable

RELATIVE = {np.float32: 1e-5, np.float64: 1e-12}


def values_and_gradients(info, sample, tensors):
    """What an operation gives, and the gradients of a weighted sum of it."""
    given = iter(tensors.values())
    inputs = [next(given) if is_differentiable(x) else x for x in sample.inputs]
    out = info.call(*inputs, **sample.static)
    weights = np.linspace(-1.1, 2.0, out.size).reshape(out.shape)
    out.backward(gradient=weights.astype(out.dtype))
    return {"out": out, **{name: tensor.grad for name, tensor in tensors.items() if tensor.grad is not None}}


def compiled(function, tensors):
    """The outputs of a function of tensors, computed by compiled code."""
    bound = Bound(lambda: function(tensors), tensors, None)
    record, _ = record_step(bound, {}, np.zeros(1, np.int64), 0, lambda stream: words_at(0, 0, stream))
    program = Program(record, {})
    for name, tensor in tensors.items():
        if f"net.{name}" in program.state:
            program.state[f"net.{name}"][...] = tensor.data
    outputs = program.run(np.zeros((1, 1)), np.zeros((1, 0)), 0, np.zeros((1, 0, 2)))
    return {name: value[0] for name, value in outputs.items()}, program


@pytest.mark.parametrize(("info", "number"), SAMPLES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
def test_compiled_rows_agree(info, number, dtype):
    sample = info.made(dtype)[number]
    arrays = [x for x in sample.inputs if is_differentiable(x)]
    tensors = {f"x{i}": Tensor(x.copy(), requires_grad=True) for i, x in enumerate(arrays)}
    found, program = compiled(lambda t: values_and_gradients(info, sample, t), tensors)
    for tensor in tensors.values():
        tensor.grad = None
    expected = values_and_gradients(info, sample, tensors)
    for name, value in expected.items():
        wanted = value.data if isinstance(value, Tensor) else value
        size = max(1.0, float(np.abs(wanted[np.isfinite(wanted)]).max(initial=0.0)))
        np.testing.assert_allclose(
            found[name], wanted, rtol=RELATIVE[dtype], atol=RELATIVE[dtype] * size, err_msg=name + "\n" + program.source
        )
        assert found[name].dtype == wanted.dtype

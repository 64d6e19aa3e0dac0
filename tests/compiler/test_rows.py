"""Every operation compiled: values and gradients of the op-info samples, beside the eager ones.

All samples of an operation are one program, which is compiled in little more time than each of them.
"""

import numpy as np
import pytest

from glassnet.compiler.program import Program
from glassnet.compiler.step import Bound, record_step
from glassnet.engine.random import words_at
from glassnet.engine.tensor import Tensor

from ..engine.op_info import OPS
from ..engine.op_record import is_differentiable
from .oracle import run_source

RELATIVE = {np.float32: 1e-5, np.float64: 1e-12}
ROWS = [
    pytest.param(info, dtype, id=f"{info.name}-{np.dtype(dtype)}")
    for i, info in enumerate(OPS)
    for dtype in ([np.float32, np.float64] if i % 3 == 0 else [np.float32])
]
NOTHING = np.zeros((1, 0))


def leaves(info, dtype):
    """Tensors for the floating inputs of all samples, by name."""
    samples = info.made(dtype)
    arrays = {f"{k}.{i}": x for k, sample in enumerate(samples) for i, x in enumerate(sample.inputs)}
    return {name: Tensor(x.copy(), requires_grad=True) for name, x in arrays.items() if is_differentiable(x)}


def values_and_gradients(info, dtype, tensors):
    """What an operation gives for each sample, and the gradients of a weighted sum of it."""
    found = {}
    for k, sample in enumerate(info.made(dtype)):
        inputs = [tensors.get(f"{k}.{i}", x) for i, x in enumerate(sample.inputs)]
        out = found[f"{k}.out"] = info.call(*inputs, **sample.static)
        weights = np.linspace(-1.1, 2.0, out.size).reshape(out.shape)
        out.backward(gradient=weights.astype(out.dtype))
    return {**found, **{name: tensor.grad for name, tensor in tensors.items() if tensor.grad is not None}}


def compiled(function, tensors):
    """A program that computes a function of tensors."""
    bound = Bound(lambda: function(tensors), tensors, None)
    record, _ = record_step(bound, {}, np.zeros(0, np.int64), 0, lambda stream: words_at(0, 0, stream))
    program = Program(record, {})
    for name, tensor in tensors.items():
        if f"net.{name}" in program.state:
            program.state[f"net.{name}"][...] = tensor.data
    return program


def check(found, expected, relative, source):
    """found: flat or not; expected: tensors or arrays, by name."""
    for name, value in expected.items():
        wanted = value.data if isinstance(value, Tensor) else value
        size = max(1.0, float(np.abs(wanted[np.isfinite(wanted)]).max(initial=0.0)))
        np.testing.assert_allclose(
            np.reshape(found[name], wanted.shape),
            wanted,
            rtol=relative,
            atol=relative * size,
            err_msg=f"{name}\n{source}",
        )
        assert found[name].dtype == wanted.dtype


@pytest.mark.parametrize(("info", "dtype"), ROWS)
def test_compiled_rows_agree(info, dtype):
    tensors = leaves(info, dtype)
    program = compiled(lambda t: values_and_gradients(info, dtype, t), tensors)
    printed, _ = run_source(program, NOTHING, NOTHING, 0, NOTHING, {})
    found = program.run(NOTHING, NOTHING, 0, NOTHING.reshape(1, 0, 1))
    for tensor in tensors.values():
        tensor.grad = None
    expected = values_and_gradients(info, dtype, tensors)
    check({name: value[0] for name, value in found.items()}, expected, RELATIVE[dtype], program.source)
    check(printed, {name: value for name, value in expected.items() if value.size}, RELATIVE[dtype], program.source)

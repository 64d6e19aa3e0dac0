"""The functions that rows may call, by JAX: every row and every layer against NumPy."""

import numpy as np
import pytest

from glassnet.compiler.step import Recorder
from glassnet.engine.namespace import NumpyNamespace, numpy_namespace
from glassnet.engine.ops.noise import random_bits
from glassnet.engine.random import words_at
from glassnet.engine.scope import scope
from glassnet.engine.tensor import Tensor

from ..engine.op_info import OPS
from ..engine.op_record import is_differentiable
from ..nn.layer_info import LAYERS, draw_parameters
from .trainings import RELATIVE, assert_close

jax = pytest.importorskip("jax")
xla_namespace = pytest.importorskip("glassnet.compiler.xla_namespace")

pytestmark = pytest.mark.usefixtures("quickly")
BOTH_TYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])
#: XLA divides by 3 with a product: the mean of [10000, 10001, 10002] is off by less than its last bit, and so is what
#: is left when it is subtracted.
ABSOLUTE = {(name, "float32"): float(np.spacing(np.float32(10002))) for name in ("var", "std")}


def by_jax(f, arrays):
    """f(arrays) with every operation computed by JAX, on arrays that have no values yet when f runs."""

    def traced(arrays):
        before, scope.xp, scope.tracer = scope.xp, xla_namespace.jax_namespace, Recorder({}, None, None)
        try:
            return f(arrays)
        finally:
            scope.xp, scope.tracer = before, None

    with jax.enable_x64(True):
        return jax.jit(traced)(arrays)


def differentiate(call, inputs, seed=None):
    """The output and the gradients of the floating inputs."""
    tensors = [Tensor(value, requires_grad=True) if value.dtype.kind == "f" else value for value in inputs]
    out = call(*tensors)
    if out.requires_grad:
        weights = np.linspace(-1.1, 2.0, out.size).astype(out.dtype).reshape(out.shape)
        out.backward(gradient=weights if seed is None else np.asarray(seed))
    return [out.data, *(tensor.grad for tensor in tensors if isinstance(tensor, Tensor))]


def test_jax_offers_every_function_that_rows_may_call():
    assert {*vars(NumpyNamespace)} <= {*vars(xla_namespace.JaxNamespace)}


def calls_of(info, dtype):
    """Every call that the record of a row knows: samples, extreme values, kinks."""
    for sample in info.made(dtype):
        yield sample.inputs, sample.static, None
    for case in (*info.edges, *info.kinks):
        yield [np.array(x, dtype) if isinstance(x, list) else x for x in case.inputs], case.static, case.seed


@BOTH_TYPES
@pytest.mark.parametrize("info", OPS, ids=[info.name for info in OPS])
def test_rows(info, dtype):
    calls = list(calls_of(info, dtype))

    def f(arrays):
        results = []
        for (inputs, static, seed), floats in zip(calls, arrays, strict=True):
            given = iter(floats)

            def call(*tensors, inputs=inputs, static=static):
                found = iter(tensors)
                return info.call(*(next(found) if is_differentiable(x) else x for x in inputs), **static)

            results.append(differentiate(call, list(given), seed))
        return results

    arrays = [[x for x in inputs if is_differentiable(x)] for inputs, _, _ in calls]
    with np.errstate(all="ignore"):
        expected = f(arrays)
    relative = RELATIVE[np.dtype(dtype)]
    atol = ABSOLUTE.get((info.name, dtype), relative)
    for number, (ours, theirs) in enumerate(zip(by_jax(f, arrays), expected, strict=True)):
        for one, other in zip(ours, theirs, strict=True):
            assert (one is None) == (other is None)
            if one is not None:
                assert one.dtype == other.dtype
                np.testing.assert_allclose(np.asarray(one), other, rtol=relative, atol=atol, err_msg=f"call {number}")


@BOTH_TYPES
@pytest.mark.parametrize("info", LAYERS, ids=[info.label for info in LAYERS])
def test_layers(info, dtype):
    layer = draw_parameters(info.make()).to(dtype)
    tensors = [*layer.parameters(), *(buffer for _, buffer in layer.named_buffers())]
    x = info.x.astype(dtype) if info.x.dtype.kind == "f" else info.x

    def f(arrays):
        before = [tensor.data for tensor in tensors]
        for tensor, array in zip(tensors, arrays[1:], strict=True):
            tensor.data, tensor.grad = array, None
        try:
            results = differentiate(lambda x: layer(x if isinstance(x, Tensor) else Tensor(x)), arrays[:1])
            return [*results, *(tensor.data for tensor in tensors), *(tensor.grad for tensor in layer.parameters())]
        finally:
            for tensor, array in zip(tensors, before, strict=True):
                tensor.data, tensor.grad = array, None

    arrays = [x, *(tensor.data for tensor in tensors)]
    expected = f(arrays)
    for one, other in zip(by_jax(f, arrays), expected, strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            assert_close(np.asarray(one), other)


def test_dropout_draws_the_same_bits():
    for seed, step, shape in ((0, 0, (3, 5)), (7, 2**32 - 1, (1000,)), (2**63, 12, (4, 4, 4))):
        words = words_at(seed, step, 123)
        drawn = by_jax(lambda words, shape=shape: random_bits(scope.xp, words, shape), words)
        np.testing.assert_array_equal(np.asarray(drawn), random_bits(numpy_namespace, words, shape))

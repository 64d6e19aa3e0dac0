"""Every operation against its record: values, types, gradients at extreme places and kinks, refusals."""

from contextlib import nullcontext

import numpy as np
import pytest

from glassnet.engine import ShapeError, ops
from glassnet.engine.namespace import numpy_namespace
from glassnet.engine.ops.noise import random_bits
from glassnet.engine.random import words_at
from glassnet.engine.tensor import Tensor, apply

from .op_activation import ACTIVATION
from .op_arrays import REDUCE
from .op_derived import DERIVED
from .op_elementwise import ELEMENTWISE
from .op_info import OPS, SAMPLES, WITHOUT_DERIVATIVE, cases
from .op_record import gradients_of, is_differentiable, leaves

EVERY_SAMPLE = pytest.mark.parametrize(("info", "number"), SAMPLES)
BOTH_TYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
RELATIVE = {np.float32: 1e-5, np.float64: 1e-12}


def weights_for(out):
    """A gradient of the output in which every element differs."""
    return np.linspace(-1.1, 2.0, out.size, dtype=out.dtype).reshape(out.shape)


def differentiate(f, inputs, static, seed=None):
    """The output, and the gradients of the floating inputs."""
    tensors = leaves(inputs)
    out = f(*tensors, **static)
    out.backward(gradient=weights_for(out) if seed is None else seed)
    return out, gradients_of(tensors)


@pytest.mark.smoke
def test_the_records_cover_every_row_and_nothing_else():
    names = [info.name for info in OPS]
    derived = [info.name for info in DERIVED]
    assert sorted([*names, *WITHOUT_DERIVATIVE]) == sorted([*ops.TABLE, *derived])
    assert len(set(names)) == len(names)


def test_the_table_knows_each_row_by_its_name():
    for name, row in ops.TABLE.items():
        assert row.name == name
        assert row.__doc__


@pytest.mark.smoke
@EVERY_SAMPLE
@BOTH_TYPES
def test_values_and_types(info, number, dtype):
    sample = info.made(dtype)[number]
    tensors = leaves(sample.inputs)
    out = info.call(*tensors, **sample.static)
    assert out.dtype == sample.static.get("dtype", dtype)

    exact = [x.astype(np.float64) if is_differentiable(x) else x for x in sample.inputs]
    expected = np.asarray(info.reference(*exact, **sample.static))
    assert out.shape == expected.shape
    np.testing.assert_allclose(out.data, expected, rtol=RELATIVE[dtype], atol=RELATIVE[dtype])

    out.backward(gradient=weights_for(out))
    for tensor in tensors:
        if isinstance(tensor, Tensor):
            assert tensor.grad.dtype == dtype
            assert tensor.grad.shape == tensor.shape


@EVERY_SAMPLE
@BOTH_TYPES
def test_rows_keep_the_type_themselves(info, number, dtype):
    """backward() casts what a row returns; a row that computes its gradient in another type is slow, and is wrong."""
    sample = info.made(dtype)[number]
    out = info.call(*leaves(sample.inputs), **sample.static)
    g = weights_for(out)
    g.flags.writeable = False  # it may belong to other paths as well
    for _, gradient in out.node.operation.gradients(numpy_namespace, g, out.data, out.node):
        if info.name != "cast":
            assert gradient.dtype == dtype


@EVERY_SAMPLE
def test_inputs_are_not_modified(info, number):
    sample = info.made(np.float32)[number]
    tensors = leaves(sample.inputs)
    out = info.call(*tensors, **sample.static)
    value, seed = out.data.copy(), weights_for(out)
    out.backward(gradient=seed)
    for tensor, before in zip(tensors, info.made(np.float32)[number].inputs, strict=True):
        np.testing.assert_array_equal(tensor.data if isinstance(tensor, Tensor) else tensor, before)
    np.testing.assert_array_equal(out.data, value)
    np.testing.assert_array_equal(seed, weights_for(out))


def scattered(value):
    """The same numbers in memory that is neither in order nor without gaps."""
    if not is_differentiable(value) or not value.ndim:
        return value
    wide = np.full([2 * n for n in value.shape[::-1]], np.nan, value.dtype).T
    view = wide[(slice(None, None, -2),) * value.ndim]
    view[...] = value
    return view


@EVERY_SAMPLE
def test_the_layout_in_memory_changes_nothing(info, number):
    sample = info.made(np.float64)[number]
    expected, gradients = differentiate(info.call, sample.inputs, sample.static)
    tensors = [
        Tensor(scattered(value), requires_grad=True) if is_differentiable(value) else value for value in sample.inputs
    ]
    out = info.call(*tensors, **sample.static)
    out.backward(gradient=scattered(weights_for(out)))
    np.testing.assert_allclose(out.data, expected.data, rtol=1e-12, atol=1e-14)
    for found, wanted in zip(gradients_of(tensors), gradients, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "info", [info for info in [*ELEMENTWISE, *ACTIVATION, *REDUCE] if info.name != "cast"], ids=lambda info: info.name
)
@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.bool_])
def test_whole_numbers_and_truth_values_are_computed_as_floats_are(info, dtype):
    array = np.array([[3, 1, 2], [1, 1, 2]]).astype(dtype)
    count = sum(is_differentiable(value) for value in info.made(np.float64)[1].inputs)
    if (dtype == np.bool_ and count == 2) or (dtype != np.int64 and info.name == "negate"):
        return  # True + True is True, and what has no sign has no negative, as in NumPy and PyTorch
    static = {"axis": 1} if info in REDUCE else {}
    inputs = [np.array([[True], [False]])] if info.name == "where" else []
    out = info.call(*inputs, *[Tensor(array)] * count, **static)
    reference = info.reference(*inputs, *[array.astype(np.float64)] * count, **static)
    assert out.dtype == np.float32 or out.dtype.kind in "iub"
    np.testing.assert_allclose(out.data, reference, rtol=1e-6)


@EVERY_SAMPLE
def test_constants_get_no_gradient_and_change_none(info, number):
    """Each floating input in turn as the only one that is differentiated, the others as plain arrays."""
    sample = info.made(np.float64)[number]
    places = [i for i, x in enumerate(sample.inputs) if is_differentiable(x)]
    _, together = differentiate(info.call, sample.inputs, sample.static)
    for place, expected in zip(places, together, strict=True):
        alone = list(sample.inputs)
        alone[place] = Tensor(alone[place].copy(), requires_grad=True)
        out = info.call(*alone, **sample.static)
        out.backward(gradient=weights_for(out))
        np.testing.assert_array_equal(alone[place].grad, expected)


@pytest.mark.parametrize(("info", "case"), cases("edges") + cases("kinks"))
@BOTH_TYPES
def test_extreme_values_and_kinks(info, case, dtype):
    """Outputs and gradients as worked out by hand; warnings are errors unless the answer is not finite."""
    inputs = [np.array(x, dtype) if isinstance(x, list) else x for x in case.inputs]
    with np.errstate(all="ignore") if case.ieee else nullcontext():
        tensors = leaves(inputs)
        out = info.call(*tensors, **case.static)
        np.testing.assert_allclose(out.data, case.output, rtol=RELATIVE[dtype], err_msg=case.label)
        if not case.gradients:
            return
        out.backward(gradient=np.ones(out.shape) if case.seed is None else case.seed)
    for found, expected in zip(gradients_of(tensors), case.gradients, strict=True):
        if expected is not None:
            assert found.dtype == dtype
            np.testing.assert_allclose(found, expected, rtol=RELATIVE[dtype], atol=1e-30, err_msg=case.label)


@pytest.mark.parametrize(("info", "case"), cases("refusals"))
def test_what_does_not_fit_is_refused(info, case):
    with pytest.raises(ShapeError, match=case.words):
        info.call(*leaves(case.inputs), **case.static)


@pytest.mark.parametrize(("info", "number"), [param for param in SAMPLES if param.values[0].composed is not None])
def test_fused_rows_equal_the_composition_of_plain_operations(info, number):
    sample = info.made(np.float64)[number]
    fused, fused_gradients = differentiate(info.call, sample.inputs, sample.static)
    plain, plain_gradients = differentiate(info.composed, sample.inputs, sample.static)
    assert fused.node.operation.name == info.name
    np.testing.assert_allclose(fused.data, plain.data, rtol=1e-10, atol=1e-12)
    for ours, composed in zip(fused_gradients, plain_gradients, strict=True):
        np.testing.assert_allclose(ours, composed, rtol=1e-9, atol=1e-11)


def test_every_fused_row_has_a_composition():
    fused = {name for name, row in ops.TABLE.items() if row.forward.__module__.endswith("fused")}
    assert {info.name for info in OPS if info.composed is not None} == fused


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0,)])
def test_one_hot_has_a_1_at_the_index_and_no_gradient(shape):
    indices = np.asarray(np.arange(np.prod(shape, dtype=int)).reshape(shape) % 4)
    out = apply(ops.one_hot, indices, classes=4, dtype=np.float32)
    np.testing.assert_array_equal(out.data, np.eye(4, dtype=np.float32)[indices])
    assert out.dtype == np.float32
    assert not out.requires_grad


def test_random_bits_are_uniform_and_differ_between_steps_and_layers():
    def words(seed, step, layer):
        return random_bits(numpy_namespace, words_at(seed, step, layer), (100_000,))

    first = words(7, 1, 9)
    for other in (words(7, 2, 9), words(8, 1, 9), words(7, 1, 10)):
        assert abs(np.corrcoef(first, other)[0, 1]) < 0.02
        assert np.bincount(np.unpackbits((first ^ other).view(np.uint8)))[1] == pytest.approx(1_600_000, rel=0.01)
    shares = np.bincount(first >> 28, minlength=16) / len(first)
    np.testing.assert_allclose(shares, 1 / 16, atol=0.005)
    assert abs(np.corrcoef(first[1:], first[:-1])[0, 1]) < 0.02

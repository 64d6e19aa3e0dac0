"""Every operation against PyTorch, where PyTorch has it: values and gradients in float64."""

import math

import numpy as np
import pytest

from glassnet.engine import ops
from glassnet.engine.tensor import Tensor

from .op_info import SAMPLES, cases
from .op_record import gradients_of, is_differentiable, leaves

torch = pytest.importorskip("torch")


def as_double(value):
    return torch.as_tensor(value, dtype=torch.float64)


def all_axes(x, axis):
    return tuple(range(x.ndim)) if axis is None else axis


def reduce(f):
    return lambda x, axis, keepdims: f(x, dim=all_axes(x, axis), keepdim=keepdims)


def var(x, axis, keepdims=False, correction=1):
    return torch.var(x, dim=all_axes(x, axis), keepdim=keepdims, correction=correction)


def std(x, axis, keepdims=False, correction=1):
    return torch.std(x, dim=all_axes(x, axis), keepdim=keepdims, correction=correction)


def batch_norm(x, gain, bias, eps):
    rows = x.reshape(-1, x.shape[-1])
    return torch.nn.functional.batch_norm(rows, None, None, gain, bias, training=True, eps=eps).reshape(x.shape)


def index(x, index):
    parts = index if isinstance(index, tuple) else (index,)
    return x[tuple(positions(part) if isinstance(part, list | np.ndarray) else part for part in parts)]


def positions(part):
    array = np.asarray(part)
    return torch.as_tensor(array if array.dtype == bool else array.astype(np.int64))


def channels_first(x):
    return x.movedim(-1, 1)


def conv(x, weight, stride, padding, dilation, groups):
    spatial = weight.ndim - 2
    kernel_first = weight.movedim(-1, 0).movedim(-1, 1)  # (out, in / groups, *K)
    widths = [width for pair in reversed(padding) for width in pair]
    padded = torch.nn.functional.pad(channels_first(x), widths)
    f = (torch.nn.functional.conv1d, torch.nn.functional.conv2d)[spatial - 1]
    return f(padded, kernel_first, None, stride, 0, dilation, groups).movedim(1, -1)


def pool(name, value):
    def twin(x, kernel, stride, padding):
        widths = [width for pair in reversed(padding) for width in pair]
        padded = torch.nn.functional.pad(channels_first(x), widths, value=value)
        return getattr(torch.nn.functional, f"{name}{len(kernel)}d")(padded, kernel, stride).movedim(1, -1)

    return twin


def layer_norm(x, gain, bias, axes, eps):
    spread = torch.sqrt(x.var(axes, keepdim=True, correction=0) + eps)
    if axes == (-1,) and getattr(gain, "shape", None) == getattr(bias, "shape", None) == x.shape[-1:]:
        return torch.nn.functional.layer_norm(x, x.shape[-1:], gain, bias, eps)
    return (x - x.mean(axes, keepdim=True)) / spread * gain + bias


TWINS = {
    **{name: getattr(torch, name) for name in ("add", "subtract", "multiply", "divide", "where", "matmul")},
    **{name: getattr(torch, name) for name in ("exp", "log", "sqrt", "abs", "tanh", "sigmoid", "relu")},
    **{name: getattr(torch, name) for name in ("expm1", "log1p", "sin", "cos", "cumsum")},
    **{name: getattr(torch.nn.functional, name) for name in ("softplus", "leaky_relu", "elu", "gelu", "silu")},
    "clip": lambda x, **bounds: torch.clamp(x, **bounds) if bounds else x,
    "pad": lambda x, widths, value: torch.nn.functional.pad(x, [n for w in reversed(widths) for n in w], value=value),
    "conv": conv,
    "max_pool": pool("max_pool", -math.inf),
    "avg_pool": pool("avg_pool", 0.0),
    "layer_norm": layer_norm,
    "power": torch.pow,
    "negate": torch.neg,
    "maximum": lambda a, b: torch.maximum(as_double(a), as_double(b)),
    "minimum": lambda a, b: torch.minimum(as_double(a), as_double(b)),
    "cast": lambda x, dtype: x.to(torch.float64),
    "sum": reduce(torch.sum),
    "mean": reduce(torch.mean),
    "max": reduce(torch.amax),
    "min": reduce(torch.amin),
    "logsumexp": reduce(torch.logsumexp),
    "var": var,
    "reshape": lambda x, shape: x.reshape(shape),
    "permute": lambda x, axes: x.permute(axes),
    "expand": lambda x, shape: x.expand(shape),
    "concatenate": lambda *parts, axis: torch.cat(parts, axis),
    "stack": lambda *parts, axis: torch.stack(parts, axis),
    "index": index,
    "embedding": torch.nn.functional.embedding,
    "linear": lambda x, weight, bias: torch.nn.functional.linear(x, weight.T, bias),
    "project": lambda x, weight: torch.nn.functional.linear(x, weight.T),
    "log_softmax": lambda x, axis: torch.log_softmax(x, axis),
    "softmax": lambda x, axis: torch.softmax(x, axis),
    "softmax_cross_entropy": lambda x, targets: torch.nn.functional.cross_entropy(x, targets, reduction="none"),
    "batch_norm": batch_norm,
    "std": std,
    "transpose": torch.transpose,
    "squeeze": lambda x, axis: x.squeeze() if axis is None else x.squeeze(axis),
    "unsqueeze": lambda x, axis: x.unsqueeze(axis),
    "flatten": torch.flatten,
    "split": lambda x, size, axis: torch.cat([part.reshape(-1) for part in x.split(size, axis)][::-1]),
}


def has_twin(sample):
    """Not: a reduction over no axis (PyTorch: over all), slices backwards (PyTorch: none), and numbers among arrays of
    positions (the axes come out in another order than NumPy's, which is ours)."""
    if sample.static.get("axis") == () or sample.static.get("widths") == ():
        return False
    index = sample.static.get("index")
    if isinstance(index, slice):
        return (index.step or 1) > 0
    kinds = {type(part) for part in index} if isinstance(index, tuple) else set()
    return not (int in kinds and list in kinds)


def as_twin(value):
    if isinstance(value, Tensor):
        return torch.tensor(value.data, requires_grad=True)
    return torch.as_tensor(value) if isinstance(value, np.ndarray | np.generic) else value


#: Their random numbers differ.
WITHOUT_TWIN = {"dropout"}
WITH_TWIN = [param for param in SAMPLES if param.values[0].name not in WITHOUT_TWIN]


def test_every_operation_has_a_twin():
    assert {param.values[0].name for param in WITH_TWIN} == set(TWINS)


@pytest.mark.parametrize(("info", "number"), WITH_TWIN)
@pytest.mark.filterwarnings("ignore:(var|std)")  # PyTorch's, where nothing is left to have a variance
def test_values_and_gradients_equal_those_of_pytorch(info, number):
    sample = info.made(np.float64)[number]
    if not has_twin(sample):
        return
    tensors = leaves(sample.inputs)
    twins = [as_twin(value) for value in tensors]
    out = info.call(*tensors, **sample.static)
    expected = TWINS[info.name](*twins, **sample.static)
    assert out.shape == tuple(expected.shape)
    np.testing.assert_allclose(out.data, expected.detach().numpy(), rtol=1e-10, atol=1e-12)

    weights = np.cos(np.arange(math.prod(out.shape), dtype=np.float64)).reshape(out.shape)
    out.backward(gradient=weights)
    expected.backward(torch.from_numpy(weights))
    wanted = [twin.grad.numpy() for twin, value in zip(twins, sample.inputs, strict=True) if is_differentiable(value)]
    for ours, theirs in zip(gradients_of(tensors), wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-11)


#: Where PyTorch takes another subgradient than ours, which is documented in the row.
OTHERWISE = {
    ("sqrt", "at 0"),  # infinity
    ("std", "of equal numbers"),  # NaN
    ("max_pool", "a tie"),  # all of it to the first
}
DEFAULTS = {"keepdims": False, "axis": None}


@pytest.mark.parametrize(("info", "case"), cases("edges") + cases("kinks"))
@pytest.mark.filterwarnings("ignore:(var|std)")
def test_extreme_values_and_kinks_equal_those_of_pytorch(info, case):
    if (info.name, case.label) in OTHERWISE:
        return
    inputs = [np.array(x, np.float64) if isinstance(x, list) else x for x in case.inputs]
    twins = [as_twin(value) for value in leaves(inputs)]
    row = ops.TABLE.get(info.name)
    static = {**(row.defaults if row else DEFAULTS), **case.static}
    out = TWINS[info.name](*twins, **static)
    np.testing.assert_allclose(out.detach().numpy(), case.output, rtol=1e-9)
    if not case.gradients:
        return
    out.backward(torch.ones_like(out) if case.seed is None else torch.tensor(case.seed, dtype=torch.float64))
    found = [twin.grad for twin, value in zip(twins, inputs, strict=True) if is_differentiable(value)]
    for gradient, expected in zip(found, case.gradients, strict=True):
        if expected is not None:
            np.testing.assert_allclose(gradient.numpy(), expected, rtol=1e-9, atol=1e-30)

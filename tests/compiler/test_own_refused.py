"""What glassnet.compile refuses, in which words, and that nothing is changed then."""

import numpy as np
import pytest

import glassnet as gn
from glassnet.nn import functional as F

from .test_own import BATCHES, X, Y, mlp, sgd, usual


def unzeroed(net, optimizer):
    def step(xb, yb):
        loss = F.cross_entropy(net(xb), yb)
        loss.backward()
        optimizer.step()
        return loss

    return step


def deciding(net, optimizer):
    def step(xb, yb):
        loss = F.cross_entropy(net(xb), yb)
        return loss * 2 if loss < 1 else loss

    return step


def saying(net, optimizer):
    step = usual(net, optimizer)
    return lambda xb, yb: step(xb, yb).item()


def reducing(net, optimizer):
    return lambda xb, yb: F.cross_entropy(net(xb * np.median(xb.data)), yb)


def pairing(net, optimizer):
    step = usual(net, optimizer)
    return lambda xb, yb: (step(xb, yb), 1)


def keeping(net, optimizer):
    def step(xb, yb):
        net.latest = net(xb)
        return F.cross_entropy(net.latest, yb)

    return step


def with_a_stranger(net, optimizer):
    w = gn.tensor([1.0, 2.0, 3.0], requires_grad=True)

    def step(xb, yb):
        loss = F.cross_entropy(net(xb) * w, yb)
        optimizer.zero_grad()
        loss.backward()
        return loss

    return step


def forgotten(net, _):
    return usual(net, sgd(net))


REFUSED = {
    "gradients of an earlier call": (
        unzeroed,
        sgd,
        gn.TraceError,
        r"test_own_refused.py:\d+ uses gradients of an earlier",
    ),
    "a decision": (
        deciding,
        sgd,
        gn.TraceError,
        r"the truth value of an array .* at test_own_refused.py:\d+ cannot be compiled",
    ),
    "a number of Python": (
        saying,
        sgd,
        gn.TraceError,
        r"at test_own_refused.py:\d+ cannot be compiled.*Return it from the",
    ),
    "NumPy's median": (reducing, sgd, gn.TraceError, r"test_own_refused.py:\d+"),
    "a tuple": (pairing, sgd, gn.ConfigError, "returns a tensor, a dict of tensors or nothing, got tuple"),
    "an attribute": (keeping, sgd, gn.TraceError, "the step sets latest of the network, which compiled code cannot do"),
    "a stranger": (
        with_a_stranger,
        sgd,
        gn.TraceError,
        r"a tensor of shape \(3,\) that belongs neither to the network",
    ),
    "an optimizer that was not passed": (forgotten, None, gn.TraceError, r"Pass it, as in glassnet.compile\(step, net"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_compiled_is_refused_and_changes_nothing(case):
    step, optimizer, error, words = REFUSED[case]
    net = mlp()()
    made = None if optimizer is None else optimizer(net)
    before, attributes = net.state_dict(), set(vars(net))
    with pytest.raises(error, match=words):
        gn.compile(step(net, made), net, made)(*BATCHES[0])
    assert set(vars(net)) == attributes
    for name, parameter in net.named_parameters():
        np.testing.assert_array_equal(parameter.data, before[name])
        assert parameter.grad is None
    if made is not None:
        assert made.steps == 0
        assert all(isinstance(array, np.ndarray) for arrays in made.states for array in arrays)


@pytest.mark.parametrize("at", [0, 1])
@pytest.mark.parametrize("label", [3, -1])
def test_a_wrong_batch_is_refused_as_by_the_function_and_changes_nothing(at, label):
    net = mlp()()
    optimizer = sgd(net)
    step = gn.compile(usual(net, optimizer), net, optimizer)
    for batch in BATCHES[:at]:
        step(*batch)
    before = net.state_dict()
    with pytest.raises(gn.DataError, match=f"targets must be from 0 to 2, got {label}"):
        step(X[:9], np.full(9, label))
    assert optimizer.steps == at
    for name, array in before.items():
        np.testing.assert_array_equal(net.state_dict()[name], array)
    with pytest.raises(gn.ShapeError, match="expected inputs with 4 features"):
        step(X[:9, :3], Y[:9])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((lambda x: x,), r"compile\(step, net, optimizer\)"),
        ((lambda x: x, sgd(mlp()())), r"compile\(step, net, optimizer\)"),
        ((3, mlp()()), r"compile\(step, net, optimizer\)"),
        ((mlp()(), mlp()()), r"compile\(step, net, optimizer\)"),
        ((lambda x: x, mlp()(), 0.1), r"an optimizer as its third argument, got 0\.1"),
    ],
)
def test_wrong_arguments_are_refused(arguments, words):
    with pytest.raises(gn.ConfigError, match=words):
        gn.compile(*arguments)


# What it looks like

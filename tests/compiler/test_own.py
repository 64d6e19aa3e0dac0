"""glassnet.compile for one's own steps: what they return and change is what the functions return and change."""

import ast
from types import SimpleNamespace

import numpy as np
import pytest

import glassnet as gn
from glassnet import nn, optim
from glassnet.compiler import own
from glassnet.nn import functional as F
from glassnet.nn.dropout import name_streams

RANDOM = np.random.default_rng(0)
X = RANDOM.standard_normal((90, 4)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64) + (X[:, 1] > 1)
BATCHES = [(X[i : i + 9], Y[i : i + 9]) for i in range(0, 63, 9)]


def mlp(*layers):
    """A function that makes the same network again and again."""

    def make():
        gn.manual_seed(0)
        return nn.Sequential(nn.Linear(4, 8), *(layer() for layer in layers), nn.Tanh(), nn.Linear(8, 3))

    return make


def usual(net, optimizer):
    def step(xb, yb):
        loss = F.cross_entropy(net(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step


def sgd(net):
    return optim.SGD(net.parameters(), lr=0.1, momentum=0.9)


MLP = mlp()


def run(compiled, step=usual, batches=BATCHES, make=MLP, optimizer=sgd, before=lambda i, net, optimizer: None):
    """Make a step with each batch: what they returned, the network, the optimizer, the step."""
    net = make()
    made = None if optimizer is None else optimizer(net)
    function = step(net, made)
    if compiled:
        function = gn.compile(function, net) if made is None else gn.compile(function, net, made)
    gn.manual_seed(1)  # of dropout
    told = []
    for i, batch in enumerate(batches):
        before(i, net, made)
        told.append(function(*batch))
    return SimpleNamespace(told=told, net=net, optimizer=made, step=function)


def assert_agrees(within=1e-5, **options):
    """Compiled and not, it is the same."""
    found, wanted = run(True, **options), run(False, **options)
    for ours, theirs in zip(found.told, wanted.told, strict=True):
        assert type(ours) is type(theirs)
        if isinstance(theirs, dict):
            assert list(ours) == list(theirs)
        pairs = zip(*(one.values() if isinstance(one, dict) else [one] for one in (ours, theirs)), strict=True)
        for a, b in pairs:
            if b is not None:
                assert isinstance(a, gn.Tensor)
                one, other = np.asarray(a), np.asarray(b)
                assert (one.dtype, one.shape) == (other.dtype, other.shape)
                np.testing.assert_allclose(one, other, within, within)
    ours, theirs = found.net.state_dict(), wanted.net.state_dict()
    if wanted.optimizer is not None:
        ours |= found.optimizer.state_dict()
        theirs |= wanted.optimizer.state_dict()
    assert ours.keys() == theirs.keys()
    for name, array in theirs.items():
        assert ours[name].dtype == array.dtype
        np.testing.assert_allclose(ours[name], array, within, within, err_msg=name)
    return found


def telling(net, optimizer):
    """Returns more than one value, with names that the compiler might use itself."""

    def step(xb, yb):
        out = net(xb)
        loss = F.cross_entropy(out, yb)
        optimizer.zero_grad()
        loss.backward()
        gradient = net[0].weight.grad
        norm = optim.clip_grad_norm_(net.parameters(), 0.1)
        optimizer.step()
        return {"holds": out, "loss": loss, "gradient": gn.as_tensor(gradient), "a norm": gn.as_tensor(norm)}

    return step


def silent(net, optimizer):
    usual_step = usual(net, optimizer)

    def step(xb, yb):
        usual_step(xb, yb)

    return step


def twice(net, optimizer):
    """Two updates in one step."""
    step = usual(net, optimizer)

    def both(xb, yb):
        step(xb, yb)
        return step(xb, yb)

    return both


def by_hand(net, _):
    """Without an optimizer."""

    def step(xb, yb):
        loss = F.cross_entropy(net(xb), yb)
        net.zero_grad()
        loss.backward()
        with gn.no_grad():
            for parameter in net.parameters():
                parameter -= 0.1 * parameter.grad  # noqa: PLW2901
        return loss

    return step


def looking(net, _):
    """Changes nothing."""
    return lambda xb, yb: F.cross_entropy(net(xb), yb)


def scaled(net, _):
    """Takes arrays of different lengths, and a number."""
    return lambda xb, weight, number: (net(xb).sum(0) * weight).sum() * number


def with_numpy(net, _):
    return lambda xb, yb: F.cross_entropy(net(np.exp(xb.numpy()) + np.float32(1)), yb)


def quick(net):
    return optim.Adam([{"params": net[0].parameters(), "lr": 0.02}, {"params": net[-1].parameters()}], lr=0.01)


CASES = {
    "the usual step": {},
    "tensors": {"batches": [tuple(map(gn.as_tensor, batch)) for batch in BATCHES]},
    "lists": {"batches": [(x.tolist(), y.tolist()) for x, y in BATCHES[:2]]},
    "float64 data": {"batches": [(x.astype(float), y) for x, y in BATCHES]},
    "a float64 network": {"make": lambda: mlp()().to("float64"), "within": 1e-12},
    "values by name": {"step": telling},
    "nothing": {"step": silent},
    "two updates": {"step": twice, "optimizer": quick},
    "by hand": {"step": by_hand, "optimizer": None},
    "no change": {"step": looking},
    "no optimizer": {"step": looking, "optimizer": None},
    "arrays of several lengths": {"step": scaled, "batches": [(X[:5], X[0, :3], 0.3)] * 2},
    "a float64 number": {
        "step": scaled,
        "make": lambda: mlp()().to("float64"),
        "batches": [(X[:5], [0.1, 0.2, 0.3], 0.3)],
        "within": 1e-12,
    },
    "NumPy's functions": {"step": with_numpy, "batches": [tuple(map(gn.as_tensor, batch)) for batch in BATCHES]},
    "two groups": {"optimizer": quick},
    "BatchNorm": {"make": mlp(lambda: nn.BatchNorm1d(8))},
    "arrays that are not contiguous": {"batches": [(np.asfortranarray(X)[::-3], Y[::-3].astype(">i4"))] * 2},
    "targets to ignore, later": {"batches": [BATCHES[0], (X[:9], np.where(np.arange(9) < 3, -100, Y[:9]))]},
}


@pytest.mark.parametrize("case", CASES)
def test_a_step_does_what_the_function_does(case):
    found = assert_agrees(**CASES[case])
    assert found.step.retraces == []


def test_dropout_has_the_bits_of_eager_steps():
    def named():
        net = mlp(lambda: nn.Dropout(0.5), lambda: nn.Dropout(0.3))()
        name_streams(net)
        return net

    for make in (mlp(lambda: nn.Dropout(0.5), lambda: nn.Dropout(0.3)), named):
        assert_agrees(make=make)


def test_learning_rates_may_change_and_compile_nothing_anew():
    def before(i, net, optimizer):
        optimizer.lr = 0.1 / (1 + i)

    assert assert_agrees(before=before).step.retraces == []


def change(i, net, optimizer):
    if i == 2:
        optimizer.param_groups[0]["momentum"] = 0.5
    if i == 4:
        net[1].p = 0.6


def evaluate(i, net, optimizer):
    net.train(i not in (2, 3))


def freeze(i, net, optimizer):
    net[0].weight.requires_grad = i < 3


@pytest.mark.parametrize(
    ("before", "reasons"),
    [
        (change, ["momentum of parameter group 0 changed", "p of layer 1 (Dropout p=0.5) changed"]),
        (evaluate, ["training of the network and 5 more changed"]),  # and back again: that is there still
        (freeze, ["weight of layer 0 (Linear 4 -> 8) changed"]),
    ],
)
def test_what_changes_is_compiled_anew_and_says_why(before, reasons):
    make = mlp(lambda: nn.Dropout(0.5), lambda: nn.BatchNorm1d(8))
    assert assert_agrees(before=before, make=make).step.retraces == reasons


def test_batches_of_other_shapes_are_compiled_anew():
    batches = [*BATCHES[:2], (X[:4], Y[:4]), *BATCHES[:2], (X[:4], Y[:4].astype(np.int32))]
    found = assert_agrees(batches=batches)
    assert found.step.retraces == ["the shapes or types of the batch changed"] * 2


def test_only_some_variants_are_kept(monkeypatch):
    monkeypatch.setattr(own, "MOST", 2)

    def before(i, net, optimizer):
        net.count = i

    found = run(True, batches=[BATCHES[0]] * 4, before=before, step=looking)
    assert found.step.retraces == ["count of the network changed"] * 3
    assert [len(made) for made in found.step._made.values()] == [2]


def test_gradients_do_not_stay():
    def before(i, net, optimizer):
        for parameter in net.parameters():
            parameter.grad = np.ones_like(parameter.data)

    found = run(True, before=before)
    assert [parameter.grad for parameter in found.net.parameters()] == [None] * 4


def test_the_weights_that_someone_holds_stay_as_they_are():
    net = mlp()()
    optimizer = sgd(net)
    step = gn.compile(usual(net, optimizer), net, optimizer)
    held = []
    for batch in BATCHES:
        held.append((net[0].weight.data, net[0].weight.data.copy()))
        step(*batch)
    for array, copy in held:
        np.testing.assert_array_equal(array, copy)


# What it looks like


def test_the_source_is_python():
    found = run(True, batches=BATCHES[:1])
    tree = ast.parse(found.step.source)
    assert sum(isinstance(node, ast.For) for node in ast.walk(tree)) > 5
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert names > {"data_0", "net_0_weight", "net_2_bias"}


def test_there_is_no_source_before_the_first_call():
    step = gn.compile(lambda x: x, mlp()())
    for look in (lambda: step.source, step.explain):
        with pytest.raises(gn.ConfigError, match="nothing is compiled before the first call"):
            look()

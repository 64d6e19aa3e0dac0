"""step.explain(): a row for each loop, and nothing is changed by asking."""

import re

import numpy as np
import pytest

import glassnet as gn
from glassnet import nn, optim
from glassnet.compiler.explain import COLUMNS, arithmetic_of, bytes_of
from glassnet.compiler.loops import Affine, Buffer, Const, Load, Loop, Op, Store, Var, affine
from glassnet.compiler.phases import units
from glassnet.nn import functional as F

X = np.random.default_rng(0).standard_normal((9, 4)).astype(np.float32)
Y = np.arange(9) % 3


def step_of(make):
    gn.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Dropout(0.5), nn.Linear(8, 3))
    optimizer = make(net.parameters())

    def step(xb, yb):
        loss = F.cross_entropy(net(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return gn.compile(step, net, optimizer), net, optimizer


@pytest.mark.parametrize("make", [lambda p: optim.SGD(p, lr=0.1, momentum=0.9), lambda p: optim.AdamW(p, lr=0.01)])
def test_there_is_a_row_for_each_loop(make):
    step, _, _ = step_of(make)
    step(X, Y)
    head, *rows, last = step.explain().splitlines()
    assert head.split() == [*" ".join(COLUMNS).split(), "loop"]
    assert len(rows) == len(units(step._latest.program.body)) > 8
    times = [float(row.split()[0]) for row in rows]
    assert times == sorted(times, reverse=True)
    assert sum(int(re.search(r"(\d+)%", row)[1]) for row in rows) == pytest.approx(100, abs=len(rows) / 2)
    assert any(row.endswith("  layer 0 (Linear 4 -> 8): matmul [9, 8]") for row in rows)
    total = float(re.fullmatch(r" *([\d.]+) us a step on one core, .* (\d+) GFLOP/s at most\.", last)[1])
    assert total == pytest.approx(sum(times), abs=0.006 * len(rows))


def test_asking_changes_nothing():
    weights = []
    for asks in (False, True):
        step, net, optimizer = step_of(lambda p: optim.AdamW(p, lr=0.01))
        gn.manual_seed(1)
        for i in range(4):
            step(X, Y)
            if asks and i == 1:
                before = step._latest.program.snapshot()
                step.explain()
                np.testing.assert_array_equal(step._latest.program.snapshot(), before)
                assert optimizer.steps == 2
        weights.append([*net.state_dict().values(), *(array for state in optimizer.states for array in state)])
    for ours, theirs in zip(*weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_network_is_explained_too():
    compiled = gn.compile(nn.Linear(4, 3))
    compiled.outputs(X)
    assert "matmul" in compiled.explain()


def test_arithmetic_and_memory_are_counted():
    f32 = np.dtype(np.float32)
    a, b = (Buffer(name, 100, f32) for name in "ab")
    i = Var("i", 100)
    value = Op("add", (Op("multiply", (Load(a, affine(i)), Const(2.0, f32)), f32), Load(a, Affine((), 7))), f32)
    loop = Loop(i, [Store(b, affine(i), value)])
    assert arithmetic_of(loop) == 100 * 3  # one for each operation, and one for the store
    assert bytes_of([loop]) == 2 * 100 * 4  # each place once, however often it is read

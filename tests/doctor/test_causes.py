"""What the doctor says of runs that look alike and are not: each with its healthy twin, or its other cause."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet import nn, optim
from glassnet.doctor.evidence import Evidence
from glassnet.doctor.facts import Data, SetUp
from glassnet.doctor.observed import CheckUp, Comparison, Probe, Reference, SplitCheck
from glassnet.doctor.probes.data import look_at_data
from glassnet.doctor.probes.order import steady
from glassnet.doctor.probes.reference import gain_of_most
from glassnet.doctor.probes.seen import Taken
from glassnet.doctor.progress import Progress
from glassnet.doctor.rule import RULES

from .sick import net, quantities

X, Y = quantities()


def test_a_few_rows_are_not_the_network():
    rng = np.random.default_rng(0)
    aim = rng.standard_normal((1000, 1))
    small = 0.01 * rng.random(1000)
    known = gain_of_most(small, aim)
    assert known is not None
    assert known > 0.9
    aim[3], small[3] = 30.0, 900.0  # one target that it did not learn
    assert gain_of_most(small, aim) == pytest.approx(known, abs=0.01)
    reference = Reference("a smooth fit", gain=0.95, most=0.96)
    assert not reference.beats(SplitCheck(1000, 0.5, gain=0.5, most=0.99), 0.05, 0.15)
    assert reference.beats(SplitCheck(1000, 0.5, gain=0.5, most=0.6), 0.05, 0.15)


def test_targets_in_their_order():
    values = np.sort(np.random.default_rng(0).standard_normal(1200))
    within, trend = steady(values, 24)
    assert within is not None
    assert within < 0.05
    assert trend > 0.9
    again = steady(np.tile(values, 7), 24)  # seven epochs of a loop
    assert again[0] is not None
    assert again[0] < 0.05
    assert again[1] > 0.9
    mixed = steady(np.random.default_rng(1).permutation(values), 24)
    assert mixed[0] is not None
    assert mixed[0] > 0.8
    assert mixed[1] < 0.5
    series = steady(np.sin(np.arange(1200) / 9), 16)
    assert series[1] < 0.5
    assert steady(values[:50], 24) == (None, 0.0)


def test_the_order_of_a_loop_is_known_beyond_the_rows_that_are_kept():
    taken = Taken()
    for label in (0, 1):
        for _ in range(40):
            taken.add(np.full(40, label))
    taken.add(np.zeros((40, 2)))  # of another kind
    assert len(taken.all()) == 3200
    found = look_at_data(
        np.zeros((40, 3), np.float32), np.zeros(40, int), loss="cross_entropy", taken=taken.all(), batch_size=40
    )
    assert found.runs_z is not None
    assert found.runs_z > 4
    assert found.per_batch == pytest.approx(0.0, abs=0.01)


def leaks(x: Any, y: Any) -> bool:
    return bool(RULES["target-leak"](Evidence(data=look_at_data(x.astype(np.float32), y, loss="mse"))))


def test_the_last_value_of_a_series_is_no_leak_and_the_target_with_noise_is():
    rng = np.random.default_rng(0)
    series = np.convolve(rng.standard_normal(1500), np.exp(-np.arange(60) / 12), "valid")
    series = np.convolve(series, np.ones(15) / 15, "valid") / series.std()
    x = np.stack([series[i : i + 1200] for i in (0, 4, 8, 12)], 1)
    y = series[14:1214, None].astype(np.float32)
    assert look_at_data(x.astype(np.float32), y, loss="mse").giveaway[3] > 0.96
    assert not leaks(x, y)
    noise = rng.standard_normal((1200, 4))
    assert leaks(np.concatenate([noise, y + 0.05 * rng.standard_normal(y.shape)], 1), y)


def scales(*layers: nn.Module, x: Any = X) -> list[str]:
    gn.manual_seed(0)
    network = nn.Sequential(*layers)
    optimizer = optim.SGD(network.parameters(), lr=0.01)
    return gn.doctor.examine(network, (x, Y), nn.MSELoss(), optimizer).codes()


def test_scales_are_compared_from_behind_a_normalisation():
    width = X.shape[1]
    raw = X * 3000

    def rest(factor: float) -> list[nn.Module]:
        first = nn.Linear(width, 16)
        first.weight.data = first.weight.data * np.float32(factor)
        first.bias.data = np.zeros_like(first.bias.data)
        return [first, nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 1)]

    assert "bad-initial-scale" not in scales(nn.BatchNorm1d(width), *rest(1.0), x=raw)
    assert "bad-initial-scale" in scales(nn.BatchNorm1d(width), *rest(3000.0), x=raw)


def test_batchnorm_is_judged_by_what_it_costs():
    def said(gain: float | None, renewed: float | None) -> bool:
        return bool(RULES["batchnorm-mismatch"](Evidence(comparison=Comparison(200, 0.07, 0.24, gain, renewed))))

    assert not said(0.91, 0.94)
    assert said(0.80, 0.94)
    assert said(None, None)  # where it is not known, by the loss of a batch


def test_longer_training_is_to_help_on_rows_not_seen():
    def said(val: list[float]) -> list[str]:
        losses = [0.7 - 0.005 * i for i in range(100)]
        history = {"loss": [0.65, 0.55, 0.45, 0.35, 0.25], "val_loss": val}
        progress = Progress(1, losses, [0.0] * 100, losses, 100, 100, 20, history)
        check = CheckUp(100, SplitCheck(500, 0.2), SplitCheck(500, val[-1]))
        found = Evidence(data=Data(constant=0.69), setup=SetUp(loss="cross_entropy"), progress=progress, checkup=check)
        return [one.severity for one in RULES["stopped-early"](found)]

    assert said([0.68, 0.6, 0.5, 0.4, 0.3]) == ["warning"]
    assert said([0.68, 0.6, 0.5, 0.5, 0.52]) == []


def test_rows_with_nan_are_named_within_their_batch():
    def text(**more: Any) -> tuple[str, str]:
        found = RULES["nonfinite-input"](Evidence(data=Data(rows=32, **more)))[0]
        return found.message, found.remedy.text

    message, remedy = text(nonfinite_rows=[13], nonfinite_step=6)
    assert message.startswith("row 13 of the batch at step 7: it holds NaN")
    assert "Drop this row" in remedy
    message, remedy = text(nonfinite_rows=[1, 2], nonfinite_targets=True)
    assert message.startswith("rows 1, 2 hold NaN or infinity in their targets")
    assert "isfinite(y)" in remedy


def test_an_optimizer_that_makes_the_loss_larger_is_told_apart_from_a_minus_sign():
    def remedy(maximize: bool) -> str:
        found = Evidence(setup=SetUp(loss="mse", maximize=maximize), probes=[Probe(0, -1.0, 0.1)])
        return RULES["ascending"](found)[0].remedy.text

    assert "maximize=True" in remedy(True)
    assert "maximize" not in remedy(False)
    assert "minus" in remedy(False)


def test_a_rate_that_has_decayed_to_nothing_in_a_loop_is_a_schedule():
    gn.manual_seed(0)
    network = net(X.shape[1], [16], 1)
    optimizer = optim.SGD(network.parameters(), lr=0.05)
    schedule = optim.LambdaLR(optimizer, lambda step: 0.8**step)
    with gn.doctor.watch(network, optimizer, speak=False) as watched:
        for step in range(200):
            rows = np.arange(32 * step, 32 * step + 32) % len(X)
            optimizer.zero_grad()
            nn.functional.mse_loss(network(gn.tensor(X[rows])), gn.tensor(Y[rows])).backward()
            optimizer.step()
            schedule.step()
    assert "parameters-not-updated" not in watched.findings.codes()
    assert watched.findings.codes()[0] == "schedule-ends-early"


@pytest.mark.parametrize("to_none", [True, False])
def test_gradients_that_are_cleared_before_the_step(to_none: bool):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(X.shape[1], 8), torch.nn.ReLU(), torch.nn.Linear(8, 1))
    optimizer, loss_fn = torch.optim.SGD(model.parameters(), lr=0.1), torch.nn.MSELoss()
    x, y = torch.as_tensor(X[:32]), torch.as_tensor(Y[:32])
    with gn.doctor.torch.watch(model, optimizer, loss_fn, speak=False) as watched:
        for _ in range(3):
            loss_fn(model(x), y).backward()
            optimizer.zero_grad(set_to_none=to_none)
            optimizer.step()
    found = [one for one in watched.findings if one.severity != "hint"]
    assert [one.code for one in found] == ["parameters-not-updated"]


def test_an_output_that_cannot_go_below_0():
    gn.manual_seed(0)
    network = nn.Sequential(nn.Linear(X.shape[1], 8), nn.Tanh(), nn.Linear(8, 1), nn.Softplus())
    optimizer = optim.SGD(network.parameters(), lr=0.01)
    codes = [
        gn.doctor.examine(network, (X, y), nn.MSELoss(), optimizer).codes() for y in (Y - Y.mean(), Y - Y.min() + 0.1)
    ]
    assert "wrong-loss" in codes[0]
    assert "wrong-loss" not in codes[1]

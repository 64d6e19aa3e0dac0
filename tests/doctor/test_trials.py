"""Trials: what some more steps with one thing changed would do decides between causes, and leaves no trace."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet import data, nn, optim
from glassnet.doctor.evidence import Evidence
from glassnet.doctor.file import read_evidence
from glassnet.doctor.observed import Probe
from glassnet.doctor.probes.trials import AGAIN, FREE, SAME, trials, worth_trying

from .sick import classes, net, sgd, train

X, Y = classes()


def rings(rows: int = 600) -> tuple[np.ndarray, np.ndarray]:
    """Three rings around each other."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, rows)
    angle, radius = rng.random(rows) * 2 * np.pi, 0.5 + 0.6 * y + 0.08 * rng.standard_normal(rows)
    return (radius * np.array([np.cos(angle), np.sin(angle)])).T.astype(np.float32), y


def dropping() -> nn.Sequential:
    gn.manual_seed(0)
    parts = (nn.Linear(10, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 4))
    return nn.Sequential(*parts)


def test_trials_leave_no_trace_and_come_out_the_same_each_time():
    network, rows = dropping(), data.Split(X, Y)
    optimizer = optim.Adam(network.parameters(), lr=0.01, weight_decay=0.1)
    for x, y in data.batches(rows, 32):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(x), y).backward()
        optimizer.step()
    network.eval()
    states = (network.state_dict(), optimizer.state_dict())
    gradients = {path: one.grad for path, one in network.named_parameters()}
    heard: list[Any] = []
    network.register_forward_hook(lambda *given: heard.append(given))
    options: Any = {"rate": 0.02, "batch_size": 32, "steps": 8, "begin": {"0.weight": np.zeros((10, 16), np.float32)}}
    loss, names = nn.CrossEntropyLoss(), (SAME, FREE, AGAIN)
    first, second = (trials(names, network, loss, "cross_entropy", optimizer, rows, rows, **options) for _ in range(2))
    assert first == second
    assert len({first[name].train for name in (SAME, FREE, AGAIN)}) == 3
    for before, after in zip(states, (network.state_dict(), optimizer.state_dict()), strict=True):
        for name, array in before.items():
            np.testing.assert_array_equal(array, after[name])
    assert all(one.grad is gradients[path] for path, one in network.named_parameters())
    assert (heard, network.training, optimizer.lr) == ([], False, 0.01)


def test_a_penalty_that_holds_a_network_back_is_named_though_it_learned_most(tmp_path):
    def run(penalty: float, **more: Any) -> list[str]:
        options = {"penalty": nn.L2Penalty(penalty), "epochs": 40, "lr": 0.02, **more}
        found = train(net(2, [32, 32], 3, nn.Tanh), rings(), **options)
        return [one.code for one in found if one.severity != "hint"]

    assert run(0.03, folder=tmp_path / "held") == ["over-regularised"]
    tried = read_evidence(tmp_path / "held").trials
    assert tried["free"].train < 0.8 * tried["same"].train
    assert run(1e-4) == []
    assert run(0.01) == []  # it makes the network less sure, and no less right


def test_a_penalty_that_keeps_a_network_from_learning_noise_is_none():
    x, y = classes(rows=150, apart=0.7)
    found = train(net(10, [32], 4), (x, y), penalty=nn.L2Penalty(0.02), epochs=60)
    assert "over-regularised" not in found.codes()


def test_what_is_tried_only_where_it_can_say_more():
    pulled = Evidence(probes=[Probe(0, 1.0, 0.1, regulariser=1.0, data=2.0)])
    assert worth_trying(pulled, []) == (SAME, FREE)
    assert worth_trying(pulled, ["underfitting"]) == (SAME, FREE)
    assert worth_trying(pulled, ["unshuffled-data"]) == ()
    assert worth_trying(Evidence(probes=[Probe(0, 1.0, 0.1, regulariser=0.01, data=2.0)]), []) == ()


def test_weight_decay_in_a_loop_of_ones_own_is_tried_while_it_is_watched():
    network = net(2, [32, 32], 3, nn.Tanh)
    optimizer = sgd(network, 0.1, momentum=0.9, weight_decay=0.005)["optimizer"]
    with gn.doctor.watch(network, optimizer, speak=False) as watched:
        for epoch in range(40):
            for x, y in data.batches(rings(), 32, epoch=epoch):
                optimizer.zero_grad()
                nn.functional.cross_entropy(network(x), y).backward()
                optimizer.step()
        seen, weights = (watched.steps, watched.losses.steps), network.state_dict()
        assert watched.findings.worse() == []
        tried = watched.evidence.trials
        assert tried["free"].train < 0.6 * tried["same"].train
        assert (watched.steps, watched.losses.steps) == seen
        assert all((array == network.state_dict()[name]).all() for name, array in weights.items())


@pytest.mark.usefixtures("one_thread")
def test_weight_decay_in_a_loop_of_pytorch_is_tried_while_it_is_watched():
    from .torch_loops import net as model_of
    from .torch_loops import nn as torch_nn
    from .torch_loops import sgd as torch_sgd
    from .torch_loops import torch

    x, y = map(torch.as_tensor, rings())
    model, loss_fn = model_of(2, [32, 32], 3, torch_nn.Tanh), torch_nn.CrossEntropyLoss()
    optimizer = torch_sgd(model, 0.1, momentum=0.9, weight_decay=0.012)
    with gn.doctor.torch.watch(model, optimizer, loss_fn, speak=False) as watched:
        for _ in range(40):
            for rows in torch.randperm(len(x)).split(32):
                optimizer.zero_grad()
                loss_fn(model(x[rows]), y[rows]).backward()
                optimizer.step()
        state, seen = torch.random.get_rng_state(), (watched.steps, watched.losses.steps)
        weights = [one.detach().clone() for one in model.parameters()]
        assert watched.findings.worse() == []
        first = watched.evidence.trials
        assert first["free"].train < 0.6 * first["same"].train
        assert watched.findings is not None
        assert watched.evidence.trials == first  # the same each time
        assert torch.equal(state, torch.random.get_rng_state())
        assert (watched.steps, watched.losses.steps) == seen
        assert all(map(torch.equal, weights, model.parameters()))

"""The doctor beside a loop of one's own: what it sees in it, and that it leaves everything as it was."""

from __future__ import annotations

from typing import Any

import numpy as np

import glassnet as gn
from glassnet import data, nn, optim
from glassnet.doctor import Findings

from .sick import classes, every, net

X, Y = classes()


def loop(
    network: nn.Module,
    *,
    zero: bool = True,
    step: bool = True,
    lr: float = 0.1,
    steps: int = 40,
    sign: float = 1.0,
    backwards: int = 1,
    evaluating: bool = False,
    evaluation: str = "",
) -> Findings:
    """A loop, with what it may forget."""
    optimizer = optim.SGD(network.parameters(), lr=lr)
    if evaluating:
        network.eval()
    with gn.doctor.watch(network, optimizer, speak=False) as watched:
        for epoch in range(10):
            for xb, yb in data.batches((X, Y), 32, seed=0, epoch=epoch):
                if watched.steps >= steps or watched.losses.steps >= 3 * steps:
                    break
                if zero:
                    optimizer.zero_grad()
                for _ in range(backwards):
                    (sign * nn.functional.cross_entropy(network(xb), yb)).backward()
                if step:
                    optimizer.step()
        if evaluation:
            if evaluation == "eval":
                network.eval()
            with gn.no_grad():
                network(X[:50])
    assert not {"step", "zero_grad"} & set(vars(optimizer))
    assert not network._forward_hooks
    return watched.findings


def dropping() -> nn.Sequential:
    gn.manual_seed(0)
    return nn.Sequential(nn.Linear(10, 16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 4))


def test_a_sound_loop_is_healthy():
    assert loop(net(10, [16], 4), steps=150).healthy
    assert loop(dropping(), steps=150, evaluation="eval").healthy


def test_it_sees_what_a_loop_forgets():
    assert loop(net(10, [16], 4), zero=False)[0].code == "stale-gradients"
    assert loop(net(10, [16], 4), step=False)[0].code == "parameters-not-updated"
    assert loop(net(10, [16], 4), zero=False, step=False)[0].code == "parameters-not-updated"
    assert loop(net(10, [16], 4), lr=0.0)[0].code == "parameters-not-updated"
    assert loop(dropping(), evaluating=True)[0].code == "trained-in-eval-mode"
    assert "evaluated-in-train-mode" in loop(dropping(), evaluation="train").codes()
    assert loop(net(10, [16], 4), sign=-1.0)[0].code == "ascending"


def test_invariants_are_seen_within_two_steps():
    for findings in (
        loop(net(10, [16], 4), zero=False),
        loop(net(10, [16], 4), step=False),
        loop(dropping(), evaluating=True),
        loop(net(10, [16], 4), sign=-1.0),
    ):
        assert findings[0].severity == "error"
        assert findings[0].step is not None
        assert findings[0].step <= 2


def test_gradients_of_several_batches_may_be_added_up():
    assert "stale-gradients" not in every(loop(net(10, [16], 4), backwards=3, steps=60))


def test_nan_in_a_batch_is_the_cause():
    network = net(10, [16], 4)
    optimizer = optim.SGD(network.parameters(), lr=0.1)
    x = X[:32].copy()
    x[3, 2] = np.nan
    with gn.doctor.watch(network, optimizer, speak=False) as watched, np.errstate(all="ignore"):
        nn.functional.cross_entropy(network(gn.tensor(x)), Y[:32]).backward()
    assert watched.findings[0].code == "nonfinite-input"
    assert watched.findings[0].evidence["rows"] == [3]
    assert [one.code for one in watched.findings[0].explains] == ["nonfinite-loss"]


def test_watching_changes_no_bit():
    def weights(watched: bool) -> dict[str, np.ndarray]:
        network = dropping()
        optimizer = optim.Adam(network.parameters(), lr=0.01)
        watch = gn.doctor.watch(network, optimizer, speak=False) if watched else None
        for xb, yb in data.batches((X, Y), 32, seed=0):
            optimizer.zero_grad()
            gn.manual_seed(1)
            nn.functional.cross_entropy(network(xb), yb).backward()
            optimizer.step()
        if watch is not None:
            watch.close()
        return network.state_dict()

    plain, seen = weights(False), weights(True)
    for name, array in plain.items():
        np.testing.assert_array_equal(array, seen[name])


def one_step(loss: Any, x: Any = X, width: int = 4) -> Findings:
    """Two steps with a loss of what the network gives."""
    network = net(x.shape[-1], [16], width)
    optimizer = optim.SGD(network.parameters(), lr=0.1)
    with gn.doctor.watch(network, optimizer, speak=False) as watched:
        for _ in range(2):
            optimizer.zero_grad()
            loss(network(gn.tensor(x))).backward()
            optimizer.step()
    return watched.findings


def test_a_softmax_between_network_and_loss_is_the_networks():
    functional = nn.functional
    found = one_step(lambda out: functional.cross_entropy(functional.softmax(out), Y))
    assert found[0].code == "probabilities-as-logits"
    assert "probabilities-as-logits" not in every(one_step(lambda out: functional.cross_entropy(out, Y)))
    yes = (Y == 0).astype(np.float32)[:, None]
    found = one_step(lambda out: functional.binary_cross_entropy_with_logits(out.sigmoid(), yes), width=1)
    assert found[0].code == "probabilities-as-logits"


def test_outputs_of_one_column_against_targets_of_none_are_crossed():
    y = X[:, 0]
    found = one_step(lambda out: ((out - y) ** 2).mean(), width=1)
    assert (found[0].code, found[0].severity) == ("wrong-loss", "error")
    assert "wrong-loss" not in every(one_step(lambda out: ((out[:, 0] - y) ** 2).mean(), width=1))
    assert "wrong-loss" not in every(one_step(lambda out: ((out - y[:, None]) ** 2).mean(), width=1))


def test_batches_of_many_lengths_do_not_end_the_diagnosis():
    gn.manual_seed(0)

    class Mean(nn.Module):
        def __init__(self) -> None:
            self.table, self.last = nn.Embedding(9, 8), nn.Linear(8, 3)

        def forward(self, x: Any) -> Any:
            return self.last(self.table(x).mean(1))

    network, rng = Mean(), np.random.default_rng(0)
    optimizer = optim.SGD(network.parameters(), lr=0.1)
    with gn.doctor.watch(network, optimizer, speak=False) as watched:
        for step in range(20):
            x = rng.integers(0, 9, (16, 3 + step % 4))
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(x), x[:, 0] % 3).backward()
            optimizer.step()
    assert isinstance(watched.findings, Findings)
    assert watched.evidence.data.rows == 5 * 16

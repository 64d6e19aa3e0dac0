"""Each rule: a run with its fault, in which it is found first, and a look-alike that stays quiet."""

from __future__ import annotations

import numpy as np
import pytest

import glassnet as gn
from glassnet import nn, optim
from glassnet.doctor import CODES, RULES

from . import sick
from .sick import Case, character_net, classes, every, names, net, quantities, scaled, sgd, train

X, Y = classes()
QX, QY = quantities()
ONE_HOT = np.eye(20, dtype=np.float32)[np.arange(600) % 20]


def noisy_labels() -> sick.Rows:
    x, y = classes(rows=900, apart=4.0)
    rng = np.random.default_rng(1)
    wrong = rng.random(len(y)) < 0.2
    return x, np.where(wrong, rng.integers(0, 4, len(y)), y)


def imbalanced(apart: float) -> sick.Rows:
    """The third class is rare, and overlaps with the first unless it is far away."""
    rng = np.random.default_rng(3)
    y = np.repeat([0, 1, 2], [600, 600, 40])
    centres = np.zeros((3, 10), np.float32)
    centres[1, 0], centres[2, 1] = 6.0, apart
    order = rng.permutation(len(y))
    return (centres[y] + rng.standard_normal((len(y), 10))).astype(np.float32)[order], y[order]


def with_schedule(size: int, **options: float) -> gn.doctor.Findings:
    network = net(10, [16], 4)
    optimizer = optim.SGD(network.parameters(), lr=0.01)
    schedule = optim.StepLR(optimizer, step_size=size, gamma=0.1)
    return train(network, (X, Y), optimizer=optimizer, schedule=schedule)


def only(part: slice, *, freeze: bool) -> gn.doctor.Findings:
    """Train a part of the layers."""
    network = net(10, [16], 4)
    for one in network.parameters() if freeze else []:
        one.requires_grad = False
    for one in network[part].parameters():
        one.requires_grad = True
    return train(network, (X, Y), optimizer=optim.Adam(network[part].parameters(), lr=0.01))


def decayed(strength: float) -> gn.doctor.Findings:
    network = net(10, [16], 4)
    return train(
        network, (X, Y), optimizer=optim.SGD(network.parameters(), lr=0.1, momentum=0.9, weight_decay=strength)
    )


def normalised(momentum: float, *, batch_size: int = 32, epochs: int = 15) -> gn.doctor.Findings:
    network = net(10, [16], 4, norm=True)
    network[1].momentum = momentum
    return train(network, (X * 5 + 3, Y), batch_size=batch_size, epochs=epochs)


def lagging() -> gn.doctor.Findings:
    """Running statistics that hardly move."""
    network = net(8, [16], 1, norm=True)
    network[1].momentum = 0.001
    return train(network, (5 * QX + 3, QY))


def one_hot_of_squares() -> sick.Rows:
    rows = np.concatenate([ONE_HOT] * 2)
    return rows, np.tile(np.arange(20) % 4, 60)[: len(rows)]


SORTED = np.argsort(Y, kind="stable")
MANY = classes(rows=1500)

#: code -> a run that has it.
SICK: dict[str, Case] = {
    "unnormalised-inputs": lambda: train(
        net(8, [16], 1), (QX * np.logspace(-2, 3, 8).astype(np.float32), QY), lr=0.003
    ),
    "constant-feature": lambda: train(net(11, [16], 4), (np.pad(X, ((0, 0), (0, 1))), Y)),
    "unscaled-targets": lambda: train(net(8, [16], 1), (QX, 1000 * QY + 500), lr=0.003),
    "unshuffled-data": lambda: train(net(10, [16], 4), (X[SORTED], Y[SORTED]), shuffle=False, validation=(X, Y)),
    "class-imbalance": lambda: train(net(10, [16], 3), imbalanced(1.2)),
    "label-noise": lambda: train(net(10, [16], 4), noisy_labels()),
    "labels-unrelated": lambda: train(net(10, [16], 4), (X, np.random.default_rng(5).permutation(Y))),
    "conflicting-labels": lambda: train(
        net(10, [16], 4),
        (np.concatenate([X, X[:100]]), np.concatenate([Y, (Y[:100] + 1) % 4])),
        validation=(X[:99], Y[:99]),
    ),
    "split-leak": lambda: train(net(10, [16], 4), (X, Y), validation=(X[:50], Y[:50])),
    "target-leak": lambda: train(net(9, [16], 1), (np.concatenate([QX, QY], 1), QY)),
    "split-shift": lambda: train(net(8, [16], 1), (QX, QY), validation=(quantities(200, seed=0)[0] + 2, QY[:200])),
    "parameters-not-updated": lambda: train(n := net(10, [16], 4), (X, Y), **sgd(n, 0.0)),
    "parameter-not-in-optimizer": lambda: only(slice(2, 3), freeze=False),
    "detached-parameter": lambda: train(sick.OwnCode(detached=True), (X, Y)),
    "missing-nonlinearity": lambda: train(sick.OwnCode(linear=True), (X, Y)),
    "bad-initial-scale": lambda: train(n := scaled(net(10, [16] * 4, 4), 0.05), (X, Y), **sgd(n, 0.05, momentum=0.9)),
    "symmetric-initialization": lambda: train(sick.filled(net(10, [16, 16], 4), 0.1), (X, Y)),
    "high-initial-loss": lambda: train(scaled(net(10, [16], 4), 40, slice(-1, None)), (X, Y), lr=0.003),
    "nonfinite-loss": lambda: train(n := net(8, [16], 1), (QX, QY), **sgd(n, 1e4)),
    "exploding-gradients": lambda: train(n := scaled(net(10, [16] * 8, 4), 3.0), (X, Y), **sgd(n, 0.01)),
    "vanishing-gradients": lambda: train(
        n := net(10, [16] * 7, 4, nn.Sigmoid), (X, Y), epochs=20, **sgd(n, 0.05, momentum=0.9)
    ),
    "learning-rate-too-low": lambda: train(n := net(10, [16], 4), (X, Y), **sgd(n, 1e-5)),
    "learning-rate-too-high": lambda: train(net(8, [16], 1), (QX, QY), lr=3.0),
    "schedule-ends-early": lambda: with_schedule(10),
    "ascending": lambda: train(
        net(10, [16], 4), (X, Y), loss=lambda o, y: -nn.functional.cross_entropy(o, y), epochs=2
    ),
    "over-regularised": lambda: decayed(0.5),
    "stopped-early": lambda: train(net(10, [16], 4), MANY, lr=0.003, epochs=1),
    "underfitting": lambda: train(net(10, [1], 4), (X, Y), epochs=30),
    "saturated-activations": lambda: train(
        n := scaled(net(10, [16, 16], 4, nn.Tanh), 30.0, slice(0, -1)), classes(apart=1.0), **sgd(n, 0.003)
    ),
    "dead-units": lambda: train(n := sick.biased(net(10, [16, 16], 4), -30), MANY, **sgd(n, 0.05)),
    "batchnorm-mismatch": lambda: lagging(),
    "batchnorm-tiny-batch": lambda: normalised(0.1, batch_size=2, epochs=2),
    "redundant-bias": lambda: normalised(0.1),
    "overfitting": lambda: by_heart(keep_best=False),
    "probabilities-as-logits": lambda: train(nn.Sequential(net(10, [16], 4), nn.Softmax()), (X, Y)),
    "wrong-loss": lambda: train(net(10, [16], 1), (X, Y[:, None].astype(np.float32))),
}

#: code -> healthy runs that look like it.
ALIKE: dict[str, list[Case]] = {
    "unnormalised-inputs": [lambda: train(net(20, [16], 4), one_hot_of_squares(), epochs=20)],
    "constant-feature": [lambda: train(net(784, [16], 10), digits(400), epochs=15)],
    "unscaled-targets": [lambda: train(net(8, [16], 1), (QX, 5 * QY), epochs=20)],
    "unshuffled-data": [
        lambda: train(net(10, [16], 4), (X, Y), shuffle=False),
        lambda: train(net(8, [16], 1), (lambda o: (QX[o], QY[o]))(np.argsort(QY[:, 0])), shuffle=False, validation=0.2),
    ],
    "class-imbalance": [lambda: train(net(10, [16], 3), imbalanced(6.0), epochs=20)],
    "label-noise": [lambda: train(net(10, [16], 4), classes(apart=0.8))],
    "conflicting-labels": [lambda: train(character_net(), names()[0], validation=names()[1], batch_size=64, epochs=3)],
    "split-leak": [lambda: train(character_net(), names()[0], validation=names()[1], batch_size=64, epochs=3)],
    "target-leak": [lambda: train(net(1, [8], 1), (QX[:, :1], 2 * QX[:, :1]), epochs=30)],
    "parameters-not-updated": [lambda: warm_up()],
    "parameter-not-in-optimizer": [lambda: only(slice(2, 3), freeze=True)],
    "detached-parameter": [lambda: train(sick.OwnCode(), (X, Y))],
    "missing-nonlinearity": [
        lambda: train(
            (
                gn.manual_seed(0),
                nn.Sequential(
                    nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 4), nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 4)
                ),
            )[1],
            (X, Y),
        )
    ],
    "bad-initial-scale": [
        lambda: train(net(10, [16] * 4, 4), (X, Y)),
        lambda: train(scaled(net(10, [16] * 3, 4, norm=True), 0.05, slice(0, -1)), (X, Y)),
    ],
    "symmetric-initialization": [lambda: train(sick.filled(net(10, [16], 4), 0.0, slice(-1, None)), (X, Y))],
    "high-initial-loss": [
        lambda: train(net(10, [16], 4), (X, Y), loss=nn.CrossEntropyLoss(weight=[9.0, 1.0, 1.0, 1.0]))
    ],
    "exploding-gradients": [lambda: train(net(10, [16] * 6, 4), (X, Y))],
    "vanishing-gradients": [lambda: train(net(10, [16], 4), classes(apart=6.0), epochs=30)],
    "learning-rate-too-low": [lambda: warm_up()],
    "learning-rate-too-high": [lambda: train(sick.filled(net(10, [16], 4), 0.0, slice(-1, None)), (X, Y), lr=0.02)],
    "oscillating-loss": [lambda: train(net(10, [16], 4), (X, Y), batch_size=4, lr=0.002, epochs=5)],
    "schedule-ends-early": [lambda: cosine()],
    "over-regularised": [lambda: decayed(0.001)],
    "saturated-activations": [lambda: train(net(10, [16], 4, nn.Tanh), classes(apart=4.0), epochs=30, lr=0.03)],
    "dead-units": [lambda: train(net(10, [64], 4), (X, Y), penalty=nn.L1Penalty(1e-3), epochs=15)],
    "batchnorm-mismatch": [lambda: normalised(0.1, epochs=15)],
    "batchnorm-tiny-batch": [lambda: normalised(0.1, batch_size=8, epochs=5)],
    "overfitting": [
        lambda: train(net(8, [16], 1), quantities(noise=3.0), epochs=10),
        lambda: by_heart(keep_best=True),
    ],
    "wrong-loss": [
        lambda: train(net(8, [16], 1), (QX, np.digitize(QY, [-1, -0.3, 0.3, 1]).astype(np.float32)), epochs=20)
    ],
    "redundant-bias": [
        lambda: train(character_net(batch_norm=True), names()[0], validation=names()[1], batch_size=64, epochs=3)
    ],
}


def by_heart(*, keep_best: bool) -> gn.doctor.Findings:
    """So many steps on so few rows that a wide network learns their noise."""
    x, y = quantities(noise=2.0)
    network = net(8, [64, 64], 1)
    return train(
        network, (x[:60], y[:60]), validation=(x[200:], y[200:]), epochs=60, batch_size=16, keep_best=keep_best
    )


def digits(rows: int) -> sick.Rows:
    data = gn.data.load("digits")
    return data.train.x[:rows], data.train.y[:rows]


def warm_up() -> gn.doctor.Findings:
    network = net(10, [16], 4)
    optimizer = optim.SGD(network.parameters(), lr=0.1)
    schedule = optim.LinearLR(optimizer, start_factor=1e-6, total_iters=20)
    return train(network, (X, Y), optimizer=optimizer, schedule=schedule)


def cosine() -> gn.doctor.Findings:
    network = net(10, [16], 4)
    optimizer = optim.Adam(network.parameters(), lr=0.01)
    return train(network, (X, Y), optimizer=optimizer, schedule=optim.CosineAnnealingLR(optimizer, T_max=150))


#: Codes that only a loop of one's own can have (``test_watch.py``), that ``fit`` refuses, and those with a test below.
ELSEWHERE = {
    "stale-gradients",
    "trained-in-eval-mode",
    "evaluated-in-train-mode",
    "nonfinite-input",
    "oscillating-loss",
}
#: Consequences, of which another finding of the same run is the cause, and hints.
FOLDED = {"nonfinite-loss", "exploding-gradients", "redundant-bias", "constant-feature"}


@pytest.mark.parametrize("code", SICK)
def test_the_fault_is_found(code: str) -> None:
    findings = SICK[code]()
    found = every(findings)
    assert code in found, findings.text()
    if code not in FOLDED:
        assert findings[0].code == code, findings.text()


@pytest.mark.parametrize(("code", "case"), [(code, case) for code, cases in ALIKE.items() for case in cases])
def test_what_looks_alike_is_healthy(code: str, case: Case) -> None:
    findings = case()
    assert findings.healthy, findings.text()
    assert code not in findings.codes()


def test_every_code_has_a_rule_and_a_run() -> None:
    assert set(RULES) == set(CODES)
    assert set(SICK) | ELSEWHERE == set(CODES)


def test_swings_of_the_loss() -> None:
    network = net(8, [16], 1)
    findings = train(network, (QX, QY), **sgd(network, 0.2, momentum=0.9), epochs=30)
    assert "oscillating-loss" in every(findings), findings.text()

"""The rules on loops of PyTorch: each fault is found first, and healthy loops stay quiet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import glassnet as gn
from glassnet.doctor import Findings

from .sick import classes, every, quantities
from .torch_loops import QX, QY, F, Net, OwnCode, X, Y, changed, net, nn, sgd, torch, train

pytestmark = pytest.mark.usefixtures("one_thread")


def noisy() -> tuple[Any, Any]:
    return tuple(torch.as_tensor(one) for one in quantities(noise=2.0))


SORTED = torch.argsort(Y, stable=True)
MANY = [torch.as_tensor(one) for one in classes(rows=1500)]
Case = Callable[[], Findings]

#: code -> loops that have it.
SICK: dict[str, Case] = {
    # data
    "unnormalised-inputs": lambda: train(net(8, [16], 1), QX * torch.logspace(-2, 3, 8), QY, epochs=5),
    "unscaled-targets": lambda: train(net(8, [16], 1), QX, 1000 * QY + 500),
    "unshuffled-data": lambda: train(net(10, [16], 4), X[SORTED], Y[SORTED], shuffle=False, epochs=3),
    "nonfinite-input": lambda: train(net(10, [16], 4), torch.where(X > 3, torch.nan, X), Y, epochs=1),
    # set-up
    "parameters-not-updated": lambda: train(net(10, [16], 4), step=False, epochs=1),
    "parameter-not-in-optimizer": lambda: train(m := net(10, [16], 4), optimizer=torch.optim.Adam(m[2].parameters())),
    "detached-parameter": lambda: train(OwnCode(detached=True)),
    "stale-gradients": lambda: train(net(10, [16], 4), zero=False, epochs=2),
    "trained-in-eval-mode": lambda: train(net(10, [16], 4, norm=True), training=False),
    "evaluated-in-train-mode": lambda: train(net(10, [16], 4, norm=True), validation=(X, Y), evaluating=False),
    "missing-nonlinearity": lambda: train(OwnCode(linear=True)),
    # initialisation
    "bad-initial-scale": lambda: train(changed(net(10, [16] * 4, 4), lambda w: w.mul_(20), slice(0, -1)), epochs=3),
    "symmetric-initialization": lambda: train(changed(net(10, [16, 16], 4), lambda w: w.fill_(0.1))),
    # optimisation
    "learning-rate-too-low": lambda: train(m := net(10, [16], 4), optimizer=sgd(m, 1e-5)),
    "learning-rate-too-high": lambda: train(
        m := net(8, [16], 1), QX, QY, optimizer=torch.optim.Adam(m.parameters(), lr=3.0)
    ),
    "vanishing-gradients": lambda: train(
        m := net(10, [16] * 7, 4, nn.Sigmoid), optimizer=sgd(m, 0.05, momentum=0.9), epochs=15
    ),
    "schedule-ends-early": lambda: train(
        m := net(10, [16], 4),
        optimizer=sgd(m, 0.01),
        scheduler=lambda o: torch.optim.lr_scheduler.StepLR(o, step_size=10, gamma=0.1),
    ),
    "over-regularised": lambda: train(m := net(10, [16], 4), optimizer=sgd(m, 0.05, momentum=0.9, weight_decay=3.0)),
    "ascending": lambda: train(net(10, [16], 4), sign=-1.0, epochs=1),
    "nonfinite-loss": lambda: train(m := net(8, [16], 1), QX, QY, optimizer=sgd(m, 1e4), epochs=3),
    # activations
    "saturated-activations": lambda: train(
        m := changed(net(10, [16, 16], 4, nn.Tanh), lambda w: w.mul_(60), slice(0, -1)),
        *(torch.as_tensor(one) for one in classes(apart=1.0)),
        optimizer=sgd(m, 0.003),
    ),
    "dead-units": lambda: train(m := OwnCode(bias=-30.0), *MANY, optimizer=sgd(m, 0.05)),
    # normalisation
    "batchnorm-tiny-batch": lambda: train(net(10, [16], 4, norm=True), batch=2, epochs=2),
    "redundant-bias": lambda: train(net(10, [16], 4, norm=True)),
    # generalisation
    "overfitting": lambda: train(
        net(8, [64, 64], 1), *(one[:60] for one in noisy()), validation=[one[200:] for one in noisy()], epochs=60
    ),
    # loss and head
    "probabilities-as-logits": lambda: train(nn.Sequential(*net(10, [16], 4), nn.Softmax(-1)), epochs=2),
    "wrong-loss": lambda: train(net(10, [16], 1), X, Y[:, None].float(), epochs=2),
}
SOFT = {
    "by a function": lambda o, y: F.cross_entropy(F.softmax(o, -1), y),
    "by a module": lambda o, y: nn.CrossEntropyLoss()(o.softmax(-1), y),
}
#: Consequences, of which another finding of the same run is the cause, and hints.
FOLDED = {"nonfinite-loss", "redundant-bias", "batchnorm-tiny-batch"}


@pytest.mark.parametrize("code", SICK)
def test_the_fault_is_found(code: str) -> None:
    findings = SICK[code]()
    assert code in every(findings), findings.text()
    if code not in FOLDED:
        assert findings[0].code == code, findings.text()


def dropping() -> Net:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(10, 32), nn.ReLU(inplace=True), nn.Dropout(0.2), nn.Linear(32, 4))


def warming_up() -> Findings:
    return train(
        m := net(10, [16], 4),
        optimizer=sgd(m, 0.1),
        scheduler=lambda o: torch.optim.lr_scheduler.LambdaLR(o, lambda step: min(1.0, step / 30)),
    )


def images() -> Findings:
    """Convolutions, in whose outputs the channels come second."""
    torch.manual_seed(0)
    digits = gn.data.load("digits")
    x = torch.as_tensor(digits.train.x[:1000]).reshape(-1, 1, 28, 28)
    model = nn.Sequential(
        *(nn.Conv2d(1, 8, 3, stride=2, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.AvgPool2d(2)),
        *(nn.Conv2d(8, 16, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16 * 16, 10)),
    )
    return train(model, x, torch.as_tensor(digits.train.y[:1000]).long(), epochs=4)


HEALTHY: dict[str, Case] = {
    "classes": lambda: train(net(10, [16], 4), validation=(X, Y)),
    "values": lambda: train(net(8, [16], 1), QX, QY, epochs=20),
    "by a function": lambda: train(net(10, [16], 4), loss_fn=F.cross_entropy),
    "by a function of one's own": lambda: train(net(10, [16], 4), loss_fn=lambda o, y: F.cross_entropy(o, y)),
    "by a sum": lambda: train(net(10, [16], 4), loss_fn=nn.CrossEntropyLoss(reduction="sum"), epochs=15),
    "without an axis": lambda: train(
        nn.Sequential(*net(8, [16], 1)), QX, QY[:, 0], loss_fn=lambda o, y: F.mse_loss(o[:, 0], y), epochs=20
    ),
    "own code": lambda: train(OwnCode()),
    "dropout, in place": lambda: train(dropping(), validation=(X, Y)),
    "BatchNorm": lambda: train(
        nn.Sequential(nn.Linear(10, 16, bias=False), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 4)),
        validation=(X, Y),
    ),
    "warm-up": warming_up,
    "images": images,
    "frozen": lambda: train(
        m := net(10, [64], 4).requires_grad_(False).append(nn.Linear(4, 4)),
        optimizer=torch.optim.Adam(m[3].parameters(), lr=0.03),
        epochs=0,
    ),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_loops_are_quiet(name: str) -> None:
    findings = HEALTHY[name]()
    assert findings.healthy, findings.text()


@pytest.mark.parametrize("loss_fn", SOFT.values(), ids=SOFT)
def test_a_softmax_between_network_and_loss_is_the_networks(loss_fn: Any) -> None:
    assert train(net(10, [16], 4), loss_fn=loss_fn, epochs=1)[0].code == "probabilities-as-logits"


def test_a_loop_of_two_passes_without_a_step_has_none() -> None:
    model = net(10, [16], 4)
    optimizer, loss_fn = sgd(model, 0.1), nn.CrossEntropyLoss()
    with gn.doctor.torch.watch(model, optimizer, loss_fn, speak=False) as watched:
        for rows in (slice(0, 32), slice(32, 64)):
            optimizer.zero_grad()
            loss_fn(model(X[rows]), Y[rows]).backward()
    assert watched.findings.codes()[:1] == ["parameters-not-updated"]


def test_channels_of_a_convolution_that_are_alike_are_symmetric() -> None:
    def codes(*, alike: bool) -> list[str]:
        torch.manual_seed(0)
        model = nn.Sequential(nn.Conv1d(1, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 4))
        with torch.no_grad():
            model[3].weight.fill_(0.2)
            if alike:
                model[0].weight.copy_(model[0].weight[:1].clone())
                model[0].bias.zero_()
        return train(model, X[:, None, :], Y, epochs=1).codes()

    assert codes(alike=True)[0] == "symmetric-initialization"
    assert "symmetric-initialization" not in codes(alike=False)

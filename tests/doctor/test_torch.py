"""The doctor beside loops of PyTorch: that it leaves no trace, and what is no mistake."""

from __future__ import annotations

import builtins
import copy
import io
from typing import Any

import numpy as np
import pytest

import glassnet as gn

from .torch_loops import QX, QY, F, Net, OwnCode, X, Y, net, nn, sgd, torch, train

pytestmark = pytest.mark.usefixtures("one_thread")


def bits(model: Net) -> list[Any]:
    return [one.clone() for one in model.state_dict().values()]


@pytest.mark.parametrize("asked", ["at the end", "in between"])
def test_the_model_is_as_it_was_and_learns_the_same(asked: str) -> None:
    def run(watching: bool) -> tuple[Net, Any, Any]:
        model = nn.Sequential(*net(10, [16], 8, norm=True), nn.ReLU(inplace=True), nn.Dropout(0.2), nn.Linear(8, 4))
        optimizer, loss_fn = torch.optim.AdamW(model.parameters(), lr=0.01), nn.CrossEntropyLoss()
        calls: list[int] = []
        model[0].register_forward_hook(lambda *_: calls.append(1))
        torch.manual_seed(1)
        before = torch.autograd.backward, dict(vars(optimizer)), [dict(vars(one)) for one in model.modules()]
        watched = gn.doctor.torch.watch(model, optimizer, loss_fn, every=3, speak=False) if watching else None
        for epoch in range(3):
            for rows in torch.randperm(len(X)).split(100):
                loss = loss_fn(model(X[rows]), Y[rows])
                if watched is not None and asked == "in between":
                    assert watched.findings is not None
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            model.train(epoch != 1)
        if watched is not None:
            state = torch.get_rng_state(), bits(model), [one.grad.clone() for one in model.parameters()]
            modes = [one.training for one in model.modules()]
            watched.close()
            assert torch.equal(state[0], torch.get_rng_state())
            assert all(map(torch.equal, state[1], bits(model)))
            assert all(torch.equal(a, b.grad) for a, b in zip(state[2], model.parameters(), strict=True))
            assert modes == [one.training for one in model.modules()]
            for one in (optimizer, loss_fn, *model.modules()):
                hooks = {name: value for name, value in vars(one).items() if "hook" in name}
                mine = 1 if one is model[0] else 0
                assert sum(len(value) for value in hooks.values() if value) == mine, hooks
            assert torch.autograd.backward is before[0]
        return model, calls, torch.get_rng_state()

    (plain, called, random), (watched, counted, same) = run(False), run(True)
    assert all(map(torch.equal, bits(plain), bits(watched)))
    assert len(called) == len(counted)
    assert torch.equal(random, same)


def test_copies_and_files_of_a_model_are_not_watched() -> None:
    model = nn.Sequential(*net(10, [16], 4), nn.Dropout(0.2))
    optimizer, loss_fn = sgd(model, 0.1), nn.CrossEntropyLoss()
    copies: list[Any] = []
    with gn.doctor.torch.watch(model, optimizer, loss_fn, speak=False) as watched:
        for step in range(6):  # looked into, and not
            file = io.BytesIO()
            torch.save(model, file)
            file.seek(0)
            copies += [copy.deepcopy(model), copy.copy(loss_fn), torch.load(file, weights_only=False)]
            assert len(file.getvalue()) < 20_000  # weights of 2 kB, and nothing of the watch
            assert step == watched.steps
            loss = loss_fn(model(X[:100]), Y[:100])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():  # of the model itself, in training mode, this would be a mistake
            for one in copies[::3] + copies[2::3]:
                copies[1](one(X[100:]), Y[100:])
    assert not watched.evidence.evaluated_in_training


def test_two_watches_and_what_comes_after() -> None:
    original = torch.autograd.backward
    models = [net(10, [16], 4) for _ in range(2)]
    optimizers = [sgd(one, 0.1) for one in models]
    watches = [
        gn.doctor.torch.watch(*both, F.cross_entropy, speak=False) for both in zip(models, optimizers, strict=True)
    ]
    for _ in range(3):
        optimizers[0].zero_grad()
        F.cross_entropy(models[0](X), Y).backward()
        optimizers[0].step()
    assert [one.steps for one in watches] == [3, 0]
    watches[0].close()
    assert torch.autograd.backward is not original
    findings = watches[1].close()
    assert torch.autograd.backward is original
    assert findings == []
    assert watches[0].close() == watches[0].findings


def test_an_adversary_and_accumulation_are_no_mistakes() -> None:
    """Gradients that another loss leaves are thrown away; those of several batches are added up."""
    model, other = net(10, [16], 4), net(10, [16], 10)
    optimizer = sgd(model, 0.1, momentum=0.9)
    with gn.doctor.torch.watch(model, optimizer, nn.CrossEntropyLoss(), speak=False) as watched:
        for _ in range(80):
            nn.CrossEntropyLoss()(model(other(X)), Y).backward()
            optimizer.zero_grad()
            for part in range(4):
                (nn.CrossEntropyLoss()(model(X[part::4]), Y[part::4]) / 4).backward()
            optimizer.step()
    assert watched.findings.healthy, watched.findings.text()


def test_a_search_along_a_line_is_no_mistake() -> None:
    model = net(8, [16], 1)
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.1, max_iter=5)

    def closure() -> Any:
        optimizer.zero_grad()
        loss = F.mse_loss(model(QX), QY)
        loss.backward()
        return loss

    with gn.doctor.torch.watch(model, optimizer, F.mse_loss, speak=False) as watched:
        for _ in range(20):
            optimizer.step(closure)
    assert watched.findings.healthy, watched.findings.text()


def test_errors_are_said_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    model = net(10, [16], 4)
    optimizer, loss_fn = sgd(model, 0.1), nn.CrossEntropyLoss()
    watched = gn.doctor.torch.watch(model, optimizer, loss_fn)
    for _ in range(2):
        loss_fn(model(X), Y).backward()
        optimizer.step()
    assert "stale-gradients" in capsys.readouterr().out
    watched.close()


def test_layers_are_read_from_modules_and_code() -> None:
    model = OwnCode()
    watched = gn.doctor.torch.watch(model, sgd(model, 0.1), nn.CrossEntropyLoss(), speak=False)
    nn.CrossEntropyLoss()(model(X), Y).backward()
    watched.optimizer.step()
    layers = watched.evidence.setup.layers
    assert [(one.path, one.kind, one.after) for one in layers] == [
        ("first", "Linear", []),
        ("relu", "ReLU", ["first"]),
        ("second", "Linear", ["relu"]),
        ("tanh", "Tanh", ["second"]),
        ("last", "Linear", ["tanh"]),
    ]
    assert (layers[0].width_in, layers[0].width, layers[0].values) == (10, 16, len(X))
    probe = watched.evidence.probes[0]
    assert probe.layers["first"].gradient is not None
    expected = F.relu(copy.deepcopy(model).first(X)).detach()
    assert probe.layers["relu"].mean == pytest.approx(float(expected.mean()), rel=0.2)  # the weights moved by a step
    assert not next(one for one in watched.evidence.setup.parameters if one.path == "head.weight").used
    watched.close()


def layers_of(model: Net, x: Any) -> list[Any]:
    with gn.doctor.torch.watch(model, sgd(model, 0.1), F.cross_entropy, speak=False) as watched:
        F.cross_entropy(model(x), Y[: len(x)]).backward()
    return watched.evidence.setup.layers


def test_what_comes_before_the_model_is_not_its_own() -> None:
    assert [one.path for one in layers_of(net(10, [16], 4), net(10, [], 10)(X))] == ["0", "1", "2"]


def test_channels_come_second() -> None:
    model = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 4, 4))
    found = [(one.kind, one.width_in, one.width, one.values) for one in layers_of(model, torch.zeros(5, 1, 4, 4))]
    assert found == [("Conv2d", 1, 8, 20), ("ReLU", 0, 8, 20), ("Reshape", 0, 32, 5), ("Linear", 32, 4, 5)]


def test_its_evidence_is_that_of_the_same_network_here() -> None:
    """The same weights, rows and steps give the same probes by hooks as by glassnet's own looks."""
    ours, theirs = gn.nn.Sequential(gn.nn.Linear(10, 16), gn.nn.Tanh(), gn.nn.Linear(16, 4)), net(10, [16], 4, nn.Tanh)
    for place in (0, 2):
        ours[place].weight.data = theirs[place].weight.detach().numpy().T.copy()
        ours[place].bias.data = theirs[place].bias.detach().numpy().copy()
    of_ours, of_theirs = gn.optim.SGD(ours.parameters(), lr=0.1), sgd(theirs, 0.1)
    a = gn.doctor.watch(ours, of_ours, speak=False)
    b = gn.doctor.torch.watch(theirs, of_theirs, nn.CrossEntropyLoss(), speak=False)
    for _ in range(5):
        of_ours.zero_grad()
        gn.nn.functional.cross_entropy(ours(X.numpy()), Y.numpy()).backward()
        of_ours.step()
        of_theirs.zero_grad()
        F.cross_entropy(theirs(X), Y).backward()
        of_theirs.step()
    a.close()
    b.close()
    for one, other in zip(a.evidence.probes, b.evidence.probes, strict=True):
        mine, yours = flat(one), flat(other)
        assert mine.keys() == yours.keys()
        for name, value in mine.items():
            assert yours[name] == pytest.approx(value, rel=1e-3, abs=1e-6), name


def flat(value: Any, name: str = "") -> dict[str, Any]:
    """The numbers of a probe, by their place."""
    parts = vars(value) if hasattr(value, "__dict__") else value
    if not isinstance(parts, dict):
        return {name: value} if isinstance(value, float | int) else {}
    return {key: one for part, inside in parts.items() for key, one in flat(inside, f"{name}.{part}").items()}


def test_what_is_no_model_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    model = net(10, [16], 4)
    optimizer, watch = sgd(model, 0.1), gn.doctor.torch.watch
    with pytest.raises(gn.ConfigError, match=r"torch\.nn\.Module"):
        watch(gn.nn.Linear(2, 2), optimizer, F.cross_entropy)
    with pytest.raises(gn.ConfigError, match=r"torch\.optim\.Optimizer"):
        watch(model, model.parameters(), F.cross_entropy)
    with pytest.raises(gn.ConfigError, match="loss_fn must be"):
        watch(model, optimizer, "mse")
    with pytest.raises(gn.ConfigError, match="every"):
        watch(model, optimizer, F.cross_entropy, every=0)
    real = builtins.__import__

    def without_torch(name: str, *args: Any) -> Any:
        if name == "torch":
            raise ImportError(name)
        return real(name, *args)

    monkeypatch.setattr(builtins, "__import__", without_torch)
    with pytest.raises(gn.ConfigError, match=r"glassnet\[torch\]"):
        watch(model, optimizer, F.cross_entropy)


def test_rows_with_no_number_are_named() -> None:
    for at in (3, 70):  # in the first batch, and in a later one
        x = X.clone()
        x[at, 2] = np.nan
        findings = train(net(10, [16], 4), x[:96], Y[:96], shuffle=False, epochs=1)
        assert findings.codes()[:1] == ["nonfinite-input"]
        assert findings[0].evidence["rows"] == [at % 32]
    y = QY.clone()
    y[70] = np.nan
    findings = train(net(len(QX[0]), [16], 1), QX[:96], y[:96], shuffle=False, epochs=1, loss_fn=nn.MSELoss())
    assert findings[0].evidence["rows"] == [6]


def test_an_optimizer_that_makes_the_loss_larger() -> None:
    model = net(10, [16], 4)
    upwards = torch.optim.Adam(model.parameters(), lr=0.01, maximize=True)
    assert train(model, optimizer=upwards, epochs=1).codes()[:1] == ["ascending"]
    assert "ascending" not in train(model, optimizer=upwards, epochs=1, sign=-1.0).codes()  # the two cancel


def pairs(o: Any, y: Any) -> Any:
    return ((o - o.T) - (y[:, None] - y)).square().mean()


@pytest.mark.parametrize(
    ("loss_fn", "flat", "wrong"),
    [
        (nn.MSELoss(), True, True),
        (nn.HuberLoss(), True, True),
        (F.l1_loss, True, True),
        (lambda o, y: ((o - y) ** 2).mean(), True, True),
        (lambda o, y: ((y - o) ** 2).mean(), True, True),
        (lambda o, y: F.mse_loss(o[:, 0], y), False, True),
        (lambda o, y: F.mse_loss(o[:, 0], y), True, False),
        (lambda o, y: ((o.squeeze(1) - y) ** 2).mean(), True, False),
        (nn.MSELoss(), False, False),
        (pairs, True, False),
    ],
)
@pytest.mark.filterwarnings("ignore:Using a target size")
def test_outputs_that_are_compared_with_the_targets_of_all_rows(loss_fn: Any, flat: bool, wrong: bool) -> None:
    findings = train(net(8, [16], 1), QX, QY[:, 0] if flat else QY, loss_fn=loss_fn, epochs=1)
    found = [one for one in findings if one.code == "wrong-loss"]
    assert [one.severity for one in found] == ["error"] * wrong
    assert all("(N, N)" in one.message for one in found)


def test_sequences_of_many_lengths() -> None:
    torch.manual_seed(0)
    x, y = torch.randint(0, 9, (300, 12)), torch.randint(0, 3, (300,))
    model = nn.Sequential(nn.Embedding(9, 4), nn.AdaptiveAvgPool2d((1, 4)), nn.Flatten(), nn.Linear(4, 3))
    optimizer, loss_fn = sgd(model, 0.1), nn.CrossEntropyLoss()
    with gn.doctor.torch.watch(model, optimizer, loss_fn, speak=False) as watched:
        for step in range(20):
            rows = slice(10 * step, 10 * step + 10)
            loss = loss_fn(model(x[rows, : 3 + step % 9]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert watched.evidence.has("checkup")


def test_what_happens_late_is_seen_though_not_every_step_is_followed() -> None:
    """Losses stay in line with steps, an evaluation in between is seen, and so is a loss that fails."""
    model = net(10, [16], 4)
    optimizer, loss_fn = sgd(model, 0.05), nn.CrossEntropyLoss()
    with gn.doctor.torch.watch(model, optimizer, loss_fn, speak=False) as watched:
        for step in range(403):
            rows = torch.arange(step, step + 32) % len(X)
            loss = loss_fn(model(X[rows]), Y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if step == 300:
                with torch.no_grad():
                    loss_fn(model(X), Y)
        assert watched.losses.steps == 401  # up to the last that was followed
        model[0].weight.data[0, 0] = np.nan
        loss_fn(model(X[:32]), Y[:32]).backward()
    assert watched.evidence.evaluated_in_training == []
    assert len(watched.evidence.progress.history["val_loss"]) == 1
    assert watched.evidence.failure.step == 403
    assert "nan" in watched.evidence.failure.message

"""Diagnostics: what they record, that looking changes nothing, and the learning-rate finder."""

import math

import numpy as np
import pytest

import glassnet as gn
from glassnet import nn, optim
from glassnet.train.diagnostics import DIAGNOSTICS
from glassnet.train.lr_finder import _suggest
from glassnet.train.storage import sealed_json

from .training import InterruptAt, X, Y, classifier, fit, train


def two_layers():
    gn.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3))


def test_looking_changes_no_bit(tmp_path):
    runs = [train(tmp_path / str(every), diagnostics=every) for every in (None, 1, 7)]
    for run in runs[1:]:
        for name, array in runs[0].net.state_dict().items():
            np.testing.assert_array_equal(run.net.state_dict()[name], array)
        assert run.history["loss"] == runs[0].history["loss"]
    assert runs[0].diagnostics is None
    assert runs[2].diagnostics.steps == [0, 7, 14, 21, 28]


def test_the_values_are_those_of_the_step():
    net = two_layers()
    net[0].bias.data[1] = -1e3  # a dead unit
    net[2].weight.data[:, 2] = 1e3  # a saturated one
    twin = two_layers()
    twin.load_state_dict(net.state_dict())
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    seen = fit(net, optimizer=optimizer, steps=1, batch_size=90, shuffle=False, diagnostics=1).diagnostics
    x, outputs = gn.tensor(X), []
    for layer in twin:
        x = layer(x)
        x.retain_grad()
        outputs.append(x)
    nn.functional.cross_entropy(x, Y).backward()
    for i, out in enumerate(outputs):
        values = seen.layers[str(i)]
        assert values["mean"][0] == pytest.approx(out.data.mean(), rel=1e-4, abs=1e-6)
        assert values["std"][0] == pytest.approx(out.data.std(), rel=1e-4)
        assert values["grad_std"][0] == pytest.approx(out.grad.std(), rel=1e-4)
    assert seen.layers["1"]["dead"] == [pytest.approx((outputs[1].data == 0).all(0).mean())]
    assert seen.layers["1"]["dead"][0] >= 1 / 6
    assert seen.layers["3"]["saturated"] == [pytest.approx((np.abs(outputs[3].data) > 0.97).mean())]
    assert seen.layers["3"]["saturated"][0] > 0.1
    assert seen.layers["0"]["saturated"] == seen.layers["0"]["dead"] == [None]
    weight = twin[4].weight
    values = seen.parameters["4.weight"]
    assert values["grad_to_data"][0] == pytest.approx(weight.grad.std() / weight.data.std(), rel=1e-4)
    expected = math.log10(0.1 * weight.grad.std() / weight.data.std())
    assert values["update_to_data"][0] == pytest.approx(expected, abs=1e-3)
    assert seen.kinds["1"] == "ReLU"


def test_no_hook_stays_behind():
    net = two_layers()
    fit(net, diagnostics=1)
    assert not any(module._forward_hooks for module in net.modules())
    broken = two_layers()
    with np.errstate(all="ignore"), pytest.raises(gn.NonFiniteError):
        fit(broken, diagnostics=1, optimizer=optim.SGD(broken.parameters(), lr=3e38), epochs=5)
    assert not any(module._forward_hooks for module in broken.modules())


def test_a_resumed_run_has_the_record_of_an_uninterrupted_one(tmp_path):
    whole = train(tmp_path / "whole", diagnostics=2)
    train(tmp_path / "parts", diagnostics=2, callbacks=[InterruptAt(13)])
    with (tmp_path / "parts" / DIAGNOSTICS).open("ab") as file:  # as a kill could leave it
        file.write(sealed_json({"step": 14, "layers": {}, "parameters": {}}) + b'\n{"step": 16, "lay')
    parts = train(tmp_path / "parts", diagnostics=2, resume=True)
    assert parts.diagnostics.rows() == whole.diagnostics.rows()
    loaded = gn.Run.load(tmp_path / "parts").diagnostics
    assert loaded.rows() == whole.diagnostics.rows()
    assert loaded.kinds == whole.diagnostics.kinds


@pytest.mark.parametrize("text", ["", "{}\n", "[]\n", '{"kinds": {}}\n{"step": "x"}\n', "\xff\n"])
def test_a_damaged_record_is_named(tmp_path, text):
    train(tmp_path)
    (tmp_path / DIAGNOSTICS).write_bytes(text.encode("latin-1"))
    with pytest.raises(gn.CheckpointError, match=DIAGNOSTICS):
        gn.Run.load(tmp_path)


def test_pictures(tmp_path):
    pytest.importorskip("matplotlib")
    run = fit(two_layers(), validation=0.2, epochs=3, diagnostics=2)
    figure = run.plot(tmp_path / "curves.png")
    assert [axis.get_title() for axis in figure.axes] == ["loss", "accuracy", "learning rate"]
    assert len(figure.axes[0].lines) == 2
    health = run.diagnostics.plot(tmp_path / "health.svg")
    assert [len(axis.lines) for axis in health.axes] == [5, 5, 5, 2, 3, 4]
    confusion = gn.evaluate(run.net, (X, Y)).plot()
    assert confusion.axes[0].get_xlabel() == "predicted"
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert figure._repr_png_().startswith(b"\x89PNG")  # what a notebook shows
    with pytest.raises(gn.ConfigError, match="cannot be written"):
        run.plot(tmp_path / "no" / "such.png")
    with pytest.raises(gn.ConfigError, match="needs an ending that says its format"):
        run.plot(tmp_path / "curves")


@pytest.mark.smoke
def test_the_finder_suggests_a_rate_that_trains_and_puts_everything_back():
    net = classifier(batch_norm=True)
    optimizer = optim.SGD(net.parameters(), lr=0.123, momentum=0.9)
    schedule = optim.StepLR(optimizer, 5)
    before = {name: array.copy() for name, array in net.state_dict().items()}
    found = gn.lr_find(net, (X, Y), loss=nn.CrossEntropyLoss(), optimizer=optimizer, start=1e-5, end=1e3)
    assert found.diverged
    assert 1e-3 < found.suggestion < 10
    assert found.lrs == sorted(found.lrs)
    assert len(found.lrs) == len(found.losses) == len(found.smoothed) < 200
    for name, array in net.state_dict().items():
        np.testing.assert_array_equal(array, before[name])
    assert (optimizer.lr, optimizer.steps, schedule.lr_at(0)) == (0.123, 0, 0.123)
    assert not any(state[0].any() for state in optimizer.states)
    assert all(p.grad is None for p in net.parameters())
    again = gn.lr_find(net, (X, Y), loss=nn.CrossEntropyLoss(), optimizer=optimizer, start=1e-5, end=1e3)
    assert again.losses == found.losses
    optimizer.lr = found.suggestion
    run = fit(net, optimizer=optimizer, epochs=10)
    assert run.history["loss"][-1] < 0.5 * run.history["loss"][0]


def test_the_finder_leaves_gradients_modes_and_the_random_state_alone():
    net = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Tanh(), nn.Linear(8, 3))
    nn.functional.cross_entropy(net(X), Y).backward()
    gradients = [p.grad for p in net.parameters()]
    net[1].eval()
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    optim.StepLR(optimizer, 5)
    groups = [dict(group) for group in optimizer.param_groups]
    gn.manual_seed(3)
    expected = nn.Linear(4, 4).weight.data
    gn.manual_seed(3)
    gn.lr_find(net, (X, Y), loss=nn.CrossEntropyLoss(), optimizer=optimizer, end=1e3)
    np.testing.assert_array_equal(nn.Linear(4, 4).weight.data, expected)
    assert all(p.grad is g for p, g in zip(net.parameters(), gradients, strict=True))
    assert [module.training for module in net] == [True, False, True, True]
    assert optimizer.param_groups == groups


def test_the_noise_of_batches_does_not_suggest_a_rate():
    lrs = np.geomspace(1e-6, 1.0, 200)
    fall = 1 / (1 + (lrs / 1e-3) ** 2)  # steepest, over log(lr), at 1e-3
    noise = 0.3 * np.random.default_rng(0).standard_normal(200)
    assert -np.diff(fall + noise).min() > 10 * -np.diff(fall).min()
    assert 5e-4 < _suggest(lrs.tolist(), (fall + noise / 10).tolist()) < 2e-3
    assert 3e-4 < _suggest(lrs.tolist(), (fall + np.where(lrs < 2e-6, noise, 0)).tolist()) < 3e-3


@pytest.mark.parametrize("seed", range(5))
def test_batches_that_differ_do_not_lead_the_finder_astray(seed):
    x = np.random.default_rng(seed).standard_normal((200, 2))
    net = nn.Linear(2, 1)
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    finder = gn.lr_find(net, (x, x @ [[1.0], [2.0]]), loss=nn.MSELoss(), optimizer=optimizer, seed=seed)
    assert 1e-3 < finder.suggestion < 1  # the curvature of this loss is 2: above 1 it diverges


def test_the_finder_draws_its_sweep(tmp_path):
    pytest.importorskip("matplotlib")
    net = classifier()
    found = gn.lr_find(
        net, (X, Y), loss=nn.CrossEntropyLoss(), optimizer=optim.Adam(net.parameters()), steps=60, end=1.0
    )
    axis = found.plot(tmp_path / "sweep.png").axes[0]
    assert axis.get_xscale() == "log"
    assert (tmp_path / "sweep.png").exists()


def test_a_sweep_that_cannot_be_is_refused():
    net = classifier()
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    with pytest.raises(gn.ConfigError, match="0 < start < end"):
        gn.lr_find(net, (X, Y), loss=nn.CrossEntropyLoss(), optimizer=optimizer, start=1.0, end=0.1)
    with pytest.raises(gn.ConfigError, match="steps must be a whole number of at least 10"):
        gn.lr_find(net, (X, Y), loss=nn.CrossEntropyLoss(), optimizer=optimizer, steps=3)
    with pytest.raises(gn.DataError, match="did not fall"):
        gn.lr_find(net, (X, Y), loss=nn.CrossEntropyLoss(), optimizer=optimizer, start=1e3, end=1e6)
    assert np.isfinite(net[0].weight.data).all()

"""fit and evaluate: what they train on, what they report, what they refuse."""

import math

import numpy as np
import pytest

import glassnet as gn
from glassnet import data, nn, optim
from glassnet.train import mean_absolute_error, r2_score

from .training import X, Y, classifier, fit


@pytest.mark.smoke
def test_it_learns_and_reports_each_epoch():
    run = fit(classifier(), epochs=20, validation=0.2)
    assert set(run.history) == {"loss", "accuracy", "val_loss", "val_accuracy", "lr", "seconds"}
    assert {len(values) for values in run.history.values()} == {20}
    assert run.history["loss"][-1] < 0.5 * run.history["loss"][0]
    assert run.history["accuracy"][-1] > 0.85
    assert (run.epochs, run.steps, run.stopped) == (20, 20 * math.ceil(72 / 16), None)
    assert run.net.task == "classification"
    assert run.net.predict(X).shape == (90,)


def test_a_seed_repeats_every_bit_and_another_does_not():
    def weights(seed):
        return fit(classifier(seed), seed=seed).net.state_dict()

    for name, array in weights(1).items():
        np.testing.assert_array_equal(array, weights(1)[name])
    assert not np.array_equal(weights(1)["0.weight"], weights(2)["0.weight"])


def test_each_epoch_sees_every_row_once_in_an_order_of_its_own():
    def orders(seed, shuffle=True):
        net, seen = nn.Linear(1, 2), []
        net.register_forward_hook(lambda module, inputs, output: seen.extend(inputs[0].data[:, 0].tolist()))
        rows = np.arange(40, dtype=np.float32).reshape(-1, 1)
        fit(net, (rows, np.zeros(40, np.int64)), epochs=2, seed=seed, shuffle=shuffle, diagnostics=None)
        assert sorted(seen[:40]) == sorted(seen[40:]) == list(range(40))
        return seen[:40], seen[40:]

    first, second = orders(0)
    assert first != second
    assert orders(0) == (first, second)
    assert orders(1)[0] != first
    assert orders(0, shuffle=False) == (list(range(40)), list(range(40)))


def test_a_fraction_is_held_back_by_class():
    run = fit(classifier(), validation=0.2, epochs=1)
    assert run.steps == math.ceil(72 / 16)
    held_back = fit(classifier(), validation=(X[:9], Y[:9]), epochs=1)
    assert held_back.steps == math.ceil(90 / 16)
    assert "val_loss" in held_back.history
    assert "val_loss" not in fit(classifier(), epochs=1).history


def test_a_data_set_brings_its_own_validation():
    rows = data.from_arrays(X, Y, validation=0.1)
    assert "val_accuracy" in fit(classifier(), rows).history
    with pytest.raises(gn.ConfigError, match="has a val split already"):
        fit(classifier(), rows, validation=0.2)


def test_a_last_batch_of_one_row_can_be_dropped():
    with pytest.raises(gn.ShapeError, match="drop_last=True"):
        fit(classifier(batch_norm=True), (X[:33], Y[:33]))
    run = fit(classifier(batch_norm=True), (X[:33], Y[:33]), drop_last=True, epochs=2)
    assert (run.steps, run.epochs) == (4, 2)


def test_steps_end_within_an_epoch():
    run = fit(classifier(), steps=8)
    assert (run.steps, run.epochs, len(run.history["loss"])) == (8, 2, 2)


def test_the_end_of_the_training_is_validated_within_an_epoch():
    net = classifier()
    run = fit(net, steps=8, validation=0.3, keep_best=False)
    validation = data.from_arrays(X, Y, validation=0.3, seed=0).val
    assert run.history["val_loss"][-1] == pytest.approx(gn.evaluate(net, validation)["loss"], rel=1e-6)


def test_the_best_weights_are_kept():
    net = classifier()
    run = fit(net, epochs=15, validation=0.3, optimizer=optim.SGD(net.parameters(), lr=2.0, momentum=0.9))
    losses = run.history["val_loss"]
    assert run.best_epoch == np.argmin(losses) + 1 < 15
    validation = data.from_arrays(X, Y, validation=0.3, seed=0).val
    assert gn.evaluate(net, validation)["loss"] == pytest.approx(min(losses), rel=1e-6)
    other = classifier()
    last = fit(
        other, epochs=15, validation=0.3, keep_best=False, optimizer=optim.SGD(other.parameters(), lr=2.0, momentum=0.9)
    )
    assert last.best_epoch is None
    assert gn.evaluate(other, validation)["loss"] == pytest.approx(losses[-1], rel=1e-6)


def test_a_schedule_is_stepped_with_the_optimizer():
    net = classifier()
    optimizer = optim.SGD(net.parameters(), lr=0.2)
    run = fit(net, optimizer=optimizer, schedule=optim.StepLR(optimizer, 6, gamma=0.5), epochs=3)
    assert run.history["lr"] == pytest.approx([0.1, 0.05, 0.025])
    with pytest.raises(gn.ConfigError, match="another optimizer"):
        fit(net, schedule=optim.ConstantLR(optim.SGD(net.parameters(), lr=0.1)))


def test_data_takes_the_networks_type():
    seen = []
    net = classifier()
    net.register_forward_hook(lambda module, inputs, output: seen.append((inputs[0].dtype, output.dtype)))
    fit(net, (X.astype(np.float64), Y), epochs=1)
    assert set(seen) == {(np.dtype("float32"), np.dtype("float32"))}
    double = classifier().to("float64")
    assert fit(double, epochs=1).net[0].weight.dtype == np.float64


def test_regression():
    net = nn.Linear(4, 1)
    target = X @ np.array([[1.0], [-2.0], [0.5], [0.0]])
    run = fit(net, (X, target), loss=nn.MSELoss(), optimizer=optim.Adam(net.parameters(), lr=0.05), epochs=40)
    assert set(run.history) == {"loss", "mae", "lr", "seconds"}
    assert run.history["loss"][-1] < 0.01
    np.testing.assert_allclose(net.predict(X), target, atol=0.3)
    assert gn.evaluate(net, (X, target))["loss"] < 0.01
    gn.manual_seed(1)
    net.load_state_dict(nn.Linear(4, 1).state_dict())  # far off, so that the next numbers are no rounding errors
    result, predictions = gn.evaluate(net, (X, target), batch_size=7), net.predict(X)
    assert result["mae"] == pytest.approx(np.abs(predictions - target).mean(), rel=1e-5)
    assert result["r2"] == pytest.approx(1 - ((predictions - target) ** 2).sum() / 90 / target.var(), rel=1e-5)


def test_r_squared():
    targets = np.array([[1.0, 5.0], [3.0, 5.0], [5.0, 8.0]])
    assert r2_score(targets, targets) == 1.0
    assert r2_score(np.broadcast_to(targets.mean(0), (3, 2)), targets) == pytest.approx(0.0)
    assert r2_score(targets + np.array([1.0, 0.0]), targets) == pytest.approx((1 - 3 / 8 + 1) / 2)
    assert np.isnan(r2_score(np.ones((3, 1)), np.ones((3, 1))))
    with pytest.raises(gn.ShapeError, match=r"R squared of outputs \(3, 2\) needs targets \(3, 2\), got \(3,\)"):
        r2_score(targets, targets[:, 0])
    with pytest.raises(gn.ShapeError, match="error of outputs"):
        mean_absolute_error(targets, targets[:, 0])


def test_modes_are_restored():
    net = classifier(batch_norm=True).eval()
    fit(net, validation=0.2)
    assert not any(module.training for module in net.modules())


@pytest.mark.parametrize(
    ("rows", "options", "error", "words"),
    [
        ((X, Y), {"epochs": 1, "steps": 1}, gn.ConfigError, "either epochs or steps, got both"),
        ((X, Y), {"epochs": 0}, gn.ConfigError, "epochs must be a whole number of at least 1"),
        ((X, Y), {"batch_size": 0}, gn.ConfigError, "batch_size"),
        ((X, Y), {"seed": -1}, gn.ConfigError, "seed"),
        ((X, Y), {"validation": 1.5}, gn.ConfigError, "validation"),
        ((X, Y), {"loss": nn.CrossEntropyLoss}, gn.ConfigError, r"loss must be .* Write CrossEntropyLoss\(\)"),
        ((X, Y), {"schedule": "cosine"}, gn.ConfigError, "schedule must be made of"),
        ((X, Y), {"resume": True}, gn.ConfigError, "needs the folder"),
        (X, {}, gn.DataError, r"a pair \(x, y\)"),
        ((X, Y[:5]), {}, gn.DataError, "x has 90 rows and y has 5"),
        ((np.where(X > 2, np.nan, X), Y), {}, gn.DataError, "finite"),
        ((X, Y + 1), {}, gn.DataError, "targets must be from 0 to 2, got 3"),
        ((X, Y.reshape(-1, 1)), {}, gn.ShapeError, r"targets.reshape\(-1\)"),
        ((X[:, :3], Y), {}, gn.ShapeError, r"layer 0 \(Linear 4 -> 8\) expected inputs with 4 features"),
    ],
)
def test_what_does_not_fit_is_refused(rows, options, error, words):
    with pytest.raises(error, match=words):
        fit(classifier(), rows, **options)


def test_the_optimizer_must_belong_to_the_network():
    with pytest.raises(gn.ConfigError, match="none of the network's parameters"):
        fit(classifier(), optimizer=optim.SGD(classifier().parameters(), lr=0.1))
    for wrong in (None, optim.SGD):
        with pytest.raises(gn.ConfigError, match=r"optimizer must be made of optim's optimizers, such as optim\.SGD"):
            fit(classifier(), optimizer=wrong)


def test_a_loss_that_is_not_finite_names_the_place_and_keeps_good_weights():
    net = classifier()
    with pytest.raises(gn.NonFiniteError, match=r"at step \d+ \(learning rate 1e\+39\): in .*(parameter|layer) [02]"):
        fit(net, optimizer=optim.SGD(net.parameters(), lr=1e39), epochs=5)
    assert math.isfinite(gn.evaluate(net, (X, Y), loss=nn.CrossEntropyLoss())["loss"])


def test_a_layer_that_makes_nan_is_named():
    class Root(nn.Module):
        def forward(self, x):
            return (x - 100.0).sqrt()

    net = nn.Sequential(nn.Linear(4, 3), Root())
    with pytest.raises(gn.NonFiniteError, match=r"at step 1 .*in the output of sqrt in layer 1 \(Root\)"):
        fit(net)


def test_evaluate_needs_a_split_and_a_loss():
    net = classifier()
    with pytest.raises(gn.DataError, match="no test split"):
        gn.evaluate(net, data.from_arrays(X, Y))
    with pytest.raises(gn.ConfigError, match="needs a loss"):
        gn.evaluate(net, (X, Y))
    values = gn.evaluate(net, (X, Y), loss=nn.CrossEntropyLoss(), metrics={"rows": lambda outputs, y: float(len(y))})
    assert set(values) == {"loss", "rows"}

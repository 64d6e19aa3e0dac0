"""What fit can be asked for besides: penalties, clipping, plateaus, dropout, the full batch, folders."""

import json
from pathlib import Path

import numpy as np
import pytest

import glassnet as gn
from glassnet import nn, optim
from glassnet.train import Evaluation
from glassnet.train.checkpoint import LATEST
from glassnet.train.run_folder import CONFIG, new_folder

from .training import InterruptAt, X, Y, classifier, fit


def weights(net):
    return np.concatenate([p.data.reshape(-1) for p in net.parameters()])


def test_a_penalty_is_added_to_the_loss_and_reported_beside_it():
    plain = fit(classifier(), epochs=8)
    pulled = fit(classifier(), epochs=8, penalty=nn.L2Penalty(0.02))
    assert "penalty" not in plain.history
    assert pulled.history["penalty"][-1] > 0
    assert np.abs(weights(pulled.net)).sum() < 0.9 * np.abs(weights(plain.net)).sum()
    assert pulled.config["penalty"] == "L2Penalty(0.02)"


@pytest.mark.parametrize("native", [False, True])
def test_labels_are_smoothed_in_training_and_not_in_evaluation(native):
    smooth, net = nn.CrossEntropyLoss(label_smoothing=0.4), classifier()
    run = fit(net, loss=smooth, validation=0.2, keep_best=False, compile=native, seed=5)
    plain = gn.evaluate(net, (X, Y), loss=nn.CrossEntropyLoss())
    assert gn.evaluate(net, (X, Y), loss=smooth)["loss"] == plain["loss"]
    assert smooth.training
    assert smooth(net(X), Y).item() > plain["loss"] + 0.05
    assert run.history["val_loss"][-1] < run.history["loss"][-1] - 0.05


def test_clipping_bounds_what_one_step_can_do():
    net = classifier()
    before = weights(net)
    run = fit(net, steps=1, clip_norm=0.01, optimizer=optim.SGD(net.parameters(), lr=1.0))
    assert np.linalg.norm(weights(net) - before) == pytest.approx(0.01, rel=1e-3)
    assert run.steps == 1
    other = classifier()
    fit(other, steps=1, clip_value=0.001, optimizer=optim.SGD(other.parameters(), lr=1.0))
    assert np.abs(weights(other) - before).max() == pytest.approx(0.001, rel=1e-3)
    with pytest.raises(gn.ConfigError, match="clip_norm must be a number above 0"):
        fit(classifier(), clip_norm=0)


def test_without_a_batch_size_a_step_sees_all_rows():
    run = fit(classifier(), epochs=4, batch_size=None)
    assert (run.steps, run.epochs) == (4, 4)


def plateau(folder, **options):
    net = classifier()
    optimizer = optim.SGD(net.parameters(), lr=0.5)
    schedule = optim.ReduceLROnPlateau(optimizer, factor=0.5, patience=0, threshold=0.2)
    return fit(net, optimizer=optimizer, schedule=schedule, epochs=10, validation=0.2, folder=folder, seed=3, **options)


def test_a_plateau_lowers_the_learning_rate_also_in_a_resumed_run(tmp_path):
    whole = plateau(tmp_path / "whole")
    assert whole.history["lr"][0] == 0.5 > whole.history["lr"][-1]
    plateau(tmp_path / "parts", callbacks=[InterruptAt(33)])
    parts = plateau(tmp_path / "parts", resume=True)
    assert parts.history["lr"] == whole.history["lr"]
    np.testing.assert_array_equal(weights(parts.net), weights(whole.net))
    net = classifier()
    optimizer = optim.SGD(net.parameters(), lr=0.5)
    with pytest.raises(gn.ConfigError, match=r"cannot find 'val_loss'.*validation split"):
        fit(net, optimizer=optimizer, schedule=optim.ReduceLROnPlateau(optimizer))


def with_dropout(folder, **options):
    gn.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 8), nn.Dropout(0.5), nn.Linear(8, 3))
    return fit(net, optimizer=optim.Adam(net.parameters(), lr=0.01), epochs=3, folder=folder, **options)


def test_dropout_draws_the_same_bits_in_a_resumed_run(tmp_path):
    whole = with_dropout(tmp_path / "whole")
    with_dropout(tmp_path / "parts", callbacks=[InterruptAt(8)])
    parts = with_dropout(tmp_path / "parts", resume=True)
    np.testing.assert_array_equal(weights(parts.net), weights(whole.net))
    assert (weights(with_dropout(None, seed=1).net) != weights(whole.net)).any()
    assert whole.net[2].stream != whole.net[4].stream


def test_a_run_is_saved_under_runs_unless_told_otherwise():
    run = fit(classifier(), gn.data.from_arrays(X, Y, name="rows"))
    assert run.folder.parent == Path("runs")
    assert run.folder.name.endswith("_rows")
    assert gn.Run.load(run.folder).steps == run.steps
    assert new_folder("rows") != run.folder
    unsaved = fit(classifier(), folder=None)
    assert unsaved.folder is None
    assert len(list(Path("runs").iterdir())) == 1


def test_a_run_can_be_saved_afterwards(tmp_path):
    run = fit(classifier(), folder=None, validation=0.2)
    assert run.save(tmp_path / "kept") == tmp_path / "kept"
    loaded = gn.Run.load(tmp_path / "kept")
    np.testing.assert_array_equal(loaded.net.predict_proba(X), run.net.predict_proba(X))
    assert loaded.history == run.history
    assert loaded.best_epoch == run.best_epoch
    assert loaded.diagnostics.steps == run.diagnostics.steps
    before = (tmp_path / "kept" / LATEST).read_bytes()
    with pytest.raises(gn.ConfigError, match="holds a run already"):
        run.save(tmp_path / "kept")
    assert (tmp_path / "kept" / LATEST).read_bytes() == before


def test_the_configuration_says_how_the_run_was_made(tmp_path):
    net = classifier()
    optimizer = optim.RMSprop([{"params": [net[0].weight], "lr": 0.5}, {"params": [net[2].weight]}])
    warmup = optim.LinearLR(optimizer, total_iters=3)
    schedule = optim.SequentialLR(optimizer, [warmup, optim.StepLR(optimizer, 5)], [3])
    fit(net, optimizer=optimizer, schedule=schedule, folder=tmp_path, clip_norm=1.0)
    config = json.loads((tmp_path / CONFIG).read_text())
    assert config["schedule"]["schedulers"][0]["name"] == "LinearLR"
    assert [group["lr"] for group in config["optimizer"]["groups"]] != [0.01, 0.01]
    assert (config["clip_norm"], config["clip_value"], config["penalty"]) == (1.0, None, None)


@pytest.mark.parametrize(
    ("loss", "outputs", "task", "metrics"),
    [
        (nn.functional.cross_entropy, 3, "classification", {"accuracy"}),
        (nn.NLLLoss(), 3, "classification", {"accuracy"}),
        (lambda x, y: nn.functional.cross_entropy(x, y), 3, None, set()),
    ],
)
def test_the_loss_says_what_the_outputs_mean(loss, outputs, task, metrics):
    last = [nn.LogSoftmax()] if isinstance(loss, nn.NLLLoss) else []
    net = nn.Sequential(nn.Linear(4, outputs), *last)
    run = fit(net, loss=loss, optimizer=optim.SGD(net.parameters(), lr=0.1))
    assert net.task == task
    assert set(run.history) - {"loss", "lr", "seconds"} == metrics


def test_yes_or_no():
    answers = (X[:, :1] > 0).astype(np.float32)
    net = nn.Linear(4, 1)
    run = fit(net, (X, answers), loss=nn.BCEWithLogitsLoss(), optimizer=optim.Adam(net.parameters(), 0.1), epochs=20)
    assert run.history["accuracy"][-1] > 0.95
    assert set(np.unique(net.predict(X))) == {0, 1}
    assert ((net.predict_proba(X) > 0.5) == net.predict(X)).all()
    result = gn.evaluate(net, (X, answers))
    assert result["accuracy"] > 0.95
    assert result.confusion is None


def test_long_names_of_classes_become_numbers_above_the_columns():
    matrix = np.array([[3, 0], [1, 2]])
    short = Evaluation({}, matrix, ("cat", "dog")).report().splitlines()
    assert short[0].split()[:5] == ["true", "\\", "predicted", "cat", "dog"]
    assert short[2].split()[:3] == ["dog", "1", "2"]
    long = Evaluation({}, matrix, ("Ankle boot", "Sandal")).report().splitlines()
    assert long[0].split()[:5] == ["true", "\\", "predicted", "0", "1"]
    assert long[1].split()[:5] == ["Ankle", "boot", "0", "3", "."]


def test_an_evaluation_has_the_confusion_and_the_scores_of_each_class():
    net = classifier()
    fit(net, epochs=5)
    result = gn.evaluate(net, (X, Y))
    predicted = net.predict(X)
    pairs = list(zip(Y.tolist(), predicted.tolist(), strict=True))
    expected = [[pairs.count((i, j)) for j in range(3)] for i in range(3)]
    np.testing.assert_array_equal(result.confusion, expected)
    assert result["accuracy"] == pytest.approx(np.trace(result.confusion) / len(Y))
    sklearn = pytest.importorskip("sklearn.metrics")
    precision, recall, f1, support = sklearn.precision_recall_fscore_support(Y, predicted, zero_division=np.nan)
    for i, scores in enumerate(result.per_class.values()):
        found = (scores["precision"], scores["recall"], scores["f1"], scores["support"])
        assert found == pytest.approx((precision[i], recall[i], f1[i], support[i]), nan_ok=True)
    assert result.report().splitlines()[0].split()[-3:] == ["precision", "recall", "f1"]
    regression = gn.evaluate(nn.Linear(4, 2), (X, X[:, :2]), loss=nn.MSELoss())
    with pytest.raises(gn.ConfigError, match="outputs are no classes"):
        regression.per_class  # noqa: B018

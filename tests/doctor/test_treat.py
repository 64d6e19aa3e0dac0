"""Treatment: remedies are applied, the old run stays, and what cannot be applied is said."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet import nn, optim
from glassnet.doctor.changes import CHANGES, changed
from glassnet.doctor.finding import Finding, Remedy
from glassnet.engine.errors import ConfigError, NonFiniteError
from glassnet.train.run import Run

from .sick import classes, quantities

X, Y = classes()
QX, QY = quantities()


def fitted(*layers: nn.Module, lr: float = 0.1, rows: Any = None, loss: Any = None, **options: Any) -> Run:
    gn.manual_seed(0)
    net = nn.Sequential(*layers) if layers else gn.models.mlp(10, [16], 4)
    schedule = options.pop("schedule", None)
    optimizer = options.pop("optimizer", optim.SGD)(net.parameters(), lr=lr)
    settings = {"epochs": 6, "validation": 0.2, "progress": False, "folder": None, "diagnostics": None, **options}
    return gn.fit(
        net,
        (X, Y) if rows is None else rows,
        loss=loss or nn.CrossEntropyLoss(),
        optimizer=optimizer,
        schedule=None if schedule is None else schedule(optimizer),
        **settings,
    )


def again(*layers: nn.Module, **options: Any) -> Any:
    return fitted(*layers, epochs=1, **options).again


def test_the_first_remedy_cures_and_the_run_stays_as_it_was() -> None:
    run = fitted(nn.Linear(10, 16), nn.ReLU(), nn.Linear(16, 4), nn.Softmax())
    weights = {name: array.copy() for name, array in run.net.state_dict().items()}
    treatment = gn.doctor.treat(run)
    assert treatment.finding.code == "probabilities-as-logits"
    assert treatment.change == {"drop_last_layer": True}
    assert treatment.before is run
    assert treatment.after.steps == run.steps
    assert treatment.after.findings.healthy  # the weights of the layers are drawn before the seed: a hint may come
    assert treatment.after.history["val_loss"][-1] < run.history["val_loss"][-1]
    assert all(np.array_equal(array, weights[name]) for name, array in run.net.state_dict().items())
    assert "treated probabilities-as-logits: drop_last_layer=True" in str(treatment)
    assert str(treatment).splitlines()[-1].split() == ["findings", "probabilities-as-logits", "none"]


def test_without_changes_a_training_made_again_has_the_same_bits() -> None:
    run = fitted(nn.Linear(10, 8), nn.Dropout(0.2), nn.Linear(8, 4), schedule=lambda o: optim.CosineAnnealingLR(o, 30))
    once = run.again.run()
    assert once.history["loss"] == run.history["loss"]
    assert run.again.run().history["loss"] == run.history["loss"]  # nor does making it change it


def test_a_saved_run_is_treated_into_a_new_folder(tmp_path: Path) -> None:
    run = fitted(nn.Linear(10, 4), nn.Softmax(), folder=tmp_path / "first")
    before = {path.name: path.read_bytes() for path in (tmp_path / "first").iterdir()}
    treatment = gn.doctor.treat(run)
    assert treatment.after.folder.parent == tmp_path
    assert treatment.after.folder != tmp_path / "first"
    assert {path.name: path.read_bytes() for path in (tmp_path / "first").iterdir()} == before
    assert f"saved in {treatment.after.folder}" in treatment.text()
    assert Run.load(treatment.after.folder).history["loss"] == treatment.after.history["loss"]
    with pytest.raises(ConfigError, match="holds a run already"):
        gn.doctor.treat(run, folder=tmp_path / "first")


def test_a_training_that_failed_is_treated_from_its_error() -> None:
    with pytest.raises(NonFiniteError) as caught:
        fitted(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1), rows=(QX, QY), loss=nn.MSELoss(), lr=30.0)
    treatment = gn.doctor.treat(caught.value)
    assert treatment.before is caught.value
    assert treatment.finding.code in treatment.text()


def test_a_remedy_that_does_not_help_is_shown() -> None:
    with pytest.raises(NonFiniteError) as caught:
        fitted(nn.Linear(8, 1), rows=(QX, QY), loss=nn.MSELoss(), lr=1e9)
    error = caught.value
    error.findings = [finding({"lr": 1e8})]
    treatment = gn.doctor.treat(error)
    assert isinstance(treatment.after, NonFiniteError)
    assert "the new training failed, too" in treatment.text()


def finding(change: dict[str, Any] | None, severity: Any = "warning") -> Finding:
    evidence = {"figure": "a", "value": 1, "threshold": 0}
    return Finding("dead-units", severity, None, None, "a message.", evidence, Remedy("Do something.", change))


def test_what_cannot_be_treated_is_said() -> None:
    run = fitted(epochs=1)
    run.findings = []
    with pytest.raises(ConfigError, match="nothing to treat"):
        gn.doctor.treat(run)
    run.findings = [finding({"lr": 0.1}, "hint")]
    with pytest.raises(ConfigError, match="nothing to treat"):
        gn.doctor.treat(run)
    run.findings = [finding(None), finding({"zeal": 1})]
    with pytest.raises(ConfigError, match=r"dead-units: Do something.*'zeal' has to be changed in your program"):
        gn.doctor.treat(run)
    run.findings = [finding(None), finding({"zeal": 1, "lr": 0.01})]
    treatment = gn.doctor.treat(run)
    assert (treatment.change, treatment.left_out) == ({"lr": 0.01}, ["zeal"])
    assert "left out of the remedy: zeal" in treatment.text()
    run.again = None
    with pytest.raises(ConfigError, match="with the doctor on"):
        gn.doctor.treat(run)


def test_an_unwatched_run_has_nothing_to_begin_from() -> None:
    assert fitted(epochs=1, doctor=False).again is None


# Each change


def test_learning_rate_with_a_schedule_keeps_its_course() -> None:
    old = again(schedule=lambda o: optim.CosineAnnealingLR(o, 40))
    new = changed(old, {"lr": 0.02}).again
    assert new.optimizer.lr == pytest.approx(0.02)
    assert new.schedule.lr_at(20) == pytest.approx(0.01)
    assert new.schedule.optimizer is new.optimizer
    assert old.optimizer.lr == pytest.approx(0.1)
    cycle = again(schedule=lambda o: optim.OneCycleLR(o, max_lr=0.5, total_steps=40))
    assert changed(cycle, {"lr": 0.01}).again.schedule.max_lr == pytest.approx(0.05)
    assert changed(again(lr=0.0), {"lr": 0.3}).again.optimizer.lr == 0.3


def test_options_epochs_and_batches() -> None:
    old = again(batch_size=32, schedule=lambda o: optim.CosineAnnealingLR(o, 15))
    per_epoch, steps = old.per_epoch, old.options["steps"]
    new = changed(old, {"clip_norm": 1.0, "shuffle": False, "epochs": 3}).again
    assert (new.options["clip_norm"], new.options["shuffle"]) == (1.0, False)
    assert new.options["steps"] == 3 * per_epoch
    assert new.schedule.T_max == (3 * per_epoch if steps == 15 else 15)
    small = changed(old, {"batch_size": 16}).again
    assert small.options["steps"] == small.per_epoch > steps
    assert type(changed(old, {"schedule": "cosine"}).again.schedule) is optim.CosineAnnealingLR
    decayed = again(optimizer=lambda p, lr: optim.AdamW(p, lr=lr, weight_decay=5.0))
    assert changed(decayed, {"weight_decay": 0.0}).again.optimizer.param_groups[0]["weight_decay"] == 0.0
    assert changed(again(penalty=nn.L2Penalty(1.0)), {"penalty": None}).again.penalty is None


def layers(again: Any) -> list[str]:
    return [type(one).__name__ for one in again.net]


def test_layers_are_put_in_and_left_out_and_the_optimizer_holds_them() -> None:
    deep = fitted(nn.Linear(10, 8), nn.Sigmoid(), nn.Linear(8, 8), nn.Sigmoid(), nn.Linear(8, 4), epochs=1).again
    new = changed(deep, {"activation": "relu", "batch_norm": True, "init": "default"}).again
    assert layers(new) == ["Linear", "BatchNorm1d", "ReLU", "Linear", "BatchNorm1d", "ReLU", "Linear"]
    assert {id(p) for p in new.optimizer.parameters} == {id(p) for p in new.net.parameters()}
    assert layers(changed(new, {"batch_norm": False}).again) == ["Linear", "ReLU", "Linear", "ReLU", "Linear"]
    linear = fitted(nn.Linear(10, 8), nn.Dropout(0.9), nn.Linear(8, 4), epochs=1).again
    new = changed(linear, {"activation": "tanh"}).again
    assert layers(new) == ["Linear", "Tanh", "Dropout", "Linear"]
    assert np.array_equal(new.net[0].weight.data, linear.net[0].weight.data)
    assert changed(linear, {"dropout": 0.2}).again.net[1].p == 0.2
    wide = changed(deep, {"hidden": "wider"}).again
    assert [one.weight.shape for one in wide.net if isinstance(one, nn.Linear)] == [(10, 32), (32, 32), (32, 4)]
    held = changed(deep, {"optimizer_parameters": "all"}).again
    assert len(held.optimizer.parameters) == 6


def test_first_weights() -> None:
    old = again()
    old.net[0].weight.data = np.zeros_like(old.net[0].weight.data)
    new = changed(old, {"init": "default"}).again
    assert new.net[0].weight.data.std() > 0
    assert {id(p) for p in new.optimizer.parameters} == {id(p) for p in new.net.parameters()}
    scaled = changed(old, {"scale_last_layer": 0.5}).again
    assert np.allclose(scaled.net[-1].weight.data, 0.5 * old.net[-1].weight.data)
    assert not scaled.net[-1].bias.data.any()


def test_rows_and_losses() -> None:
    old = again(rows=(50 + 9 * X, Y))
    found = changed(old, {"standardise": "x"})
    assert np.allclose(found.again.train.x.mean(0), 0, atol=1e-4)
    assert np.allclose(found.rows(old.val).x, found.again.val.x)
    assert found.again.train.x.dtype == old.train.x.dtype
    found = changed(again(nn.Linear(8, 1), rows=(QX, 40 * QY + 7), loss=nn.MSELoss()), {"standardise": "y"})
    assert found.again.train.y.std() == pytest.approx(1.0, abs=1e-4)
    dropped = changed(old, {"drop_features": [2]}).again.train.x
    assert not dropped[:, 2].any()
    assert dropped[:, 1].any()
    weighted = changed(old, {"class_weights": True}).again.loss
    assert weighted.weight is not None
    numbers = fitted(nn.Linear(10, 1), rows=(X, Y.astype(np.float32)[:, None]), loss=nn.MSELoss(), epochs=1).again
    new = changed(numbers, {"loss": "cross_entropy"}).again
    assert new.train.y.dtype.kind == "i"
    assert new.net[-1].out_features == 4
    plain = nn.CrossEntropyLoss()
    negative = again(loss=lambda outputs, targets: -plain(outputs, targets))
    flipped = changed(negative, {"negate_loss": True}).again
    out = gn.tensor(np.eye(4, dtype=np.float32))
    assert flipped.loss(out, np.arange(4)).item() == pytest.approx(plain(out, np.arange(4)).item())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"schedule": "zigzag"}, "not known here"),
        ({"hidden": "narrower"}, "can be made wider"),
        ({"loss": "hinge"}, "not known here"),
        ({"class_weights": True}, "CrossEntropyLoss"),
        ({"drop_nonfinite": True}, "in your program"),
        ({"activation": "rellu"}, "no activation 'rellu'"),
    ],
)
def test_changes_that_cannot_be_made(change: dict[str, Any], reason: str) -> None:
    net = [nn.Linear(QX.shape[1], 4), nn.ReLU(), nn.Linear(4, 1)]
    old = fitted(*net, rows=(QX, QY), loss=nn.MSELoss(), epochs=1).again
    with pytest.raises(ConfigError, match=reason):
        changed(old, change)


def test_every_change_that_a_rule_proposes_is_known_or_meant_to_be_made_by_hand() -> None:
    source = Path(gn.doctor.__file__).parent / "rules"
    proposed = set()
    for path in source.glob("*.py"):
        for text in re.findall(r"change=(\{[^}]*\})", path.read_text()):
            proposed |= set(re.findall(r'"(\w+)":', text))
    assert proposed - set(CHANGES) == {"drop_nonfinite"}  # such rows never come into a training

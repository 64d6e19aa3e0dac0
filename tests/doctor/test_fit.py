"""The doctor in fit: it changes nothing, says what it must, is kept with the run, and can be silenced."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet import nn, optim
from glassnet.doctor.evidence import Evidence
from glassnet.doctor.file import DOCTOR, read_evidence
from glassnet.doctor.plan import planned

from .sick import classes, net, quantities

X, Y = classes()


def fit(network: nn.Module, rows: Any = (X, Y), *, lr: float = 0.01, **options: Any) -> gn.Run:
    loss = nn.MSELoss() if rows[1].dtype.kind == "f" else nn.CrossEntropyLoss()
    how = {"epochs": 4, "batch_size": 32, "validation": 0.2, "folder": None, "progress": False, **options}
    return gn.fit(network, rows, loss=loss, optimizer=optim.Adam(network.parameters(), lr=lr), **how)


def two_linears() -> nn.Sequential:
    gn.manual_seed(0)
    return nn.Sequential(
        nn.Linear(10, 16), nn.Linear(16, 16), nn.Tanh(), nn.Dropout(0.1), nn.BatchNorm1d(16), nn.Linear(16, 4)
    )


@pytest.mark.parametrize("compiled", [True, False])
def test_the_bits_of_a_training_do_not_depend_on_the_doctor(compiled):
    runs = [
        fit(two_linears(), compile=compiled, doctor=doctor, keep_best=False)
        for doctor in (False, True, gn.doctor.Doctor(looks=40))
    ]
    for run in runs[1:]:
        for name, array in runs[0].net.state_dict().items():
            np.testing.assert_array_equal(array, run.net.state_dict()[name])
        assert run.history["val_loss"] == runs[0].history["val_loss"]
    assert runs[0].findings == []
    assert runs[1].findings.codes() == runs[2].findings.codes() == ["missing-nonlinearity"]


def test_a_finding_says_everything():
    found = fit(two_linears()).findings[0]
    assert (found.code, found.severity, found.layer, found.step) == ("missing-nonlinearity", "warning", "1", 0)
    assert found.why
    assert found.remedy.change == {"activation": "relu"}
    assert json.loads(json.dumps(found.to_json()))["remedy"]["text"] == found.remedy.text


def test_it_prints_a_short_block_at_the_end_and_errors_at_once(capsys):
    fit(net(10, [16], 4), progress=True, epochs=8)
    assert "epoch 8/8" in capsys.readouterr().out
    fit(two_linears(), progress=True)
    out = capsys.readouterr().out
    assert out.index("epoch 4/4") < out.index("warning: missing-nonlinearity in 1")
    fit(nn.Sequential(net(10, [16], 4), nn.Softmax()), progress=True)
    out = capsys.readouterr().out
    assert out.index("error: probabilities-as-logits") < out.index("epoch 1/4")
    fit(two_linears(), progress=False)
    assert capsys.readouterr().out == ""


def test_a_healthy_run_is_not_spoken_about(capsys):
    run = fit(net(10, [16], 4), progress=True, epochs=8)
    assert run.findings == []
    assert capsys.readouterr().out.strip().splitlines()[-1].startswith("epoch 8/8")


def test_codes_and_layers_are_silenced():
    assert fit(two_linears(), doctor=gn.doctor.Doctor(silence=["missing-nonlinearity"])).findings == []
    assert fit(two_linears(), doctor=gn.doctor.Doctor(silence=[("missing-nonlinearity", "1")])).findings == []
    other = gn.doctor.Doctor(silence=[("missing-nonlinearity", "4")])
    assert fit(two_linears(), doctor=other).findings.codes() == ["missing-nonlinearity"]
    with pytest.raises(gn.ConfigError, match="no rule has the code 'missing-nonlinearty'"):
        gn.doctor.Doctor(silence=["missing-nonlinearty"])
    with pytest.raises(gn.ConfigError, match="doctor must be"):
        fit(two_linears(), doctor="yes")


def test_a_failed_training_has_its_findings_in_the_error(tmp_path: Path):
    network, rows = net(8, [16], 1), quantities()
    optimizer = optim.SGD(network.parameters(), lr=1e4)
    with pytest.raises(gn.NonFiniteError) as caught:
        gn.fit(network, rows, loss=nn.MSELoss(), optimizer=optimizer, epochs=2, folder=tmp_path / "run", progress=False)
    assert caught.value.findings[0].code == "learning-rate-too-high"
    assert "nonfinite-loss" in [one.code for one in caught.value.findings[0].explains]
    assert gn.doctor.of_run(tmp_path / "run") == caught.value.findings


def test_the_evidence_is_kept_with_the_run(tmp_path: Path):
    run = fit(two_linears(), folder=tmp_path / "run")
    assert gn.doctor.of_run(tmp_path / "run") == run.findings
    evidence = read_evidence(tmp_path / "run")
    assert evidence is not None
    assert Evidence.from_json(json.loads(json.dumps(evidence.to_json()))) == evidence
    path = tmp_path / "run" / DOCTOR
    path.write_bytes(path.read_bytes().replace(b"Tanh", b"ReLU"))
    with pytest.raises(gn.CheckpointError, match=r"doctor\.json is damaged or was changed"):
        gn.doctor.of_run(tmp_path / "run")
    path.unlink()
    with pytest.raises(gn.CheckpointError, match=r"holds no doctor\.json"):
        gn.doctor.of_run(tmp_path / "run")
    with pytest.raises(gn.CheckpointError, match="not the folder of a run"):
        gn.doctor.of_run(tmp_path)


def test_evidence_of_another_shape_is_refused():
    value = Evidence().to_json()
    for broken in (
        [],
        {**value, "of a later version": 3},
        {**value, "probes": [{"loss": 1.0}]},
        {**value, "probes": 3},
        {**value, "unused": [1]},
        {**value, "data": {**value["data"], "rows": 1.5}},
    ):
        with pytest.raises(ValueError, match="expected"):
            Evidence.from_json(broken)


def test_evidence_of_an_older_run_lacks_fields_and_is_read():
    value = Evidence().to_json()
    for one in (value, value["setup"], value["data"]):
        one.popitem()
    assert Evidence.from_json(value) == Evidence()


def test_a_resumed_run_goes_on_with_its_evidence(tmp_path: Path):
    fit(two_linears(), folder=tmp_path / "run", epochs=2)
    run = fit(two_linears(), folder=tmp_path / "run", epochs=4, resume=True)
    evidence = read_evidence(tmp_path / "run")
    assert evidence is not None
    assert evidence.probes[0].step == 0
    assert evidence.probes[-1].step >= 30
    assert run.findings.codes() == ["missing-nonlinearity"]


def test_a_rule_of_ones_own():
    @gn.doctor.rule("too-wide", needs=["setup"], severity="hint", most=8)
    def too_wide(evidence, rule):
        for layer in evidence.setup.layers:
            if layer.width > rule["most"]:
                yield rule.finding(
                    "wide.", figure="width", value=layer.width, threshold=rule["most"], layer=layer.path, remedy="Less."
                )

    try:
        assert {one.layer for one in fit(net(10, [16], 4)).findings if one.code == "too-wide"} == {"0", "1"}
    finally:
        gn.doctor.RULES.pop("too-wide")
    assert fit(net(10, [16], 4), doctor=gn.doctor.Doctor(rules=[too_wide])).findings.codes() == ["too-wide"]
    with pytest.raises(gn.ConfigError, match="no evidence called 'probe'"):
        gn.doctor.rule("x", needs=["probe"])


def test_examine_finds_before_the_first_step_and_changes_nothing():
    network = two_linears()
    optimizer = optim.Adam(network.parameters(), lr=0.01)
    before = network.state_dict()
    found = gn.doctor.examine(network, (X, Y), nn.CrossEntropyLoss(), optimizer, deep=True)
    assert found.codes() == ["missing-nonlinearity"]
    for name, array in network.state_dict().items():
        np.testing.assert_array_equal(array, before[name])
    assert (optimizer.steps, network.training) == (0, True)
    bad = X.copy()
    bad[7, 1] = np.inf
    assert gn.doctor.examine(network, (bad, Y), nn.CrossEntropyLoss(), optimizer)[0].evidence["rows"] == [7]


def test_examine_deep_says_what_cannot_be_learned():
    network = net(10, [16], 4)
    for one in network[0].parameters():
        one.requires_grad = False
    network[0].weight.data = np.zeros_like(network[0].weight.data)  # every row looks alike
    optimizer = optim.Adam(network[2].parameters(), lr=0.01)
    found = gn.doctor.examine(network, (X, Y), nn.CrossEntropyLoss(), optimizer, deep=True)
    assert "underfitting" in [one.code for one in found]


def test_the_plan_sees_the_beginning_and_the_end():
    assert planned(10, 5) == [0, 1, 2, 3, 4]
    assert planned(8, 1000)[:4] == [0, 1, 2, 4]
    assert planned(8, 1000)[-1] == 999
    assert len(planned(8, 1000)) == 8
    assert planned(8, 1000, shared=100)[-1] == 900


def test_findings_in_a_notebook_and_as_text():
    findings = fit(two_linears()).findings
    assert "<b>missing-nonlinearity</b>" in findings._repr_html_()
    assert "nonlinear layers between: 0, threshold 1" in findings.text()
    assert "healthy" in str(fit(net(10, [16], 4), epochs=8).findings)


def test_a_doctor_that_fails_does_not_end_the_training():
    def broken(evidence, rule):
        yield 1 / 0

    doctor = gn.doctor.Doctor(rules=[gn.doctor.rule("broken")(broken)])
    gn.doctor.RULES.pop("broken")
    with pytest.warns(RuntimeWarning, match="the doctor gave up.*ZeroDivisionError"):
        run = fit(two_linears(), doctor=doctor)
    assert (run.epochs, run.findings) == (4, [])

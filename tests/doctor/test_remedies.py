"""What remedies say: one learning rate, and what is typed where the training is."""

from __future__ import annotations

import pytest

from glassnet.doctor.evidence import Evidence
from glassnet.doctor.facts import Data, Layer, SetUp
from glassnet.doctor.observed import CheckUp, Failure, ParameterProbe, Probe, Reference, SplitCheck
from glassnet.doctor.progress import Progress
from glassnet.doctor.rule import RULES


def creeping(momentum: float) -> Evidence:
    """A network far behind, each epoch of which was a little better, by steps of 0.2 % of the weights."""
    weights = {"0.weight": ParameterProbe(rms=0.1, update=2e-4, gradient=1.0, moved=0.5)}
    losses = [2.0 - 0.05 * epoch for epoch in range(10)]
    return Evidence(
        data=Data(constant=2.0),
        setup=SetUp(optimizer="SGD", lr=0.01, momentum=momentum, loss="cross_entropy"),
        probes=[Probe(step, 2.0, 0.01, parameters=weights) for step in range(4)],
        progress=Progress(1, losses, [0.0] * 10, losses, 10, 10, 1, {"loss": losses}),
        checkup=CheckUp(10, train=SplitCheck(100, 1.5, gain=0.2)),
        reference=Reference("a linear fit", 0.9, 0.01),
    )


def test_momentum_makes_of_many_small_steps_long_ones():
    found = RULES["learning-rate-too-low"](creeping(0.0))
    assert [one.code for one in found] == ["learning-rate-too-low"]
    assert f"lr={found[0].remedy.change['lr']:g}." in found[0].remedy.text  # one rate, to read and to apply
    assert RULES["learning-rate-too-low"](creeping(0.9)) == []


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("fit", "clip_norm=1.0"),
        ("loop", "optim.clip_grad_norm_(net.parameters(), 1.0)"),
        ("torch", "torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)"),
    ],
)
def test_a_remedy_is_what_is_typed_where_the_training_is(place, text):
    evidence = Evidence(setup=SetUp(lr=0.1, place=place), failure=Failure(3, "the loss became nan"))
    assert text in RULES["nonfinite-loss"](evidence)[0].remedy.text


def behind(kinds: list[str], losses: list[float], dropout: float = 0.0) -> str:
    """The remedy for a network that stays behind on its own rows."""
    evidence = creeping(0.0)
    evidence.setup.layers = [Layer(str(i), kind) for i, kind in enumerate(kinds)]
    evidence.setup.dropout = dropout
    evidence.progress = Progress(1, losses, [0.0] * len(losses), losses, len(losses), len(losses), 10, {"loss": losses})
    return RULES["underfitting"](evidence)[0].remedy.text


def test_underfitting_names_what_most_likely_helps():
    flat, falling = [2.0] * 10 + [1.5] * 50, [2.0 - 0.01 * i for i in range(60)]
    assert "hidden layer" in behind(["Linear", "Linear"], flat)
    assert "epochs=24" in behind(["Linear", "ReLU", "Linear"], falling)
    assert "nn.Dropout(0.1)" in behind(["Linear", "ReLU", "Dropout", "Linear"], flat, dropout=0.5)
    assert "wider" in behind(["Linear", "ReLU", "Linear"], flat)

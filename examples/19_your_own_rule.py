"""Your own rule for the doctor, and silence where you know better.

A rule is a function from the evidence to findings. The evidence is plain numbers and text, gathered once: what the
rows are like (``evidence.data``), the layers and how they are trained (``evidence.setup``), steps that were looked
into (``evidence.probes``), how the loss went (``evidence.progress``), the network at the end (``evidence.checkup``).
The decorator says which of these a rule needs, how grave its findings are, and its thresholds, by name: nothing is
buried in the function. A rule whose evidence was not gathered is not asked. From then on it is one of the rules:
ranked with the others, printed, written as JSON, and silenced by its code.
"""

from collections.abc import Iterator

import numpy as np

import glassnet as gn
from glassnet import nn, optim

rng = np.random.default_rng(0)
y = rng.integers(0, 4, 400)
x = (2 * rng.normal(size=(4, 10))[y] + rng.normal(size=(400, 10))).astype("float32")


@gn.doctor.rule("wasteful-width", needs=["setup", "data"], severity="warning", most=50.0)
def wasteful_width(evidence: gn.doctor.Evidence, rule: gn.doctor.Rule) -> Iterator[gn.doctor.Finding]:
    """Many more parameters than rows: for a network that has to run on a small device."""
    parameters = sum(one.size for one in evidence.setup.parameters if one.trainable)
    ratio = parameters / evidence.data.rows
    if ratio > rule["most"]:
        widest = max(evidence.setup.layers, key=lambda layer: layer.width)
        yield rule.finding(
            f"{parameters:,} parameters learn from {evidence.data.rows:,} rows, and {widest.name} is the widest.",
            figure="parameters for each row",
            value=ratio,
            threshold=rule["most"],
            layer=widest.path,
            remedy=f"Make it narrower, such as nn.Linear({widest.width_in}, {widest.width // 8}).",
        )


def train(width: int, doctor: bool | gn.doctor.Doctor = True) -> gn.doctor.Findings:
    """The findings of a training with a bias that BatchNorm subtracts again, which is worth a hint."""
    gn.manual_seed(0)
    net = nn.Sequential(nn.Linear(10, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Linear(width, 4))
    return gn.fit(
        net,
        (x, y),
        loss=nn.CrossEntropyLoss(),
        optimizer=optim.Adam(net.parameters(), lr=0.01),
        epochs=10,
        doctor=doctor,
        folder=None,
        progress=False,
    ).findings


wide, narrow = train(width=2048), train(width=16)
print(f"2,048 units:\n\n{wide}\n")
print(f"16 units: {', '.join(narrow.codes())}\n")
print(f"for programs: {wide.to_json()[0]['evidence']}\n")

# Silence: a code, or a code in one layer

no_hints = train(2048, gn.doctor.Doctor(silence=["redundant-bias"]))
not_there = train(2048, gn.doctor.Doctor(silence=[("wasteful-width", "0"), ("redundant-bias", "3")]))
print(f"without redundant-bias: {', '.join(no_hints.codes())}")
print(f"without wasteful-width in layer 0: {', '.join(not_there.codes())}")
try:
    gn.doctor.Doctor(silence=["redundant-bais"])
except gn.ConfigError as error:
    refused = str(error)
    print(f"a misspelt code would silence nothing: {refused[:51]} ...")

# Another threshold for a rule that exists: declare it again, or take it away altogether

del gn.doctor.RULES["wasteful-width"]
print(f"after the rule is gone: {', '.join(train(2048).codes())}")

assert wide.codes() == ["wasteful-width", "redundant-bias"]
assert wide[0].layer == "0"
assert not wide.healthy
assert narrow.codes() == ["redundant-bias"]
assert narrow.healthy  # a hint is no illness
assert no_hints.codes() == ["wasteful-width"]
assert not_there.codes() == ["redundant-bias"]
assert "redundant-bais" in refused

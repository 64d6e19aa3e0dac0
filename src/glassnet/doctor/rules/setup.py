"""Rules about the set-up: invariants, which hold or do not hold."""

from __future__ import annotations

from collections.abc import Iterator

from glassnet.doctor.evidence import BATCH_NORMS, LINEAR, Evidence, Layer, SetUp
from glassnet.doctor.finding import Finding
from glassnet.doctor.rule import Rule, rule


@rule("missing-nonlinearity", needs=["setup"], narrow=0.5)
def missing_nonlinearity(evidence: Evidence, this: Rule) -> Iterator[Finding]:
    """Linear layers back to back, unless the width between them is much narrower than on both sides: such a pair is
    meant, as factors of a matrix of low rank.
    """
    setup = evidence.setup
    for layer in setup.layers:
        if layer.kind not in LINEAR:
            continue
        for before in linear_before(setup, layer):
            middle, outside = before.width, min(before.width_in, layer.width)
            if middle and outside and middle <= this["narrow"] * outside:
                continue
            yield this.finding(
                f"{before.name} and {layer.name} are two linear layers with nothing between them that is not linear.",
                figure="nonlinear layers between",
                value=0,
                threshold=1,
                layer=layer.path,
                remedy="Put an activation, such as nn.ReLU(), between them.",
                change={"activation": "relu"},
                before=before.path,
            )


def linear_before(setup: SetUp, layer: Layer) -> list[Layer]:
    """The linear layers whose outputs reach a layer through nothing, or through BatchNorm, which is linear, too."""
    found: list[Layer] = []
    waiting = setup.before(layer)
    if len(waiting) != 1:
        return []
    while waiting:
        one = waiting.pop()
        if one.kind in BATCH_NORMS:
            waiting += setup.before(one)
        elif one.kind in LINEAR:
            found.append(one)
    return found

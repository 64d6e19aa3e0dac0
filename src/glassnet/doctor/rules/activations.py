"""Rules about activations: what harms is a symptom in a network that has not learned."""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import median

from glassnet.doctor.evidence import Evidence
from glassnet.doctor.facts import NARROW, Layer
from glassnet.doctor.finding import Finding
from glassnet.doctor.observed import Probe
from glassnet.doctor.rule import Rule, rule


@rule("dead-units", needs=["checkup", "progress"], share=0.4)
def dead_units(evidence: Evidence, this: Rule) -> Iterator[Finding]:
    """Units of a rectifier, channels of a convolution, that are 0 for every row of a large sample, in a network that
    has not learned, or in which so few are left that the layer is a bottleneck.
    """
    checkup = evidence.checkup
    if evidence.solved:
        return
    outputs = sum(one.width for one in evidence.setup.last())
    for path, units in checkup.units.items():
        if units.units < NARROW:
            continue  # so narrow a layer has an illness of its own
        few = round((1 - units.dead) * units.units) < max(outputs, NARROW)
        if units.dead > this["share"] and (evidence.harmed or units.dead > 0.9 or few):
            yield this.finding(
                f"{units.dead:.0%} of the {units.units} units are 0 for all of {units.rows:,} rows.",
                figure="share of units that are always 0",
                value=units.dead,
                threshold=this["share"],
                layer=path,
                step=next((one.step for one in evidence.probes if _zero(one, path) > this["share"]), checkup.step),
                remedy="Lower the learning rate, draw the weights anew with biases of 0, or use nn.LeakyReLU().",
                change={"activation": "leaky_relu", "init": "default"},
            )


def _zero(probe: Probe, path: str) -> float:
    """The share of units that were 0 in the whole batch of a step."""
    return (probe.layers[path].zero or 0.0) if path in probe.layers else 0.0


@rule("saturated-activations", needs=["probes", "setup"], share=0.5, learned=0.5, large=4.0)
def saturated_activations(evidence: Evidence, this: Rule) -> Iterator[Finding]:
    """Tanh or sigmoid at its flat ends from early on, in a network that has not learned."""
    judged_early = not evidence.has("progress")
    little = evidence.learned is not None and evidence.learned < this["learned"]
    if not judged_early and not evidence.harmed and not little and not evidence.behind_on_new_rows:
        return
    ends = {one.path for one in evidence.setup.last()}
    early = evidence.probes[: max(1, len(evidence.probes) // 2)]
    for layer in evidence.setup.layers:
        shares = [one.layers[layer.path].flat for one in early if layer.path in one.layers]
        known = [share for share in shares if share is not None]
        if layer.path in ends or not known or median(known) <= this["share"]:
            continue
        step = next(one.step for one in early if (one.layers[layer.path].flat or 0) > this["share"])
        yield this.finding(
            f"{median(known):.0%} of what {layer.name} gives is at its flat ends.",
            figure="share of outputs at the flat ends",
            value=float(median(known)),
            threshold=this["share"],
            layer=layer.path,
            step=step,
            remedy="Draw smaller weights (gain 5/3 for tanh, 1 for sigmoid), scale the inputs, or put "
            "nn.BatchNorm1d before it.",
            change={
                "init": "default",
                **({} if _large_weights(evidence, layer, this["large"]) else {"batch_norm": True}),
            },
        )


def _large_weights(evidence: Evidence, layer: Layer, times: float) -> bool:
    """Whether weights right before a layer were drawn so much larger than 1 / sqrt(fan_in)."""
    for before in evidence.setup.before(layer):
        weight = evidence.probes[0].parameters.get(f"{before.path}.weight")
        if weight is not None and before.width_in and weight.rms * math.sqrt(before.width_in) > times:
            return True
    return False

"""Rules about the state before the first step."""

from __future__ import annotations

import math
from collections.abc import Iterator

from glassnet.doctor.evidence import Evidence
from glassnet.doctor.facts import LINEAR, NORMS, Layer
from glassnet.doctor.finding import Finding
from glassnet.doctor.rule import Rule, rule
from glassnet.doctor.rules.signs import killed


@rule("symmetric-initialization", needs=["setup", "probes"], severity="error", at_once=True, share=0.5)
def symmetric_initialization(evidence: Evidence, this: Rule) -> Iterator[Finding]:
    """Units with the same weights and the same gradients; a last layer of zeros has different gradients."""
    first = evidence.probes[0]
    ends = {one.path for one in evidence.setup.last()}
    for layer in evidence.setup.layers:
        probe = first.parameters.get(f"{layer.path}.weight" if layer.path else "weight")
        if layer.kind not in LINEAR or layer.path in ends or probe is None or probe.twins is None:
            continue
        if probe.twins >= this["share"]:
            yield this.finding(
                f"{probe.twins:.0%} of the units of {layer.name} have the weights and gradients of another unit.",
                figure="share of units with a twin",
                value=probe.twins,
                threshold=this["share"],
                layer=layer.path,
                step=first.step,
                remedy="Draw the weights at random, as nn.Linear does unless they are overwritten.",
                change={"init": "default"},
            )


@rule("bad-initial-scale", needs=["setup", "probes"], change=10.0, certain=100.0, dead=0.4, drop=0.7)
def bad_initial_scale(evidence: Evidence, this: Rule) -> Iterator[Finding]:
    """Outputs of linear layers that are much larger or smaller than what came into the network."""
    first = evidence.probes[0]
    if first.step > 0 or evidence.setup.narrow or evidence.setup.dropout > this["drop"]:
        return  # what little dropout leaves is scaled up
    harmful = evidence.harmed if evidence.has("progress") else False
    reference = first.inputs or None
    ends = {one.path for one in evidence.setup.last()}
    normed = {path for one in evidence.setup.layers if one.kind in NORMS for path in one.after}
    bounded = {path for one in evidence.setup.layers if one.kind in ("Tanh", "Sigmoid") for path in one.after}
    clipped = {
        path
        for one in evidence.setup.layers
        if one.path in first.layers and (first.layers[one.path].zero or 0.0) > this["dead"]
        for path in one.after
    }
    worst: tuple[float, str, float] | None = None
    for layer in evidence.setup.layers:
        probe = first.layers.get(layer.path)
        if layer.kind not in LINEAR or probe is None or not probe.std or layer.path in normed or layer.path in ends:
            continue
        if any(
            (first.layers[one.path].zero or 0.0) > this["dead"]
            for one in evidence.setup.before(layer)
            if one.path in first.layers
        ):
            continue  # it shrinks because units are dead
        if reference is None:
            reference = probe.std
            continue
        ratio = probe.std / (_normalised(evidence, layer) or reference)
        if ratio > 1 and layer.path in clipped:  # it is the biases that set the units apart
            continue
        if ratio > 1 and layer.path in bounded:  # the activation ends the growth: it saturates instead
            continue
        if worst is None or abs(math.log(ratio)) > abs(math.log(worst[0])):
            worst = ratio, layer.path, probe.std
    if worst is None:
        return
    ratio, path, _ = worst
    size = max(ratio, 1 / ratio)
    if size > this["certain"] or (size > this["change"] and harmful):
        how = "grow" if ratio > 1 else "shrink"
        yield this.finding(
            f"before the first step activations {how} {size:,.0f}-fold up to this layer.",
            figure="change of the standard deviation across layers",
            value=size,
            threshold=this["change"],
            layer=path,
            step=first.step,
            remedy="Draw the weights with a standard deviation of gain / sqrt(fan_in): init.kaiming_normal_ for ReLU, "
            "init.xavier_normal_ for tanh; nn.Linear does so unless they are overwritten.",
            change={"init": "default"},
        )


def _normalised(evidence: Evidence, layer: Layer) -> float | None:
    """The standard deviation that the last normalisation before a layer gives; None if there is none on its way."""
    layers = evidence.probes[0].layers
    waiting, seen = evidence.setup.before(layer), set[str]()
    while waiting:
        one = waiting.pop(0)  # the nearest first
        if one.kind in NORMS and one.path in layers:
            return layers[one.path].std
        if one.path not in seen:
            seen.add(one.path)
            waiting += evidence.setup.before(one)
    return None


@rule("high-initial-loss", needs=["setup", "data", "probes"], classes=1.5, values=4.0, severe=2.0, slow=0.1)
def high_initial_loss(evidence: Evidence, this: Rule) -> Iterator[Finding]:
    """A first loss far above that of a network that knows nothing: a warning if it takes long to come down."""
    setup, first, data = evidence.setup, evidence.probes[0], evidence.data
    if first.step > 0 or setup.weighted or not data.constant or data.outliers:  # the first batch may hold these rows
        return
    if setup.classification and data.classes:
        known, name = math.log(max(2, len(data.classes))), f"ln {len(data.classes)}"
    elif setup.loss == "mse":
        known, name = data.constant, "the variance of the targets"
    else:
        return
    limit = this["classes"] if setup.classification else this["values"]
    ratio = first.loss / known
    if ratio <= limit:
        return
    times = float(f"{min(0.1, 0.5 / ratio):.1g}")
    progress = evidence.progress
    above = sum(one > known for one in progress.losses) / len(progress.losses) if progress.losses else 0.0
    costly = ratio > this["severe"] * limit and not evidence.solved and (above > this["slow"] or evidence.harmed)
    costly = costly or (evidence.harmed and bool(killed(evidence)))  # of which the first gradients are the cause
    yield this.finding(
        f"the first loss is {first.loss:.4g}, and knowing nothing costs {known:.4g} ({name}).",
        figure="first loss in relation to that of knowing nothing",
        value=ratio,
        threshold=limit,
        step=first.step,
        severity="warning" if costly else "hint",
        remedy=f"Make the weights of the last layer small, such as net[-1].weight.data *= {times:g}, and its bias 0.",
        change={"scale_last_layer": times},
    )

"""Rules about BatchNorm."""

from __future__ import annotations

import math
from collections.abc import Iterator

from glassnet.doctor.evidence import Evidence
from glassnet.doctor.facts import BATCH_NORMS, LINEAR
from glassnet.doctor.finding import Finding
from glassnet.doctor.rule import Rule, rule
from glassnet.doctor.rules.signs import takes_away

_REMEDY = "Use larger batches, a momentum of 0.1 in BatchNorm, or a normalisation of each row: nn.LayerNorm."


@rule("batchnorm-mismatch", needs=["comparison"], apart=0.5, warm=50, least=0.02, lost=0.07)
def batchnorm_mismatch(evidence: Evidence, this: Rule) -> Iterator[Finding]:
    """Rows are told much worse with the running statistics than with their own; of two small losses one may be many
    times the other. Where it is not known how well rows are told, by what a batch costs.
    """
    found = evidence.comparison
    if found.step < this["warm"]:
        return
    if found.gain is not None and found.renewed is not None and math.isfinite(found.evaluation):
        lost = found.renewed - found.gain
        if lost > this["lost"]:
            yield this.finding(
                f"with its running statistics the network {takes_away(found.gain)}, with those of the same rows it "
                f"{takes_away(found.renewed)}.",
                figure="share of a constant's error that the running statistics cost",
                value=lost,
                threshold=this["lost"],
                step=found.step,
                remedy=_REMEDY,
                change={"batch_norm_momentum": 0.1},
            )
        return
    level = max(found.training, this["least"] * (evidence.data.constant or 0.0), 1e-12)
    apart = (found.evaluation - found.training) / level
    if not apart <= this["apart"]:  # not a number counts as far apart
        yield this.finding(
            f"one batch costs {found.training:.4g} with its own statistics and {found.evaluation:.4g} with the "
            "running ones.",
            figure="loss in evaluation above that in training, as a share",
            value=apart,
            threshold=this["apart"],
            step=found.step,
            remedy=_REMEDY,
            change={"batch_norm_momentum": 0.1},
        )


@rule("batchnorm-tiny-batch", needs=["setup"], at_once=True, values=4)
def batchnorm_tiny_batch(evidence: Evidence, this: Rule) -> Iterator[Finding]:
    """BatchNorm over fewer values a channel than give a mean and a variance; positions count as values."""
    for layer in evidence.setup.layers:
        if layer.kind in BATCH_NORMS and 0 < layer.values < this["values"]:
            yield this.finding(
                f"{layer.name} takes mean and variance of {layer.values} values a channel.",
                figure="values a channel",
                value=layer.values,
                threshold=int(this["values"]),
                layer=layer.path,
                step=evidence.probes[0].step if evidence.probes else None,
                remedy="Use larger batches, such as batch_size=32, or nn.LayerNorm.",
                change={"batch_size": 32},
            )


@rule("redundant-bias", needs=["setup"], severity="hint")
def redundant_bias(evidence: Evidence, this: Rule) -> Iterator[Finding]:
    """A bias that the BatchNorm behind it subtracts."""
    for layer in evidence.setup.layers:
        for before in evidence.setup.before(layer) if layer.kind in BATCH_NORMS else []:
            if before.kind in LINEAR and before.bias:
                yield this.finding(
                    f"{before.name} adds a bias, and {layer.name} subtracts it again.",
                    figure="bias before BatchNorm",
                    value=True,
                    threshold=False,
                    layer=before.path,
                    remedy=f"nn.{before.kind}(..., bias=False)",
                )

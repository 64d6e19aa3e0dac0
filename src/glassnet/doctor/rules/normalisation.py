"""Rules about BatchNorm."""

from __future__ import annotations

from collections.abc import Iterator

from glassnet.doctor.evidence import Evidence
from glassnet.doctor.facts import BATCH_NORMS, LINEAR
from glassnet.doctor.finding import Finding
from glassnet.doctor.rule import Rule, rule


@rule("batchnorm-mismatch", needs=["comparison"], apart=0.5, warm=50, least=0.02)
def batchnorm_mismatch(evidence: Evidence, this: Rule) -> Iterator[Finding]:
    """The same batch costs much more with the running statistics than with its own."""
    found = evidence.comparison
    if found.step < this["warm"]:
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
            remedy="Use larger batches, a momentum of 0.1 in BatchNorm, or a normalisation of each row: nn.LayerNorm.",
            change={"batch_norm": False},
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

"""Rules about the loss and the last layer."""

from __future__ import annotations

from collections.abc import Iterator

from glassnet.doctor.evidence import Evidence
from glassnet.doctor.finding import Finding
from glassnet.doctor.rule import Rule, rule


@rule("probabilities-as-logits", needs=["setup", "probes"], severity="error", at_once=True, share=0.999)
def probabilities_as_logits(evidence: Evidence, this: Rule) -> Iterator[Finding]:
    """Rows that are probabilities, given to a loss that takes the softmax itself."""
    setup, first = evidence.setup, evidence.probes[0]
    if setup.loss == "cross_entropy" and first.unit_rows >= this["share"]:
        last = setup.last()
        layer = last[0].path if len(last) == 1 and last[0].kind == "Softmax" else None
        yield this.finding(
            "every row that cross-entropy gets is a probability distribution: it takes the softmax of them again.",
            figure="share of output rows that are at least 0 and sum to 1",
            value=first.unit_rows,
            threshold=this["share"],
            layer=layer,
            step=first.step,
            remedy="Leave out the Softmax at the end: CrossEntropyLoss takes logits.",
            change={"drop_last_layer": True},
        )

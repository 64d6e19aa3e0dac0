"""Rules about activations: what harms is a symptom in a network that has not learned."""

from __future__ import annotations

from collections.abc import Iterator

from glassnet.doctor.evidence import Evidence
from glassnet.doctor.finding import Finding
from glassnet.doctor.rule import Rule, rule


@rule("dead-units", needs=["checkup", "progress"], share=0.4, rows=1000)
def dead_units(evidence: Evidence, this: Rule) -> Iterator[Finding]:
    """Units of a rectifier that are 0 for every row of a large sample, in a network that has not learned."""
    checkup = evidence.checkup
    if evidence.solved:
        return
    for path, units in checkup.units.items():
        if units.dead > this["share"]:
            yield this.finding(
                f"{units.dead:.0%} of the {units.units} units are 0 for all of {units.rows:,} rows.",
                figure="share of units that are always 0",
                value=units.dead,
                threshold=this["share"],
                layer=path,
                step=checkup.step,
                remedy="Lower the learning rate, draw the weights anew, or use nn.LeakyReLU().",
                change={"activation": "leaky_relu"},
            )

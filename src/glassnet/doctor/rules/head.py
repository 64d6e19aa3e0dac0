"""Rules about the loss and the last layer."""

from __future__ import annotations

import math
from collections.abc import Iterator

from glassnet.doctor.evidence import Evidence
from glassnet.doctor.finding import Finding
from glassnet.doctor.rule import Rule, rule

#: What an activation at the end can give, at most and at least.
_REACH = {
    "Sigmoid": (0.0, 1.0),
    "Tanh": (-1.0, 1.0),
    "Softmax": (0.0, 1.0),
    "ReLU": (0.0, math.inf),
    "Softplus": (0.0, math.inf),
    "GELU": (-0.17, math.inf),
    "SiLU": (-0.28, math.inf),
    "ELU": (-1.0, math.inf),
    "exp": (0.0, math.inf),
    "LogSoftmax": (-math.inf, 0.0),
}


@rule("probabilities-as-logits", needs=["setup", "probes"], severity="error", at_once=True, share=0.999)
def probabilities_as_logits(evidence: Evidence, this: Rule) -> Iterator[Finding]:
    """Rows that are probabilities, given to a loss that takes the softmax or the sigmoid itself."""
    setup, first = evidence.setup, evidence.probes[0]
    last = setup.last()
    kind = last[0].kind if len(last) == 1 else ""
    rows = setup.loss == "cross_entropy" and first.unit_rows >= this["share"]
    if rows or (setup.loss == "bce" and kind in ("Sigmoid", "Softmax")):
        name = "Softmax" if rows else kind
        yield this.finding(
            f"what the loss gets is {'probabilities' if rows else 'a probability'} already, and it takes the "
            f"{'softmax' if rows else 'sigmoid'} of {'them' if rows else 'it'} again.",
            figure="share of output rows that are probabilities",
            value=first.unit_rows if rows else 1.0,
            threshold=this["share"],
            layer=last[0].path if kind in ("Softmax", "Sigmoid") else None,
            step=first.step,
            remedy=f"Leave out the {name} at the end: the loss takes logits.",
            change={"drop_last_layer": True},
        )


@rule("wrong-loss", needs=["setup"], at_once=True, ordered=0.05, beyond=0.05, log_rows=0.999)
def wrong_loss(evidence: Evidence, this: Rule) -> Iterator[Finding]:
    """Targets that the output or the loss cannot reach, labels as quantities, logits given to NLLLoss, (N,) against
    (N, 1).
    """
    setup, data = evidence.setup, evidence.data
    step = evidence.probes[0].step if evidence.probes else None
    if setup.crossed:
        yield this.finding(
            "outputs of shape (N, 1) and targets of shape (N,) make differences of shape (N, N): each output is "
            "compared with the targets of all rows, and learns their mean.",
            figure="differences for each row",
            value=setup.batch_size,
            threshold=1,
            step=step,
            remedy="Give both the same shape: targets[:, None], or outputs[:, 0].",
            severity="error",
        )
        return
    if not evidence.has("data"):
        return
    last = setup.last()
    # Of few numbers, the best order and the same from the other end are a large share of all orders.
    best = 2 / math.factorial(min(round(max(data.target_high, 0.0)) + 1, 20))
    limit = max(this["ordered"], 1.01 * best)
    as_one = setup.regression or (not setup.known_loss and [one.width for one in last] == [1])
    if as_one and data.ordered is not None and data.ordered > limit:
        yield this.finding(
            "the targets are the numbers of classes, and the loss takes them for quantities: class 2 is not between 1 "
            "and 3.",
            figure="share of the orders of the numbers that fit the rows as well as this one",
            value=data.ordered,
            threshold=limit,
            step=step,
            remedy=f"Use nn.CrossEntropyLoss() with {round(data.target_high) + 1} outputs, one for each class, and "
            "whole numbers of shape (N,) as targets.",
            change={"loss": "cross_entropy"},
        )
        return
    if setup.regression and len(last) == 1 and last[0].kind in _REACH:
        low, high = _REACH[last[0].kind]
        over = max(low - data.target_low, data.target_high - high, 0.0)
        if over > this["beyond"] * max(data.target_std, 1e-12):
            yield this.finding(
                f"{last[0].name} gives values from {low:g} to {high:g}, and the targets go from "
                f"{data.target_low:.4g} to {data.target_high:.4g}.",
                figure="targets beyond what can be reached, in their standard deviations",
                value=over / max(data.target_std, 1e-12),
                threshold=this["beyond"],
                layer=last[0].path,
                step=step,
                remedy=f"Leave out the {last[0].kind} at the end.",
                change={"drop_last_layer": True},
            )
    if setup.loss == "bce" and (data.target_low < 0 or data.target_high > 1):
        yield this.finding(
            f"targets of yes and no must be from 0 to 1, and these go from {data.target_low:g} to "
            f"{data.target_high:g}.",
            figure="largest target",
            value=data.target_high,
            threshold=1.0,
            step=step,
            remedy="Give 0 for no and 1 for yes, or use nn.MSELoss() for quantities.",
        )
    if setup.loss == "nll" and evidence.probes and evidence.probes[0].log_rows < this["log_rows"]:
        yield this.finding(
            "NLLLoss takes logarithms of probabilities, and the network gives something else.",
            figure="share of output rows that are such",
            value=evidence.probes[0].log_rows,
            threshold=this["log_rows"],
            step=step,
            remedy="Use nn.CrossEntropyLoss(), which takes logits; or end the network with nn.LogSoftmax().",
            change={"loss": "cross_entropy"},
        )


@rule("ascending", needs=["setup", "probes"], severity="error", at_once=True, margin=0.01)
def ascending(evidence: Evidence, this: Rule) -> Iterator[Finding]:
    """A loss of one's own by which the very targets cost more than what the network says; an update that is meant to
    make the loss larger.
    """
    first = evidence.probes[0]
    size = abs(first.loss)
    if evidence.setup.loss in ("cross_entropy", "bce", "mse", "l1", "huber") and first.loss < 0:
        yield this.finding(
            "the optimizer is told to make the loss larger: maximize=True."
            if evidence.setup.maximize
            else f"the first loss is {first.loss:.4g}, and {evidence.setup.loss} is never below 0: its sign was "
            "changed.",
            figure="first loss",
            value=first.loss,
            threshold=0.0,
            step=first.step,
            remedy="Leave out maximize=True in the optimizer."
            if evidence.setup.maximize
            else "Leave out the minus sign before the loss.",
            change={"negate_loss": True},
        )
        return
    if first.ideal_loss is not None and not evidence.setup.known_loss:
        worse = first.ideal_loss - first.loss
        if worse > this["margin"] * size:
            yield this.finding(
                f"predictions of the very targets would cost {first.ideal_loss:.4g}, more than the {first.loss:.4g} of "
                "the first step: training makes the network worse.",
                figure="loss of perfect predictions above the first loss",
                value=worse,
                threshold=this["margin"] * size,
                step=first.step,
                remedy="Change the sign of the loss.",
                change={"negate_loss": True},
            )
            return
    plain = evidence.setup.optimizer in ("SGD", "")
    if plain and first.along is not None and first.along > 0 and first.gradient > 0:
        yield this.finding(
            "the first update goes along the gradient, not against it: it makes the loss larger.",
            figure="change of the loss by the update, to first order",
            value=first.along,
            threshold=0.0,
            step=first.step,
            remedy="Subtract the gradient: parameter.data = parameter.data - lr * parameter.grad.",
        )

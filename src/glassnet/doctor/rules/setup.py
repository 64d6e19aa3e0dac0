"""Rules about the set-up: invariants, which hold or do not hold."""

from __future__ import annotations

import math
from collections.abc import Iterator

from glassnet.doctor.evidence import Evidence
from glassnet.doctor.facts import BATCH_NORMS, LINEAR, Layer, SetUp
from glassnet.doctor.finding import Finding
from glassnet.doctor.rule import Rule, rule


@rule("parameters-not-updated", severity="error", at_once=True, weak=1e-6)
def parameters_not_updated(evidence: Evidence, this: Rule) -> Iterator[Finding]:
    """A step with gradients that left every parameter as it was, a warm-up from 0 is none; or no step at all."""
    if evidence.without_step is not None:
        yield this.finding(
            "gradients were computed, and no step of the optimizer used them.",
            figure="steps with these gradients",
            value=0,
            threshold=1,
            step=evidence.without_step,
            remedy="Call optimizer.step() after loss.backward(), and optimizer.zero_grad() before it.",
        )
        return
    wanted = {one.path for one in evidence.setup.parameters if one.trainable and one.held and one.used}
    if evidence.probes and wanted and (wanted <= {*evidence.unused} or _all_zero(evidence)):
        yield this.finding(
            "backward() was called, and when the optimizer made its step no parameter had a gradient.",
            figure="parameters with a gradient at the step",
            value=0,
            threshold=1,
            step=evidence.probes[0].step,
            remedy="Call optimizer.zero_grad() before loss.backward(), never between it and optimizer.step().",
        )
        return
    planned = [rate for _, rate in evidence.setup.rates]
    lost = {one.path for one in evidence.setup.parameters if not one.held}
    strengths = [
        max((one.gradient or 0.0 for path, one in probe.parameters.items() if path not in lost), default=0.0)
        for probe in evidence.probes
    ]
    strongest = max(filter(math.isfinite, strengths), default=0.0)
    for probe, strength in zip(evidence.probes, strengths, strict=True):
        updates = [one.update for one in probe.parameters.values()]
        most = max([*planned, *(one.lr for one in evidence.probes)])
        waits = most > 0 and probe.lr < 0.01 * most  # a warm-up, or the end of a decay
        moves = strength > this["weak"] * strongest  # one that has vanished is lost in the rounding of an update
        if updates and not any(updates) and moves and not waits:
            why = "the learning rate is 0" if probe.lr == 0 else f"the learning rate is {probe.lr:g}"
            yield this.finding(
                f"a step with a gradient changed no parameter; {why}.",
                figure="largest update",
                value=0.0,
                threshold="above 0",
                step=probe.step,
                remedy="Use a learning rate above 0, such as 0.1 for SGD or 0.001 for Adam."
                if probe.lr == 0
                else "Call optimizer.step() after backward(), with the optimizer that holds net.parameters().",
                change={"lr": default_lr(evidence)},
            )
            return


def _all_zero(evidence: Evidence) -> bool:
    """Whether the gradients of parameters were all 0 in every step, as cleared ones can be, and those of what linear
    layers gave were not.
    """
    linear = {one.path for one in evidence.setup.layers if one.kind in LINEAR}
    arrived = [one.gradient for probe in evidence.probes for path, one in probe.layers.items() if path in linear]
    gradients = [one.gradient for probe in evidence.probes for one in probe.parameters.values()]
    return any(arrived) and bool(gradients) and not any(gradients)


def default_lr(evidence: Evidence) -> float:
    """A usual learning rate of the optimizer."""
    return (
        0.1
        if evidence.setup.optimizer == "SGD" and not evidence.setup.momentum
        else 0.01
        if (evidence.setup.optimizer == "SGD")
        else 0.001
    )


@rule("parameter-not-in-optimizer", needs=["setup"], at_once=True)
def parameter_not_in_optimizer(evidence: Evidence, this: Rule) -> Iterator[Finding]:
    """A trainable parameter that no optimizer holds; one that is frozen has requires_grad=False."""
    lost = [one for one in evidence.setup.parameters if one.trainable and not one.held and one.used]
    for one in lost:
        yield this.finding(
            f"the optimizer does not hold {one.path}, which requires a gradient: it stays as it was drawn.",
            figure="parameters that no optimizer holds",
            value=len(lost),
            threshold=0,
            layer=one.path,
            step=evidence.probes[0].step if evidence.probes else None,
            remedy="Make the optimizer with net.parameters(), after the network is complete; or freeze the parameter "
            "with requires_grad = False.",
            change={"optimizer_parameters": "all"},
        )


@rule("detached-parameter", needs=["setup", "unused"], at_once=True)
def detached_parameter(evidence: Evidence, this: Rule) -> Iterator[Finding]:
    """A parameter of a layer that was run, of which the loss does not depend; a head that is not run is none."""
    known = [one for one in evidence.setup.parameters if one.trainable and one.used]
    lost = [one for one in known if one.path in evidence.unused]
    if len(lost) == len(known):
        return  # gradients were cleared before the step, see parameters-not-updated
    for one in lost:
        yield this.finding(
            f"the layer of {one.path} is run, but the loss does not depend on it: it has no gradient.",
            figure="gradient",
            value="none",
            threshold="any",
            layer=one.path,
            step=evidence.probes[0].step if evidence.probes else None,
            remedy="Use the tensor that the layer gives, without detach(), numpy() or no_grad().",
        )


@rule("stale-gradients", needs=["probes"], severity="error", at_once=True)
def stale_gradients(evidence: Evidence, this: Rule) -> Iterator[Finding]:
    """Gradients that were there before backward."""
    stale = next((one for one in evidence.probes if one.left_over), None)
    if stale is not None:
        yield this.finding(
            "backward() added to the gradients that the step before had left.",
            figure="gradients before backward()",
            value="left over",
            threshold="none",
            step=stale.step,
            remedy="Call optimizer.zero_grad() before loss.backward().",
        )


@rule("trained-in-eval-mode", needs=["probes"], severity="error", at_once=True)
def trained_in_eval_mode(evidence: Evidence, this: Rule) -> Iterator[Finding]:
    """Dropout or BatchNorm in evaluation mode at a training step, in a network that is."""
    for probe in evidence.probes:
        for path in probe.evaluating:
            yield this.finding(
                "the layer is in evaluation mode while the network is trained.",
                figure="training mode",
                value=False,
                threshold=True,
                layer=path,
                step=probe.step,
                remedy="Call net.train() before the training steps, and again after each evaluation.",
            )
        if probe.evaluating:
            return


@rule("evaluated-in-train-mode", needs=["evaluated_in_training"], at_once=True)
def evaluated_in_train_mode(evidence: Evidence, this: Rule) -> Iterator[Finding]:
    """Dropout or BatchNorm in training mode in a forward pass that is not trained on."""
    for path in evidence.evaluated_in_training:
        yield this.finding(
            "the layer is in training mode while the network is evaluated.",
            figure="training mode",
            value=True,
            threshold=False,
            layer=path,
            step=evidence.probes[-1].step if evidence.probes else None,
            remedy="Call net.eval() before an evaluation, and net.train() after it.",
        )


@rule("missing-nonlinearity", needs=["setup"], at_once=True, narrow=0.5)
def missing_nonlinearity(evidence: Evidence, this: Rule) -> Iterator[Finding]:
    """Linear layers back to back, unless the width between them is much narrower than on both sides: such a pair is
    meant, as factors of a matrix of low rank.
    """
    setup = evidence.setup
    for layer in setup.layers:
        for before in linear_before(setup, layer) if layer.kind in LINEAR else []:
            middle, outside = before.width, min(before.width_in, layer.width)
            if middle and outside and middle <= this["narrow"] * outside:
                continue
            yield this.finding(
                f"{before.name} and {layer.name} are two linear layers with nothing between them that is not linear.",
                figure="nonlinear layers between",
                value=0,
                threshold=1,
                layer=layer.path,
                step=evidence.probes[0].step if evidence.probes else None,
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

"""One training with the doctor listening, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from rivals import Recorder
from workloads import Setting, gain

import glassnet as gn
from glassnet import nn
from glassnet.data.batches import batches
from glassnet.data.dataset import Split
from glassnet.doctor import Doctor, Evidence, Findings
from glassnet.engine.errors import NonFiniteError
from glassnet.engine.scope import no_grad

#: Steps of a loop of one's own, and those between two evaluations.
STEPS, EVALUATION = 400, 50


class Noting(Doctor):
    """Notes at which step each code was first said for certain, and keeps the evidence."""

    def __init__(self) -> None:
        super().__init__()
        self.first: dict[str, int] = {}
        self.evidence = Evidence()

    def diagnose(self, evidence: Evidence, *, at_once: bool = False) -> Findings:
        self.evidence = evidence
        found = super().diagnose(evidence, at_once=at_once)
        if at_once:
            for one in found:
                self.first.setdefault(one.code, evidence.probes[-1].step if evidence.probes else 0)
        return found


@dataclass
class Outcome:
    """codes: what the doctor says, errors and warnings, causes first. hints: the rest. first: code -> step at which it
    was said, for what is certain. score: see ``gain``. rivals: what the other rule sets say.
    run: the run, or the error that ended it; None for a loop of one's own.
    """

    findings: Findings
    score: float
    first: dict[str, int] = field(default_factory=dict)
    rivals: dict[str, list[str]] = field(default_factory=dict)
    run: Any = None

    @property
    def codes(self) -> list[str]:
        return list(dict.fromkeys(one.code for one in self.findings if one.severity != "hint"))


def train(setting: Setting, *, watched: bool = True) -> Outcome:
    """Train a setting. watched: also by the rivals."""
    net = setting.network()
    optimizer = setting.optimizer_for(net)
    doctor, recorder = Noting(), Recorder()
    if setting.loop == "examine":
        found = gn.doctor.examine(net, setting.train, setting.loss, optimizer, doctor=doctor)
        return Outcome(found, 0.0, dict.fromkeys(found.codes(), 0))
    if setting.loop is not None:
        with np.errstate(all="ignore"):  # what overflows is for the doctor to say
            findings = own_loop(setting, net, optimizer, doctor)
        return Outcome(findings, gain(net.eval(), setting.clean), doctor.first)
    schedule = None if setting.schedule is None else setting.schedule(optimizer, setting.steps)
    try:
        run: Any = gn.fit(
            net,
            setting.train,
            validation=setting.val,
            loss=setting.loss,
            optimizer=optimizer,
            schedule=schedule,
            epochs=setting.epochs,
            batch_size=setting.batch_size,
            shuffle=setting.shuffle,
            penalty=setting.penalty,
            clip_norm=setting.clip_norm,
            seed=setting.seed,
            keep_best=setting.keep_best,
            callbacks=[recorder] if watched else [],
            diagnostics=None,
            folder=None,
            progress=False,
            doctor=doctor,
        )
        score = gain(net, setting.clean)
    except NonFiniteError as error:
        run, score = error, 0.0
    return Outcome(run.findings, score, doctor.first, recorder.verdicts() if watched else {}, run)


def own_loop(setting: Setting, net: nn.Module, optimizer: Any, doctor: Doctor) -> Findings:
    """A loop by hand with one mistake, or with something that only looks like one."""
    kind, train = setting.loop, Split(*setting.train)
    waiting, step = 0, 0  # backward passes since the last update; all of them
    with gn.doctor.watch(net, optimizer, every=25, speak=False, doctor=doctor) as watched:
        for epoch in range(STEPS):
            for xb, yb in batches(train, setting.batch_size, seed=setting.seed, epoch=epoch):
                if step >= STEPS:
                    return watched.findings
                net.train(kind != "eval mode")
                if kind == "frozen BatchNorm" and step >= STEPS // 3:
                    set_mode(net, nn.BatchNorm1d, training=False)
                loss = setting.loss(net(xb), yb)
                if kind != "no zero_grad" and not waiting:
                    optimizer.zero_grad()
                (-loss if kind == "ascending" else loss).backward()
                step, waiting = step + 1, waiting + 1
                if kind == "no step":
                    waiting = 0
                elif waiting == (2 if kind == "accumulation" else 1):
                    optimizer.step()
                    waiting = 0
                if kind in ("train mode", "Monte Carlo dropout") and step % EVALUATION == 0:
                    net.train(kind == "train mode")
                    set_mode(net, nn.Dropout, training=True)
                    with no_grad():
                        net(setting.val[0])
    return watched.findings


def set_mode(net: nn.Module, layers: type[nn.Module], *, training: bool) -> None:
    """Put the layers of a kind into training or evaluation mode."""
    for layer in net.modules():
        if isinstance(layer, layers):
            layer.train(training)

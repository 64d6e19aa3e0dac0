"""Watch: the doctor beside a training loop of one's own."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Self

import numpy as np

from glassnet.data.dataset import Split
from glassnet.doctor.doctor import Doctor
from glassnet.doctor.evidence import Evidence
from glassnet.doctor.observed import Failure
from glassnet.doctor.probes.costs import constant_loss
from glassnet.doctor.probes.data import SAMPLE, look_at_data, note_nonfinite
from glassnet.doctor.probes.graph import modal_layers
from glassnet.doctor.probes.loss_graph import LossOfGraph, crossed, loss_of_graph
from glassnet.doctor.probes.reference import reference
from glassnet.doctor.probes.seen import Rates, Taken
from glassnet.doctor.probes.setup import set_up
from glassnet.doctor.probes.step import StepProbe
from glassnet.doctor.probes.trials import trial_steps, trials, usual_rate, worth_trying
from glassnet.doctor.probes.units import check_up
from glassnet.doctor.progress import Progress
from glassnet.doctor.report import Findings
from glassnet.doctor.voice import Voice
from glassnet.engine.namespace import Array
from glassnet.engine.options import integer_option
from glassnet.engine.scope import scope
from glassnet.engine.tensor import Tensor
from glassnet.nn.module import Module
from glassnet.optim import Optimizer
from glassnet.train.look import Look, retain_activations
from glassnet.train.loss_record import LossRecord

#: backward() so often without a step is no accumulation any more.
NEVER = 64


class Watch:
    """Made by ``watch``. ``findings`` are those by what was seen so far; ``close()`` ends the watch."""

    def __init__(self, net: Module, optimizer: Optimizer, doctor: Doctor, every: int, speak: bool) -> None:
        self.net, self.optimizer, self.doctor, self.every = net, optimizer, doctor, every
        self.evidence = Evidence()
        self.losses = LossRecord()
        self.steps = 0
        self._loss: LossOfGraph | None = None
        self._probe: StepProbe | None = None
        self._input: Tensor | None = None
        self._output: Tensor | None = None
        self._rows: list[tuple[Any, Any]] = []
        self._taken, self._rates = Taken(), Rates()
        self._called: set[str] = set()
        self._stepped = False  # whether the gradients that are there were used by a step
        self._waiting = 0  # backward passes since the last step
        self._thrown = 0  # how often gradients were thrown away since the last step
        self._left_over = False
        self._voice = Voice(doctor, speak)
        self._before: dict[str, Any] = {}
        self._targets: Any = None
        self._value = math.nan
        self._crossed = False
        self._open = True
        self._removers: list[Callable[[], None]] = [net.register_forward_hook(self._forward)]
        self._removers += [
            module.register_forward_hook(self._note(path)) for path, module in net.named_modules() if module is not net
        ]
        scope.watchers = (*scope.watchers, self._backward)
        self._step, self._zero_grad = optimizer.step, optimizer.zero_grad
        optimizer.step, optimizer.zero_grad = self._on_step, self._on_zero_grad  # type: ignore[method-assign]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> Findings:
        """End the watch, and leave network and optimizer as they were. Returns the findings, and prints them."""
        if self._open:
            self._open = False
            for remove in self._removers:
                remove()
            scope.watchers = tuple(one for one in scope.watchers if one != self._backward)
            for name in ("step", "zero_grad"):
                vars(self.optimizer).pop(name, None)
            self._voice.end(self.findings)
        return self.findings

    @property
    def findings(self) -> Findings:
        """What is found by what was seen so far, causes first."""
        evidence, rows = self.evidence, None
        evidence.trials = {}
        evidence.setup.total_steps, evidence.setup.rates = self.steps, self._rates.thinned(self.steps)
        evidence.progress = Progress(
            block=self.losses.block,
            losses=self.losses.means(),
            stds=self.losses.stds(),
            highs=list(self.losses.highs),
            steps=self.steps,
            total_steps=self.steps,
            per_epoch=max(1, self.steps),
        )
        if self._rows and self._loss is not None:
            x, y = (np.concatenate(arrays) for arrays in zip(*self._rows, strict=True))
            kind, failed = self._loss.kind, evidence.data  # with the rows of the batch that ended the training
            taken = self._taken.all()
            evidence.data = look_at_data(x, y, loss=kind, taken=taken, batch_size=evidence.setup.batch_size or 32)
            evidence.data.take_nonfinite(failed)
            evidence.data.constant = constant_loss(kind, taken)
            if self._loss.function is not None and not evidence.data.nonfinite_rows:
                rows = Split(x, y)
                evidence.checkup = check_up(self.net, self._loss.function, kind, self.steps, rows, None)
                evidence.reference = reference(x, y, kind)
        found = self.doctor.diagnose(evidence)
        names = worth_trying(evidence, found.worse())
        if names and rows is not None and self._probe is not None and self._loss is not None:
            evidence.trials = trials(
                names,
                self.net,
                self._loss.function,
                self._loss.kind,
                self.optimizer,
                rows,
                None,
                rate=usual_rate(evidence),
                batch_size=evidence.setup.batch_size,
                steps=trial_steps(self.steps),
                begin=self._probe.first,
            )
            found = self.doctor.diagnose(evidence)
        return found

    # What the loop does

    def _note(self, path: str) -> Callable[[Module, tuple[Any, ...], Any], None]:
        def note(_module: Module, _inputs: tuple[Any, ...], _output: Any) -> None:
            self._called.add(path)

        return note

    def _looks(self) -> bool:
        """Whether this step is looked into: the first, powers of 2, and every so many."""
        return self.steps & (self.steps - 1) == 0 or self.steps % self.every == 0

    def _forward(self, net: Module, inputs: tuple[Any, ...], output: Any) -> None:
        self._called.add("")
        if not scope.recording:
            if net.training:
                found = {path for path, module in modal_layers(net) if module.training}
                self.evidence.evaluated_in_training = sorted(found | {*self.evidence.evaluated_in_training})
                self._voice.errors(self.evidence)
            return
        self._input = inputs[0] if inputs and isinstance(inputs[0], Tensor) else None
        self._output = output if isinstance(output, Tensor) else None
        if self._output is not None and self._looks():
            retain_activations(self._output)

    def _backward(self, loss: Tensor) -> None:
        held = [one for one in self.optimizer.parameters if one.grad is not None]
        if self._stepped and held:
            self._left_over = True
        self._stepped = False
        self._waiting += 1
        value = float(loss.data) if loss.size == 1 else math.nan
        if not math.isfinite(value) and not self.evidence.has("failure"):
            if self._input is not None:
                targets = None if self._output is None else loss_of_graph(loss, self._output).targets
                note_nonfinite(self.evidence.data, self._input.data, targets, self.steps)
            text = f"the loss became {value} at step {self.steps + 1} (learning rate {self.optimizer.lr:g})."
            self.evidence.failure = Failure(self.steps, text)
            self._voice.errors(self.evidence)
            return
        self.losses.add(value)
        if self._output is None:
            return
        found = loss_of_graph(loss, self._output)
        if found.given is not None:
            self._output = found.given
        if self._loss is None:
            self._loss = found
            self._crossed = crossed(loss, self._output)
            self._probe = StepProbe(self.net, self.optimizer, found.kind, loss=found.function)
        if found.targets is not None and self._input is not None:
            self._keep(self._input.data, found.targets)
        if self._looks():
            self._before = {name: parameter.data for name, parameter in self.net.named_parameters()}
            self._targets = found.targets
            self._value = value
        if self._waiting >= NEVER:
            self._without_step()

    def _keep(self, x: Array, y: Array) -> None:
        """Keep the rows of a batch for the end, a limited number."""
        self._taken.add(y)
        if sum(len(one) for one, _ in self._rows) >= SAMPLE or not x.ndim or not y.ndim or len(x) != len(y):
            return
        if self._rows and (x.shape[1:], y.shape[1:]) != tuple(one.shape[1:] for one in self._rows[0]):
            return  # such as sequences of another length
        self._rows.append((x, y))

    def _on_zero_grad(self) -> None:
        if self._waiting and not self._stepped and any(one.grad is not None for one in self.optimizer.parameters):
            self._thrown += 1
            if self._thrown > bool(self.steps):  # else it is the rest of an accumulation, or a batch that is left out
                self._without_step()
        self._waiting = 0
        self._zero_grad()

    def _on_step(self) -> None:
        rate = self.optimizer.lr
        if rate != self._rates.last:
            self._rates.add(self.steps, rate)
        held = [(one, one.data) for one in self.optimizer.parameters]
        self._step()
        self._stepped, self._waiting, self._thrown = True, 0, 0
        changed = any(one.data is not data for one, data in held)
        if self._looks() and self._before:
            self._take_probe(rate)
        elif not changed:
            self._without_step()
        self.steps += 1
        self._before = {}

    def _take_probe(self, rate: float) -> None:
        net, probe_of = self.net, self._probe
        if probe_of is None:
            return
        after = {name: parameter.data for name, parameter in net.named_parameters()}
        gradients = {name: parameter.grad for name, parameter in net.named_parameters()}
        x = Tensor(np.zeros((0,), net.dtype)) if self._input is None else self._input
        y = Tensor(np.zeros((0,), net.dtype) if self._targets is None else self._targets)
        look = Look({}, self._before, after, gradients, (x, y), self._output, {"loss": self._value}, frozenset())
        evidence = self.evidence
        if not evidence.setup.layers:
            kind = "" if self._loss is None else self._loss.kind
            evidence.setup = set_up(net, self._output, None, self.optimizer, called=frozenset(self._called))
            evidence.setup.loss = kind
            evidence.setup.batch_size = evidence.setup.rows = len(x.data)
            evidence.setup.float_inputs = x.data.dtype.kind == "f"
            evidence.setup.shuffle = False
            evidence.setup.crossed = self._crossed
            evidence.setup.place = "loop"
        probe = probe_of(self.steps, look, rate)
        probe.left_over = self._left_over
        evidence.add(probe, {path for path, gradient in gradients.items() if gradient is None})
        self._voice.errors(self.evidence)

    def _without_step(self) -> None:
        """A backward pass of which nothing came."""
        if self.evidence.without_step is None:
            self.evidence.without_step = self.losses.steps - 1
        self._voice.errors(self.evidence)


def watch(
    net: Module, optimizer: Optimizer, *, every: int = 100, speak: bool = True, doctor: Doctor | None = None
) -> Watch:
    """Watch a training loop of your own, until ``close()`` or the end of a ``with`` block.

    every: look into each so many steps, after the first ones. speak: print errors at once, and a short block at the
    end. doctor: with options, such as silences.

    >>> net = nn.Linear(2, 2)
    >>> optimizer = optim.SGD(net.parameters(), lr=0.1)
    >>> x, y = np.eye(2), [0, 1]
    >>> with gn.doctor.watch(net, optimizer, speak=False) as watched:
    ...     for _ in range(10):  # it forgets optimizer.zero_grad()
    ...         nn.functional.cross_entropy(net(x), y).backward()
    ...         optimizer.step()
    >>> watched.findings.codes()
    ['stale-gradients']
    """
    return Watch(net, optimizer, doctor or Doctor(), integer_option("watch every", every, 1), speak)

"""The doctor beside a training loop of PyTorch (extra ``torch``): the same evidence by hooks, and the same rules."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any, Self

from glassnet.doctor.doctor import Doctor
from glassnet.doctor.evidence import Evidence
from glassnet.doctor.facts import Layer
from glassnet.doctor.observed import Failure, Reference, Trial
from glassnet.doctor.probes.costs import constant_loss
from glassnet.doctor.probes.data import SAMPLE, look_at_data, note_nonfinite
from glassnet.doctor.probes.reference import reference
from glassnet.doctor.probes.seen import Rates, Taken
from glassnet.doctor.probes.torch_graph import Trace, crossed, first_tensor, loss_of_graph, numbers
from glassnet.doctor.probes.torch_hooks import Hook, forget, listen
from glassnet.doctor.probes.torch_state import Cost, Seen, check_up, modal_layers
from glassnet.doctor.probes.torch_step import TorchProbe
from glassnet.doctor.probes.torch_trials import trials
from glassnet.doctor.probes.trials import trial_steps, usual_rate, worth_trying
from glassnet.doctor.progress import Progress
from glassnet.doctor.report import Findings
from glassnet.doctor.voice import Voice
from glassnet.doctor.watch import NEVER
from glassnet.engine.errors import ConfigError
from glassnet.engine.options import integer_option
from glassnet.train.loss_record import LossRecord

#: After so many steps only each so many is followed: what runs in every step costs as much as a small layer.
EARLY, FOLLOWED = 256, 4


class TorchWatch:
    """Made by ``watch``. ``findings`` are those by what was seen so far; ``close()`` ends the watch."""

    def __init__(self, model: Any, optimizer: Any, loss_fn: Any, doctor: Doctor, every: int, speak: bool) -> None:
        import torch

        self.model, self.optimizer, self.doctor, self.every = model, optimizer, doctor, every
        self._recording = torch.is_grad_enabled
        self.evidence = Evidence()
        self.losses = LossRecord()
        self.steps = 0
        self._cost = Cost(loss_fn)
        self._trained, self._validated = Seen(), Seen()
        self._history: dict[str, list[float]] = {"loss": [], "val_loss": []}
        self._epoch: list[int] = []  # the steps at which evaluations ended
        self._rates, self._taken = Rates(), Taken()
        self._probe = TorchProbe(model, optimizer, self._cost)
        self._trace: Trace | None = None
        self._input: Any = None
        self._output: Any = None
        self._loss: tuple[Any, Any] | None = None  # what the loss function gave, and its targets
        self._sign = 1.0
        self._waiting = 0  # backward passes since the last step
        self._values: list[float] = []  # the losses of these
        self._cleared = 0  # how often their gradients were thrown away
        self._stepped = self._stepping = self._left_over = self._looks = self._rests = False
        self._with_gradient: Any = None  # a parameter, see _note_gradient
        self._voice = Voice(doctor, speak)
        self._final: Findings | None = None
        self._removers = [
            model.register_forward_hook(Hook(self._forward)),
            optimizer.register_step_post_hook(Hook(self._after_step)),
        ]
        if isinstance(optimizer, torch.optim.LBFGS):  # it calls backward itself, and how often is its own affair
            self._removers.append(optimizer.register_step_pre_hook(Hook(self._before_step)))
        if isinstance(loss_fn, torch.nn.Module):
            self._removers.append(loss_fn.register_forward_hook(Hook(self._after_loss)))
        listen(self._backward)
        self._await_step()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> Findings:
        """End the watch, and leave model and optimizer as they were. Returns the findings, and prints them."""
        if self._final is None:
            if not self.steps and self._waiting > 1 and self.evidence.without_step is None:
                self.evidence.without_step = 0  # until the very end there was none
            final = self.findings
            for one in self._removers:
                one.remove()
            if self._trace is not None:
                self._trace.close()
            forget(self._backward)
            self._final = final
            self._input = self._output = self._loss = self._trace = None
            self._voice.end(final)
        return self._final

    @property
    def findings(self) -> Findings:
        """What is found by what was seen so far, causes first."""
        if self._final is not None:
            return self._final
        evidence, kind = self.evidence, self._cost.kind
        self._end_evaluation()
        evidence.progress = Progress(
            block=self.losses.block,
            losses=self.losses.means(),
            stds=self.losses.stds(),
            highs=list(self.losses.highs),
            steps=self.steps,
            total_steps=self.steps,
            per_epoch=max(1, self._epoch[0] if self._epoch else self.steps),
            history=self._history if self._epoch else {},
        )
        evidence.setup.total_steps, evidence.trials = self.steps, {}
        evidence.setup.rates = self._rates.thinned(self.steps)
        if self._trained.kept:
            x, y = map(numbers, self._trained.all())
            size = evidence.setup.batch_size or 32
            failed = evidence.data  # with the rows of the batch with which the loss failed
            taken = self._taken.all()
            evidence.data = look_at_data(x, y, loss=kind, taken=taken, batch_size=size)
            evidence.data.take_nonfinite(failed)
            evidence.data.constant = constant_loss(kind, taken)
            evidence.data.val_rows = self._validated.most
            if not evidence.data.nonfinite_rows:
                checked = check_up(self.model, self._cost, self.steps, self._trained, self._validated)
                evidence.checkup, evidence.comparison = checked
                evidence.reference = Reference() if evidence.mastered else reference(x, y, kind)
        found = self.doctor.diagnose(evidence)
        names = worth_trying(evidence, found.worse())
        if names and self._trained.kept:
            evidence.trials = self._try(names)
            found = self.doctor.diagnose(evidence)
        return found

    def _try(self, names: Collection[str]) -> dict[str, Trial]:
        evidence = self.evidence
        try:
            return trials(
                names,
                self.model,
                self._cost,
                self.optimizer,
                self._trained,
                self._validated,
                rate=usual_rate(evidence),
                batch_size=evidence.setup.batch_size,
                steps=trial_steps(self.steps),
                first=self._probe.first,
            )
        except (RuntimeError, TypeError, ValueError, KeyError):  # a model that cannot be copied, or trained so
            return {}

    # What the loop does

    def _await_step(self) -> None:
        """Be ready for the next step. It is looked into every so many, and before that the first and powers of 2."""
        if self._trace is not None:
            self._trace.close()
        step, every = self.steps, self.every
        self._looks = step % every == 0 or (step < every and step & (step - 1) == 0)
        self._rests = not self._looks and step > EARLY and step % FOLLOWED != 0
        self._trace = Trace(self.model) if self._looks else None

    def _forward(self, model: Any, inputs: Any, output: Any) -> None:
        if self._rests and self._recording():
            return
        self._input, self._output, self._loss = first_tensor(inputs), first_tensor(output), None
        if self._output is not None and self._output.requires_grad:
            if self._validated.rows:
                self._end_evaluation()
        else:
            self._output = None
            if model.training:
                found = {path for path, module in modal_layers(model) if module.training}
                self.evidence.evaluated_in_training = sorted(found | {*self.evidence.evaluated_in_training})

    def _after_loss(self, _loss_fn: Any, inputs: Any, loss: Any) -> None:
        if len(inputs) != 2:
            return
        output, targets = inputs
        if loss.requires_grad:
            if self._rests:
                if loss.ndim == 0 and not math.isfinite(value := loss.item()):
                    self._fail(value, None, None)
                return
            self._loss = loss, targets
            if self._trace is not None:
                self._cost.note_shape(output, self._output)
                loss.register_hook(self._note_sign)
        elif self._input is not None:
            self._validated.add(self._input, targets, self._cost.mean(loss, targets))

    def _note_sign(self, gradient: Any) -> None:
        """Of the gradient of what is trained on by the loss: it is -1 where the loop changed the sign."""
        self._sign = -1.0 if float(gradient.sum()) < 0 else 1.0

    def _backward(self, root: Any) -> None:
        if self._output is None or not root.requires_grad:
            return
        # Nothing is held on to: what the loop lets go of is used again for its next batch.
        x, output, trace, known = self._input, self._output, self._trace, self._loss
        self._input = self._output = self._trace = self._loss = None
        if self._stepping:
            self._values.clear()  # of a search along a line the last counts
        else:
            self._count_gradients()
        given = None
        if trace is not None or (known is None and self._trained.kept < SAMPLE):
            given = loss_of_graph(root, output)
            self._cost.kind = self._cost.kind or given.kind
            self._cost.note_shape(given.given, output)
        if known is not None:
            loss, targets = known
            value = self._cost.mean(loss, targets)
        else:
            targets, value = given and given.targets, float(root.detach().sum())
        if not math.isfinite(value):
            self._fail(value, x, targets)
            return
        self._values.append(value)
        self._trained.add(x, targets, value)
        if targets is not None and not self._taken.full:
            self._taken.add(numbers(targets))
        if trace is not None:
            if not self.evidence.setup.layers or not self.steps:
                self.evidence.setup = self._probe.set_up(trace, output, x, weighted=bool(given and given.weighted))
                self.evidence.setup.crossed = crossed(root, output)
                if given is not None and given.ending:
                    ends = [one.path for one in self.evidence.setup.last()]
                    self.evidence.setup.layers.append(Layer(given.ending.lower(), given.ending, after=ends))
            else:
                trace.layers(output)
            said = output if given is None or given.ended is None else given.ended
            self._probe.begin(self.steps, trace, x, output, said, targets, value)
            if not self._stepping:
                self._await_step()  # another backward pass of this step may replace it

    def _count_gradients(self) -> None:
        """Note gradients that were left over, and those that were thrown away."""
        if self._looks:
            stale = any(bool(one.grad.any()) for one in self._held() if one.grad is not None)
            # What another loss added, such as that of an adversary, may be thrown away before it is used.
            self._left_over = stale if self._stepped else self._left_over and stale
        if self._with_gradient is None:
            self._note_gradient()
        if self._with_gradient is None or self._with_gradient.grad is None:
            self._values.clear()
            self._trained.undo()
            self._cleared += bool(self._waiting)
        self._stepped = False
        self._waiting += 1
        # Once proves nothing, for the same reason.
        if (self._cleared > 1 or self._waiting >= NEVER) and self.evidence.without_step is None:
            self.evidence.without_step = self.steps
            self._voice.errors(self.evidence)

    def _note_gradient(self) -> None:
        """Note a parameter that has a gradient: it is asked for all of them, which would take longer."""
        self._with_gradient = next((one for one in self._held() if one.grad is not None), None)

    def _held(self) -> list[Any]:
        return [one for group in self.optimizer.param_groups for one in group["params"]]

    def _fail(self, value: float, x: Any, targets: Any) -> None:
        if self.evidence.has("failure"):
            return
        if x is not None:
            y = None if targets is None else numbers(targets)
            note_nonfinite(self.evidence.data, numbers(x), y, self.steps)
        text = f"the loss became {value} at step {self.steps + 1} (learning rate {self._probe.rate():g})."
        self.evidence.failure = Failure(self.steps, text)
        self._voice.errors(self.evidence)

    def _before_step(self, _optimizer: Any, _args: Any, _kwargs: Any) -> None:
        self._stepping = True

    def _after_step(self, _optimizer: Any, _args: Any, _kwargs: Any) -> None:
        rate = self._probe.rate()
        if rate != self._rates.last:
            self._rates.add(self.steps, rate)
        if self._values:
            value = sum(self._values) / len(self._values)
            for _ in range(self.losses.steps, self.steps + 1):  # with those that were not followed
                self.losses.add(value)
            self._values.clear()
            self._trained.sure()
        if self._with_gradient is None or self._with_gradient.grad is None:
            self._note_gradient()
        self._stepped, self._stepping, self._waiting, self._cleared = True, False, 0, 0
        if self._looks and (found := self._probe.after_step(self._sign)) is not None:
            evidence = self.evidence
            probe, unused = found
            probe.left_over = self._left_over
            evidence.add(probe, unused)
            evidence.setup.rates = self._rates.thinned(self.steps)
            if self.steps or rate:  # a first step at 0 can be that of a warm-up
                self._voice.errors(self.evidence)
        self.steps += 1
        self._await_step()

    def _end_evaluation(self) -> None:
        """Note the mean losses since the last evaluation, if there was one."""
        if self._validated.rows:
            self._history["val_loss"].append(self._validated.mean())
            self._history["loss"].append(self._trained.mean())
            self._epoch.append(self.steps)


def watch(
    model: Any, optimizer: Any, loss_fn: Any, *, every: int = 500, speak: bool = True, doctor: Doctor | None = None
) -> TorchWatch:
    """Watch a training loop of PyTorch, until ``close()`` or the end of a ``with`` block. One line before the loop is
    all; afterwards the model is as it was.

    model: a ``torch.nn.Module``. optimizer: a ``torch.optim.Optimizer``. loss_fn: of outputs and targets, a module
    such as ``torch.nn.CrossEntropyLoss()`` or a function. Only a module is also seen where it evaluates, under
    ``torch.no_grad()``; what overfitting is told by.
    every: look into each so many steps, after the first ones. speak: print errors at once, and a short block at the
    end. doctor: with options, such as silences.

    Raises ConfigError where PyTorch is missing, and for what is none of its models or optimizers.
    """
    try:
        import torch
    except ImportError as error:
        raise ConfigError("doctor.torch.watch needs PyTorch. Install it with pip install 'glassnet[torch]'.") from error
    if not isinstance(model, torch.nn.Module):
        raise ConfigError(f"model must be a torch.nn.Module, got {model!r:.80}.")
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise ConfigError(f"optimizer must be a torch.optim.Optimizer, got {optimizer!r:.80}.")
    if not callable(loss_fn):
        raise ConfigError(f"loss_fn must be a loss, such as torch.nn.CrossEntropyLoss(), got {loss_fn!r:.80}.")
    return TorchWatch(model, optimizer, loss_fn, doctor or Doctor(), integer_option("watch every", every, 1), speak)

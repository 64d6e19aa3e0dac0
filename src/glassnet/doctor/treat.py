"""Treatment: the first remedy that can be applied, a training with it, and what it changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glassnet.data.dataset import Split
from glassnet.doctor.changes import as_they_are, changed
from glassnet.doctor.finding import Finding
from glassnet.engine.errors import ConfigError, NonFiniteError
from glassnet.train.run import Run
from glassnet.train.run_folder import new_folder


@dataclass
class Treatment:
    """finding: what was treated. change: the options that were changed; left_out: those of the remedy that this
    training cannot take. before: the run that was treated, or the error that ended it. after: the new run, or the error
    that ended it.
    rows: what is done to rows, such as standardising them, before the new network gets them.
    """

    finding: Finding
    change: Mapping[str, Any]
    left_out: Sequence[str]
    before: Run | NonFiniteError
    after: Run | NonFiniteError
    rows: Callable[[Split], Split] = as_they_are
    found_before: Sequence[Finding] = ()

    def text(self) -> str:
        """What was changed, and the values of the last epoch before and after."""
        wanted = ", ".join(f"{name}={value!r}" for name, value in self.change.items())
        lines = [f"treated {self.finding.code}: {wanted}"]
        if self.left_out:
            lines.append(f"left out of the remedy: {', '.join(self.left_out)}")
        then, now = _last(self.before), _last(self.after)
        rows = [("", "before", "after"), *((name, then.get(name, "-"), now.get(name, "-")) for name in {**now, **then})]
        rows.append(("findings", _codes(self.found_before), _codes(self.after.findings)))
        widths = [max(len(row[i]) for row in rows) for i in range(3)]
        lines += [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
        ]
        if {"standardise", "loss"} & set(self.change):
            lines.append("the losses are of different scales: compare other figures")
        if isinstance(self.after, NonFiniteError):
            lines.append(f"the new training failed, too: {self.after}")
        elif self.after.folder is not None:
            lines.append(f"saved in {self.after.folder}")
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.text()


def treat(run: Run | NonFiniteError, *, folder: str | Path | None = None, progress: bool = False) -> Treatment:
    """Apply the first remedy that can be applied to a run, and train again from the same beginning for as long.

    run: what ``fit`` returned, or the NonFiniteError that it raised. The run, its network and its folder stay as they
    are. folder: where to save the new run; by default a new one under runs/ if the old one was saved. A remedy that is
    about how long to train changes that.

    Raises ConfigError where there is nothing to treat, or nothing that can be treated by options of the training.

    >>> x = np.random.default_rng(0).standard_normal((200, 2))
    >>> y = (x[:, 0] > x[:, 1]).astype(int)
    >>> net = nn.Sequential(nn.Linear(2, 2), nn.Softmax())
    >>> optimizer = optim.SGD(net.parameters(), lr=0.5)
    >>> options = {"loss": nn.CrossEntropyLoss(), "optimizer": optimizer, "progress": False, "folder": None}
    >>> run = gn.fit(net, (x, y), epochs=5, **options)
    >>> treatment = gn.doctor.treat(run)
    >>> treatment.finding.code, treatment.change, treatment.after.findings.healthy
    ('probabilities-as-logits', {'drop_last_layer': True}, True)
    """
    if run.again is None:
        raise ConfigError(
            "treat() needs a run that fit() has just made, with the doctor on. Of the folder of a run: "
            "glassnet doctor RUN --fix."
        )
    again = run.again
    old = run.folder if isinstance(run, Run) else None
    place = new_folder(old.name, old.parent) if folder is None and old is not None else folder
    finding, found = first_applicable(run.findings, lambda change: changed(again, change))
    try:
        after: Run | NonFiniteError = found.again.run(folder=place, progress=progress)
    except NonFiniteError as error:  # the remedy did not help, which is what is to be seen
        after = error
    return Treatment(finding, found.done, found.left_out, run, after, found.rows, run.findings)


def first_applicable(findings: Sequence[Finding], apply: Callable[[Mapping[str, Any]], Any]) -> tuple[Finding, Any]:
    """The first error or warning whose remedy can be applied, and what ``apply`` makes of it.

    Raises ConfigError that says why there is none.
    """
    worse = [one for one in findings if one.severity != "hint"]
    if not worse:
        raise ConfigError("there is nothing to treat: the doctor has found neither an error nor a warning.")
    reasons = []
    for one in worse:
        if one.remedy.change is None:
            reasons.append(f"{one.code}: {one.remedy.text}")
            continue
        try:
            return one, apply(one.remedy.change)
        except ConfigError as error:
            reasons.append(f"{one.code}: {error}")
    raise ConfigError(f"no remedy can be applied by itself. {' '.join(dict.fromkeys(reasons))}")


def _last(run: Run | NonFiniteError) -> dict[str, str]:
    """The values of the last epoch."""
    if not isinstance(run, Run):
        return {}
    return {name: f"{values[-1]:.4g}" for name, values in run.history.items() if values and name != "seconds"}


def _codes(findings: Sequence[Finding]) -> str:
    return ", ".join(dict.fromkeys(one.code for one in findings if one.severity != "hint")) or "none"

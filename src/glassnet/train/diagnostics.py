"""Diagnostics: how activations, gradients and updates of each layer develop during a training.

Recorded every so many steps from a look into the step that is made next. Nothing that is computed depends on whether
someone looks.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from glassnet.engine.errors import CheckpointError
from glassnet.engine.namespace import Array
from glassnet.engine.options import integer_option
from glassnet.engine.tensor import Tensor
from glassnet.nn.module import Module
from glassnet.train.callbacks import Callback
from glassnet.train.histograms import Histogram, histogram, is_kept, log_histogram
from glassnet.train.look import leaves
from glassnet.train.position import number, whole
from glassnet.train.run_folder import make_folder
from glassnet.train.saturation import RECTIFIERS, SATURATED
from glassnet.train.storage import LONGEST, append_line, parse_sealed_json, read_file, sealed_json, write_atomically

if TYPE_CHECKING:
    from glassnet.train.look import Look
    from glassnet.train.loop import Loop

DIAGNOSTICS = "diagnostics.jsonl"

#: What is recorded of a layer: mean and std of its output (mean, std) and of the gradient of the loss by it
#: (grad_mean, grad_std), the share of saturated elements, and of units that gave 0 for every row of the batch.
LAYER_VALUES = ("mean", "std", "grad_mean", "grad_std", "saturated", "dead")
#: What is recorded of a parameter: std of its values and gradient, their ratio, and log10 of the ratio of the std of
#: its update to that of its values, which is best near -3; and the Euclidean norm of its values.
PARAMETER_VALUES = ("std", "grad_std", "grad_to_data", "update_to_data", "norm")
#: What is recorded of a buffer, such as the running statistics of a BatchNorm: over its channels.
BUFFER_VALUES = ("mean", "std")

_WAY_OUT = "Remove the file to go on without the diagnostics of earlier steps; the weights are not affected."

Distributions = tuple[int, Histogram | None, Histogram | None]
Value = float | None  # None where there is none: a ratio by 0, or a value that is not finite


class Diagnostics(Callback):
    """Records every ``every`` steps, from the first on.

    steps: the numbers of the recorded steps, from 0.
    layers: path -> name of the value (``LAYER_VALUES``) -> one value for each recorded step.
    parameters: path -> name of the value (``PARAMETER_VALUES``) -> one value for each recorded step.
    buffers: path -> name of the value (``BUFFER_VALUES``) -> one value for each recorded step.
    kinds: path -> the class of the layer.
    histograms: path -> of some recorded steps (``histograms.is_kept``) the step, how the layer's outputs are
        distributed, and log10 of the sizes of the gradients of the loss by them, or None.
    """

    def __init__(self, every: int = 100, folder: Path | None = None) -> None:
        self.look_every = integer_option("diagnostics", every, 1)
        self.folder = folder
        self.steps: list[int] = []
        self.layers: dict[str, dict[str, list[Value]]] = {}
        self.parameters: dict[str, dict[str, list[Value]]] = {}
        self.buffers: dict[str, dict[str, list[Value]]] = {}
        self.kinds: dict[str, str] = {}
        self.histograms: dict[str, list[Distributions]] = {}
        self._read, self._lines = 0, 0  # bytes and lines of a file

    def on_fit_start(self, loop: Loop) -> None:
        """Begin the file; of a resumed run, keep what was recorded before its checkpoint."""
        self.kinds = {path: type(module).__name__ for path, module in leaves(loop.net)}
        if self.folder is None:
            return
        make_folder(self.folder)
        path = self.folder / DIAGNOSTICS
        if loop.step and path.exists():
            for row in Diagnostics.read(path).rows():
                if row["step"] < loop.step:
                    self._add(row)
        write_atomically(path, self.text())

    def on_look(self, loop: Loop, look: Look) -> None:
        """Read what the step leaves behind."""
        layers = {path: layer_values(module, output) for path, (module, output) in look.outputs.items()}
        parameters = {
            name: parameter_values(look.before[name], look.gradients[name], look.after[name]) for name in look.before
        }
        buffers = {name: buffer_values(buffer.data) for name, buffer in loop.net.named_buffers()}
        row = {"step": loop.step, "layers": layers, "parameters": parameters, "buffers": buffers}
        if is_kept(loop.step // (self.look_every or 1)):
            row["histograms"] = {path: distributions(output) for path, (_, output) in look.outputs.items()}
        self._add(row)
        if self.folder is not None:
            append_line(self.folder / DIAGNOSTICS, sealed_json(row))

    def rows(self) -> list[dict[str, Any]]:
        """The record, one value for JSON a step."""
        tables = {"layers": self.layers, "parameters": self.parameters, "buffers": self.buffers}
        rows: list[dict[str, Any]] = [
            {
                "step": step,
                **{
                    table: {path: {k: v[i] for k, v in values.items()} for path, values in paths.items()}
                    for table, paths in tables.items()
                },
            }
            for i, step in enumerate(self.steps)
        ]
        by_step = {row["step"]: row for row in rows}
        for path, kept in self.histograms.items():
            for step, outputs, gradients in kept:
                by_step[step].setdefault("histograms", {})[path] = (outputs, gradients)
        return rows

    def text(self) -> bytes:
        """The record as sealed JSON lines: the kinds of the layers, and then a line for each step."""
        return b"".join(sealed_json(row) + b"\n" for row in [{"kinds": self.kinds}, *self.rows()])

    @classmethod
    def read(cls, path: Path) -> Diagnostics:
        """The record in a file; a last line without an end was cut by a kill, or is being written, and is left out.

        Raises CheckpointError if any other byte is not as it was written.
        """
        found = cls()
        found.read_on(path)
        return found

    def read_on(self, path: Path) -> None:
        """Add what was added to the file of this record since it was read: of a long training that goes on, only that
        is parsed. Raises CheckpointError as ``read`` does; the record is none any more then.
        """
        content = read_file(path, LONGEST)
        fresh = content[self._read : content.rfind(b"\n") + 1]
        lines = fresh.split(b"\n")[:-1]
        try:
            rows = [parse_sealed_json(line, f"{path} line {i}") for i, line in enumerate(lines, self._lines + 1)]
            if self._lines == 0:
                head, *rows = rows
                self.kinds = dict(head["kinds"])
            for row in rows:
                self._add(row)
        except CheckpointError as error:
            raise CheckpointError(f"{error} {_WAY_OUT}") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CheckpointError(f"{path} is not a record of diagnostics: {error}. {_WAY_OUT}") from error
        self._read, self._lines = self._read + len(fresh), self._lines + len(lines)

    def plot(self, path: str | Path | None = None) -> Any:
        """A matplotlib figure of the record over the steps; saved if a path is given."""
        from glassnet.plots import health, save_figure

        return save_figure(health(self.steps, self.layers, self.parameters, self.kinds), path)

    def plot_updates(self, path: str | Path | None = None) -> Any:
        """A matplotlib figure of the update-to-data ratios over the steps; saved if a path is given."""
        from glassnet.plots import save_figure, update_ratios

        return save_figure(update_ratios(self.steps, self.parameters), path)

    def _add(self, row: dict[str, Any]) -> None:
        """Add one step; every layer and parameter has a value for every step."""
        self.steps.append(whole(row["step"]))
        for table, names, given in (
            (self.layers, LAYER_VALUES, row["layers"]),
            (self.parameters, PARAMETER_VALUES, row["parameters"]),
            (self.buffers, BUFFER_VALUES, row.get("buffers", {})),  # earlier versions did not record them
        ):
            for path in {**table, **given}:
                lists = table.setdefault(path, {name: [None] * (len(self.steps) - 1) for name in names})
                for name in names:
                    value = given.get(path, {}).get(name)
                    lists[name].append(None if value is None else number(value))
        for path, pair in row.get("histograms", {}).items():
            outputs, gradients = (None if one is None else Histogram.from_json(one) for one in pair)
            self.histograms.setdefault(path, []).append((self.steps[-1], outputs, gradients))


def layer_values(module: Module, output: Tensor) -> dict[str, Value]:
    """The values of ``LAYER_VALUES`` for one layer and batch."""
    out, gradient = output.data, output.grad
    saturated = SATURATED.get(type(module))
    dead = isinstance(module, RECTIFIERS) and out.ndim > 1
    return {
        "mean": _number(out.mean()),
        "std": _number(out.std()),
        "grad_mean": None if gradient is None else _number(gradient.mean()),
        "grad_std": None if gradient is None else _number(gradient.std()),
        "saturated": None if saturated is None else _number(saturated(out).mean()),
        "dead": _number((out <= 0).all(tuple(range(out.ndim - 1))).mean()) if dead else None,
    }


def parameter_values(before: Array, gradient: Array | None, after: Array) -> dict[str, Value]:
    """The values of ``PARAMETER_VALUES`` for one parameter and step."""
    std, update = float(before.std()), float((after - before).std())
    grad_std = None if gradient is None else float(gradient.std())
    return {
        "std": _number(std),
        "grad_std": None if grad_std is None else _number(grad_std),
        "grad_to_data": _number(grad_std / std) if grad_std is not None and std else None,
        "update_to_data": _number(math.log10(update / std)) if std > 0 and update > 0 else None,
        "norm": _number(math.sqrt(float(np.vdot(before, before)))),
    }


def buffer_values(values: Array) -> dict[str, Value]:
    """The values of ``BUFFER_VALUES`` for one buffer."""
    return {"mean": _number(values.mean()), "std": _number(values.std())}


def distributions(output: Tensor) -> tuple[Histogram | None, Histogram | None]:
    """How the outputs of a layer, and log10 of the sizes of the gradients by them, are distributed."""
    return histogram(output.data), None if output.grad is None else log_histogram(output.grad)


def _number(value: Any) -> Value:
    return float(value) if math.isfinite(value) else None

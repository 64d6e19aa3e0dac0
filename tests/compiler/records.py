"""Small records and programs for the tests of single passes."""

import numpy as np

from glassnet.compiler.fuse import fuse
from glassnet.compiler.lower import Lowering
from glassnet.compiler.memory import settle
from glassnet.compiler.program import Program
from glassnet.compiler.trace import Trace, TracingNamespace

XP = TracingNamespace()


def record_of(function, **inputs):
    """The record of ``function(xp, **inputs) -> {name: value}``; what comes back as ``new_NAME`` is a new state."""
    trace = Trace()
    traced = {name: trace.input(_full(name), value) for name, value in inputs.items()}
    record = trace.record
    for name, value in function(XP, **traced).items():
        if name.startswith("new_"):
            record.state[_full(name.removeprefix("new_"))] = value.node
        else:
            record.outputs[name] = value.node
    for name in inputs:
        if not name.startswith(("lr", "rows", "data")):
            record.state.setdefault(_full(name), traced[name].node)
    return record


def _full(name):
    if name.startswith("data"):
        return name.replace("_", ".", 1)
    return f"step.{name}" if name.startswith(("lr", "rows")) else f"net.{name}"


def operations(record):
    """The primitives of a record, in order, without its inputs."""
    return [value.operation for value in record.in_order() if value.operation != "input"]


def loops_of(record):
    """The fused loops of a record that no pass has made simpler."""
    return fuse(settle(Lowering(record)))


def run(record, tables=None, rows=(), rates=(), **state):
    """The outputs of one step, and the program after it."""
    program = Program(record, tables or {})
    for name, value in state.items():
        program.state[f"net.{name}"][...] = value
    found = program.run(np.reshape(rows, (1, -1)), np.reshape(rates, (1, -1)), 0, np.zeros((1, 0, 2)))
    return {name: value[0] for name, value in found.items()}, program

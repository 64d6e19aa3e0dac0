"""What things take, in seconds, about: whether compiling pays is decided by these and never by a clock, so that the
same training always gives the same bits. Measured with benchmarks/compiled_step.py; only their ratios count.
"""

from __future__ import annotations

from glassnet.nn.module import Module
from glassnet.train.look import leaves

STEP, LAYER, OPERATION = 5e-5, 3e-5, 6e-12
COMPILE, COMPILE_LAYER, COMPILE_WEIGHT = 0.15, 0.045, 1e-7
EVALUATION = 2e-11  # an operation, in large batches
#: Of a compiled step: what a layer takes besides arithmetic, and how much of the eager one's time arithmetic does.
COMPILED_LAYER, COMPILED_PART = 5e-6, 0.6


def eager_step(net: Module, rows: int) -> float:
    """An eager step over so many rows: three products with each weight."""
    return STEP + LAYER * len(leaves(net)) + OPERATION * 6 * rows * _weights(net)


def compiled_step(net: Module, rows: int) -> float:
    """A compiled step over so many rows."""
    return COMPILED_LAYER * len(leaves(net)) + COMPILED_PART * OPERATION * 6 * rows * _weights(net)


def saved_by_step(net: Module, rows: int) -> float:
    """What a compiled step saves."""
    return eager_step(net, rows) - compiled_step(net, rows)


def eager_evaluation(net: Module, rows: int) -> float:
    """An eager evaluation of so many rows."""
    return EVALUATION * 2 * rows * _weights(net)


def compiling(net: Module) -> float:
    """Compiling a step."""
    return COMPILE + COMPILE_LAYER * len(leaves(net)) + COMPILE_WEIGHT * _weights(net)


def _weights(net: Module) -> int:
    return sum(parameter.size for parameter in net.parameters())

"""What things take, in seconds, about: whether compiling pays is decided by these and never by a clock, so that the
same training always gives the same bits. Measured with benchmarks/compiled_step.py; only their ratios count.
"""

from __future__ import annotations

from glassnet.nn.module import Module
from glassnet.train.look import leaves

STEP, LAYER, OPERATION = 1e-4, 5e-5, 1e-10
COMPILE, COMPILE_LAYER = 0.1, 0.06
EVALUATION = 2e-11  # an operation, in large batches


def eager_step(net: Module, rows: int) -> float:
    """An eager step over so many rows: three products with each weight."""
    return STEP + LAYER * len(leaves(net)) + OPERATION * 6 * rows * _weights(net)


def eager_evaluation(net: Module, rows: int) -> float:
    """An eager evaluation of so many rows."""
    return EVALUATION * 2 * rows * _weights(net)


def compiling(net: Module) -> float:
    """Compiling a step."""
    return COMPILE + COMPILE_LAYER * len(leaves(net))


def _weights(net: Module) -> int:
    return sum(parameter.size for parameter in net.parameters())

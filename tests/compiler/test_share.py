"""Steps that are shared among threads have the bits of one thread, and nobody waits for ever."""

import numpy as np
import pytest

from glassnet.compiler import share
from glassnet.compiler.program import Program

from .test_networks import NETWORKS


@pytest.fixture
def everything_is_shared(monkeypatch):
    """As if every statement were worth it."""
    monkeypatch.setattr(share, "STEP_WORK", 0)
    monkeypatch.setattr(share, "STATEMENT_WORK", 0)


def result(step, threads, steps=3):
    """What so many steps by so many threads tell, and the memory that they leave."""
    program = Program(step.record, step.program.tables, threads)
    assert program.threads == threads
    program.restore(step.program.snapshot())
    rows, rates, words = program.example(steps)
    told = program.run(rows, rates + 0.01, 1, words + np.uint32(7))
    return {**told, "state": program.snapshot()}


def assert_the_same_for_all(work, counts=(2, 3)):
    step = work.compiled()
    wanted = result(step, 1)
    for threads in counts:
        found = result(step, threads)
        for name, array in wanted.items():
            np.testing.assert_array_equal(found[name], array, err_msg=f"{name} with {threads} threads\n{step.source}")


@pytest.mark.usefixtures("everything_is_shared")
@pytest.mark.parametrize("name", ["mlp", "names", "wavenet", "conv2d", "norms", "dropout", "wide"])
def test_known_networks(name):
    assert_the_same_for_all(NETWORKS[name])

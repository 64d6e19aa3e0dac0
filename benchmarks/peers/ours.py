"""glassnet: the compiled step, many steps a call."""

from __future__ import annotations

from itertools import chain

import numpy as np
from workloads import BETAS, DECAY, EPS, Workload, network

import glassnet as gn
from peers import CannotError


def made(work: Workload) -> tuple[gn.nn.Module, gn.optim.Optimizer]:
    """The network with the first weights, and its optimizer."""
    net = network(work.layers)
    for parameter, array in zip(net.parameters(), chain.from_iterable(work.weights()), strict=True):
        parameter.data = array
    if work.optimizer == "sgd":
        return net, gn.optim.SGD(net.parameters(), lr=work.rate)
    return net, gn.optim.AdamW(net.parameters(), lr=work.rate, betas=BETAS, eps=EPS, weight_decay=DECAY)


class Native:
    """The step that ``fit(compile=True)`` makes; the number of threads is its own choice."""

    def __init__(self, work: Workload, threads: int) -> None:
        from glassnet.compiler.native import NativeStep  # counts as compiling
        from glassnet.compiler.step import Bound
        from glassnet.nn.state import named_tensors
        from glassnet.train.batch_step import BatchStep

        assert threads == 0
        net, optimizer = made(work)
        step = BatchStep(net, gn.nn.CrossEntropyLoss(), optimizer)
        bound = Bound(step, dict(named_tensors(net)), optimizer)
        self.step = NativeStep(bound, {"data.x": work.x, "data.y": work.y}, work.batch)
        self.threads = self.step.program.threads
        self._rate, self._made = work.rate, 0

    def prepare(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return rows, np.full((len(rows), 1), self._rate), np.zeros((len(rows), 0, 2), np.uint32)

    def run(self, prepared: tuple[np.ndarray, np.ndarray, np.ndarray]) -> np.ndarray:
        rows, rates, words = prepared
        values = self.step.run(rows, rates, self._made, words)
        self._made += len(rows)
        return values["loss"]

    def losses(self, rows: np.ndarray) -> np.ndarray:
        return self.run(self.prepare(rows))

    def explain(self) -> str:
        return self.step.explain()


class OneThread(Native):
    """The same where it took several threads, with one: to see whether that was a good choice."""

    def __init__(self, work: Workload, threads: int) -> None:
        from glassnet.compiler.program import Program

        super().__init__(work, 0)
        if self.threads == threads:
            raise CannotError("glassnet takes one thread by itself")
        self.threads = threads
        self.step.program = Program(self.step.record, self.step.program.tables, threads)
        self.step.push()

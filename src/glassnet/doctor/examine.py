"""A diagnosis before the first step: of the data, the set-up, and one step that is undone."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.data.batches import batches
from glassnet.data.dataset import Dataset, Split
from glassnet.data.inputs import Data, training_splits
from glassnet.doctor.doctor import Doctor
from glassnet.doctor.evidence import Evidence
from glassnet.doctor.probes.costs import loss_kind
from glassnet.doctor.probes.data import look_at_data, nonfinite_rows
from glassnet.doctor.probes.overfit import overfit
from glassnet.doctor.probes.setup import set_up
from glassnet.doctor.probes.step import StepProbe
from glassnet.doctor.report import Findings
from glassnet.engine.convert import as_array
from glassnet.engine.options import integer_option
from glassnet.engine.random import training_step
from glassnet.nn.module import Module
from glassnet.optim import Optimizer
from glassnet.train.batch_step import BatchStep
from glassnet.train.evaluate import Loss
from glassnet.train.look import look
from glassnet.train.loop import cast


def examine(
    net: Module,
    data: Data,
    loss: Loss,
    optimizer: Optimizer,
    *,
    validation: Any = None,
    batch_size: int = 32,
    seed: int = 0,
    shuffle: bool = True,
    deep: bool = False,
    doctor: Doctor | None = None,
) -> Findings:
    """What can be found before a training begins. Network and optimizer are as before afterwards.

    data, validation, batch_size, seed, shuffle: as for ``glassnet.fit``; rows with NaN are a finding here.
    deep: also train on 16 rows, which takes some tenths of a second, and put everything back.

    >>> net = nn.Sequential(nn.Linear(2, 8), nn.Linear(8, 2))
    >>> optimizer = optim.SGD(net.parameters(), lr=0.1)
    >>> gn.doctor.examine(net, (np.eye(2), [0, 1]), nn.CrossEntropyLoss(), optimizer).codes()
    ['missing-nonlinearity']
    """
    doctor, kind = doctor or Doctor(), loss_kind(loss)
    evidence = Evidence()
    if not isinstance(data, Dataset | Split) and len(data) == 2:
        x, y = as_array(data[0]), as_array(data[1])
        evidence.data.nonfinite_rows = nonfinite_rows(x, y)
        evidence.data.nonfinite_targets = not nonfinite_rows(x, x)
        if evidence.data.nonfinite_rows:
            return doctor.diagnose(evidence)
    train, val = training_splits(data, validation, seed)
    train = cast(train, net.dtype)
    size = min(integer_option("batch_size", batch_size, 1), len(train))
    evidence.data = look_at_data(
        train.x,
        train.y,
        None if val is None else (val.x, val.y),
        loss=kind,
        taken=None if shuffle else train.y,
        batch_size=size,
        finite=True,  # a Split has only such
    )
    x_batch, y_batch = batches(train, size, seed=seed, shuffle=shuffle)[0]
    modes = [(module, module.training) for module in net.modules()]
    net.train()
    try:
        with training_step(seed, 0), np.errstate(all="ignore"):
            found = look(BatchStep(net, loss, optimizer), x_batch, y_batch)
        evidence.setup = set_up(
            net,
            found.output,
            loss,
            optimizer,
            called=found.called,
            batch_size=size,
            rows=len(train),
            shuffle=shuffle,
            float_inputs=train.x.dtype.kind == "f",
        )
        evidence.probes = [StepProbe(net, optimizer, kind, loss=loss)(0, found, optimizer.lr)]
        evidence.unused = [path for path, gradient in found.gradients.items() if gradient is None]
        if deep:
            evidence.overfit = overfit(net, loss, kind, train)
    finally:
        for module, mode in modes:
            module.training = mode
    return doctor.diagnose(evidence)

"""A look inside of a network at one batch, without a training."""

from __future__ import annotations

from glassnet.data.batches import batches
from glassnet.data.inputs import Data, training_splits
from glassnet.engine.options import integer_option
from glassnet.engine.random import training_step
from glassnet.nn.module import Module
from glassnet.optim import SGD, Optimizer
from glassnet.train.batch_step import BatchStep
from glassnet.train.evaluate import Loss
from glassnet.train.look import Look, look
from glassnet.train.loop import cast
from glassnet.train.metrics import loss_of_task


def look_inside(
    net: Module,
    data: Data,
    *,
    loss: Loss | None = None,
    optimizer: Optimizer | None = None,
    batch_size: int = 256,
    seed: int = 0,
) -> Look:
    """What happens inside of a network in one step of a training, for show: nothing is changed.

    data: a data set, of which a batch of training rows is taken, a split, or a pair (x, y).
    loss: by default the one that fits ``net.task``, as in ``evaluate``.
    optimizer: whose update to show; without one the weights stay as they are.
    batch_size, seed: how many rows, and which.

    Raises ConfigError where a loss is needed, and NonFiniteError if it is NaN or infinite.

    >>> net = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2))
    >>> found = gn.look_inside(net, (np.eye(2), [0, 1]), loss=nn.CrossEntropyLoss())
    >>> {path: output.grad.shape for path, (layer, output) in found.outputs.items()}
    {'0': (2, 8), '1': (2, 8), '2': (2, 2)}
    """
    train, _ = training_splits(data, None, seed)
    size = min(integer_option("batch_size", batch_size, 1), len(train))
    x, y = batches(cast(train, net.dtype), size, seed=seed)[0]
    chosen = loss_of_task(net, "look_inside()") if loss is None else loss
    step = BatchStep(net, chosen, optimizer or SGD(net.parameters(), lr=0.0))
    modes = [(module, module.training) for module in net.modules()]
    net.train()
    try:
        with training_step(seed, 0):
            return look(step, x, y)
    finally:
        for module, mode in modes:
            module.training = mode

"""A small classification and its training, shared by the tests of this folder."""

import numpy as np

import glassnet as gn
from glassnet import nn, optim

RANDOM = np.random.default_rng(0)
X = RANDOM.standard_normal((90, 4)).astype(np.float32)
Y = (X[:, 0] + X[:, 1] > 0).astype(np.int64) + (X[:, 2] > 1)


def classifier(seed=0, batch_norm=False):
    gn.manual_seed(seed)
    middle = [nn.BatchNorm1d(8)] if batch_norm else []
    return nn.Sequential(nn.Linear(4, 8), *middle, nn.Tanh(), nn.Linear(8, 3))


def fit(net, rows=(X, Y), **options):
    defaults = {
        "loss": nn.CrossEntropyLoss(),
        "optimizer": optim.SGD(net.parameters(), lr=0.2, momentum=0.9),
        "batch_size": 16,
        "progress": False,
    }
    if "epochs" not in options and "steps" not in options:
        options["epochs"] = 3
    return gn.fit(net, rows, **{**defaults, **options})


class InterruptAt(gn.Callback):
    def __init__(self, step):
        self.step = step

    def on_step_end(self, loop):
        if loop.step == self.step:
            raise KeyboardInterrupt


OPTIMIZERS = {
    "sgd": lambda net: optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=0.01),
    "adamw": lambda net: optim.AdamW(net.parameters(), lr=0.01),
}


def train(folder, kind="sgd", hook=None, **options):
    net = classifier(batch_norm=True)
    if hook is not None:
        net.register_forward_hook(hook)
    optimizer = OPTIMIZERS[kind](net)
    schedule = optim.CosineAnnealingLR(optimizer, T_max=30)
    return fit(net, folder=folder, optimizer=optimizer, schedule=schedule, epochs=6, validation=0.2, **options)

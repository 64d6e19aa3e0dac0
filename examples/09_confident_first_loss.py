"""The first loss: how sure of itself a network should be before it has learned anything.

It sees three characters of a name and gives 27 logits, for a to z and the end. Knowing nothing, the honest guess is
1/27 for each, and the loss of that is -ln(1/27) = 3.296. If all weights are drawn with a standard deviation of 1, each
logit is a sum of 200 terms near 1 or -1, and so about sqrt(200) = 14 in size: the network is sure of some character,
nearly always of a wrong one, and the first loss is near 27. Its first thousand steps do little else than unlearn that:
the loss curve looks like a hockey stick. The cure is small weights in the last layer, and so logits near 0. Compute
the first loss by hand before you train; if a classifier does not begin near ln(number of classes), something is wrong.
"""

import math
from itertools import pairwise

import numpy as np

import glassnet as gn
from glassnet import data, nn, optim

STEPS, BATCH = 2000, 32
names = data.load("names")
classes = len(names.vocabulary)


class Losses(gn.Callback):
    """The loss of every step."""

    def __init__(self):
        self.values = []

    def on_step_end(self, loop):
        self.values.append(loop.last_loss)


def fresh(std: float) -> nn.Module:
    """The network with standard normal weights, but for the last layer, which has this standard deviation."""
    gn.manual_seed(0)
    net = nn.Sequential(nn.Embedding(classes, 10), nn.Flatten(), nn.Linear(30, 200), nn.Tanh(), nn.Linear(200, classes))
    for parameter in net.parameters():
        nn.init.normal_(parameter)
    for parameter in net[4].parameters():
        nn.init.normal_(parameter, std=std)
    return net


x, y = names.train.x[:2000], names.train.y[:2000]
print(f"{classes} characters; knowing nothing costs ln {classes} = {math.log(classes):.3f}\n")
print("std of the last weights   std of logits   largest probability   first loss")
first = {}
for std in (1.0, 0.1, 0.01):
    logits = fresh(std)(x)  # (2000, 27)
    first[std] = nn.functional.cross_entropy(logits, y).item()
    surest = nn.functional.softmax(logits).numpy().max(1).mean()
    print(f"{std:23.2f} {logits.numpy().std():15.2f} {surest:21.2f} {first[std]:12.3f}")

# What the confidence costs

curves, after = {}, {}
for std in (1.0, 0.01):
    net, losses = fresh(std), Losses()
    run = gn.fit(
        net,
        names,
        loss=nn.CrossEntropyLoss(),
        optimizer=optim.SGD(net.parameters(), lr=0.1),
        steps=STEPS,
        batch_size=BATCH,
        callbacks=[losses],
        folder=None,
        doctor=False,  # its tanh is saturated, too: example 10
        progress=False,
    )
    curves[std] = losses.values
    after[std] = gn.evaluate(net, (names.val.x, names.val.y))["loss"]

print("\n     step   std 1                                      std 0.01")
bounds = [0, 1, 10, 20, 50, 100, 200, 500, 1000, 2000]
for begin, end in pairwise(bounds):
    cells = []
    for std in (1.0, 0.01):
        loss = np.mean(curves[std][begin:end])
        cells.append(f"{loss:6.2f} {'#' * round(loss):36}")
    print(f"{f'{begin + 1}-{end}' if end > 1 else '1':>9}  " + "".join(cells).rstrip())
print(f"\nvalidation loss after {STEPS:,} steps: {after[1.0]:.3f} and {after[0.01]:.3f}")

assert abs(first[0.01] - math.log(classes)) < 0.1
assert 20 < first[1.0] < 35
assert after[0.01] < after[1.0] - 0.1

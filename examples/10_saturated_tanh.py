"""Saturated tanh: units that no longer learn, and the gain that keeps them awake.

The derivative of tanh is 1 - tanh**2. Where a unit gives 1 or -1, that is 0: whatever gradient arrives is multiplied
by 0, and the weights before it stay as they are. A unit that is saturated for every example is dead from the start.
How far the sums before the tanh spread is the choice of who draws the weights: a sum of 30 inputs of size 1 with
weights of standard deviation 1 has standard deviation sqrt(30) = 5.5, where tanh is flat. Divided by sqrt(fan_in), it
has 1; and since tanh squeezes what it gets, a gain of 5/3 makes up for that (Kaiming initialisation, which nn.Linear
uses by itself when a tanh follows). Far smaller weights do not saturate either, but then tanh is a straight line.
"""

import math

import numpy as np

import glassnet as gn
from glassnet import data, nn, optim

FAN_IN, UNITS, STEPS = 30, 200, 2000
names = data.load("names")
classes = len(names.vocabulary)
GAIN = nn.init.calculate_gain("tanh")  # 5/3


def fresh(std: float) -> nn.Module:
    """A network whose hidden weights have this standard deviation; the last layer is not too confident."""
    gn.manual_seed(0)
    net = nn.Sequential(
        nn.Embedding(classes, 10), nn.Flatten(), nn.Linear(FAN_IN, UNITS), nn.Tanh(), nn.Linear(UNITS, classes)
    )
    nn.init.normal_(net[2].weight, std=std)
    nn.init.normal_(net[4].weight, std=0.01)
    return net


def train(net: nn.Module) -> float:
    """The validation loss after some steps."""
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    gn.fit(
        net,
        names,
        loss=nn.CrossEntropyLoss(),
        optimizer=optimizer,
        steps=STEPS,
        folder=None,
        progress=False,
        doctor=False,  # some are ill on purpose
    )
    return gn.evaluate(net, (names.val.x, names.val.y))["loss"]


weights = {"1": 1.0, "(5/3) / sqrt(30)": GAIN / math.sqrt(FAN_IN), "0.001": 0.001}
hidden, slope, loss = {}, {}, {}
print("std of the hidden weights   std before tanh   |tanh| > 0.97   mean slope   validation loss after training")
for name, std in weights.items():
    net = fresh(std)
    before = net[:3](names.train.x[:1000]).numpy()  # (1000, 200)
    hidden[name] = np.tanh(before)
    slope[name] = (1 - hidden[name] ** 2).mean()
    loss[name] = train(net)
    flat = (np.abs(hidden[name]) > 0.97).mean()
    print(f"{name:>25} {before.std():17.3f} {flat:15.1%} {slope[name]:12.3f} {loss[name]:20.3f}")

# What the units give, as a histogram, for weights of std 1 and for the right gain

wide, good = hidden["1"], hidden["(5/3) / sqrt(30)"]
print("\n   output of tanh   std 1" + " " * 35 + "with gain")
edges = np.linspace(-1, 1, 11)
bars = [np.histogram(h, edges)[0] / h.size for h in (wide, good)]
for i, (left, right) in enumerate(zip(*bars, strict=True)):
    cells = (f"{'#' * round(80 * left):40}{'#' * round(80 * right)}").rstrip()
    print(f"{edges[i]:6.1f} to {edges[i + 1]:4.1f}    {cells}")

# Which units sleep for which examples: a row is an example, a column a unit

print("\nsaturated (.) or awake (#): 10 examples by 60 units, std 1 and then with gain")
asleep = {name: np.abs(h[::100]) > 0.97 for name, h in hidden.items()}  # (10, 200)
for name in list(weights)[:2]:
    print("\n".join("   " + "".join(np.where(row[:60], ".", "#")) for row in asleep[name]) + "\n")
# gn.look_inside(net, names, loss=nn.CrossEntropyLoss()).plot_saturation("map.png") draws it, where matplotlib is
# installed
sleepers = {name: table.all(0).sum() for name, table in asleep.items()}
print(f"units that sleep in all 10 examples: {sleepers['1']} of {UNITS}, with gain {sleepers['(5/3) / sqrt(30)']}")
by_itself = nn.Sequential(nn.Linear(FAN_IN, UNITS), nn.Tanh())[0].weight.numpy().std()
print(f"std that nn.Linear({FAN_IN}, {UNITS}) takes by itself before a Tanh: {by_itself:.3f} = (5/3) / sqrt({FAN_IN})")

assert abs(by_itself - GAIN / math.sqrt(FAN_IN)) < 0.01
assert slope["1"] < 0.25 < slope["(5/3) / sqrt(30)"]
assert sleepers["1"] > 0 == sleepers["(5/3) / sqrt(30)"]
assert loss["(5/3) / sqrt(30)"] == min(loss.values())

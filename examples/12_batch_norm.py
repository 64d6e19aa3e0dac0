"""BatchNorm: normalise what enters the activation, instead of hoping that the weights were drawn well.

For each unit it subtracts the mean over the batch and divides by the standard deviation, and then lets the network
choose another scale and shift (weight and bias). How wide the weights were drawn is divided out: a network of four
tanh layers trains from weights that are far too small or far too large. What it costs:

- Rows of a batch depend on each other. That jitters every row a bit, which regularises, and it is a source of bugs.
- For a single row there is no batch. Hence running statistics: a moving average of the batches' means and variances,
  used in evaluation mode. They come to be the statistics of all training rows, without a pass over them.
- A bias just before it does nothing: the mean that is subtracted takes the bias with it. Its gradient is exactly 0, so
  leave it out (bias=False); BatchNorm's own bias does the work.
"""

import numpy as np

import glassnet as gn
from glassnet import data, nn, optim

HIDDEN, STEPS = 64, 600
names = data.load("names")
classes = len(names.vocabulary)


def fresh(scale: float, batch_norm: bool) -> nn.Module:
    """Four tanh layers, whose weights are drawn with a standard deviation ``scale`` times the right one."""
    gn.manual_seed(0)
    layers: list[nn.Module] = [nn.Embedding(classes, 10), nn.Flatten()]
    for width in (30, HIDDEN, HIDDEN, HIDDEN):
        layers.append(nn.Linear(width, HIDDEN, bias=not batch_norm))
        layers += [nn.BatchNorm1d(HIDDEN)] if batch_norm else []
        layers.append(nn.Tanh())
    net = nn.Sequential(*layers, nn.Linear(HIDDEN, classes))
    for layer in net:
        if isinstance(layer, nn.Linear) and layer.out_features == HIDDEN:
            layer.weight.data = layer.weight.data * np.float32(scale)
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
    return gn.evaluate(net, (names.val.x[:5000], names.val.y[:5000]))["loss"]


def spread(net: nn.Module) -> float:
    """Standard deviation of what the fourth tanh gives in training."""
    return float(net[:-1](names.train.x[:1000]).numpy().std())


print(f"                   std after the fourth tanh       validation loss after {STEPS} steps")
print("scale of weights       plain    BatchNorm            plain    BatchNorm")
loss, trained = {}, {}
for scale in (0.1, 1.0, 10.0):
    plain, trained[scale] = fresh(scale, False), fresh(scale, True)
    before = spread(plain), spread(trained[scale])
    loss[scale] = train(plain), train(trained[scale])
    print(f"{scale:16.2f} {before[0]:11.5f} {before[1]:12.5f} {loss[scale][0]:16.3f} {loss[scale][1]:12.3f}")

# Running statistics: close to those of all training rows, without having asked for them

net = trained[1.0]
norm = net[3]
before = net[:3](names.train.x).numpy()  # what enters the first BatchNorm, for all rows (n, HIDDEN)
print("\nfirst BatchNorm, units 1 to 6")
for what, running, rows in (("mean", norm.running_mean, before.mean(0)), ("std", norm.running_var**0.5, before.std(0))):
    print(f"  running {what:4}       " + " ".join(f"{value:6.2f}" for value in running.numpy()[:6]))
    print(f"  {what:4} of all rows   " + " ".join(f"{value:6.2f}" for value in rows[:6]))
off = np.abs(norm.running_mean.numpy() - before.mean(0)) / before.std(0)  # in standard deviations

# One row, in different company

row = names.val.x[:1]
companies = [np.concatenate([row, names.val.x[start : start + 31]]) for start in (100, 200, 300)]  # (32, 3) each
print("\nprobability that an item begins with 'a', three times the same row in other batches")
probabilities = {}
for mode in (True, False):
    net.train(mode)
    probabilities[mode] = [nn.functional.softmax(net(rows)).numpy()[0, 1] for rows in companies]
    print(f"  {'training' if mode else 'evaluation':10} mode  " + " ".join(f"{p:.4f}" for p in probabilities[mode]))
try:
    net.train()(row)
except gn.ShapeError as error:
    print(f"  alone in training mode: {error}")

# The redundant bias

gn.manual_seed(0)
linear, norm = nn.Linear(30, HIDDEN), nn.BatchNorm1d(HIDDEN)
x = gn.tensor(np.random.default_rng(0).standard_normal((32, 30)))
out = norm(linear(x))
loss_of_signs = nn.functional.mse_loss(out, np.sign(out.numpy() + 0.3))  # any loss will do
loss_of_signs.backward()
linear.bias.data = linear.bias.data + 5.0
moved = float(np.abs(norm(linear(x)).numpy() - out.numpy()).max())
biases = {"before it": np.abs(linear.bias.grad).max(), "its own": np.abs(norm.bias.grad).max()}
print("\nlargest gradient of the bias " + ", ".join(f"{where}: {size:.0e}" for where, size in biases.items()))
print(f"add 5 to the bias before it, and the output moves by {moved:.0e}")

assert loss[0.1][1] < loss[0.1][0] - 0.1
assert loss[10.0][1] < loss[10.0][0] - 0.1
assert np.median(off) < 0.1
assert np.ptp(probabilities[True]) > 1e-3 > 1e-6 > np.ptp(probabilities[False])
assert biases["before it"] < 1e-6 < 1e-3 < biases["its own"]
assert moved < 1e-4

"""The learning-rate finder: before training, try all rates in one short run, from far too small to far too large.

Where the rate is too small, the loss does not move; where it is good, the loss falls fastest; where it is too large,
the loss rises. The steepest place is the suggestion (Smith, 2017, https://arxiv.org/abs/1506.01186). The network
that was tried out is put back as it was. To see that the suggestion is worth something, the same network is then
trained for two epochs with it, and with rates far below and above it.
"""

import glassnet as gn
from glassnet import data, models, nn, optim

digits = data.load("digits")


def fresh(lr: float) -> tuple[nn.Module, optim.Optimizer]:
    """The digits network with the same initial weights each time, and its optimizer."""
    gn.manual_seed(0)
    net = models.mlp(784, [16, 16], 10)
    return net, optim.SGD(net.parameters(), lr=lr, momentum=0.9)


net, optimizer = fresh(lr=0.1)
before = net[0].weight.data
finder = gn.lr_find(net, digits, loss=nn.CrossEntropyLoss(), optimizer=optimizer, batch_size=100)
assert (net[0].weight.data == before).all()
assert optimizer.lr == 0.1

print("learning rate   smoothed loss")
top = max(finder.smoothed)
for i in range(0, len(finder.lrs), 8):
    bar = "#" * round(40 * finder.smoothed[i] / top)
    print(f"{finder.lrs[i]:13.1e} {finder.smoothed[i]:8.3f}  {bar}")
print(f"\nit falls fastest at {finder.suggestion:.2g}")
# finder.plot("lr.png") draws it, where matplotlib is installed

print("\nlearning rate   validation accuracy after 2 epochs")
accuracies = {}
for factor in (0.001, 0.03, 1, 100):
    lr = factor * finder.suggestion
    net, optimizer = fresh(lr)
    try:
        run = gn.fit(
            net,
            digits,
            loss=nn.CrossEntropyLoss(),
            optimizer=optimizer,
            epochs=2,
            batch_size=100,
            folder=None,
            doctor=False,  # three of the four rates are wrong on purpose
            progress=False,
        )
        accuracies[factor] = run.history["val_accuracy"][-1]
        print(f"{lr:13.1e}   {accuracies[factor]:.1%}")
    except gn.NonFiniteError as error:  # the weights of the last finite loss are put back
        accuracies[factor] = 0.0
        print(f"{lr:13.1e}   {error}")
assert max(accuracies, key=accuracies.get) == 1

"""The digits network in a training loop of your own: batch, forward, backward, update."""

import glassnet as gn
from glassnet import data, nn, optim

digits = data.load("digits")
print(digits.summary())

net = nn.Sequential(nn.Linear(784, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 10))
print(net.summary((784,)))
optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)


def accuracy(split: data.Split) -> float:
    """The share of the rows for which the largest of the ten outputs is the right one."""
    with gn.no_grad():
        return (net(gn.tensor(split.x)).argmax(1) == split.y).data.mean()


for epoch in range(5):
    total = 0.0
    for xb, yb in data.batches(digits.train, 100, seed=0, epoch=epoch):  # xb (100, 784), yb (100,)
        loss = nn.functional.cross_entropy(net(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(yb)
    print(f"epoch {epoch + 1}  loss {total / len(digits.train):.4f}  validation accuracy {accuracy(digits.val):.1%}")

print(f"test accuracy {accuracy(digits.test):.1%}")

"""The same network with ``fit``: validation, metrics, early stopping and the best weights come with it."""

import glassnet as gn
from glassnet import data, nn, optim

digits = data.load("digits")
net = nn.Sequential(nn.Linear(784, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 10))
optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=0.003)

run = gn.fit(
    net,
    digits,
    loss=nn.CrossEntropyLoss(),
    optimizer=optimizer,
    schedule=optim.CosineAnnealingLR(optimizer, T_max=20 * 75),  # 20 epochs of 75 steps
    epochs=20,
    batch_size=100,
    seed=0,
    callbacks=[gn.EarlyStopping(patience=8)],
)

print(f"\n{run.steps} steps in {run.seconds:.1f} s; the weights are those of epoch {run.best_epoch}")
print("validation loss by epoch:", " ".join(f"{value:.3f}" for value in run.history["val_loss"]))
print("on the test split:", {name: round(value, 4) for name, value in gn.evaluate(net, digits).items()})

x, y = digits.test.x[:5], digits.test.y[:5]
print("five digits:", y, "predicted:", net.predict(x), "with probability", net.predict_proba(x).max(1).round(2))

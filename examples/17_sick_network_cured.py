"""A sick network, cured step by step: four mistakes, and what the doctor says after each of five trainings.

Mistakes hide each other. Here the optimizer holds the last layer only, the pixels go from 0 to 255, the network ends
in a softmax although its loss takes logits, and the learning rate is ten times too high. Whoever looks at the loss
sees one flat line for all of them. The doctor looks inside: it names the causes before their consequences, with the
figure beside its threshold, and says what to change. ``gn.fit`` calls it by itself; ``run.findings`` is what it found.
Read the first finding, change what it says, train again: that is the whole method. ``glassnet explain CODE`` tells
more about each, and ``gn.doctor.examine`` finds before the first step what can be found without a training.
"""

import glassnet as gn
from glassnet import data, nn, optim

digits = data.load("digits")
x, y = digits.train.x[:3000], digits.train.y[:3000]
val = digits.val.x[:1000], digits.val.y[:1000]
#: What is wrong. Each cure changes one of these.
made = {"parameters": "the last layer", "pixels": 255.0, "softmax": True, "lr": 1.0}
CURES = {
    "probabilities-as-logits": {"softmax": False},
    "parameter-not-in-optimizer": {"parameters": "all"},
    "unnormalised-inputs": {"pixels": 1.0},
    "learning-rate-too-high": {"lr": 0.1},
}


def network() -> nn.Sequential:
    """Two hidden layers, and a softmax if that mistake is made."""
    gn.manual_seed(0)
    layers = [nn.Linear(784, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 10)]
    return nn.Sequential(*layers, *([nn.Softmax()] if made["softmax"] else []))


def train() -> gn.Run:
    """A training with the mistakes that are left."""
    net = network()
    parameters = net.parameters() if made["parameters"] == "all" else net[4].parameters()
    return gn.fit(
        net,
        (x * made["pixels"], y),
        validation=(val[0] * made["pixels"], val[1]),
        loss=nn.CrossEntropyLoss(),
        optimizer=optim.SGD(parameters, lr=made["lr"], momentum=0.9),
        epochs=8,
        batch_size=50,
        diagnostics=None,
        folder=None,
        progress=False,
    )


accuracies, found = [], []
for number in range(1, 6):
    run = train()
    accuracies.append(run.history["val_accuracy"][-1])
    print(f"training {number}: validation accuracy {accuracies[-1]:.1%} after 8 epochs")
    if run.findings.healthy:
        print("the doctor finds nothing")
        break
    first = run.findings[0]
    found.append(first.code)
    print(run.findings.text(full=number == 1))  # in the first round with figures and reasons
    made |= CURES[first.code]
    print(f"-> changed: {', '.join(f'{name} = {value}' for name, value in CURES[first.code].items())}\n")

# The same, before any training: what does not depend on how it goes

made |= {"parameters": "the last layer", "softmax": True}
net = network()
early = gn.doctor.examine(net, (x, y), nn.CrossEntropyLoss(), optim.SGD(net[4].parameters(), lr=0.1))
print(f"\nbefore the first step of the first training: {', '.join(early.codes())}")

assert len(found) == 4
assert set(found) == set(CURES)
assert accuracies[-1] > 0.85 > 0.5 > accuracies[0]
assert run.findings.healthy
assert {"probabilities-as-logits", "parameter-not-in-optimizer"} <= set(early.codes())

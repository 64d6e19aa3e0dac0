"""Healthy networks that look sick, and their sick twins: a symptom is a fault only where it does harm.

False alarms are why people switch such tools off. Each figure below is beyond a threshold that is often used by
itself, in a run with which nothing is wrong: units that are silent for most rows and awake for some, a tanh that is
saturated because the network has become sure, classes of very different size that are told apart, a gradient that has
all but vanished because everything is learned. Beside each stands a twin with the same symptom and another cause. The
doctor compares with what the run could reach, and speaks of the twins only.
"""

import numpy as np

import glassnet as gn
from glassnet import nn, optim

ROWS = 1500
EVEN, UNEVEN = [0.25, 0.25, 0.25, 0.25], [0.45, 0.45, 0.06, 0.04]


def clouds(shares: list[float], apart: float) -> tuple[np.ndarray, np.ndarray]:
    """Clouds of points, one for each class: (ROWS, 10) and (ROWS,)."""
    rng = np.random.default_rng(0)
    y = rng.choice(len(shares), ROWS, p=shares)
    return (apart * rng.normal(size=(len(shares), 10))[y] + rng.normal(size=(ROWS, 10))).astype("float32"), y


def train(
    rows: tuple[np.ndarray, np.ndarray],
    activation: type[nn.Module] = nn.ReLU,
    *,
    depth: int = 1,
    weights: float = 1.0,
    bias: float = 0.0,
    lr: float = 0.05,
) -> gn.Run:
    """A training of a small network, whose first weights and biases can be spoiled."""
    gn.manual_seed(0)
    layers, width = [], 10
    for _ in range(depth):
        layers += [nn.Linear(width, 32), activation()]
        width = 32
    net = nn.Sequential(*layers, nn.Linear(width, 4))
    for layer in net[:-1:2]:
        layer.weight.data = layer.weight.data * np.float32(weights)
        nn.init.constant_(layer.bias, bias)
    return gn.fit(
        net,
        rows,
        validation=0.2,
        loss=nn.CrossEntropyLoss(),
        optimizer=optim.SGD(net.parameters(), lr=lr, momentum=0.9),
        epochs=20,
        keep_best=False,
        diagnostics=None,
        folder=None,
        progress=False,
    )


def silent(run: gn.Run, x: np.ndarray, _y: np.ndarray) -> float:
    """The share of outputs of the ReLU that are 0."""
    return float((run.net[:2](x).numpy() == 0).mean())


def saturated(run: gn.Run, x: np.ndarray, _y: np.ndarray) -> float:
    """The share of outputs of the tanh beyond 0.97."""
    return float((np.abs(run.net[:2](x).numpy()) > 0.97).mean())


def ratio(_run: gn.Run, _x: np.ndarray, y: np.ndarray) -> float:
    """How many times as many rows the largest class has as the smallest."""
    counts = np.bincount(y)
    return float(counts.max() / counts.min())


def gradient(run: gn.Run, x: np.ndarray, y: np.ndarray) -> float:
    """The norm of the gradient by the weights of the first layer, after the training."""
    for parameter in run.net.parameters():
        parameter.grad = None
    nn.functional.cross_entropy(run.net(x), y).backward()
    return float(np.linalg.norm(run.net[0].weight.grad))


near, far, rare_near, rare_far = clouds(EVEN, 1.0), clouds(EVEN, 3.0), clouds(UNEVEN, 0.5), clouds(UNEVEN, 3.0)
PAIRS = [
    (
        "outputs of ReLU that are 0",
        silent,
        "above 50 %",
        (far, train(far, bias=-3.0)),
        (near, train(near, bias=-30.0)),
    ),
    (
        "outputs of tanh beyond 0.97",
        saturated,
        "above 50 %",
        (far, train(far, nn.Tanh)),
        (near, train(near, nn.Tanh, depth=2, weights=30.0, lr=0.003)),
    ),
    ("largest class by smallest", ratio, "above 10", (rare_far, train(rare_far)), (rare_near, train(rare_near))),
    (
        "gradient of the first layer",
        gradient,
        "below 0.01",
        (far, train(far)),
        (near, train(near, nn.Sigmoid, depth=7)),
    ),
]
print(f"{'':30} {'often a fault':14} {'healthy':>8} {'twin':>8}   what the doctor says of the twin")
for name, measure, usual, (rows, healthy), (others, sick) in PAIRS:
    figures = [measure(healthy, *rows), measure(sick, *others)]
    accuracy = [run.history["val_accuracy"][-1] for run in (healthy, sick)]
    print(f"{name:30} {usual:14} {figures[0]:8.3g} {figures[1]:8.3g}   {', '.join(sick.findings.codes())}")
    print(f"{'  validation accuracy':45} {accuracy[0]:8.0%} {accuracy[1]:8.0%}")
    assert healthy.findings.healthy, healthy.findings.text()
    assert not sick.findings.healthy

print("\nand of the healthy ones: nothing. One of the twins, in full:\n")
print(PAIRS[0][4][1].findings.text())

spoken = [pair[4][1].findings.codes()[0] for pair in PAIRS]
assert spoken == ["dead-units", "saturated-activations", "class-imbalance", "vanishing-gradients"], spoken

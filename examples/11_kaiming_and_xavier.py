"""Kaiming and Xavier: keeping signals alive through ten layers.

An output of a layer is a sum of fan_in products. If its inputs have size (root mean square) 1 and its weights standard
deviation s, the sum has size s * sqrt(fan_in). Ten layers multiply that factor ten times: a little too small and the
signal dies, a little too large and it explodes, or saturates where the activation is bounded. On the way back the
gradients are sums of fan_out products, with the same fate. Two answers, for layers of 100 inputs and 100 outputs:

- Xavier (Glorot and Bengio, 2010): s = sqrt(2 / (fan_in + fan_out)), a compromise between both directions.
- Kaiming (He et al., 2015): s = gain / sqrt(fan_in), where the gain makes up for what the activation takes away:
  sqrt(2) for relu, which cuts half of the signal off, and 5/3 for tanh, which squeezes.

nn.Linear follows the second rule by itself, with the gain of the activation that comes after it.
"""

from collections.abc import Callable

import numpy as np

import glassnet as gn
from glassnet import nn

LAYERS, WIDTH, ROWS = 10, 100, 400
x = np.random.default_rng(0).standard_normal((ROWS, WIDTH))
Rule = Callable[[gn.Tensor], object]


def sizes(activation: type[nn.Module], rule: Rule) -> tuple[list[float], list[float]]:
    """Size (root mean square) of the activations after each of ten layers, and of the gradients by them."""
    gn.manual_seed(0)
    layers = nn.Sequential(*(layer for _ in range(LAYERS) for layer in (nn.Linear(WIDTH, WIDTH), activation())))
    signal, activations = gn.tensor(x), []
    for layer in layers:
        if isinstance(layer, nn.Linear):
            rule(layer.weight)
        signal = layer(signal)
        if not isinstance(layer, nn.Linear):
            signal.retain_grad()
            activations.append(signal)
    last = activations[-1]
    last.backward(np.random.default_rng(1).standard_normal(last.shape))  # noise of size 1, as if from a loss
    return [_size(a.numpy()) for a in activations], [_size(a.grad) for a in activations]


def _size(values: np.ndarray) -> float:
    return float(np.sqrt((values**2).mean()))


rules: dict[str, Rule] = {
    "std 0.05": lambda weight: nn.init.normal_(weight, std=0.05),
    "std 1": nn.init.normal_,
    "Xavier": nn.init.xavier_normal_,
    "Kaiming relu": lambda weight: nn.init.kaiming_normal_(weight, nonlinearity="relu"),
    "Kaiming tanh": lambda weight: nn.init.kaiming_normal_(weight, nonlinearity="tanh"),
    "nn.Linear's own": lambda weight: weight,
}
tables = {}
for activation in (nn.ReLU, nn.Tanh):
    name = activation.__name__
    tables[name] = {rule: sizes(activation, rules[rule]) for rule in rules}
    for i, what in enumerate(("activations", "gradients")):
        print(f"size of the {what} after layer   (ten layers with {name})")
        print(" " * 15 + "".join(f"{k:>8}" for k in range(1, LAYERS + 1)))
        for rule, columns in tables[name].items():
            print(f"{rule:15}" + "".join(f"{value:8.2g}" for value in columns[i]))
        print()

print("For relu Kaiming's gain sqrt(2) is right, 1 (Xavier) is too small and 5/3 too large; tanh settles with 5/3.")

relu, tanh = (tables[name] for name in ("ReLU", "Tanh"))
assert 0.4 < relu["Kaiming relu"][0][-1] < 1.6
assert relu["std 0.05"][0][-1] < 1e-3
assert relu["Xavier"][0][-1] < 0.05
assert relu["std 1"][0][-1] > 1e6
assert abs(tanh["Kaiming tanh"][0][-1] / tanh["Kaiming tanh"][0][4] - 1) < 0.05  # steady
assert tanh["Xavier"][0][-1] < 0.8 * tanh["Xavier"][0][4]  # still shrinking
assert tanh["std 1"][0][-1] > 0.9  # saturated
assert tanh["std 1"][1][0] > 100  # and what passes in spite of that explodes
assert 0.5 < relu["nn.Linear's own"][0][-1] / relu["Kaiming relu"][0][-1] < 2  # other draws, the same size
assert 0.9 < tanh["nn.Linear's own"][0][-1] / tanh["Kaiming tanh"][0][-1] < 1.1

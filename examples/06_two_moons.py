"""A network from single numbers, and the same network from arrays: two half-moons of points, told apart.

A neuron is tanh(w1 * x1 + w2 * x2 + b), a layer is a list of neurons, a network is a list of layers. The first half
writes that down as loops over numbers, each of them a tensor with a gradient of its own. The second half stacks the
numbers: the weights of the neurons side by side are a matrix, all points are another, and one product of matrices does
the work of all the loops. Both compute the same loss, the same gradients and the same steps; one is much faster.
"""

import time

import numpy as np

import glassnet as gn
from glassnet import nn, optim

POINTS, STEPS, LR = 60, 20, 0.1
random = np.random.default_rng(0)


def moons(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Points (count, 2) on two interlocking half circles, with noise, and which of the two each is on (count,)."""
    angle = random.uniform(0, np.pi, count)
    which = np.arange(count) % 2
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    points = np.where(which[:, None] == 0, circle, [1.0, 0.5] - circle) + 0.1 * random.standard_normal((count, 2))
    return points, which


# From numbers


class Neuron:
    """tanh(w . x + b), or w . x + b alone."""

    def __init__(self, inputs: int, bends: bool) -> None:
        scale = 1 / np.sqrt(inputs)
        self.w = [gn.tensor(scale * random.standard_normal(), requires_grad=True) for _ in range(inputs)]
        self.b = gn.tensor(np.float64(0.0), requires_grad=True)
        self.bends = bends

    def __call__(self, x):
        n = sum((w * x for w, x in zip(self.w, x, strict=True)), self.b)
        return n.tanh() if self.bends else n


class Layer:
    """Neurons side by side: each sees all inputs."""

    def __init__(self, inputs: int, outputs: int, bends: bool) -> None:
        self.neurons = [Neuron(inputs, bends) for _ in range(outputs)]

    def __call__(self, x):
        return [neuron(x) for neuron in self.neurons]


layers = [Layer(2, 8, bends=True), Layer(8, 8, bends=True), Layer(8, 1, bends=False)]
numbers = [number for layer in layers for neuron in layer.neurons for number in [*neuron.w, neuron.b]]
points, which = moons(POINTS)

# The same numbers as matrices, before the loops below change them: column j of W holds the weights of neuron j.
net = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 1)).to("float64")
for linear, layer in zip([net[0], net[2], net[4]], layers, strict=True):
    linear.weight.data = np.array([[w.item() for w in neuron.w] for neuron in layer.neurons]).T  # (inputs, outputs)
    linear.bias.data = np.array([neuron.b.item() for neuron in layer.neurons])  # (outputs,)


def loss_of_numbers():
    """The mean of (score - wanted) ** 2, wanted being -1 on one moon and 1 on the other."""
    total = 0.0
    for point, moon in zip(points, which, strict=True):
        x = [float(coordinate) for coordinate in point]
        for layer in layers:
            x = layer(x)
        total = total + (x[0] - (2.0 * moon - 1.0)) ** 2
    return total / POINTS


print(f"{len(numbers)} numbers, {POINTS} points, {STEPS} steps\n")
start = time.perf_counter()
losses_of_numbers = []
for _ in range(STEPS):
    loss = loss_of_numbers()
    for number in numbers:
        number.grad = None
    loss.backward()
    with gn.no_grad():
        for number in numbers:
            number -= LR * number.grad  # noqa: PLW2901  # in place: the update of a leaf
    losses_of_numbers.append(loss.item())
seconds_of_numbers = time.perf_counter() - start

# From tensors

optimizer = optim.SGD(net.parameters(), lr=LR)
wanted = (2.0 * which - 1.0)[:, None]  # (POINTS, 1)


def step() -> float:
    """One step of the same training; the loss before it."""
    loss = nn.functional.mse_loss(net(points), wanted)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


start = time.perf_counter()
losses = [step() for _ in range(STEPS)]
seconds = time.perf_counter() - start

print("step   loss from numbers   loss from tensors")
for i in range(0, STEPS, 4):
    print(f"{i + 1:4d} {losses_of_numbers[i]:19.12f} {losses[i]:19.12f}")
assert np.allclose(losses, losses_of_numbers, rtol=1e-9)
apart = max(
    abs(w.item() - linear.weight.data[i, j])
    for linear, layer in zip([net[0], net[2], net[4]], layers, strict=True)
    for j, neuron in enumerate(layer.neurons)
    for i, w in enumerate(neuron.w)
)
factor = seconds_of_numbers / seconds
print(f"after {STEPS} steps no weight differs by more than {apart:.1e}; the tensors took 1/{factor:.0f} of the time")

# Fast enough, then, to finish, and to draw what was learned

losses = [step() for _ in range(3000)]
right = ((net(points).numpy() > 0) == (wanted > 0)).mean()
print(f"\nafter 3,000 more steps: loss {losses[-1]:.4f}, {right:.0%} of the points on the right side\n")
across, down = np.meshgrid(np.linspace(-1.5, 2.5, 61), np.linspace(1.5, -1.0, 21))
score = net(np.stack([across, down], axis=-1)).numpy()[..., 0]  # (21, 61): Linear takes (..., 2)
picture = np.where(score > 0, "+", ".")
for point, moon in zip(points, which, strict=True):
    column, row = round((point[0] + 1.5) / 4.0 * 60), round((1.5 - point[1]) / 2.5 * 20)
    if 0 <= row < 21 and 0 <= column < 61:
        picture[row, column] = "o#"[moon]
print("\n".join("".join(row) for row in picture))

"""The update-to-data ratio: whether the learning rate fits, told by how far each step moves the weights.

A step changes a weight matrix by lr * gradient (and more, with momentum or Adam). Compare the standard deviation of
that change with that of the weights themselves: a ratio of about 1/1000 is well, on a log10 scale -3. Far below it the
network hardly learns, far above it the weights are thrown around. It is a rule of thumb for most layers, not for each:
an embedding gets few gradients and stays below, an output layer, whose weights are small, above, and short trainings
such as these do best a bit above as well. ``gn.fit`` writes the ratio down every so many steps, for each parameter:
run.diagnostics.parameters; run.diagnostics.plot() draws it.
"""

import numpy as np

import glassnet as gn
from glassnet import data, models, nn, optim

STEPS, EVERY = 1000, 20
names = data.load("names")
WEIGHTS = {"0.weight": "embedding", "2.weight": "hidden", "4.weight": "output"}


def train(lr: float) -> tuple[gn.Run, float]:
    """A training with this learning rate, and the validation loss after it."""
    gn.manual_seed(0)
    net = models.character_mlp(len(names.vocabulary), names.context, hidden=[100], batch_norm=False)
    run = gn.fit(
        net,
        names,
        loss=nn.CrossEntropyLoss(),
        optimizer=optim.SGD(net.parameters(), lr=lr),
        steps=STEPS,
        diagnostics=EVERY,
        folder=None,
        doctor=False,  # two of the three rates are wrong on purpose
        progress=False,
    )
    return run, gn.evaluate(net, (names.val.x, names.val.y))["loss"]


def ratios_of(run: gn.Run, path: str) -> np.ndarray:
    """log10 of the ratio at each look; minus infinity where a step moved nothing."""
    found = run.diagnostics.parameters[path]["update_to_data"]
    return np.array([-np.inf if ratio is None else ratio for ratio in found])


def picture(run: gn.Run) -> str:
    """log10 of the ratio over the steps, with a mark at -3."""
    rows = np.arange(-0.5, -5.5, -0.5)
    grid = np.full((len(rows), len(run.diagnostics.steps)), " ")
    for path, name in WEIGHTS.items():
        for i, ratio in enumerate(ratios_of(run, path)):
            row = int(np.abs(rows - ratio).argmin())
            grid[row, i] = name[0]
    return "\n".join(
        f"{level:8.1f} {'>' if level == -3.0 else '|'}{''.join(line)}".rstrip()
        for level, line in zip(rows, grid, strict=True)
    )


loss, ratios = {}, {}
for lr, words in ((0.001, "too low"), (0.1, "right"), (5.0, "too high")):
    run, loss[lr] = train(lr)
    ratios[lr] = {name: float(np.median(ratios_of(run, path))) for path, name in WEIGHTS.items()}
    print(f"lr {lr}, {words}: validation loss {loss[lr]:.3f} after {STEPS} steps")
    print("median log10 of the ratio: " + ", ".join(f"{name} {value:.2f}" for name, value in ratios[lr].items()))
    print(picture(run) + "\n")
print(f"e, h, o: the weights of embedding, hidden and output layer; a column is every {EVERY}th step")

middle = {lr: np.median(list(values.values())) for lr, values in ratios.items()}
assert loss[0.1] < min(loss[0.001], loss[5.0]) - 0.5
assert middle[0.001] < -4
assert -3.2 < middle[0.1] < -2
assert max(ratios[5.0].values()) > -1

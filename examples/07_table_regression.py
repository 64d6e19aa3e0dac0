"""A regression on a table: a CSV file with numbers, a category and holes, and a network that predicts a price.

The table is made here, from a formula with noise of a known size, so that we can tell how good a prediction can
possibly be: nobody can foresee the noise, so the root of the mean squared error (RMSE) of a perfect model is its
standard deviation, the noise floor. A straight line cannot get there, because the formula bends; a small network can.
"""

import csv
import tempfile
from pathlib import Path

import numpy as np

import glassnet as gn
from glassnet import data, models, nn, optim

ROWS, NOISE, HOLES = 4000, 10.0, 0.01
random = np.random.default_rng(0)

# The table: flats, and what they cost in thousands

area = random.uniform(20, 150, ROWS).round(1)
age = random.integers(0, 100, ROWS)
district = random.choice(["centre", "harbour", "hills"], ROWS)
level = np.select([district == "centre", district == "harbour"], [1.5, 1.2], 1.0)
charm = 0.02 * (age - 50.0) ** 2  # the new and the old ones are wanted
price = level * (60 + 2 * area) + charm + NOISE * random.standard_normal(ROWS)

lines = [[f"{a}", f"{b}", c, f"{d:.2f}"] for a, b, c, d in zip(area, age, district, price, strict=True)]
for line, holes in zip(lines, random.random((ROWS, 3)) < HOLES, strict=True):
    line[:3] = ["" if hole else cell for cell, hole in zip(line, holes, strict=False)]  # not known for this flat

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "flats.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["area", "age", "district", "price"], *lines])
    print(*path.read_text().splitlines()[:4], "...", sep="\n")
    # Holes are an error unless we say what to do about them. "fill" takes the median, and a category "missing".
    filled = data.read_table(path, target="price", missing="fill", seed=0)
    complete = data.read_table(path, target="price", missing="drop", seed=0)

print()
print(filled.summary())
print("inputs:", ", ".join(filled.encoder.feature_names))


def train(flats: data.Dataset, hidden: list[int]) -> nn.Module:
    """A network with these hidden layers; none of them is a straight line."""
    net = models.mlp(len(flats.encoder.feature_names), hidden, 1, activation="tanh")
    optimizer = optim.AdamW(net.parameters(), lr=0.01)
    run = gn.fit(
        net,
        flats,
        loss=nn.MSELoss(),
        optimizer=optimizer,
        schedule=optim.CosineAnnealingLR(optimizer, T_max=60 * 50),  # 60 epochs of 50 steps
        epochs=60,
        batch_size=64,
        seed=0,
        folder=None,
        progress=False,
    )
    print("validation loss by epoch:", " ".join(f"{value:.4f}" for value in run.history["val_loss"][::12]), "...")
    return net


def rmse(net: nn.Module, flats: data.Dataset) -> float:
    """Of the test split, in the unit of the table: for training, inputs and targets are standardised."""
    decode = flats.encoder.decode_target
    return float(np.sqrt(((decode(net.predict(flats.test.x)) - decode(flats.test.y)) ** 2).mean()))


straight = rmse(train(filled, []), filled)
network = rmse(train(filled, [32, 32]), filled)
net = train(complete, [32, 32])
without_holes = rmse(net, complete)
print(f"\nRMSE on flats that were not trained on, in thousands (noise floor {NOISE})")
print(f"  always the mean price          {filled.encoder.target_std:6.1f}")
print(f"  straight line                  {straight:6.1f}")
print(f"  network                        {network:6.1f}")
print(f"  network, flats without holes   {without_holes:6.1f}")
assert NOISE / 1.1 < without_holes < network < straight < filled.encoder.target_std

# New rows go through the encoder of the training rows
new = {"area": np.array([50.0, 50.0]), "age": np.array([50.0, 2.0]), "district": ["centre", "hills"]}
for predicted, formula in zip(
    complete.encoder.decode_target(net.predict(complete.encoder.encode(new, "new flats"))),
    (1.5 * 160, 160 + 0.02 * 48**2),
    strict=True,
):
    print(f"a new flat: {predicted:.0f}, the formula without noise says {formula:.0f}")

"""Runs of the command on small data: points of two numbers, prices, and names."""

import numpy as np

from glassnet.cli.building import train_network
from glassnet.recipe.recipe import Recipe


def train(folder, data, **options):
    """Train as ``glassnet train`` does, into the folder."""
    given = {"hidden": (8,), "epochs": 4, "compile": "off", **options}
    recipe = Recipe.from_options(str(data), given, None)
    return train_network(recipe, recipe.load_data(), folder, progress=False)


def train_points(folder, **options):
    """Two features and three classes, in units that are far from those of the network."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((150, 2))
    names = np.where(x[:, 0] > 0.3, "east", np.where(x[:, 1] > 0, "north", "south"))
    rows = "".join(f"{a * 50 + 1000:.3f},{b:.4f},{name}\n" for (a, b), name in zip(x, names, strict=True))
    table = folder.with_suffix(".csv")
    table.write_text(f"metres,<b>degrees,side\n{rows}")
    return train(folder, table, target="side", **options)


def train_prices(folder, features=3, **options):
    """Quantities, and a column of texts where there are three features."""
    rng = np.random.default_rng(0)
    kinds = ["flat", "house"]
    lines = []
    for _ in range(120):
        area, rooms, kind = rng.uniform(30, 200), int(rng.integers(1, 6)), int(rng.integers(2))
        price = 3 * area + 20 * rooms + 80 * kind + rng.normal(0, 10)
        lines.append(f"{area:.1f},{rooms}{f',{kinds[kind]}' if features == 3 else ''},{price:.1f}\n")
    table = folder.with_suffix(".csv")
    table.write_text(f"area,rooms{',kind' if features == 3 else ''},price\n{''.join(lines)}")
    return train(folder, table, target="price", **options)


def train_names(folder, **options):
    """A language model of a few hundred names."""
    rng = np.random.default_rng(0)
    names = ["".join(rng.choice(list("abeimnor"), rng.integers(2, 6))) for _ in range(300)]
    text = folder.with_suffix(".txt")
    text.write_text("\n".join(names))
    options = {"embedding": 4, "epochs": 2, "context": 3, **options}
    return train(folder, text, model="mlp", **options)

"""The training steps that the compiled step and its peers are measured on: data, layers, first weights, optimizer.

A network is a list of plain layers that every peer builds in its own way. The first weights are drawn once, by
glassnet, and written with the data into a folder, from which the process of a peer reads them without glassnet.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

#: Learning rates: SGD without momentum, AdamW with PyTorch's other options (betas 0.9, 0.999, eps 1e-8, decay 0.01).
RATES = {"sgd": 0.1, "adamw": 1e-3}
BETAS, EPS, DECAY = (0.9, 0.999), 1e-8, 0.01
#: Of BatchNorm.
NORM_EPS, MOMENTUM = 1e-5, 0.1


@dataclass(frozen=True)
class Layer:
    """kind: embedding (rows, out), linear (inputs, out), batchnorm (out), tanh, relu, flatten, pairs (of positions,
    joined), conv (causal, over positions: inputs, out, kernel, dilation).

    weights: how many arrays it has: linear weight (inputs, out), bias (out); conv weight (kernel, inputs, out), bias;
    batchnorm gain, shift (out).
    """

    kind: str
    inputs: int = 0
    out: int = 0
    bias: bool = True
    kernel: int = 1
    dilation: int = 1

    @property
    def weights(self) -> int:
        return {"embedding": 1, "batchnorm": 2, "linear": 1 + self.bias, "conv": 1 + self.bias}.get(self.kind, 0)


@dataclass(frozen=True)
class Workload:
    """chunk: how many steps a peer is asked for at once."""

    name: str
    layers: tuple[Layer, ...]
    batch: int
    chunk: int
    data: str
    context: int = 0
    optimizer: str = "sgd"
    arrays: dict[str, np.ndarray] = field(default_factory=dict, repr=False, compare=False)

    @property
    def x(self) -> np.ndarray:
        return self.arrays["x"]

    @property
    def y(self) -> np.ndarray:
        return self.arrays["y"]

    @property
    def rate(self) -> float:
        return RATES[self.optimizer]

    @property
    def title(self) -> str:
        return f"{self.name}, batch {self.batch}, {'SGD' if self.optimizer == 'sgd' else 'AdamW'}"

    def weights(self) -> list[list[np.ndarray]]:
        """Copies of the first weights, by layer."""
        numbers = iter(range(sum(layer.weights for layer in self.layers)))
        return [[self.arrays[f"w{next(numbers)}"].copy() for _ in range(layer.weights)] for layer in self.layers]

    def rows(self, chunk: int = 0) -> np.ndarray:
        """(chunk, batch) int64: each epoch in an order of its own."""
        count = (chunk or self.chunk) * self.batch
        random, total = np.random.default_rng(1), len(self.y)
        epochs = [random.permutation(total) for _ in range(-(-count // total))]
        return np.concatenate(epochs)[:count].reshape(-1, self.batch)

    def products(self) -> list[tuple[int, int, int, bool]]:
        """The matrix products of its layers, m x k times k x n, and whether the gradient of the inputs is needed."""
        found, positions, needed = [], self.context, False
        for layer in self.layers:
            if layer.kind in ("linear", "conv"):
                rows = self.batch * max(1, positions)
                found.append((rows, layer.inputs * layer.kernel, layer.out, needed))
            positions = positions // 2 if layer.kind == "pairs" else 0 if layer.kind == "flatten" else positions
            positions = 0 if positions == 1 else positions
            needed = needed or layer.weights > 0
        return found


def mlp(*sizes: int) -> tuple[Layer, ...]:
    layers: list[Layer] = []
    for inputs, out in pairwise(sizes):
        layers += [Layer("linear", inputs, out), Layer("relu")]
    return tuple(layers[:-1])


def names_mlp(hidden: int = 200) -> tuple[Layer, ...]:
    norm = (Layer("linear", 30, hidden, bias=False), Layer("batchnorm", out=hidden), Layer("tanh"))
    return (Layer("embedding", 27, 10), Layer("flatten"), *norm, Layer("linear", hidden, 27))


def wavenet_like() -> tuple[Layer, ...]:
    layers = [Layer("embedding", 27, 24)]
    for inputs in (48, 256, 256):
        layers += [Layer("pairs"), Layer("linear", inputs, 128, bias=False), Layer("batchnorm", out=128), Layer("tanh")]
    return (*layers, Layer("linear", 128, 27))


def convolutions() -> tuple[Layer, ...]:
    first, second = Layer("conv", 24, 64, kernel=2), Layer("conv", 64, 64, kernel=2, dilation=2)
    tail = (Layer("flatten"), Layer("linear", 8 * 64, 27))
    return (Layer("embedding", 27, 24), first, Layer("relu"), second, Layer("relu"), *tail)


def main_workloads() -> list[Workload]:
    """Those of the table: each with SGD, and then each with AdamW."""
    plain = [
        Workload("names MLP + BatchNorm", names_mlp(), 32, 400, "names", 3),
        Workload("digits 784-16-16-10", mlp(784, 16, 16, 10), 100, 300, "digits"),
        Workload("WaveNet-like", wavenet_like(), 32, 150, "names", 8),
        Workload("WaveNet-like", wavenet_like(), 256, 40, "names", 8),
        Workload("784-1024-1024-10", mlp(784, 1024, 1024, 10), 100, 15, "digits"),
        Workload("2 causal convolutions", convolutions(), 32, 150, "names", 8),
    ]
    return plain + [replace(work, optimizer="adamw") for work in plain]


def sweep_workloads() -> dict[str, list[tuple[int, Workload]]]:
    """Time against the size of a batch, and against width and depth: by the name of what changes, with its value."""

    def chunk(work: float) -> int:
        return int(max(4, min(400, 1e9 / work)))

    batches = [1, 4, 16, 32, 64, 256, 1024, 4096]
    widths = [16, 64, 256, 1024]
    depths = [1, 2, 4, 8]
    return {
        "batch of the names MLP": [
            (b, Workload("names MLP + BatchNorm", names_mlp(), b, chunk(b * 7e4), "names", 3)) for b in batches if b > 1
        ],
        "batch of digits 784-16-16-10": [
            (b, Workload("digits 784-16-16-10", mlp(784, 16, 16, 10), b, chunk(b * 8e4), "digits")) for b in batches
        ],
        "width of 784-w-w-10": [
            (w, Workload(f"784-{w}-{w}-10", mlp(784, w, w, 10), 100, chunk(600 * (794 * w + w * w)), "digits"))
            for w in widths
        ],
        "depth: hidden layers of 64": [
            (d, Workload(f"784-{d} x 64-10", mlp(784, *[64] * d, 10), 100, chunk(600 * (794 + 64 * d) * 64), "digits"))
            for d in depths
        ],
    }


def network(layers: tuple[Layer, ...]) -> Any:
    """The layers as a network of glassnet."""
    from glassnet import nn

    def build(one: Layer) -> Any:
        match one.kind:
            case "embedding":
                return nn.Embedding(one.inputs, one.out)
            case "linear":
                return nn.Linear(one.inputs, one.out, bias=one.bias)
            case "batchnorm":
                return nn.BatchNorm1d(one.out, NORM_EPS, MOMENTUM)
            case "conv":
                return nn.Conv1d(one.inputs, one.out, one.kernel, dilation=one.dilation, bias=one.bias, causal=True)
            case "pairs":
                return nn.FlattenConsecutive(2)
        return {"tanh": nn.Tanh, "relu": nn.ReLU, "flatten": nn.Flatten}[one.kind]()

    return nn.Sequential(*map(build, layers))


def with_arrays(work: Workload) -> Workload:
    """The workload with its data, and first weights drawn by glassnet."""
    import glassnet as gn

    split = gn.data.load(work.data, **({"context": work.context} if work.context else {})).train
    gn.manual_seed(0)
    parameters = network(work.layers).parameters()
    arrays = {"x": split.x, "y": split.y, **{f"w{i}": parameter.data for i, parameter in enumerate(parameters)}}
    return replace(work, arrays=arrays)


def save(work: Workload, folder: Path) -> None:
    """Write it, to be read by ``read``."""
    folder.mkdir(parents=True)
    np.savez(folder / "arrays.npz", **work.arrays)
    plain = {**asdict(replace(work, arrays={})), "layers": [asdict(layer) for layer in work.layers]}
    (folder / "work.json").write_text(json.dumps(plain))


def read(folder: Path) -> Workload:
    """What was saved in a folder."""
    plain = json.loads((folder / "work.json").read_text())
    layers = tuple(Layer(**layer) for layer in plain.pop("layers"))
    with np.load(folder / "arrays.npz") as file:
        return Workload(**{**plain, "layers": layers, "arrays": dict(file)})

"""What it costs to watch a PyTorch loop: the same training with and without ``gn.doctor.torch.watch``, in turns.

    pip install '.[peers]'
    python benchmarks/torch_watch.py

The network is that of the digits, 784-16-16-10 with batches of 100, and the watch has its default interval. Both
sides train at the same time, an epoch of 75 steps each in turn, in one thread, and what counts is the time of the
processor, so that what else the machine does matters little. Both must end at the same bits.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from statistics import median, quantiles

try:
    import torch
    from torch import nn
except ImportError:
    sys.exit("this benchmark needs PyTorch: pip install 'glassnet[peers]'")

import glassnet as gn

ROUNDS, EPOCHS, BATCH = 15, 30, 100
digits = gn.data.load("digits")
X, Y = torch.tensor(digits.train.x), torch.tensor(digits.train.y).long()


def training(watched: bool) -> Iterator[torch.Tensor]:
    """Gives the weights after each epoch."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(784, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    loss_fn = nn.CrossEntropyLoss()
    order = torch.Generator().manual_seed(0)
    watch = gn.doctor.torch.watch(model, optimizer, loss_fn, speak=False) if watched else None
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(X), generator=order).split(BATCH):
            loss = loss_fn(model(X[rows]), Y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        yield torch.cat([one.detach().flatten() for one in model.parameters()])
    if watch is not None:
        assert watch.close().healthy, watch.findings.text()


def turn() -> tuple[float, float, float]:
    """Seconds of the processor: without, with the watch, and for the diagnosis at its end."""
    sides = training(watched=False), training(watched=True)
    seconds = [0.0, 0.0]
    for epoch in range(EPOCHS):
        weights = {}
        for side in (0, 1) if epoch % 2 else (1, 0):
            start = time.process_time()
            weights[side] = next(sides[side])
            seconds[side] += time.process_time() - start
        assert torch.equal(weights[0], weights[1])
    start = time.process_time()
    assert list(sides[1]) == []
    return seconds[0], seconds[1], time.process_time() - start


def main() -> None:
    torch.set_num_threads(1)
    times = [turn() for _ in range(1 + ROUNDS)][1:]  # the first warms up
    plain, watched, end = (median(side) for side in zip(*times, strict=True))
    steps = EPOCHS * -(-len(X) // BATCH)
    print(f"{steps} steps: {plain / steps * 1e6:.0f} us a step, watched {watched / steps * 1e6:.0f} us")
    for name, ratios in (
        ("steps", [b / a for a, b, _ in times]),
        ("with the diagnosis at the end", [(b + c) / a for a, b, c in times]),
    ):
        low, middle, high = quantiles(ratios, n=4)
        print(f"ratio, {name}: {middle:.3f} (quartiles {low:.3f} to {high:.3f})")
    print(f"the diagnosis takes {end * 1e3:.0f} ms; {ROUNDS} rounds, PyTorch {torch.__version__}")


if __name__ == "__main__":
    main()

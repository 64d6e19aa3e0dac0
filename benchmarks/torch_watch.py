"""What it costs to watch a PyTorch loop: the same training with and without ``gn.doctor.torch.watch``, in turns.

    pip install '.[peers]'
    python benchmarks/torch_watch.py

The network is that of the digits, 784-16-16-10 with batches of 100, and the watch has its default interval. A turn is a
whole training with all that the watch does, from its making to the findings. Both must end at the same bits.
"""

from __future__ import annotations

import sys
import time
from statistics import median, quantiles

try:
    import torch
    from torch import nn
except ImportError:
    sys.exit("this benchmark needs PyTorch: pip install 'glassnet[peers]'")

import glassnet as gn

ROUNDS, EPOCHS, BATCH = 9, 30, 100
digits = gn.data.load("digits")
X, Y = torch.tensor(digits.train.x), torch.tensor(digits.train.y).long()


def training(watched: bool) -> tuple[float, torch.Tensor]:
    """Seconds, and the weights at the end."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(784, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    loss_fn = nn.CrossEntropyLoss()
    start = time.perf_counter()
    watch = gn.doctor.torch.watch(model, optimizer, loss_fn, speak=False) if watched else None
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(X)).split(BATCH):
            loss = loss_fn(model(X[rows]), Y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    if watch is not None:
        assert watch.close().healthy, watch.findings.text()
    return time.perf_counter() - start, torch.cat([one.detach().flatten() for one in model.parameters()])


def main() -> None:
    torch.set_num_threads(1)
    plain, watched = [], []
    for number in range(-1, ROUNDS):
        (a, weights), (b, same) = training(watched=False), training(watched=True)
        assert torch.equal(weights, same)
        if number >= 0:  # the first round warms up
            plain.append(a)
            watched.append(b)
    steps = EPOCHS * -(-len(X) // BATCH)
    low, middle, high = quantiles([b / a for a, b in zip(plain, watched, strict=True)], n=4)
    print(f"{steps} steps: {median(plain) / steps * 1e6:.0f} us a step, watched {median(watched) / steps * 1e6:.0f} us")
    print(f"ratio {middle:.3f} (quartiles {low:.3f} to {high:.3f}) over {ROUNDS} rounds, PyTorch {torch.__version__}")


if __name__ == "__main__":
    main()

"""NumPy: the step written by hand with preallocated outputs, and the bare matrix products of a step as the floor."""

from __future__ import annotations

from typing import Any

import numpy as np
from workloads import BETAS, DECAY, EPS, MOMENTUM, NORM_EPS, Layer, Workload

Array = np.ndarray


class Part:
    """A layer with its buffers: ``forward(x)``; ``backward(d)`` gives the gradient of x and fills ``grads``."""

    def __init__(self, layer: Layer, weights: list[Array], shape: tuple[int, ...], first: bool) -> None:
        self.layer, self.weights, self.first = layer, weights, first
        self.grads = [np.empty_like(weight) for weight in weights]
        self.shape_in = shape
        self.out: Any = None

    def empty(self, *shape: int) -> Array:
        return np.empty(shape, np.float32)


class Embedding(Part):
    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        rows = int(np.prod(self.shape_in))
        self.out = self.empty(*self.shape_in, self.layer.out)
        # A product with one-hot rows adds up the gradients of equal indices; np.add.at is slower.
        self.hot = np.eye(self.layer.inputs, dtype=np.float32)
        self.picked = self.empty(rows, self.layer.inputs)

    def forward(self, x: Array) -> Array:
        self.x = x
        return np.take(self.weights[0], x, axis=0, out=self.out, mode="clip")

    def backward(self, d: Array) -> None:
        np.take(self.hot, self.x.reshape(-1), axis=0, out=self.picked, mode="clip")
        np.matmul(self.picked.T, d.reshape(len(self.picked), -1), out=self.grads[0])


class Linear(Part):
    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.rows = int(np.prod(self.shape_in[:-1]))
        self.out = self.empty(*self.shape_in[:-1], self.layer.out)
        self.flat = self.out.reshape(self.rows, -1)
        self.back = self.empty(*self.shape_in)

    def forward(self, x: Array) -> Array:
        self.x = x.reshape(self.rows, -1)
        np.matmul(self.x, self.weights[0], out=self.flat)
        if self.layer.bias:
            np.add(self.flat, self.weights[1], out=self.flat)
        return self.out

    def backward(self, d: Array) -> Array | None:
        d = d.reshape(self.rows, -1)
        np.matmul(self.x.T, d, out=self.grads[0])
        if self.layer.bias:
            d.sum(0, out=self.grads[1])
        if self.first:
            return None
        np.matmul(d, self.weights[0].T, out=self.back.reshape(self.rows, -1))
        return self.back


class Conv(Part):
    """Its taps side by side as one matrix, whose left part is padding that stays zero."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        n, t, c = self.shape_in
        k, self.step = self.layer.kernel, self.layer.dilation
        self.taps = np.zeros((n, t, k, c), np.float32)
        self.spread, self.back = self.empty(n, t, k, c), self.empty(n, t, c)
        self.out = self.empty(n, t, self.layer.out)

    def shifts(self) -> list[tuple[int, int]]:
        """Each tap, and how many positions before the output it reads."""
        return [(k, (self.layer.kernel - 1 - k) * self.step) for k in range(self.layer.kernel)]

    def forward(self, x: Array) -> Array:
        n, t, _ = self.shape_in
        for k, shift in self.shifts():
            self.taps[:, shift:, k] = x[:, : t - shift]
        self.x = self.taps.reshape(n * t, -1)
        flat = self.out.reshape(n * t, -1)
        np.matmul(self.x, self.weights[0].reshape(-1, self.layer.out), out=flat)
        np.add(flat, self.weights[1], out=flat)
        return self.out

    def backward(self, d: Array) -> Array:
        n, t, _ = self.shape_in
        d = d.reshape(n * t, -1)
        np.matmul(self.x.T, d, out=self.grads[0].reshape(-1, self.layer.out))
        d.sum(0, out=self.grads[1])
        np.matmul(d, self.weights[0].reshape(-1, self.layer.out).T, out=self.spread.reshape(n * t, -1))
        (last, _), *others = reversed(self.shifts())
        np.copyto(self.back, self.spread[:, :, last])
        for k, shift in others:
            self.back[:, : t - shift] += self.spread[:, shift:, k]
        return self.back


class BatchNorm(Part):
    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.rows = int(np.prod(self.shape_in[:-1]))
        self.out, self.back = self.empty(*self.shape_in), self.empty(*self.shape_in)
        self.normed, self.work = self.empty(self.rows, self.layer.out), self.empty(self.rows, self.layer.out)
        self.mean, self.running_mean = self.empty(self.layer.out), np.zeros(self.layer.out, np.float32)
        self.running_var = np.ones(self.layer.out, np.float32)

    def forward(self, x: Array) -> Array:
        x, n = x.reshape(self.rows, -1), self.rows
        x.mean(0, out=self.mean)
        np.subtract(x, self.mean, out=self.normed)
        np.multiply(self.normed, self.normed, out=self.work)
        var = self.work.mean(0)
        self.scale = 1 / np.sqrt(var + np.float32(NORM_EPS))
        self.normed *= self.scale
        flat = self.out.reshape(n, -1)
        np.multiply(self.normed, self.weights[0], out=flat)
        flat += self.weights[1]
        self.running_mean += np.float32(MOMENTUM) * (self.mean - self.running_mean)
        self.running_var += np.float32(MOMENTUM) * (var * np.float32(n / (n - 1)) - self.running_var)
        return self.out

    def backward(self, d: Array) -> Array:
        d, n = d.reshape(self.rows, -1), self.rows
        np.multiply(d, self.normed, out=self.work)
        self.work.sum(0, out=self.grads[0])
        d.sum(0, out=self.grads[1])
        flat = self.back.reshape(n, -1)
        np.multiply(self.normed, self.grads[0] / np.float32(n), out=self.work)
        np.subtract(d, self.work, out=flat)
        flat -= self.grads[1] / np.float32(n)
        flat *= self.weights[0] * self.scale
        return self.back


class Tanh(Part):
    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.out, self.back = self.empty(*self.shape_in), self.empty(*self.shape_in)

    def forward(self, x: Array) -> Array:
        return np.tanh(x, out=self.out)

    def backward(self, d: Array) -> Array:
        np.multiply(self.out, self.out, out=self.back)
        np.subtract(1, self.back, out=self.back)
        return np.multiply(self.back, d.reshape(self.shape_in), out=self.back)


class ReLU(Part):
    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.out, self.back = self.empty(*self.shape_in), self.empty(*self.shape_in)

    def forward(self, x: Array) -> Array:
        return np.maximum(x, 0, out=self.out)

    def backward(self, d: Array) -> Array:
        return np.multiply(d.reshape(self.shape_in), self.out > 0, out=self.back)


class Joined(Part):
    """flatten and pairs: the same numbers in another shape."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        n, t, c = self.shape_in
        self.out = self.empty(n, t * c) if self.layer.kind == "flatten" or t == 2 else self.empty(n, t // 2, 2 * c)

    def forward(self, x: Array) -> Array:
        return x.reshape(self.out.shape)

    def backward(self, d: Array) -> Array:
        return d.reshape(self.shape_in)


PARTS = {
    "embedding": Embedding,
    "linear": Linear,
    "conv": Conv,
    "batchnorm": BatchNorm,
    "tanh": Tanh,
    "relu": ReLU,
    "flatten": Joined,
    "pairs": Joined,
}


class Hand:
    """The whole step by hand."""

    def __init__(self, work: Workload, threads: int) -> None:
        self.work, self.threads = work, threads
        self.x_batch = np.empty((work.batch, *work.x.shape[1:]), work.x.dtype)
        self.parts: list[Part] = []
        shape, needed = self.x_batch.shape, False
        for layer, weights in zip(work.layers, work.weights(), strict=True):
            self.parts.append(PARTS[layer.kind](layer, weights, shape, not needed))
            shape, needed = self.parts[-1].out.shape, needed or bool(weights)
        self.pairs = [pair for part in self.parts for pair in zip(part.weights, part.grads, strict=True)]
        self.moments = [(np.zeros_like(w), np.zeros_like(w), np.empty_like(w)) for w, _ in self.pairs]
        self.numbers, self.steps = np.arange(work.batch), 0

    def prepare(self, rows: Array) -> Array:
        return rows

    def run(self, rows: Array) -> Array:
        return np.array([self.step(row) for row in rows])

    losses = run

    def step(self, row: Array) -> Any:
        work = self.work
        h = np.take(work.x, row, axis=0, out=self.x_batch, mode="clip")
        y = work.y[row]
        for part in self.parts:
            h = part.forward(h)
        h -= h.max(1, keepdims=True)
        right = h[self.numbers, y]
        np.exp(h, out=h)
        total = h.sum(1, keepdims=True)
        loss = (np.log(total[:, 0]) - right).mean()
        h /= total
        h[self.numbers, y] -= 1
        h *= np.float32(1 / work.batch)
        for part in reversed(self.parts):
            h = part.backward(h)
        self.update()
        return loss

    def update(self) -> None:
        self.steps += 1
        rate = np.float32(self.work.rate)
        if self.work.optimizer == "sgd":
            for w, g in self.pairs:
                np.multiply(g, rate, out=g)
                np.subtract(w, g, out=w)
            return
        for (w, g), moments in zip(self.pairs, self.moments, strict=True):
            self.adapt(w, g, *moments)

    def adapt(self, w: Array, g: Array, mean: Array, square: Array, size: Array) -> None:
        """AdamW for one parameter."""
        beta1, beta2 = BETAS
        first, second = 1 - beta1**self.steps, 1 - beta2**self.steps
        w *= np.float32(1 - self.work.rate * DECAY)
        mean *= np.float32(beta1)
        np.multiply(g, np.float32(1 - beta1), out=size)
        mean += size
        square *= np.float32(beta2)
        g *= g
        g *= np.float32(1 - beta2)
        square += g
        np.sqrt(square, out=size)
        size *= np.float32(second**-0.5)
        size += np.float32(EPS)
        np.divide(mean, size, out=size)
        size *= np.float32(self.work.rate / first)
        w -= size


class Products:
    """Only the matrix products: forward, and the gradients of weights and, where needed, inputs."""

    def __init__(self, work: Workload, threads: int) -> None:
        self.threads = threads
        random = np.random.default_rng(0)

        def some(*shape: int) -> Array:
            return random.random(shape, np.float32)

        self.calls: list[tuple[Array, Array, Array]] = []
        for m, k, n, needed in work.products():
            a, b, d = some(m, k), some(k, n), some(m, n)
            self.calls += [(a, b, some(m, n)), (a.T, d, some(k, n)), *([(d, b.T, some(m, k))] if needed else [])]

    def prepare(self, rows: Array) -> Array:
        return rows

    def run(self, rows: Array) -> None:
        for _ in range(len(rows)):
            for a, b, out in self.calls:
                np.matmul(a, b, out=out)

    losses = run

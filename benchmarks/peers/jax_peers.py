"""JAX: one jitted call a step, and ``lax.scan`` over many steps; the state is donated, the data are on the device."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from workloads import BETAS, DECAY, EPS, MOMENTUM, NORM_EPS, Workload


class Steps:
    """What both ways share: the step as a function of the state and the rows of a batch."""

    def __init__(self, work: Workload, threads: int) -> None:
        self.work, self.threads = work, threads
        weights = [[jnp.array(array) for array in arrays] for arrays in work.weights()]
        zeros = jax.tree.map(jnp.zeros_like, weights) if work.optimizer == "adamw" else ()
        ones = jax.tree.map(jnp.copy, zeros)
        norms = [layer.out for layer in work.layers if layer.kind == "batchnorm"]
        running = [(jnp.zeros(out), jnp.ones(out)) for out in norms]
        self.state = (weights, (zeros, ones), running, jnp.zeros((), jnp.int32))
        self.x, self.y = jnp.array(self.small(work.x)), jnp.array(self.small(work.y))

    def small(self, array: np.ndarray) -> np.ndarray:
        """Indices of 32 bits are what JAX has."""
        return array.astype(np.int32) if array.dtype == np.int64 else array

    def loss(self, weights: Any, running: Any, x: Any, y: Any) -> tuple[Any, Any]:
        h, left, moved = x, list(running), []
        for layer, arrays in zip(self.work.layers, weights, strict=True):
            match layer.kind:
                case "embedding":
                    h = arrays[0][h]
                case "linear":
                    h = h @ arrays[0] + (arrays[1] if layer.bias else 0)
                case "conv":  # as sums of products: much faster here than lax.conv_general_dilated
                    n, t, _ = h.shape
                    reach = layer.dilation * (layer.kernel - 1)
                    padded = jnp.pad(h, ((0, 0), (reach, 0), (0, 0)))
                    taps = [padded[:, k * layer.dilation : k * layer.dilation + t] for k in range(layer.kernel)]
                    h = jnp.concatenate(taps, 2).reshape(n, t, -1) @ arrays[0].reshape(-1, layer.out) + arrays[1]
                case "batchnorm":
                    h, move = self.norm(h, *arrays, *left.pop(0))
                    moved.append(move)
                case "tanh":
                    h = jnp.tanh(h)
                case "relu":
                    h = jax.nn.relu(h)
                case "flatten":
                    h = h.reshape(len(h), -1)
                case "pairs":
                    n, t, c = h.shape
                    h = h.reshape(n, t // 2, 2 * c) if t > 2 else h.reshape(n, 2 * c)
        picked = jnp.take_along_axis(jax.nn.log_softmax(h), y[:, None], 1)
        return -picked.mean(), moved

    def norm(self, h: Any, gain: Any, shift: Any, mean: Any, var: Any) -> tuple[Any, Any]:
        axes, n = tuple(range(h.ndim - 1)), h.size // h.shape[-1]
        batch_mean, batch_var = h.mean(axes), h.var(axes)
        normed = (h - batch_mean) * jax.lax.rsqrt(batch_var + NORM_EPS) * gain + shift
        unbiased = batch_var * (n / (n - 1))
        return normed, (mean + MOMENTUM * (batch_mean - mean), var + MOMENTUM * (unbiased - var))

    def step(self, state: Any, x: Any, y: Any, row: Any) -> tuple[Any, Any]:
        weights, (means, squares), running, steps = state
        (loss, running), gradients = jax.value_and_grad(self.loss, has_aux=True)(weights, running, x[row], y[row])
        rate, steps = self.work.rate, steps + 1
        if self.work.optimizer == "sgd":
            weights = jax.tree.map(lambda w, g: w - rate * g, weights, gradients)
            return (weights, (means, squares), running, steps), loss
        beta1, beta2 = BETAS
        means = jax.tree.map(lambda m, g: beta1 * m + (1 - beta1) * g, means, gradients)
        squares = jax.tree.map(lambda s, g: beta2 * s + (1 - beta2) * g * g, squares, gradients)
        first, second = (-jnp.expm1(steps * math.log(beta)) for beta in BETAS)  # 1 - beta ** steps, exactly
        weights = jax.tree.map(
            lambda w, m, s: w * (1 - rate * DECAY) - rate / first * m / (jnp.sqrt(s) * second**-0.5 + EPS),
            weights,
            means,
            squares,
        )
        return (weights, (means, squares), running, steps), loss

    def losses(self, rows: np.ndarray) -> np.ndarray:
        return self.run(self.prepare(rows))


class Jit(Steps):
    """One call a step."""

    def __init__(self, work: Workload, threads: int) -> None:
        super().__init__(work, threads)
        self.jitted = jax.jit(self.step, donate_argnums=0)

    def prepare(self, rows: np.ndarray) -> list[Any]:
        return [jnp.array(row) for row in self.small(rows)]

    def run(self, prepared: list[Any]) -> np.ndarray:
        losses = []
        for row in prepared:
            self.state, loss = self.jitted(self.state, self.x, self.y, row)
            losses.append(loss)
        return np.array(losses)


class Scan(Steps):
    """All steps in one call."""

    def __init__(self, work: Workload, threads: int) -> None:
        super().__init__(work, threads)

        def steps(state: Any, x: Any, y: Any, rows: Any) -> tuple[Any, Any]:
            return jax.lax.scan(lambda state, row: self.step(state, x, y, row), state, rows)

        self.jitted = jax.jit(steps, donate_argnums=0)

    def prepare(self, rows: np.ndarray) -> Any:
        return jnp.array(self.small(rows))

    def run(self, prepared: Any) -> np.ndarray:
        self.state, losses = self.jitted(self.state, self.x, self.y, prepared)
        return np.asarray(losses)

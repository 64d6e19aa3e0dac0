"""Gradient descent on the simplest of all losses: w ** 2.

The gradient is 2 * w. A step w = w - lr * 2 * w multiplies w by (1 - 2 * lr): so a learning rate between 0 and 1
shrinks it, one above 0.5 overshoots to the other side, and one above 1 makes it grow.
"""

import glassnet as gn


def descend(lr: float, steps: int) -> list[float]:
    """The values of w, from 3.0 on."""
    w = gn.tensor(3.0, requires_grad=True)
    path = [w.item()]
    for _ in range(steps):
        loss = w**2
        w.grad = None  # gradients add up until they are forgotten
        loss.backward()
        with gn.no_grad():  # the update is not part of the expression
            w -= lr * w.grad
        path.append(w.item())
    return path


for lr, words in ((0.1, "goes down"), (0.9, "overshoots, and still arrives"), (1.1, "diverges")):
    path = descend(lr, 8)
    print(f"lr {lr}: {words}; each step multiplies w by {1 - 2 * lr:.1f}")
    print("   w = " + "  ".join(f"{w:7.3f}" for w in path))

assert abs(descend(0.1, 60)[-1]) < 1e-5
assert abs(descend(1.1, 60)[-1]) > 1e3

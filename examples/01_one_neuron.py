"""One neuron: what it computes, and how its output changes with each of its numbers.

o = tanh(x1 * w1 + x2 * w2 + b). Going backwards, each operation multiplies the gradient that arrives by its own
derivative: that is all there is to backpropagation.
"""

import glassnet as gn

x1, x2 = gn.tensor(2.0, requires_grad=True), gn.tensor(0.0, requires_grad=True)
w1, w2 = gn.tensor(-3.0, requires_grad=True), gn.tensor(1.0, requires_grad=True)
b = gn.tensor(6.8813735870195432, requires_grad=True)

n = x1 * w1 + x2 * w2 + b
n.retain_grad()  # gradients of what lies in between are kept only on request
o = gn.tanh(n)
o.backward()

print(f"n = x1*w1 + x2*w2 + b = {n.item():.4f}")
print(f"o = tanh(n)           = {o.item():.4f}\n")
print(f"do/dn  = 1 - o**2     = {1 - o.item() ** 2:.4f}   backward() says {n.grad:.4f}")
for name, leaf, local, words in (
    ("x1", x1, w1.item(), "do/dn * w1"),
    ("w1", w1, x1.item(), "do/dn * x1"),
    ("x2", x2, w2.item(), "do/dn * w2"),
    ("w2", w2, x2.item(), "do/dn * x2"),
    ("b", b, 1.0, "do/dn * 1 "),
):
    print(f"do/d{name:<2} = {words}   = {n.grad * local:7.4f}   backward() says {leaf.grad:7.4f}")

print("\nAnd finite differences agree:", gn.gradcheck(lambda x, w: gn.tanh(x * w + 0.5), [2.0, 0.0], [-0.3, 1.0]))

"""The backward pass by hand: BatchNorm and softmax with cross-entropy, step by step, and then simplified on paper.

The network: embedding, linear, BatchNorm, tanh, linear, cross-entropy. Forward it is cut into its smallest pieces. Then
we walk back through them, one line each, with three rules:

- The gradient of a thing has the shape of the thing. Often that alone tells which transpose, or which sum, is needed.
- What was broadcast forward (one number used for many rows) is summed backward, and what was summed is broadcast.
- A thing that is used twice gets the gradients of both uses, added up.

The engine computes the same pieces, and every gradient must agree with it. After that we derive on paper what the
chains of small steps collapse to, which is what the rows in glassnet/engine/ops/fused.py compute.
"""

import numpy as np

import glassnet as gn
from glassnet import data, nn

N, CONTEXT, EMBEDDING, HIDDEN, EPS = 32, 3, 10, 64, 1e-5
names = data.load("names", context=CONTEXT)
K = len(names.vocabulary)
x, y = names.train.x[:N], names.train.y[:N]  # (N, 3), (N,)
rows = np.arange(N)
random = np.random.default_rng(0)


def leaf(*shape: int, scale: float = 1.0, middle: float = 0.0) -> gn.Tensor:
    """A float64 parameter."""
    return gn.tensor(middle + scale * random.standard_normal(shape), requires_grad=True)


table = leaf(K, EMBEDDING)
W1 = leaf(CONTEXT * EMBEDDING, HIDDEN, scale=0.3)
gain, shift = leaf(HIDDEN, scale=0.1, middle=1.0), leaf(HIDDEN, scale=0.1)
W2, b2 = leaf(HIDDEN, K, scale=0.1), leaf(K, scale=0.1)

# Forward, in small pieces

emb = table[x]  # (N, 3, 10)
flat = emb.reshape(N, CONTEXT * EMBEDDING)  # (N, 30)
pre = flat @ W1  # (N, 64)
mean = pre.sum(0) / N  # (64,)
centred = pre - mean  # (N, 64)
squares = centred**2  # (N, 64)
variance = squares.sum(0) / N  # (64,)
inverse = (variance + EPS) ** -0.5  # (64,)
normed = centred * inverse  # (N, 64)
scaled = gain * normed + shift  # (N, 64)
h = gn.tanh(scaled)  # (N, 64)
logits = h @ W2 + b2  # (N, 27)
top = logits.max(1, keepdims=True)  # (N, 1)
shifted = logits - top  # (N, 27), so that exp() cannot overflow
counts = gn.exp(shifted)  # (N, 27)
total = counts.sum(1, keepdims=True)  # (N, 1)
probs = counts / total  # (N, 27)
logprobs = gn.log(probs)  # (N, 27)
loss = -logprobs[rows, y].mean()  # ()

pieces = {
    "logprobs": logprobs, "probs": probs, "total": total, "counts": counts, "shifted": shifted, "top": top,
    "logits": logits, "h": h, "W2": W2, "b2": b2, "scaled": scaled, "gain": gain, "normed": normed, "shift": shift,
    "inverse": inverse, "variance": variance, "squares": squares, "centred": centred, "mean": mean, "pre": pre,
    "flat": flat, "W1": W1, "emb": emb, "table": table,
}  # fmt: skip
for piece in pieces.values():
    piece.retain_grad()
loss.backward()

# Backward, by hand: d["probs"] is the gradient of the loss by probs. From here on the pieces are NumPy arrays.

engine = {name: piece.grad for name, piece in pieces.items()}
logprobs, probs, total, counts, shifted, top = (t.numpy() for t in (logprobs, probs, total, counts, shifted, top))
logits, h, W2, scaled, gain, normed = (t.numpy() for t in (logits, h, W2, scaled, gain, normed))
inverse, variance, centred, flat, W1, emb = (t.numpy() for t in (inverse, variance, centred, flat, W1, emb))
d = {}

# Softmax and cross-entropy
d["logprobs"] = np.zeros((N, K))
d["logprobs"][rows, y] = -1 / N  # only the right character of each row counts, with 1/N of the mean
d["probs"] = d["logprobs"] / probs  # (N, 27)
d["total"] = (d["probs"] * -counts / total**2).sum(1, keepdims=True)  # (N, 1): was broadcast, so summed
d["counts"] = d["probs"] / total + d["total"]  # (N, 27): two uses; d["total"] is broadcast as the sum was over K
d["shifted"] = d["counts"] * counts  # (N, 27): the derivative of exp is exp
d["top"] = -d["shifted"].sum(1, keepdims=True)  # (N, 1): 0 but for rounding, since a shift of all logits does nothing
d["logits"] = d["shifted"] + (logits == top) * d["top"]  # (N, 27): max passes the gradient to the largest

# The last linear layer and tanh
d["h"] = d["logits"] @ W2.T  # (N, 27) @ (27, 64) = (N, 64)
d["W2"] = h.T @ d["logits"]  # (64, N) @ (N, 27) = (64, 27)
d["b2"] = d["logits"].sum(0)  # (27,): was broadcast over N
d["scaled"] = d["h"] * (1 - h**2)  # (N, 64)

# BatchNorm
d["gain"] = (d["scaled"] * normed).sum(0)  # (64,)
d["shift"] = d["scaled"].sum(0)  # (64,)
d["normed"] = d["scaled"] * gain  # (N, 64)
d["inverse"] = (d["normed"] * centred).sum(0)  # (64,)
d["variance"] = d["inverse"] * -0.5 * (variance + EPS) ** -1.5  # (64,)
d["squares"] = np.ones((N, 1)) * d["variance"] / N  # (N, 64): was summed, so broadcast
d["centred"] = d["normed"] * inverse + d["squares"] * 2 * centred  # (N, 64): used for normed and for squares
d["mean"] = -d["centred"].sum(0)  # (64,): was broadcast over N
d["pre"] = d["centred"] + d["mean"] / N  # (N, 64): used for centred and for the mean

# The first linear layer and the embedding
d["flat"] = d["pre"] @ W1.T  # (N, 64) @ (64, 30) = (N, 30)
d["W1"] = flat.T @ d["pre"]  # (30, N) @ (N, 64) = (30, 64)
d["emb"] = d["flat"].reshape(emb.shape)  # (N, 3, 10)
d["table"] = np.zeros((K, EMBEDDING))
np.add.at(d["table"], x, d["emb"])  # (27, 10): a character that occurs several times gets the sum

print("gradient of   shape          size        largest difference from the engine")
worst = {}
for name, piece in pieces.items():
    assert d[name].shape == piece.shape
    worst[name] = np.abs(d[name] - engine[name]).max()
    size = np.sqrt((engine[name] ** 2).mean())
    print(f"{name:13} {d[name].shape!s:14} {size:7.1e} {worst[name]:15.0e}")

# On paper: softmax with cross-entropy.
#
#   loss of a row = -log(exp(l[y]) / sum_j exp(l[j])) = log(sum_j exp(l[j])) - l[y]
#   d loss / d l[i] = exp(l[i]) / sum_j exp(l[j]) - (i == y) = probs[i] - (i == y)
#
# Each wrong character is pushed down by its probability, the right one is pulled up by what it lacks. They add up to 0.

d_logits = probs.copy()
d_logits[rows, y] -= 1
d_logits /= N  # (N, 27)

# On paper: BatchNorm. With g = d normed, s = inverse, z = normed, and sums over the N rows:
#
#   d variance = -s**3 / 2 * sum(g * centred) = -s**2 / 2 * sum(g * z)         since centred = z / s
#   d centred  = g * s + 2 * centred * d variance / N = s * (g - z * sum(g * z) / N)
#   d pre      = d centred - sum(d centred) / N = s * (g - sum(g) / N - z * sum(g * z) / N)     since sum(z) = 0
#
# Of what arrives, BatchNorm takes away the mean and the part along z: to shift or to stretch what comes in would not
# change what goes out, so the gradient in these two directions is 0.

g = d["normed"]
d_pre = inverse * (g - g.mean(0) - normed * (g * normed).mean(0))  # (N, 64)

# The same from the layers that one would use

norm = nn.BatchNorm1d(HIDDEN, eps=EPS).to("float64")
norm.weight.data, norm.bias.data = gain, pieces["shift"].numpy()
into, out = (gn.tensor(pieces[name].numpy(), requires_grad=True) for name in ("pre", "logits"))
nn.functional.cross_entropy(norm(into).tanh() @ W2 + b2.numpy(), y).backward()
nn.functional.cross_entropy(out, y).backward()

print("\nsimplified on paper            from the engine's pieces   from its layer")
simplified = {}
for what, by_hand, name, layer in (
    ("softmax and cross-entropy", d_logits, "logits", out.grad),
    ("BatchNorm", d_pre, "pre", into.grad),
):
    simplified[what] = [np.abs(by_hand - other).max() for other in (engine[name], layer)]
    print(f"{what:26} {simplified[what][0]:18.0e} {simplified[what][1]:20.0e}")

print("\none row of d logits, in units of 1/N: the right character is pulled up, the others are pushed down")
for j in np.argsort(d_logits[0])[[0, -1, -2, -3]]:
    bar = ("+" if d_logits[0, j] < 0 else "-") * round(50 * abs(N * d_logits[0, j]))
    print(f"  {names.vocabulary.decode([j])}  {N * d_logits[0, j]:7.3f}  {bar}")
print(f"  all together {N * d_logits[0].sum():.0e}")

assert max(worst.values()) < 1e-12
assert max(map(max, simplified.values())) < 1e-12
assert abs(d_logits.sum(1)).max() < 1e-12
assert abs(d_pre.sum(0)).max() < 1e-12
assert abs((d_pre * normed).sum(0)).max() < 1e-6  # eps keeps it from being 0: normed has a variance just below 1

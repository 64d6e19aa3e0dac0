"""Overfitting, and what holds it back: dropout, weight decay, L1, L2, and their relatives.

A network with 8,000 numbers can learn 500 names by heart. Its training loss falls and falls, and the loss on names that
it has not seen falls at first and then rises: it has begun to learn what is special about the 500. The gap between the
two is what regularisation is for. All ways do the same thing at heart: they keep the network from being too sure.

- Early stopping: take the weights of the epoch with the best validation loss (keep_best, the default of gn.fit).
- Weight decay and L2 pull weights to 0, L1 pulls many of them to exactly 0; small weights give cautious logits.
- Dropout sets half of the hidden units to 0, others in each step, so that none can rely on another.
- BatchNorm mixes something of the other rows of the batch into each row (see 12); the jitter is a mild dropout.
- Fake counts in a table of bigrams do what L2 does to the network of one matrix that learns the table: the more of
  either, the more alike are the 27 probabilities, until both say 1/27, which costs ln 27.
"""

import math

import numpy as np

import glassnet as gn
from glassnet import data, models, nn, optim

NAMES, CONTEXT, BATCH, EPOCHS = 500, 5, 64, 20
names = data.load("names", context=CONTEXT)
size = len(names.vocabulary)
x, y = data.contexts(names.train.items[:NAMES], names.vocabulary, CONTEXT)
val = data.Split(names.val.x[:4000], names.val.y[:4000])
steps = EPOCHS * math.ceil(len(y) / BATCH)
runs, losses = {}, {}


def train(
    name: str,
    *,
    dropout: float = 0.0,
    batch_norm: bool = False,
    weight_decay: float = 0.0,
    penalty: nn.Module | None = None,
    keep_best: bool = False,
) -> None:
    """Train the same network with one thing changed, and print its losses in evaluation mode."""
    gn.manual_seed(0)
    net = models.character_mlp(size, CONTEXT, hidden=[100], dropout=dropout, batch_norm=batch_norm)
    optimizer = optim.AdamW(net.parameters(), lr=0.01, weight_decay=weight_decay)
    run = gn.fit(
        net,
        (x, y),
        validation=val,
        loss=nn.CrossEntropyLoss(),
        optimizer=optimizer,
        schedule=optim.CosineAnnealingLR(optimizer, T_max=steps),
        penalty=penalty,
        epochs=EPOCHS,
        batch_size=BATCH,
        keep_best=keep_best,
        diagnostics=None,
        folder=None,
        progress=False,
    )
    runs[name] = run
    losses[name] = tuple(gn.evaluate(net, rows)["loss"] for rows in ((x, y), (val.x, val.y)))
    on_train, on_val = losses[name]
    print(f"{name:28} {on_train:8.3f} {on_val:12.3f} {on_val - on_train:7.3f}  {'#' * round(30 * (on_val - on_train))}")


print(f"{NAMES} names, {len(y):,} characters\n\n{'':28} training   validation     gap")
train("nothing")
train("early stopping", keep_best=True)
train("BatchNorm", batch_norm=True)
train("dropout 0.5", dropout=0.5)
train("weight decay 0.3", weight_decay=0.3)
train("L2 0.003", penalty=nn.L2Penalty(0.003))
train("L1 0.001", penalty=nn.L1Penalty(0.001))


# The losses of "nothing" over the epochs

history = runs["nothing"].history
levels = np.arange(3.0, 1.2, -0.1)
print("\nwithout anything, epoch by epoch: t training loss, v validation loss")
for level in levels:
    cells = ""
    for on_train, on_val in zip(history["loss"], history["val_loss"], strict=True):
        marks = [mark for mark, value in (("t", on_train), ("v", on_val)) if abs(value - level) <= 0.05]
        cells += f" {marks[-1] if marks else ' '} "
    print(f"{level:5.1f} |{cells}".rstrip())
print("       " + "".join(f"{epoch:<3}" for epoch in range(1, EPOCHS + 1)))

# L1 makes weights 0, L2 makes them small

print("\nshare of the hidden layer's weights by size   below 0.001   0.001 to 0.1   above 0.1")
tiny = {}
for name in ("nothing", "L2 0.003", "L1 0.001"):
    weights = np.abs(runs[name].net[2].weight.numpy())
    shares = [(weights < 0.001).mean(), ((weights >= 0.001) & (weights <= 0.1)).mean(), (weights > 0.1).mean()]
    tiny[name] = shares[0]
    print(f"  {name:40} {shares[0]:13.1%} {shares[1]:14.1%} {shares[2]:11.1%}")

# Fake counts and L2: bigrams of the same 500 names. With logits w near 0 the probabilities are about (1 + w) / 27, and
# k fake counts pull as much as the penalty k / (2n) * sum(w**2) does, where n is the number of characters.

x1, y1 = data.contexts(names.train.items[:NAMES], names.vocabulary, 1)
unseen = val.x[:, -1:], val.y  # the last character of each context
counts = models.NGram(names.vocabulary, smoothing=0).fit(x1, y1).counts  # (27, 27)
cautious = {}
print("\nbigrams          fake counts k                       L2 of strength k / (2n)")
print("     k   validation loss   P(a after n)       validation loss   P(a after n)")
n_, a_ = names.vocabulary.encode("na")
for k in (0.01, 0.1, 1.0, 10.0, 100.0, 1e5):
    table = models.NGram(names.vocabulary, smoothing=k).fit(x1, y1)
    w = nn.Parameter(np.zeros((size, size)))  # row: the character before, column: the next
    optimizer = optim.Adam([w], lr=0.1)
    for _ in range(300):  # gradient descent on all pairs at once
        loss = -(nn.functional.log_softmax(w) * counts).sum() / len(y1) + k / (2 * len(y1)) * (w * w).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    learned = nn.functional.softmax(w).numpy()
    pair = (
        (table.loss(*unseen), table.predict_proba([[n_]])[0, a_]),
        (nn.functional.cross_entropy(w[unseen[0][:, 0]], unseen[1]).item(), learned[n_, a_]),
    )
    cautious[k] = pair
    print(f"{k:6g} {pair[0][0]:17.3f} {pair[0][1]:14.3f} {pair[1][0]:21.3f} {pair[1][1]:14.3f}")
print(f"ln {size} = {math.log(size):.3f}, 1 / {size} = {1 / size:.3f}")

gaps = {name: on_val - on_train for name, (on_train, on_val) in losses.items()}
assert gaps["nothing"] == max(gaps.values()) > 0.8
for name in ("early stopping", "dropout 0.5", "weight decay 0.3", "L2 0.003", "L1 0.001"):
    assert losses[name][1] < losses["nothing"][1] - 0.05
    assert gaps[name] < gaps["nothing"] - 0.3
assert losses["BatchNorm"][1] < losses["nothing"][1]
assert history["val_loss"][-1] > min(history["val_loss"]) + 0.05  # it fell, and then it rose
assert tiny["L1 0.001"] > 0.5 > 0.1 > tiny["L2 0.003"]
for by_count, by_penalty in cautious.values():
    assert abs(by_count[0] - by_penalty[0]) < 0.1
assert abs(cautious[1e5][0][0] - math.log(size)) < 0.01 > abs(cautious[1e5][1][0] - math.log(size))

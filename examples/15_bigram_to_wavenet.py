"""From counting to a WaveNet: language models on the same names, in one table of losses.

All of them give the probability of the next character. They differ in what they see of the ones before it:

- Bigrams see one character. Counting pairs is all there is to learn, and a network of one matrix learns just that.
- Longer contexts are better, but a table of counts has 27 rows for each row of the shorter one, and nearly all of them
  are empty. Fake counts only hide that: from some length on the loss rises again.
- A network shares what it learns: characters that behave alike get similar embeddings, so it has an idea about contexts
  that never occurred, with about a fiftieth of the numbers. It squashes three or eight characters into one layer.
- The WaveNet-like one fuses eight characters by pairs, pairs of pairs and so on, and uses its weights better for it.

The trainings are short, 2,000 steps each. Longer ones help the larger networks most. BatchNorm gains nothing here: the
weights are drawn well, and three layers are few (see 12).
"""

import math

import glassnet as gn
from glassnet import data, models, nn, optim

STEPS, BATCH = 2000, 128
names = {context: data.load("names", context=context) for context in (1, 2, 3, 4, 8)}
vocabulary = names[1].vocabulary
size = len(vocabulary)


def val(context: int) -> data.Split:
    return names[context].val


loss = {"each of 27 characters alike": math.log(size)}
parameters = {"each of 27 characters alike": 0}
samples = {}


def show(name: str, net: nn.Module | None, context: int) -> None:
    """A line of the table."""
    drawn = [] if net is None else models.sample(net, vocabulary, context, 5, exclude=names[1].train.items)
    print(f"{name:36} {parameters[name]:10,} {loss[name]:17.3f}   {' '.join(drawn)[:60]}".rstrip())


def train(name: str, net: nn.Module, context: int, lr: float = 3e-3, weight_decay: float = 0.1) -> nn.Module:
    """Train a network and add it to the table."""
    optimizer = optim.AdamW(net.parameters(), lr=lr, weight_decay=weight_decay)
    gn.fit(
        net,
        names[context],
        loss=nn.CrossEntropyLoss(),
        optimizer=optimizer,
        schedule=optim.CosineAnnealingLR(optimizer, T_max=STEPS),
        steps=STEPS,
        batch_size=BATCH,
        keep_best=False,
        diagnostics=None,
        folder=None,
        progress=False,
    )
    loss[name] = gn.evaluate(net, (val(context).x, val(context).y))["loss"]
    parameters[name] = sum(parameter.size for parameter in net.parameters())
    show(name, net, context)
    return net


# How tables of counts grow

print("tables of counts of what follows a context, for the names that are trained on")
for table in models.table_growth(names[1].train.items, vocabulary, 5):
    print(f"  {table}")
bare = models.NGram(vocabulary, context=2, smoothing=0).fit(names[2].train.x, names[2].train.y)
try:
    print(bare.loss(val(2).x, val(2).y))
except gn.DataError as error:
    print(f"without fake counts, context 2: {error}\n")

# The models

print(f"{'model':36} {'parameters':>10} {'validation loss':>17}   it invents")
print(f"{'each of 27 characters alike':36} {0:10} {math.log(size):17.3f}")
counted = {}
for context in (1, 2, 3, 4):
    name = f"counts, context {context}"
    table = models.NGram(vocabulary, context, smoothing=1).fit(names[context].train.x, names[context].train.y)
    counted[context] = table
    loss[name], parameters[name] = table.loss(val(context).x, val(context).y), table.size.entries
    show(name, table.network() if context < 4 else None, context)
# counted[1].plot("bigram.png") draws the table, where matplotlib is installed
gn.manual_seed(0)
bigram = train("network of one matrix, context 1", models.bigram_network(size), 1, lr=0.05, weight_decay=0.0)
train("MLP, context 3", models.character_mlp(size, 3, batch_norm=False), 3)
train("MLP with BatchNorm, context 3", models.character_mlp(size, 3), 3)
train("MLP with BatchNorm, context 8", models.character_mlp(size, 8), 8)
train("WaveNet-like, context 8", models.wavenet(size, 8, embedding_dim=10, hidden=[68]), 8)
train("larger WaveNet-like, context 8", models.wavenet(size, 8), 8)
# gn.plots.embedding(net[0].weight.numpy(), vocabulary.symbols) shows which characters a network takes to be alike

# The network of one matrix has learned the table: its probabilities are the counted ones

rows = [[vocabulary.encode(character)[0]] for character in "aq"]
for character, row in zip("aq", rows, strict=True):
    by_network, by_count = bigram.predict_proba([row])[0], counted[1].predict_proba([row])[0]
    likely = by_count.argsort()[::-1][:5]
    print(f"\nafter {character!r}   " + "".join(f"{vocabulary.decode([i]):>7}" for i in likely))
    print("counted     " + "".join(f"{by_count[i]:7.3f}" for i in likely))
    print("learned     " + "".join(f"{by_network[i]:7.3f}" for i in likely))

matrix, counts = loss["network of one matrix, context 1"], loss["counts, context 1"]
assert abs(matrix - counts) < 5e-3
assert loss["counts, context 3"] < loss["counts, context 2"] < loss["counts, context 1"]
assert loss["counts, context 4"] > loss["counts, context 3"]
assert loss["MLP, context 3"] < loss["counts, context 3"] + 0.05
assert loss["MLP with BatchNorm, context 8"] < loss["MLP with BatchNorm, context 3"] - 0.02
assert loss["WaveNet-like, context 8"] < loss["MLP with BatchNorm, context 8"]
assert loss["larger WaveNet-like, context 8"] < loss["WaveNet-like, context 8"] - 0.02
assert min(loss, key=loss.get) == "larger WaveNet-like, context 8"

"""A training loop of PyTorch under watch: one line, and the doctor says what is wrong with it.

``gn.doctor.torch.watch(model, optimizer, loss_fn)`` listens by hooks: to the model, its layers, the loss, each
backward pass and each step. It gathers what ``gn.fit`` gathers from a training of its own, and the same rules judge
it. It looks into one step in 200, and into the first ones; of all others it notes the loss. The model learns the same
bits with and without it, and when the watch is closed, nothing of it is left. Two loops: one forgets two things that
raise no error, and one is sound.
"""

import sys

import glassnet as gn

try:
    import torch
except ImportError:
    print("This example needs PyTorch: pip install 'glassnet[torch]'.")
    sys.exit(0)

torch.set_num_threads(1)
digits = gn.data.load("digits")
x, y = torch.tensor(digits.train.x[:3000]), torch.tensor(digits.train.y[:3000]).long()
x_val, y_val = torch.tensor(digits.val.x[:1000]), torch.tensor(digits.val.y[:1000]).long()


def network() -> torch.nn.Module:
    """Two hidden layers with dropout."""
    torch.manual_seed(0)
    return torch.nn.Sequential(
        *(torch.nn.Linear(784, 32), torch.nn.ReLU(), torch.nn.Dropout(0.1)),
        *(torch.nn.Linear(32, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10)),
    )


def train(*, forgetful: bool, watching: bool) -> tuple[torch.nn.Module, float, gn.doctor.Findings]:
    """The model, its validation accuracy, and the findings."""
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    loss_fn = torch.nn.CrossEntropyLoss()
    watch = gn.doctor.torch.watch(model, optimizer, loss_fn) if watching else None  # the one line
    for _ in range(10):
        model.train()
        for rows in torch.randperm(len(x)).split(100):
            loss = loss_fn(model(x[rows]), y[rows])
            if not forgetful:
                optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        if not forgetful:
            model.eval()
        with torch.no_grad():
            logits = model(x_val)
            loss_fn(logits, y_val)
    accuracy = (logits.argmax(1) == y_val).double().mean().item()
    return model, accuracy, gn.doctor.Findings() if watch is None else watch.close()


print("a loop that forgets optimizer.zero_grad() and model.eval(), as the doctor says it at once and at the end:\n")
_, bad, findings = train(forgetful=True, watching=True)
print(f"\nvalidation accuracy {bad:.1%}. All that is known about the first finding:\n")
print(gn.doctor.Findings(findings[:1]))

model, good, quiet = train(forgetful=False, watching=True)
print(f"\nthe sound loop: validation accuracy {good:.1%}, and the doctor says nothing.")
alone, same, _ = train(forgetful=False, watching=False)
equal = all(torch.equal(a, b) for a, b in zip(model.parameters(), alone.parameters(), strict=True))
print(f"its weights are those of the same loop without the doctor, bit for bit: {equal}")
print(f"hooks that are left: {sum(len(one._forward_hooks) for one in model.modules())}")

assert findings[0].code == "stale-gradients"
assert "evaluated-in-train-mode" in [*findings.codes(), *(one.code for each in findings for one in each.explains)]
assert quiet.healthy
assert good > 0.85 > 0.5 > bad
assert equal
assert same == good

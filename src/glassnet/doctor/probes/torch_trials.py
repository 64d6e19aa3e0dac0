"""What a PyTorch training would come to with one thing changed: some more steps of a copy of the model."""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from glassnet.doctor.observed import SplitCheck, Trial
from glassnet.doctor.probes.near import sample
from glassnet.doctor.probes.torch_state import Cost, Seen, split_of
from glassnet.doctor.probes.trials import AGAIN, FREE, ROWS, trial_of
from glassnet.engine.namespace import Array


def trials(
    names: Collection[str],
    model: Any,
    cost: Cost,
    optimizer: Any,
    trained: Seen,
    validated: Seen,
    *,
    rate: float,
    batch_size: int,
    steps: int,
    first: Mapping[str, Array],
) -> dict[str, Trial]:
    """As ``trials.trials`` does for glassnet's networks, over the rows that were kept. The model, its optimizer and
    what PyTorch draws at random are as before. first: the first parameters by path, where one begins again.

    Empty for an optimizer of one's own, of which it is not known how to make another.
    """
    import torch

    if not type(optimizer).__module__.startswith("torch.optim") or isinstance(optimizer, torch.optim.LBFGS):
        return {}
    x, y = trained.all()
    found = {}
    with torch.random.fork_rng(), torch.enable_grad():
        for name in names:
            torch.manual_seed(0)
            net = copy.deepcopy(model).train()
            if name == AGAIN:
                with torch.no_grad():
                    for path, one in net.named_parameters():
                        one.copy_(torch.as_tensor(np.ascontiguousarray(_matrix_back(first[path]))))
            twin = _twin(optimizer, model, net, rate / 10 if name == AGAIN else rate, free=name == FREE)
            parameters = [one for group in twin.param_groups for one in group["params"]]
            order = np.random.default_rng(0)
            for _ in range(steps):
                rows = torch.as_tensor(order.choice(len(x), min(batch_size, len(x)), replace=False)).to(x.device)
                loss = cost.tensor(net(x[rows]), y[rows])
                # Not backward(), of which those who watch would hear.
                gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
                for one, gradient in zip(parameters, gradients, strict=True):
                    one.grad = gradient
                twin.step()
            net.eval()
            with torch.no_grad():
                pairs = [(x, y)] + ([validated.all()] if validated.kept else [])
                found[name] = trial_of(*(_check(net, cost, *pair) for pair in pairs))
    return found


def _check(net: Any, cost: Cost, x: Any, y: Any) -> SplitCheck:
    rows = sample(len(x), ROWS)
    return split_of(cost, net(x[rows]), y[rows])


def _twin(optimizer: Any, model: Any, net: Any, rate: float, *, free: bool) -> Any:
    """A fresh optimizer of this kind for a copy of the model. rate: of the first group, to which the others keep their
    proportions.
    """
    copies = {id(one): other for one, other in zip(model.parameters(), net.parameters(), strict=True)}
    first = float(optimizer.param_groups[0]["lr"]) or rate
    groups = []
    for group in optimizer.param_groups:
        own = {name: value for name, value in group.items() if name in optimizer.defaults}
        own["params"] = [copies[id(one)] for one in group["params"] if id(one) in copies and one.requires_grad]
        own["lr"] = rate * float(group["lr"]) / first
        if free and "weight_decay" in own:
            own["weight_decay"] = 0.0
        groups.append(own)
    return type(optimizer)([group for group in groups if group["params"]], lr=rate)


def _matrix_back(array: Array) -> Array:
    """Weights as PyTorch has them, see ``torch_step``."""
    return np.moveaxis(array, (-1, -2), (0, 1)) if array.ndim > 1 else array

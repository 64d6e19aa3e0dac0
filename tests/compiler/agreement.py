"""Training the same network twice, eagerly and by compiled code, and how far apart the two end up."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from glassnet import nn, optim
from glassnet.compiler.native import NativeStep
from glassnet.compiler.step import Bound
from glassnet.engine.random import training_step, words_at
from glassnet.engine.tensor import Tensor
from glassnet.nn.dropout import name_streams
from glassnet.nn.state import named_tensors

RELATIVE = {"float32": 1e-5, "float64": 1e-12}
SEED = 3
SMALL = 1e-3


@dataclass
class Work:
    """A network with data, a loss and an optimizer; ``make`` gives the same one every time."""

    make: Any
    x: np.ndarray
    y: np.ndarray
    loss: Any = field(default_factory=nn.CrossEntropyLoss)
    optimizer: Any = lambda parameters: optim.SGD(parameters, lr=0.1)
    #: between backward() and the update, such as clipping: (parameters) -> values to tell
    between: Any = lambda parameters: {}
    #: added to the loss: (net) -> number
    penalty: Any = None
    dtype: str = "float32"
    batch: int = 5
    steps: int = 20
    #: a learning rate for each step; the optimizer's otherwise
    rates: Any = None

    def cast(self, array):
        return array.astype(self.dtype) if array.dtype.kind == "f" else array

    def begin(self):
        """A new network with its optimizer and step function."""
        net = self.make()
        for _, tensor in named_tensors(net):
            tensor.data = self.cast(tensor.data)
        name_streams(net)
        optimizer = self.optimizer([p for p in net.parameters() if p.requires_grad])

        def step(x, y):
            out = net(x)
            loss = self.loss(out, y)
            total = loss if self.penalty is None else loss + self.penalty(net)
            optimizer.zero_grad()
            total.backward()
            values = self.between(optimizer.parameters)
            optimizer.step()
            return {"loss": loss, "out": out, **values}

        return net, optimizer, step

    def rows(self):
        """Which rows make the batch of each step; some come twice."""
        return np.random.default_rng(1).integers(0, len(self.x), (self.steps, self.batch))

    def eager(self):
        """The outputs of each step, and the state after the last."""
        net, optimizer, step = self.begin()
        outputs = []
        for i, rows in enumerate(self.rows()):
            if self.rates is not None:
                optimizer.lr = self.rates[i]
            with training_step(SEED, i), np.errstate(all="ignore"):  # as in the training loop
                values = step(Tensor(self.cast(self.x)[rows]), Tensor(self.cast(self.y)[rows]))
            optimizer.steps = i + 1
            outputs.append(
                {k: v.data if isinstance(v, Tensor) else np.asarray(v, self.dtype) for k, v in values.items()}
            )
        stacked = {name: np.stack([one[name] for one in outputs]) for name in outputs[0]}
        return stacked, Bound(step, dict(named_tensors(net)), optimizer).state()

    def compiled(self):
        """The compiled step, before its first."""
        net, optimizer, step = self.begin()
        bound = Bound(step, dict(named_tensors(net)), optimizer)
        return NativeStep(bound, {"data.x": self.cast(self.x), "data.y": self.cast(self.y)}, self.batch)

    def native(self, calls=2):
        """As ``eager``, by compiled code, which is entered so many times."""
        step = self.compiled()
        rates = np.tile(step.bound.rates(), (self.steps, 1))
        if self.rates is not None:
            rates[:] = np.asarray(self.rates)[:, None]
        words = [[words_at(SEED, i, stream) for stream in step.streams] for i in range(self.steps)]
        words = np.array(words, np.uint32).reshape(self.steps, len(step.streams), 2)
        parts = [
            step.run(self.rows()[part], rates[part], int(part[0]), words[part])
            for part in np.array_split(np.arange(self.steps), calls)
        ]
        step.pull()
        outputs = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        return outputs, step.bound.state(), step


def distance(found, wanted):
    """The largest difference, relative to the largest number of the array; what is below SMALL counts as rounding."""
    assert found.shape == wanted.shape
    assert found.dtype == wanted.dtype
    np.testing.assert_array_equal(np.isnan(found), np.isnan(wanted))
    finite = np.isfinite(wanted)
    np.testing.assert_array_equal(found[~finite], wanted[~finite])
    if not finite.any():
        return 0.0
    difference = np.abs(found[finite].astype(float) - wanted[finite].astype(float)).max()
    return difference / max(SMALL, np.abs(wanted[finite]).max())


def farthest(found, wanted):
    """The value that is farthest away, of outputs and state, and how far."""
    (outputs, state), (wanted_outputs, wanted_state) = found, wanted
    assert outputs.keys() == wanted_outputs.keys()
    assert state.keys() == wanted_state.keys()
    pairs = [(name, outputs[name], wanted_outputs[name]) for name in outputs]
    pairs += [(name, state[name], wanted_state[name]) for name in state]
    return max((distance(np.asarray(ours), np.asarray(theirs)), name) for name, ours, theirs in pairs)


def is_steady(work):
    """Whether the training can be compared at all: inputs whose last bit differs do not lead it far away."""
    nudge = np.where(np.random.default_rng(2).random(work.x.shape) < 0.5, 1, 1 + np.finfo(work.dtype).eps)
    if work.x.dtype.kind == "f":
        return farthest(replace(work, x=work.cast(work.x) * nudge).eager(), work.eager())[0] < RELATIVE[work.dtype] / 10
    make = work.make

    def nudged():
        net = make()
        for parameter in net.parameters():
            parameter.data = parameter.data * (1 + np.finfo(work.dtype).eps)
        return net

    return farthest(replace(work, make=nudged).eager(), work.eager())[0] < RELATIVE[work.dtype] / 10


def assert_agrees(work):
    """Both trainings tell the same and end in the same state."""
    outputs, state, step = work.native()
    assert outputs.pop("holds", np.ones(1)).all()
    far, name = farthest((outputs, state), work.eager())
    assert far <= RELATIVE[work.dtype], f"{name} is {far:.2g} away\n{step.source}"

"""PyTorch's names where PyTorch has the thing: every public name and argument, and the differences that are meant."""

import inspect

import pytest

import glassnet as gn
from glassnet import nn, optim
from glassnet.nn import functional, init

torch = pytest.importorskip("torch")

#: What PyTorch does not have, or has only for each number of axes.
OURS = {
    "nn": {
        *("OneHot", "JoinIndices", "FlattenConsecutive", "InstanceNorm", "L1Penalty", "L2Penalty"),
        *("functional", "init", "from_config", "to_config"),
    },
    "functional": {"tanh", "sigmoid"},  # deprecated there, tensors' methods
    "init": set(),
    "optim": {"Schedule", "clip_grad_norm_", "clip_grad_value_", "decay_weights_only"},
}
#: Arguments that PyTorch does not have. The first one, often x here and input there, is given by position.
ARGUMENTS = {
    "Linear": {"nonlinearity"},  # decides how the weights are drawn
    "Conv1d": {"nonlinearity", "causal"},
    "Conv2d": {"nonlinearity"},
    "Sequential": {"layers"},
    "Parameter": {"value"},
    "Buffer": {"value"},
    "dropout": {"stream"},
    "ReduceLROnPlateau": {"monitor"},
    **{name: {"parameters", "options"} for name in ("SGD", "RMSprop", "Adam", "AdamW", "Optimizer")},  # params there
    **{name: {"targets"} for name in functional.__all__ if name.endswith("_loss") or "entropy" in name},  # target there
}


def peer(owner, name):
    if owner is optim:
        return getattr(torch.optim, name, None) or getattr(torch.optim.lr_scheduler, name, None)
    return getattr({nn: torch.nn, functional: torch.nn.functional, init: torch.nn.init}[owner], name, None)


def names(owner):
    if owner is init:
        return [name for name in vars(init) if name.endswith("_") and name[0] != "_"]
    return owner.__all__


PUBLIC = [(owner, name) for owner in (nn, functional, init, optim) for name in names(owner)]


@pytest.mark.parametrize(("owner", "name"), PUBLIC, ids=lambda part: getattr(part, "__name__", part))
def test_names_and_arguments_are_pytorchs(owner, name):
    theirs = peer(owner, name)
    if name in OURS[owner.__name__.rpartition(".")[2]]:
        return
    assert theirs is not None
    try:
        known = inspect.signature(theirs).parameters
    except ValueError:  # written in C++, as gelu
        return
    if set(known) == {"args", "kwargs"}:  # decided at run time, as in max_pool1d
        return
    own = list(inspect.signature(getattr(owner, name)).parameters)
    own = own[1:] if owner in (functional, init) else own
    assert set(own) - set(known) - ARGUMENTS.get(name, set()) == set()


def test_methods_of_tensors_are_pytorchs():
    methods = {name for name in dir(gn.Tensor) if name[0] != "_"}
    assert methods - set(dir(torch.Tensor)) == {"node"}
    assert gn.tensor([1.0, 2.0]).size == 2  # the number of elements, as NumPy's; PyTorch's size() is x.shape

"""glassnet: build, train and see into neural networks.

>>> import glassnet as gn
>>> a = gn.tensor(2.0, requires_grad=True)
>>> (a * a + a).backward()
>>> a.grad
array(5., dtype=float32)
"""

import sys
from typing import TYPE_CHECKING, Any

from glassnet import data, doctor, engine, models, nn, optim, plots, train
from glassnet.api import evaluate, fit, lr_find
from glassnet.compiler.own import compile  # noqa: A004  # glassnet.compile
from glassnet.engine import *  # noqa: F403  # engine.__all__ is the list
from glassnet.engine.functions import (
    abs,  # noqa: A004  # glassnet.abs, as in NumPy
    concatenate,
    cos,
    exp,
    expm1,
    log,
    log1p,
    matmul,
    maximum,
    minimum,
    relu,
    sigmoid,
    sin,
    sqrt,
    stack,
    tanh,
    where,
)
from glassnet.engine.hints import missing_attribute
from glassnet.engine.tensor import Tensor
from glassnet.plots.expression import graph
from glassnet.train import Callback, EarlyStopping, Run, look_inside
from glassnet.viewer.watching import view

__version__ = "0.1.0"

__all__ = [  # noqa: PLE0604  # engine.__all__ holds strings
    *engine.__all__,
    "abs",
    "concatenate",
    "cos",
    "exp",
    "expm1",
    "log",
    "log1p",
    "matmul",
    "maximum",
    "minimum",
    "relu",
    "sigmoid",
    "sin",
    "sqrt",
    "stack",
    "tanh",
    "where",
    "Callback",
    "EarlyStopping",
    "Run",
    "compile",
    "data",
    "doctor",
    "models",
    "evaluate",
    "fit",
    "graph",
    "look_inside",
    "lr_find",
    "nn",
    "optim",
    "plots",
    "train",
    "view",
]

#: Names that PyTorch has in this place, and what to write here.
_HINTS = {
    "cat": "glassnet.concatenate(tensors)",
    "from_numpy": "glassnet.tensor(array)",
    "randn": "glassnet.tensor(np.random.default_rng(seed).standard_normal(shape))",
    **{name: f"glassnet.tensor(np.{name}(...))" for name in ("arange", "eye", "full", "linspace", "ones", "zeros")},
    **{name: f"x.{name}(...)" for name in dir(Tensor) if name[0] != "_" and callable(getattr(Tensor, name))},
}

if not TYPE_CHECKING:  # for a type checker every name would then exist

    def __getattr__(name: str) -> Any:
        raise missing_attribute(sys.modules[__name__], "glassnet", name, _HINTS)
